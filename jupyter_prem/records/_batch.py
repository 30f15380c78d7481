"""Writing what the tasks of a loop finish: together, off the loop, each told when its own is on the disk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ._errors import CassetteError

if TYPE_CHECKING:
    from ._cassette import Cassette
    from ._record import Record

__all__ = ["keep"]

_GAP = 0.01  # seconds between the beginnings of two writes: a sync costs more than the answers it keeps


async def keep(cassette: Cassette, record: Record) -> None:
    """Write a record, with those of other tasks; return when it is synced.

    Raises:
        CassetteError: It cannot be written; the file is as it was.
    """
    batches = _loops.setdefault(asyncio.get_running_loop(), {})
    await batches.setdefault(cassette, _Batch(cassette)).add(record)


class _Batch:
    def __init__(self, cassette: Cassette) -> None:
        self._cassette = cassette
        self._waiting: list[tuple[Record, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, record: Record) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((record, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            began = loop.time()
            batch, self._waiting = self._waiting, []
            error: Exception | None = None
            try:
                await asyncio.to_thread(self._cassette.add, *(record for record, _ in batch))
            except CassetteError as failure:
                error = failure
            for _, done in batch:
                if done.done():
                    continue
                if isinstance(error, CassetteError):  # each answer is another error's
                    done.set_exception(CassetteError(error.what, where=error.where, hint=error.hint))
                else:
                    done.set_result(None)
            await asyncio.sleep(max(0.0, began + _GAP - loop.time()))


_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Cassette, _Batch]] = WeakKeyDictionary()
