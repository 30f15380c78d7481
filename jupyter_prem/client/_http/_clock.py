"""Limits of many requests at once: a timer of a loop for each costs more than the rest of a small one."""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator

__all__ = ["Clock"]

_EXACT = 10.0  # seconds up to which a limit has a timer of its own

_Result = TypeVar("_Result")


class Clock:
    """Ends what takes too long; what may take long ends up to a second later."""

    def __init__(self) -> None:
        self._due: dict[int, set[asyncio.Timeout]] = {}

    async def within(self, seconds: float | None, waited: Awaitable[_Result]) -> _Result:
        """Return what is waited for.

        Raises:
            TimeoutError: It took longer.
        """
        begun = _Begun(waited)
        if begun.done or seconds is None:
            return await begun
        if seconds <= _EXACT:
            async with asyncio.timeout(seconds):
                return await begun
        async with asyncio.timeout(None) as limit:
            due = self._second(seconds)
            due.add(limit)
            try:
                return await begun
            finally:
                due.discard(limit)

    def _second(self, seconds: float) -> set[asyncio.Timeout]:
        """Return what is due in the second after so many."""
        loop = asyncio.get_running_loop()
        second = int(loop.time() + seconds) + 1
        due = self._due.get(second)
        if due is None:
            due = self._due[second] = set()
            loop.call_at(second, _end, weakref.ref(self), second)  # holds nothing that is to be closed
        return due

    def end(self, second: int) -> None:
        """End what is due."""
        now = asyncio.get_running_loop().time()
        for limit in self._due.pop(second, ()):
            limit.reschedule(now)


class _Begun(Generic[_Result]):
    """What is waited for, as far as it goes without a wait: what is there already needs no limit."""

    def __init__(self, waited: Awaitable[_Result]) -> None:
        self._steps = waited.__await__()
        self.done = False
        self._value: Any = None
        try:
            self._step = next(self._steps)
        except StopIteration as end:
            self.done, self._value = True, end.value

    def __await__(self) -> Generator[Any, Any, _Result]:
        if self.done:
            return cast("_Result", self._value)
        step: Any = self._step
        try:
            while True:
                try:
                    sent = yield step
                except Exception as error:  # noqa: BLE001 - it is for what is waited for
                    step = self._steps.throw(error)
                except asyncio.CancelledError as error:
                    step = self._steps.throw(error)
                else:
                    step = self._steps.send(sent)
        except StopIteration as end:
            return cast("_Result", end.value)


def _end(clock: weakref.ref[Clock], second: int) -> None:
    held = clock()
    if held is not None:
        held.end(second)
