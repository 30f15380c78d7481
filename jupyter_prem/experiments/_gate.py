"""How many requests are on their way: fewer, and later, where a service asks for that."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import TYPE_CHECKING

from jupyter_prem.client import RateLimitError, spent

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LONGEST", "Gate", "limited"]

LONGEST = 600.0
"""Seconds of waiting beyond which a limit is a failure of its row."""

_FIRST, _MOST = 0.5, 60.0  # seconds of the first wait, and of the longest, where a service does not say


def limited(error: Exception) -> bool:
    """Whether an error says "later" rather than "no": a rate, not a quota that is used up."""
    if not isinstance(error, RateLimitError):
        return False
    return (error.retry_after or 0) <= LONGEST and not spent(error)


class Gate:
    """Lets so many requests through at once, half as many after each limit that is met, then more again.

    Args:
        most: How many at once.
        told: Called with the seconds of each wait.
    """

    def __init__(self, most: int, told: Callable[[float], None] = lambda _: None) -> None:
        self._most = self._width = float(most)
        self._out = 0
        self._until = 0.0
        self._strikes = 0
        self._since = 0.0  # when the first of the limits was met that nothing has passed since
        self._told = told
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Wait until a request may go, and count it as on its way."""
        loop = asyncio.get_running_loop()
        while True:
            left = self._until - loop.time()
            if left > 0:
                await asyncio.sleep(left)
            elif self._out < int(self._width):
                break
            else:
                waiter: asyncio.Future[None] = loop.create_future()
                self._waiting.append(waiter)
                await waiter
        self._out += 1

    def leave(self) -> None:
        """Let the next go."""
        self._out -= 1
        self._wake()

    def passed(self) -> None:
        """Take note of an answer: more may go at once again."""
        self._strikes = 0
        self._width = min(self._most, self._width + 1 / self._width)
        self._wake()

    def limited(self, error: RateLimitError) -> bool:
        """Take note of a limit: nothing goes for a while, and then less at once.

        Returns:
            Whether it is worth waiting: not once nothing has passed for `LONGEST`.
        """
        loop = asyncio.get_running_loop()
        if not self._strikes:
            self._since = loop.time()
        elif loop.time() - self._since > LONGEST:
            return False
        if loop.time() < self._until:
            return True  # one of those that were on their way already
        self._strikes += 1
        wait = error.retry_after
        if wait is None:  # full jitter, so that several sweeps do not come back together
            wait = random.uniform(0, min(_MOST, _FIRST * 2**self._strikes))  # noqa: S311 - no secret
        self._width = max(1.0, self._width / 2)
        self._until = loop.time() + wait
        self._told(wait)
        return True

    def _wake(self) -> None:
        room = int(self._width) - self._out
        while self._waiting and room > 0:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                room -= 1
