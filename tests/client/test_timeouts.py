"""How long a service may take: what a setting may say, and the seconds that are left."""

from __future__ import annotations

import math
import time

import pytest

from jupyter_prem import Client
from jupyter_prem.client import ConfigurationError, DeadlineExceeded, IdleTimeout, Options, Timeouts
from jupyter_prem.client._timeouts import Pace

NAMES = ("connect", "first_byte", "progress", "total")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0, -1, 0.0, math.inf, math.nan, True, "3"])
def test_what_is_no_number_of_seconds_is_refused(name, value):
    with pytest.raises(ConfigurationError) as caught:
        Timeouts.of({name: value})
    assert f"The timeout {name} is {value!r}" in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [1, 0.001, None])
def test_seconds_over_0_and_none_are_taken(name, value):
    assert getattr(Timeouts.of({name: value}), name) == value


@pytest.mark.parametrize("timeout", [0, -1, True, {"nonsense": 1}, {"total": 0}])
def test_a_client_refuses_what_it_is_given_before_it_asks(timeout):
    with pytest.raises(ConfigurationError, match="timeout"):
        Client("http://127.0.0.1:9", timeout=timeout)


def test_options_hold_the_timeouts_that_they_say():
    assert Options(timeout=3).timeout == Options(timeout=3).timeouts == Timeouts.of(3)
    for wrong in (0, "x", {"nonsense": 1}):
        with pytest.raises((ConfigurationError, TypeError)):
            Options(timeout=wrong)


def test_seconds_alone_are_those_of_silence():
    assert Timeouts.of(3) == Timeouts(connect=3, first_byte=3, progress=3)
    assert Timeouts.of(60) == Timeouts(connect=5.0, first_byte=60, progress=60)
    assert Timeouts.of(None) == Timeouts(first_byte=None, progress=None)


def test_the_seconds_left_are_those_of_the_nearest_limit():
    now = time.perf_counter()
    for limits, left in (
        (Timeouts(progress=None, total=50.0), 50.0),
        (Timeouts(progress=20.0, total=50.0), 20.0),
        (Timeouts(progress=70.0, total=50.0), 50.0),
        (Timeouts(progress=20.0, total=None), 20.0),
    ):
        pace = Pace(limits, now)
        assert left - 5 < pace.begin() <= left
        assert left - 5 < pace.left <= left
    pace = Pace(Timeouts(progress=None, total=None), now)
    assert (pace.begin(), pace.left) == (None, None)


def test_a_limit_that_was_passed_is_named():
    long_ago = time.perf_counter() - 100
    for progress in (None, 20.0):
        with pytest.raises(DeadlineExceeded, match="50 s"):
            Pace(Timeouts(progress=progress, total=50.0), long_ago).begin()
    pace = Pace(Timeouts(progress=20.0, total=500.0), long_ago)
    pace.begin()
    pace._since -= 30
    pace.end()
    with pytest.raises(IdleTimeout):
        pace.begin()
    pace.said = True  # a piece of the answer: what was silent before is no silence any more
    assert 15 < pace.begin() <= 20
    pace.hurry(2)
    assert pace.begin() <= 2
    pace.hurry(200)
    assert pace.begin() <= 2
