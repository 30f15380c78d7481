"""H05 to H39, H49: statuses, headers and lengths, and how often a question is asked again."""

from __future__ import annotations

import pytest
from wire_asked import exchange
from wire_http import HTTP


@pytest.mark.parametrize("case", HTTP, ids=lambda case: case.name)
def test_what_came_is_told_and_asked_for_as_often_as_may_be(case, server, clients, retried):
    assert exchange(case, server, clients, retried) == []
