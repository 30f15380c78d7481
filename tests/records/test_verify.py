"""A report of what changed since it was recorded: what it counts and names, and how sure the rate is."""

from __future__ import annotations

import json
import random
from xml.etree import ElementTree as ET

import pytest
from compared import choice, record_of, response

from jupyter_prem.client import APIConnectionError
from jupyter_prem.records import Change, verify
from jupyter_prem.records._interval import wilson


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
