"""A wait that an interrupt may end at any instruction: who is waited for never waits itself."""

from __future__ import annotations

import itertools
import sys
import threading
import time

import pytest

from jupyter_prem.client import Latch


def interrupted(work, place):
    """Run `work`, with a KeyboardInterrupt at its instruction number `place`; was there one?"""
    count = itertools.count()

    def trace(frame, event, _):
        frame.f_trace_opcodes = True
        if event == "opcode" and next(count) == place:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    try:
        sys.settrace(trace)
        work()
    except (KeyboardInterrupt, RuntimeError):  # of an Event that let go of what it did not hold
        return True
    finally:
        sys.settrace(before)
    return False


def goes_on(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(2)
    return not thread.is_alive()


def stuck(kind, *, happened, most=None):
    """The instructions of a wait at which an interrupt keeps another thread from setting it, or from seeing it."""
    places = []
    for place in itertools.count():
        latch = kind()
        if happened:
            latch.set()
        if not interrupted(lambda latch=latch: latch.wait(0.001), place):
            return places, place
        if not goes_on(latch.set) or not goes_on(lambda latch=latch: latch.wait(1)):
            places.append(place)
            if len(places) == most:
                return places, place
    raise AssertionError


@pytest.mark.parametrize("happened", [False, True])
def test_no_interrupt_of_a_wait_keeps_another_thread_waiting(happened):
    places, count = stuck(Latch, happened=happened)
    assert places == []
    assert count > 5


def test_an_event_of_threading_is_kept_so():
    """Without this the test above would prove nothing."""
    assert stuck(threading.Event, happened=False, most=1)[0]


def test_it_is_waited_for_by_many_and_set_more_than_once():
    latch, seen = Latch(), []
    threads = [threading.Thread(target=lambda: seen.append(latch.wait())) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert not latch.wait(0.05)
    assert not latch.is_set()
    began = time.monotonic()
    latch.set()
    latch.set()
    for thread in threads:
        thread.join(5)
    assert time.monotonic() - began < 5
    assert seen == [True] * 5
    assert latch.is_set()
    assert latch.wait(0)
