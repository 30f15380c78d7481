"""What changed since it was recorded: every kind of change, and how sure the rate is."""

from __future__ import annotations

import json
import random
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings, strategies as st

from jupyter_prem.client import APIConnectionError, response_of
from jupyter_prem.records import Arrival, Change, Record, compare, verify
from jupyter_prem.records._interval import wilson

WORDS = ["Paris", "is", "the", "capital", "of", "France", "and", "so", "on", "Grüße", "日本"]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}


def choice(content="yes", finish="stop", calls=(), refusal=None):
    message = {"role": "assistant", "content": content, "refusal": refusal}
    if calls:
        message["tool_calls"] = [
            {"id": f"call_{place}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for place, (name, arguments) in enumerate(calls)
        ]
    return {"index": 0, "finish_reason": finish, "message": message}


def response(*choices, fingerprint="fp_1", **about):
    listed = [{**one, "index": place} for place, one in enumerate(choices or [choice()])]
    return response_of(
        {"id": "a", "model": "m", "system_fingerprint": fingerprint, "choices": listed, **about}
    )


def record_of(answer, **fields):
    body = {"model": "m", "messages": [{"role": "user", "content": "What is it?"}], **fields}
    return Record.of("prem", body, answer, Arrival())


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


def compared(then, now, **fields):
    return compare(record_of(response(then), **fields), response(now, fingerprint="fp_2"))


CALLED = choice(calls=[("weather", '{"days": 1}')])
JSON = {"response_format": {"type": "json_object"}}


@pytest.mark.parametrize(
    ("then", "now", "detail"),
    [
        (choice(), choice(finish="length"), ('-"finish_reason": "stop",', '+"finish_reason": "length",')),
        (choice(), choice(content=""), ('-"says": true', '+"says": false')),
        (choice(content=None), choice(), ('-"says": false', '+"says": true')),
        (choice(), choice(refusal="No."), ('-"refuses": false,', '+"refuses": true,')),
        (
            choice(),
            CALLED,
            (
                '-"calls": [],',
                '+"calls": [',
                "+[",
                '+"weather",',
                "+{",
                '+"days": "number"',
                "+}",
                "+]",
                "+],",
            ),
        ),
        (CALLED, choice(calls=[("météo", '{"days": 9}')]), ('-"weather",', '+"météo",')),
        (CALLED, choice(calls=[("weather", '{"days": "1"}')]), ('-"days": "number"', '+"days": "str"')),
        (CALLED, choice(calls=[("weather", '{"days": ')]), ("-{", '-"days": "number"', "-}", '+"no JSON"')),
        (CALLED, choice(calls=[("weather", "[" * 100_000)]), ("-{", '-"days": "number"', "-}", '+"no JSON"')),
    ],
    ids=["end", "nothing", "something", "refusal", "first call", "name", "argument", "no JSON", "too deep"],
)
def test_a_change_of_structure_names_what_changed(then, now, detail):
    found = compared(then, now)
    assert (found.change, found.then, found.now) == (Change.STRUCTURE, "fp_1", "fp_2")
    assert tuple(line for line in found.detail if not line.startswith(" ")) == detail


def test_a_change_of_structure_shows_the_lines_beside_it():
    expected = (' "choice": 0,', '-"finish_reason": "stop",', '+"finish_reason": "length",', ' "json": null,')
    assert compared(choice(), choice(finish="length")).detail == expected


def test_another_choice_is_shown_with_its_number():
    found = compare(record_of(response(choice())), response(choice(), choice("no")))
    shown = ["calls", "choice", "finish_reason", "json", "refuses", "says"]
    assert [line.split('"')[1] for line in found.detail if line.startswith('+"')] == shown
    assert '+"choice": 1,' in found.detail


def test_answers_of_other_numbers_are_another_structure():
    first, second = (
        response_of({"id": "a", "model": "m", "choices": [{**choice(), "index": index}]}) for index in (0, 1)
    )
    assert compare(record_of(first), second).detail[1:3] == ('-"choice": 0,', '+"choice": 1,')


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
@pytest.mark.parametrize(
    ("then", "now"),
    [
        ('{"a": 1, "b": true}', '{"b": false, "a": 2.5}'),
        ('{"a": null}', '{"a": null }'),
        ('{"a": {"b": "x", "c": 1}}', '{"a": {"c": 2, "b": "y"}}'),
        ('[1, "x", 2]', '["y", 3]'),
        ('[{"a": 1, "b": "x"}, {"b": "y", "a": 2}]', '[{"b": "z", "a": 3}]'),
        ("[]", "[ ]"),
        ("no", "not yet"),
    ],
    ids=str,
)
def test_json_of_one_shape_is_no_change_of_structure(then, now, kind):
    assert (
        compared(choice(then), choice(now), response_format={"type": kind}).change is Change.OTHER_FINGERPRINT
    )


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
@pytest.mark.parametrize(
    ("then", "now", "detail"),
    [
        ('{"a": 1}', '{"b": 1}', ('-"a": "number"', '+"b": "number"')),
        ('{"a": 1}', '{"a": true}', ('-"a": "number"', '+"a": "bool"')),
        ('{"a": 1.5}', '{"a": null}', ('-"a": "number"', '+"a": "NoneType"')),
        ('{"a": "x"}', '{"a": 1.5}', ('-"a": "str"', '+"a": "number"')),
        ('{"a": true}', '{"a": null}', ('-"a": "bool"', '+"a": "NoneType"')),
        ('{"a": [1, "x"]}', '{"a": ["x"]}', ('-"number",',)),
        ('["x"]', '[{"a": ["x"]}]', ('-"str"', "+{", '+"a": [', '+"str"', "+]", "+}")),
        ('"x"', "x", ('-"json": "str",', '+"json": "no JSON",')),
    ],
    ids=str,
)
def test_json_of_another_shape_is_a_change_of_structure(then, now, detail, kind):
    found = compared(choice(then), choice(now), response_format={"type": kind})
    assert found.change is Change.STRUCTURE
    assert tuple(line for line in found.detail if not line.startswith(" ")) == detail


@pytest.mark.parametrize("wanted", [None, {"type": "text"}, {}])
def test_json_that_was_not_asked_for_is_text(wanted):
    assert (
        compared(choice('{"a": 1}'), choice("[]"), response_format=wanted).change is Change.OTHER_FINGERPRINT
    )


def test_no_answer_where_json_was_asked_for_is_no_json():
    called = choice(None, calls=[("f", "{}")])
    assert compared(called, called, **JSON).change is Change.SAME
    assert compared(choice(content=None), choice(content=""), **JSON).change is Change.SAME
    assert compared(choice(content=None, refusal="No."), choice("{}", refusal="No."), **JSON).detail[1:3] == (
        '-"json": "no JSON",',
        '+"json": {},',
    )


def nested(depth, inner, *, lists):
    return "[" * depth + inner + "]" * depth if lists else '{"a": ' * depth + inner + "}" * depth


@pytest.mark.parametrize("lists", [True, False], ids=["lists", "objects"])
@pytest.mark.parametrize("depth", [1, 99, 100, 101, 450, 990, 20_000])
def test_json_however_deep_is_compared(depth, lists):
    deep, other, deeper, named = (
        nested(depth, inner, lists=lists) for inner in ("1", "3", "[2]", '{"b": 2}')
    )
    assert compared(choice(deep), choice(deep), **JSON).change is Change.SAME
    assert compared(choice(deep), choice(other), **JSON).change is Change.OTHER_FINGERPRINT
    called, again = (choice(calls=[("f", arguments)]) for arguments in (deep, other))
    assert compared(called, called).change is Change.SAME
    assert compared(called, again).change is Change.OTHER_FINGERPRINT
    # Below a hundred levels a part is a part, whatever its shape.
    assert (compared(choice(deep), choice(deeper), **JSON).change is Change.STRUCTURE) == (depth <= 100)
    assert (compared(choice(deeper), choice(named), **JSON).change is Change.STRUCTURE) == (depth < 100)


def test_what_is_too_deep_to_compare_is_shown_as_left_out():
    then, now = (choice(nested(100, inner, lists=False)) for inner in ("1", "[1]"))
    assert compared(then, now, **JSON).detail[1:3] == ('-"a": "number"', '+"a": "…"')


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


def test_a_report_calls_every_change_by_the_same_words():
    assert {change.value: change.drifted for change in Change} == {
        "same": False,
        "text changed, same fingerprint": True,
        "text changed, another fingerprint": True,
        "text changed, no fingerprint": True,
        "structure changed": True,
        "error": True,
        "missing": True,
        "unused": False,
    }
    report = verify([record_of(response())], lambda *_: None, used=lambda _: False, missing=["What?"])
    assert [check["fingerprints"] for check in report.to_dict()["checks"]] == [[None, None]] * 2
    assert [check["detail"] for check in report.to_dict()["checks"]] == [[]] * 2


@given(st.text(max_size=400), st.text(max_size=400))
@settings(max_examples=100, deadline=None)
def test_a_diff_is_short_whatever_is_said(one, other):
    found = compare(record_of(response(choice(one))), response(choice(other)))
    assert len(found.detail) <= 20
    assert all(len(line) <= 210 for line in found.detail)
    assert (found.change is Change.SAME) == (response(choice(one)).text == response(choice(other)).text)


def test_a_report_counts_repeats_and_names_what_is_missing_and_unused():
    records = [record_of(response(choice(str(number))), seed=number) for number in range(4)]
    answers = {0: ["0", "0", "0"], 1: ["1", "changed", "1"], 2: [APIConnectionError("No way.")] * 3}

    def ask(record, request):
        assert (request.seed, request.model) == (record.body["seed"], "m")
        said = answers[request.seed].pop(0)
        if isinstance(said, Exception):
            raise said
        return response(choice(said))

    report = verify(
        records, ask, repeats=3, used=lambda record: record.body["seed"] != 3, missing=["What\x00 now?"]
    )
    changes = [check.change for check in report.checks]
    assert changes == [Change.SAME, Change.SAME_FINGERPRINT, Change.ERROR, Change.UNUSED, Change.MISSING]
    assert report.drifted
    assert (report.same, len(report.asked)) == (5, 9)
    assert report.rate == pytest.approx(5 / 9)
    data = json.loads(json.dumps(report.to_dict()))
    assert data["interval"] == pytest.approx(list(wilson(5, 9)))
    assert [check["change"] for check in data["checks"]] == [change.value for change in changes]
    suite = ET.fromstring(report.to_junit("a.chat.jsonl"))  # noqa: S314 - our own
    assert dict(suite.attrib) == {
        "name": "a.chat.jsonl",
        "tests": "5",
        "failures": "2",
        "errors": "1",
        "skipped": "1",
    }
    assert "No way." in suite.find(".//error").text


def test_what_nobody_asks_for_is_no_drift():
    report = verify([record_of(response())], lambda *_: None, used=lambda _: False)
    assert not report.drifted
    assert report.rate is None
    assert report.lines() == ["1 unused"]


def test_wilsons_interval_is_the_published_one():
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (hits, count), ends in published.items():
        assert wilson(hits, count) == pytest.approx(ends, abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(20, 20)[1] == 1.0


def test_the_interval_holds_the_true_rate_as_often_as_it_says():
    rng = random.Random(11)  # noqa: S311 - no secret
    held = runs = 0
    for _ in range(20_000):
        rate, count = rng.uniform(0.02, 0.98), rng.choice([10, 20, 40, 100])
        hits = sum(rng.random() < rate for _ in range(count))
        low, high = wilson(hits, count)
        held += low <= rate <= high
        runs += 1
    assert 0.93 <= held / runs <= 0.97


def test_the_interval_of_another_confidence_is_narrower_or_wider():
    # The ends are where a rate is as many standard errors from the share as the confidence allows.
    for hits, count in ((3, 7), (1, 40), (39, 40)):
        for confidence, errors in ((0.6826894921370859, 1), (0.9544997361036416, 2)):
            for end in wilson(hits, count, confidence):
                assert abs(hits / count - end) == pytest.approx(errors * (end * (1 - end) / count) ** 0.5)


def test_the_interval_stays_between_none_and_all():
    assert wilson(0, 1)[0] == 0.0
    assert wilson(1, 1)[1] == 1.0
    for count in range(1, 200):
        low, high = wilson(count, count)
        assert (wilson(0, count), high) == (pytest.approx((0.0, 1 - low)), 1.0)
        assert 0 < low < 1
