"""Two answers to one question: every kind of change, and what a diff shows of it."""

from __future__ import annotations

import json
import random

import pytest
from compared import CALLED, choice, compared, record_of, response
from hypothesis import given, settings, strategies as st

from jupyter_prem.records import Change, compare, verify

WORDS = ["Paris", "is", "the", "capital", "of", "France", "and", "so", "on", "Grüße", "日本"]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}


def drawn(rng):
    """One pair of answers, and what they are to be taken for."""
    words = [rng.choice(WORDS) for _ in range(rng.randint(1, 30))]
    text, arguments = " ".join(words), json.dumps({"city": rng.choice(WORDS), "days": rng.randint(1, 9)})
    calls = [("weather", arguments)] if rng.random() < 0.3 else []
    data = rng.random() < 0.3
    content = json.dumps({"name": text, "parts": [1, 2]}) if data else text
    then = response(choice(content, calls=calls))
    fields = {"response_format": SCHEMA} if data else {}
    kind = rng.choice(["same", "words", "other words", "finish", "calls", "shape", "refusal", "choices"])
    changed = json.dumps({"name": f"{text}!", "parts": [1, 2, 3]}) if data else f"{text}!"
    if kind == "same":
        again = [(name, json.dumps(json.loads(told), indent=1)) for name, told in calls]
        # Another id and another spelling of the same arguments are no change.
        return record_of(then, **fields), response(choice(content, calls=again), id="b"), Change.SAME
    if kind == "words":
        return record_of(then, **fields), response(choice(changed, calls=calls)), Change.SAME_FINGERPRINT
    if kind == "other words":
        now = response(choice(changed, calls=calls), fingerprint="fp_2")
        return record_of(then, **fields), now, Change.OTHER_FINGERPRINT
    parts = {
        "finish": [choice(content, "length", calls)],
        "calls": [choice(content, calls=[*calls, ("other", "{}")])],
        "shape": [choice(json.dumps({"name": 5}) if data else "", calls=calls)],
        "refusal": [choice(content, calls=calls, refusal="I will not.")],
        "choices": [choice(content, calls=calls), choice(content)],
    }
    return record_of(then, **fields), response(*parts[kind]), Change.STRUCTURE


def test_every_kind_of_change_is_told_from_the_others():
    rng = random.Random(7)  # noqa: S311 - no secret
    pairs = [drawn(rng) for _ in range(1_000)]
    wrong = [
        (expected, found)
        for record, now, expected in pairs
        if (found := compare(record, now).change) is not expected
    ]
    assert wrong == []
    assert {expected for _, _, expected in pairs} == {
        Change.SAME,
        Change.SAME_FINGERPRINT,
        Change.OTHER_FINGERPRINT,
        Change.STRUCTURE,
    }


def test_without_a_fingerprint_nothing_is_known_of_it():
    then = record_of(response(fingerprint=None))
    assert compare(then, response(choice("no"), fingerprint=None)).change is Change.NO_FINGERPRINT
    assert compare(then, response(choice("no"))).change is Change.OTHER_FINGERPRINT
    assert compare(then, response(fingerprint=None)).change is Change.SAME


def test_what_was_thought_counts_and_a_field_that_cannot_be_sent_is_an_error():
    def thinking(text):
        one = choice()
        return response({**one, "message": {**one["message"], "reasoning_content": text}})

    found = compare(record_of(thinking("so")), thinking("else"))
    assert (found.change, found.detail) == (Change.SAME_FINGERPRINT, ("-so", "+else", " yes"))
    report = verify([record_of(response(), later=1)], lambda *_: response())
    assert report.checks[0].change is Change.ERROR
    assert "later" in report.checks[0].comparison.detail[0]


def test_a_diff_shows_what_changed_and_no_more():
    text = "The first sentence stays. " * 40 + "The last one was this."
    found = compare(
        record_of(response(choice(text))), response(choice(text.replace("this", "that")), fingerprint=None)
    )
    assert found.change is Change.OTHER_FINGERPRINT
    assert (found.then, found.now) == ("fp_1", None)
    assert found.detail == (
        " The first sentence stays.",
        "-The last one was this.",
        "+The last one was that.",
    )
    long = compare(
        record_of(response(choice("\n".join(map(str, range(90)))))),
        response(choice("\n".join("abcdefgh" * 9))),
    )
    assert len(long.detail) == 20
    assert long.detail[-1].startswith("… and ")


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ("A.  B", "A. B"),
        ("a\n", "a"),
        ("a\r\nb", "a\nb"),
        ("A. ", "A."),
        ("a  b", "a b"),
        ("\tx", "x"),
        ("a\n\nb", "a\nb"),
    ],
)
def test_white_space_alone_is_named(then, now):
    found = compare(record_of(response(choice(then))), response(choice(now)))
    assert (found.change, found.detail) == (Change.SAME_FINGERPRINT, ("only white space differs",))


