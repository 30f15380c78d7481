"""Writing what the tasks of a loop finish: together, off the loop, each told when its own is on the disk."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ._errors import CassetteError

if TYPE_CHECKING:
    from ._cassette import Cassette
    from ._record import Record

__all__ = ["keep"]


def keep(cassette: Cassette, record: Record) -> asyncio.Future[None]:
    """Have a record written, with those of other tasks; what is returned is done when it is synced.

    It fails with a CassetteError where it cannot be written; the file is as it was then.
    """
    loop = asyncio.get_running_loop()
    batches = _loops.setdefault(loop, {})
    batch = batches.get(cassette)
    if batch is None:
        batch = batches[cassette] = _Batch(loop, cassette)
    return batch.add(record)


class _Batch:
    """What waits to be written to one cassette: all of it goes together, once the write before is done.

    No task writes: whoever cancels all tasks of a loop leaves no answer half told.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, cassette: Cassette) -> None:
        self._loop = loop
        self._cassette = cassette
        self._waiting: list[tuple[Record, asyncio.Future[None]]] = []
        self._writing = False

    def add(self, record: Record) -> asyncio.Future[None]:
        done: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append((record, done))
        if not self._writing:
            self._write()
        return done

    def _write(self) -> None:
        batch, self._waiting = self._waiting, []
        told = [done for _, done in batch]
        self._writing = True
        try:
            future = _writer().submit(self._cassette.add, *(record for record, _ in batch))
        except RuntimeError as error:  # no more threads
            self._written(told, error)
            return

        def written(future: Future[None]) -> None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._written, told, future.exception())

        future.add_done_callback(written)

    def _written(self, told: list[asyncio.Future[None]], error: BaseException | None) -> None:
        self._writing = False
        for done in told:
            if done.done():
                continue
            if isinstance(error, CassetteError):  # each answer is another error's
                done.set_exception(CassetteError(error.what, where=error.where, hint=error.hint))
            elif error is not None:
                done.set_exception(error)
            else:
                done.set_result(None)
        if self._waiting:
            self._write()
        else:
            _loops.get(self._loop, {}).pop(self._cassette, None)


_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Cassette, _Batch]] = WeakKeyDictionary()
_writers: dict[int, ThreadPoolExecutor] = {}


def _writer() -> ThreadPoolExecutor:
    """Return the thread that writes, one for a process: a loop's own may all wait for that loop."""
    pid = os.getpid()
    if pid not in _writers:
        _writers[pid] = ThreadPoolExecutor(1, thread_name_prefix="jupyter_prem-recordings")
    return _writers[pid]
