"""Stopping an answer from outside the thread that reads it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ._errors import Interrupted
from ._latch import Latch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Cancel", "pause"]


class Cancel:
    """One question's stop button.

    A read that waits for the network is woken by what `closing` registered; setting a flag alone
    would wait for the next byte.
    """

    def __init__(self) -> None:
        self._cancelled = Latch()
        self._lock = threading.Lock()
        self._closers: list[Callable[[], None]] = []

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Stop the question; safe from any thread, and more than once."""
        with self._lock:
            self._cancelled.set()
            closers = list(self._closers)
        for close in closers:
            close()

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until `cancel` is called; return whether it was."""
        return self._cancelled.wait(seconds)

    @contextmanager
    def closing(self, close: Callable[[], None]) -> Iterator[None]:
        """Have `close` called if `cancel` is, now or while the block runs."""
        with self._lock:
            self._closers.append(close)
            late = self.cancelled
        if late:
            close()
        try:
            yield
        finally:
            with self._lock:
                self._closers.remove(close)


def pause(seconds: float, cancel: Cancel | None) -> None:
    """Wait so long.

    Raises:
        Interrupted: `cancel` was called meanwhile.
    """
    if cancel is None:
        time.sleep(seconds)
    elif cancel.wait(seconds):
        raise Interrupted("Stopped.")
