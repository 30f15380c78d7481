"""Writing what the tasks of a loop finish: together, off the loop, each told when its own is on the disk."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from ._errors import CassetteError

if TYPE_CHECKING:
    from ._cassette import Cassette, Placed
    from ._record import Record

    Place = tuple[asyncio.AbstractEventLoop, Cassette]

__all__ = ["keep"]

_GATHERED = 0.003  # seconds for which answers are gathered, where they come faster than the disk syncs


def keep(cassette: Cassette, record: Record) -> asyncio.Future[None]:
    """Have a record written, with those of other tasks; what is returned is done when it is synced.

    It fails with a CassetteError where it cannot be written; the file is as it was then.
    """
    place = (asyncio.get_running_loop(), cassette)
    line = (record.key, record.n), record.line()
    with _lock:
        if place not in _batches:
            _batches[place] = _Batch(place)
        batch = _batches[place]
        done = batch.add(line)
        begins, batch.writing = not batch.writing, True
    if begins:
        batch.begin()
    return done


class _Batch:
    """What waits to be written to one cassette: all of it goes together, once the write before is done.

    No task writes, and the writer waits for no loop: whoever cancels all tasks of a loop, and ends it, leaves
    no answer half told, and none that came unwritten.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._loop, self._cassette = place
        # Lines, not records: many wait at once, and a record's parts are work for the garbage collector.
        self._waiting: list[tuple[Placed, asyncio.Future[None]]] = []
        self.writing = False
        self._wrote = False

    def add(self, line: Placed) -> asyncio.Future[None]:
        """Have a line wait; for whoever holds the lock."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append((line, done))
        return done

    def begin(self) -> None:
        """Have what waits written."""
        try:
            _writer().submit(self._write)
        except RuntimeError as error:  # no more threads
            self._told([done for _, done in self._taken(end=True)], error)

    def _taken(self, *, end: bool = False) -> list[tuple[Placed, asyncio.Future[None]]]:
        with _lock:
            batch, self._waiting = self._waiting, []
            if end or not batch:
                self.writing = False
                _batches.pop(self._place, None)
        return batch

    def _write(self) -> None:
        if self._wrote and self._waiting:  # came while the last were written, and more will
            time.sleep(_GATHERED)
        while batch := self._taken():
            self._wrote = True
            error: BaseException | None = None
            try:
                self._cassette.add_lines([line for line, _ in batch])
            except BaseException as failure:  # noqa: BLE001 - it is told to those who wait
                error = failure
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._told, [done for _, done in batch], error)
            with suppress(RuntimeError):  # the interpreter ends: what waits is written first
                _writer().submit(self._write)  # after those of other cassettes
                return

    @staticmethod
    def _told(told: list[asyncio.Future[None]], error: BaseException | None) -> None:
        for done in told:
            if done.done():
                continue
            if isinstance(error, CassetteError):  # each answer is another error's
                done.set_exception(CassetteError(error.what, where=error.where, hint=error.hint))
            elif error is not None:
                done.set_exception(error)
            else:
                done.set_result(None)


_batches: dict[Place, _Batch] = {}  # those that are written now
_lock = threading.Lock()
_writers: list[ThreadPoolExecutor] = []


def _writer() -> ThreadPoolExecutor:
    """Return the thread that writes, one for a process: a loop's own may all wait for that loop."""
    if not _writers:
        _writers.append(ThreadPoolExecutor(1, thread_name_prefix="jupyter_prem-recordings"))
    return _writers[0]


def _after_fork() -> None:
    """Begin anew in a child: the parent's thread writes what waits there, and may have held the lock."""
    global _lock  # noqa: PLW0603 - one that is held for ever
    _lock = threading.Lock()
    _batches.clear()
    _writers.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
