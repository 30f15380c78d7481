"""What every client's way to a service has in common."""

from __future__ import annotations

import pytest

from jupyter_prem.client import Timeouts
from jupyter_prem.client._http._shared import http_timeouts, shortest, silence


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        (Timeouts(first_byte=2, progress=3, total=9), 3),
        (Timeouts(first_byte=4, progress=3, total=9), 4),
        (Timeouts(first_byte=4, progress=3, total=1), 1),
        (Timeouts(first_byte=4, progress=3, total=None), 4),
        (Timeouts(first_byte=None, progress=3, total=9), 9),
        (Timeouts(first_byte=4, progress=None, total=9), 9),
        (Timeouts(first_byte=None, progress=None, total=None), None),
    ],
)
def test_between_two_bytes_the_longest_silence_may_pass(limits, seconds):
    assert silence(limits) == seconds


@pytest.mark.parametrize(
    ("limits", "first", "connect"),
    [
        (Timeouts(connect=1, first_byte=2, total=3), 2, 1),
        (Timeouts(connect=5, first_byte=4, total=3), 3, 3),
        (Timeouts(connect=None, first_byte=None, total=3), 3, 3),
        (Timeouts(connect=None, first_byte=None, total=None), None, None),
    ],
)
def test_no_part_takes_longer_than_the_whole(limits, first, connect):
    timeout = http_timeouts(limits)
    assert (timeout.read, timeout.write, timeout.pool, timeout.connect) == (first, first, first, connect)
    assert shortest(None, 2, 1) == 1
    assert shortest() is None
