"""A recorded answer on its way again: cut as it was, at once or at its own pace."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import Interrupted

from ._cuts import Arrival

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_prem.client import Accumulator, Cancel, Choice, Delta, PremError

    from ._record import Record

__all__ = ["Replay"]

_ABOUT = ("id", "model", "created", "system_fingerprint", "usage")
_STEP = 0.05  # seconds of a wait after which a stop is looked for


class Replay:
    """The source of a `ChatStream` that asks nobody.

    Args:
        record: What is replayed.
        pace: Whether each delta waits as long as it did.
        cancel: Stops it.
    """

    def __init__(self, record: Record, *, pace: bool = False, cancel: Cancel | None = None) -> None:
        self._record = record
        self._pace = pace
        self._cancel = cancel

    def deltas(self, answer: Accumulator) -> Iterator[Delta]:
        """Fill the answer; its deltas are those that were recorded."""
        record = self._record
        choices = record.response.choices
        answer.add({name: record.answer.get(name) for name in _ABOUT})
        times = iter(record.arrival.ms)
        arrived = record.arrival if record.arrival.fits(choices) else Arrival()
        for delta in arrived.deltas(choices):
            if self._pace or self._cancel is not None:
                self._wait(next(times, 0) / 1000)
            answer.take(delta)
            yield delta
        if arrived:
            answer.add({"choices": [_rest(choice) for choice in choices]})
        else:
            self._wait(sum(times) / 1000)
            yield from answer.add(record.whole)
        answer.notes[:] = record.notes
        answer.done = True

    def placed(self, error: PremError) -> PremError:
        """Return the error as it is."""
        return error

    def close(self) -> None:
        """There is nothing to close."""

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + (seconds if self._pace else 0)
        while True:
            if self._cancel is not None and self._cancel.cancelled:
                raise Interrupted("Stopped.")
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _STEP))


def _rest(choice: Choice) -> dict[str, Any]:
    calls = [{"index": place, **call.to_dict()} for place, call in enumerate(choice.message.tool_calls)]
    return {"index": choice.index, "delta": {"tool_calls": calls}, "finish_reason": choice.finish_reason}
