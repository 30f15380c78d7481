"""A recorded answer on its way again: cut as it was, at once or at its own pace."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import Interrupted

from ._cuts import Arrival

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator

    from jupyter_prem.client import Accumulator, Cancel, Choice, Delta, PremError

    from ._record import Record

__all__ = ["AsyncReplay", "Replay"]

_ABOUT = ("id", "model", "created", "system_fingerprint", "usage")
_STEP = 0.05  # seconds of a wait after which a stop is looked for


class _Replayed:
    """What is the same of a replay, whoever waits for it.

    Args:
        record: What is replayed.
        pace: Whether each delta waits as long as it did.
    """

    def __init__(self, record: Record, *, pace: bool = False) -> None:
        self._record = record
        self._pace = pace
        self._choices = record.response.choices
        self._arrived = record.arrival if record.arrival.fits(self._choices) else Arrival()

    def placed(self, error: PremError) -> PremError:
        """Return the error as it is."""
        return error

    def _begin(self, answer: Accumulator) -> None:
        answer.add({name: self._record.answer.get(name) for name in _ABOUT})

    def _steps(self) -> Iterator[tuple[float, Delta | None]]:
        """Yield the seconds before each delta, and the delta; None is the answer as a whole."""
        times = self._record.arrival.ms if self._pace else []
        if not self._arrived:
            yield sum(times) / 1000, None
        waits = iter(times)
        for delta in self._arrived.deltas(self._choices):
            yield next(waits, 0) / 1000, delta

    def _take(self, answer: Accumulator, delta: Delta | None) -> Iterable[Delta]:
        if delta is None:
            return answer.add(self._record.whole)
        answer.take(delta)
        return (delta,)

    def _end(self, answer: Accumulator) -> None:
        if self._arrived:
            answer.add({"choices": [_rest(choice) for choice in self._choices]})
        answer.notes[:] = self._record.notes
        answer.done = True


class Replay(_Replayed):
    """The source of a `ChatStream` that asks nobody.

    Args:
        record: What is replayed.
        pace: Whether each delta waits as long as it did.
        cancel: Stops it.
    """

    def __init__(self, record: Record, *, pace: bool = False, cancel: Cancel | None = None) -> None:
        super().__init__(record, pace=pace)
        self._cancel = cancel

    def deltas(self, answer: Accumulator) -> Iterator[Delta]:
        """Fill the answer; its deltas are those that were recorded."""
        self._begin(answer)
        for seconds, delta in self._steps():
            if seconds or self._cancel is not None:
                self._wait(seconds)
            yield from self._take(answer, delta)
        self._end(answer)

    def close(self) -> None:
        """There is nothing to close."""

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            if self._cancel is not None and self._cancel.cancelled:
                raise Interrupted("Stopped.")
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _STEP))


class AsyncReplay(_Replayed):
    """The source of an `AsyncChatStream` that asks nobody; else as `Replay`."""

    async def deltas(self, answer: Accumulator) -> AsyncGenerator[Delta]:
        """Fill the answer; its deltas are those that were recorded."""
        self._begin(answer)
        for seconds, delta in self._steps():
            if seconds:
                import asyncio

                await asyncio.sleep(seconds)
            for taken in self._take(answer, delta):
                yield taken
        self._end(answer)

    async def aclose(self) -> None:
        """There is nothing to close."""


def _rest(choice: Choice) -> dict[str, Any]:
    calls = [{"index": place, **call.to_dict()} for place, call in enumerate(choice.message.tool_calls)]
    return {"index": choice.index, "delta": {"tool_calls": calls}, "finish_reason": choice.finish_reason}