@pytest.mark.parametrize(
    ("then", "now", "detail"),
    [
        (choice(refusal="Never."), choice(refusal="Not now."), (" yes", "-Never.", "+Not now.")),
        (
            CALLED,
            choice(calls=[("weather", '{"days": 2}')]),
            (" yes", '-weather({"days": 1})', '+weather({"days": 2})'),
        ),
        (
            choice(calls=[("f", '{"b": "Grüße", "a": 1}')]),
            choice(calls=[("f", '{"a": 2, "b": "Grüße"}')]),
            (" yes", '-f({"a": 1, "b": "Grüße"})', '+f({"a": 2, "b": "Grüße"})'),
        ),
        (choice(calls=[("f", "one")]), choice(calls=[("f", "two")]), (" yes", "-f(one)", "+f(two)")),
        (choice(None, calls=[("f", "1")]), choice("", calls=[("f", "2")]), ("-f(1)", "+f(2)")),
    ],
    ids=["refusal", "argument", "order", "no JSON", "no text"],
)
def test_a_change_of_words_shows_who_says_them(then, now, detail):
    found = compared(then, now)
    assert (found.change, found.detail) == (Change.OTHER_FINGERPRINT, detail)
    assert (found.then, found.now) == ("fp_1", "fp_2")


def test_every_choice_is_compared():
    record = record_of(response(choice("one"), choice("two"), choice("three")))
    found = compare(record, response(choice("1"), choice("two"), choice("three")))
    assert (found.change, found.detail) == (Change.SAME_FINGERPRINT, ("-one", "+1", " two"))


def test_an_answer_that_is_the_same_still_tells_both_fingerprints():
    found = compared(choice(content=None), choice(content=""))
    assert (found.change, found.detail, found.then, found.now) == (Change.SAME, (), "fp_1", "fp_2")


@pytest.mark.parametrize(
    ("then", "now", "detail"),
    [
        ("Ja. Ja! Ja? Ja", "Ja. Ja! Nö? Ja", (" Ja!", "-Ja?", "+Nö?", " Ja")),
        ("v1.2 is it", "v1.3 is it", ("-v1.2 is it", "+v1.3 is it")),
        (
            "今日は晴れ。明日は雨\uff01いい\uff1fはい",
            "今日は晴れ。明日は雪です\uff01いい\uff1fはい",
            (" 今日は晴れ。", "-明日は雨\uff01", "+明日は雪です\uff01", " いい\uff1f"),
        ),
        ("「はい。」と言う。 次", "「はい。」と言う。 次は", (" 「はい。」と言う。", "-次", "+次は")),
        ("a\nb  c\nd", "a\n\nb c\nD", (" b c", "-d", "+D")),
        ("a" * 400, "a" * 400 + "b", (" " + "a" * 160, "-" + "a" * 80, "+" + "a" * 80 + "b")),
        ("a\nb\x1b[31m", "a\nb\x1b[32m", (" a", "-b [31m", "+b [32m")),
        ("a\nb\nc\nd\ne\nf", "A\nb\nc\nd\ne\nF", ("-a", "+A", " b", " e", "-f", "+F")),
        ("@@ a @@\n- b @@", "@@ a @@\n- c @@", (" @@ a @@", "-- b @@", "+- c @@")),
    ],
    ids=[
        "sentences",
        "no end",
        "Japanese",
        "quotation",
        "white space",
        "long line",
        "controls",
        "apart",
        "signs",
    ],
)
def test_a_diff_is_of_sentences(then, now, detail):
    assert compared(choice(then), choice(now)).detail == detail


@pytest.mark.parametrize(
    ("count", "last"), [(19, "+9"), (20, "+10"), (21, "… and 2 more lines"), (90, "… and 71 more lines")]
)
def test_a_long_diff_says_how_much_it_leaves_out(count, last):
    found = compared(choice("\n".join("abcdefghij")), choice("\n".join(map(str, range(1, count - 9)))))
    assert (len(found.detail), found.detail[-1]) == (min(count, 20), last)


def test_a_comparison_is_a_value():
    one, other = (compared(choice("a"), choice("b")) for _ in range(2))
    assert len({one, other, compared(choice("a"), choice("a"))}) == 2


@given(st.text(max_size=400), st.text(max_size=400))
@settings(max_examples=100, deadline=None)
def test_a_diff_is_short_whatever_is_said(one, other):
    found = compare(record_of(response(choice(one))), response(choice(other)))
    assert len(found.detail) <= 20
    assert all(len(line) <= 210 for line in found.detail)
    assert (found.change is Change.SAME) == (response(choice(one)).text == response(choice(other)).text)
