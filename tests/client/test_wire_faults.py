"""S39 to S65, H50: streams that are not whole are never taken for whole, and never asked for twice."""

from __future__ import annotations

import pytest
from wire_asked import ask, check, of
from wire_cases import timeouts
from wire_faults import FAULTS
from wire_http import ASKED_ONCE, HTTP

STRICT = [case for case in FAULTS if case.strict]


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case.name)
def test_what_came_is_told(case, server, clients):
    assert check(case, server, clients) == []


@pytest.mark.parametrize("case", STRICT, ids=lambda case: case.name)
def test_strictly(case, server, clients):
    assert check(case, server, clients, strict=True) == []


@of("H50")
def test_each_of_these_is_asked_once(case, server, clients, retried):
    # Those that take long are counted where what comes of them is looked at, as are these once more.
    streams = {case.name: (next(case.ways())[1], case.limits) for case in FAULTS if not case.large}
    replies = {case.name: (case.replies[0], case.limits) for case in HTTP}
    asked = {}
    for name, (steps, limits) in {**streams, **replies}.items():
        if name[:3] in ASKED_ONCE:
            server.turns(steps)
            server.requests.clear()
            with clients(server.url, timeout=timeouts(limits), stream_usage="never") as client:
                ask(client)
            asked[name] = len(server.questions)
    assert {name[:3] for name in asked} | {case.id for case in FAULTS if case.large} >= set(ASKED_ONCE)
    assert {name: count for name, count in asked.items() if count != 1} == {}
    assert retried == []
