"""S39 to S65, H50: streams that are not whole are never taken for whole, and never asked for twice."""

from __future__ import annotations

import pytest
from wire_asked import check
from wire_faults import FAULTS

STRICT = [case for case in FAULTS if case.strict]


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case.name)
def test_what_came_is_told(case, server, clients):
    assert check(case, server, clients) == []


@pytest.mark.parametrize("case", STRICT, ids=lambda case: case.name)
def test_strictly(case, server, clients):
    assert check(case, server, clients, strict=True) == []
