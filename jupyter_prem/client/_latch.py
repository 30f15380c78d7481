"""Waiting for another thread, where an interrupt may come."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

__all__ = ["Latch"]

_LOOK = 0.1  # seconds after which a waiter looks for itself: an interrupt may have taken what wakes it


class Latch:
    """What happens once, and may be waited for in the main thread.

    A `threading.Event` takes its lock in a method in Python: a KeyboardInterrupt as that returns leaves it
    held, and whoever sets the event then waits for ever.
    """

    def __init__(self) -> None:
        self._happened = False
        self._closed = threading.Lock()
        self._closed.acquire()

    def set(self) -> None:
        """Let everyone who waits go on; from any thread, more than once."""
        self._happened = True
        self._open()

    def is_set(self) -> bool:
        """Whether it has happened."""
        return self._happened

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has happened, at most so many seconds; return whether it has."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self._happened:
            left = _LOOK if until is None else min(_LOOK, until - time.monotonic())
            if left <= 0:
                return False
            if self._closed.acquire(timeout=left):
                self._open()  # for the next who waits
        return True

    def _open(self) -> None:
        with suppress(RuntimeError):  # it is open
            self._closed.release()
