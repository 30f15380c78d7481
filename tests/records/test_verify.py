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


@pytest.mark.parametrize(("then", "now"), [("A.  B", "A. B"), ("a\n", "a"), ("a\r\nb", "a\nb")])
def test_white_space_alone_is_named(then, now):
    found = compare(record_of(response(choice(then))), response(choice(now)))
    assert (found.change, found.detail) == (Change.SAME_FINGERPRINT, ("only white space differs",))


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
