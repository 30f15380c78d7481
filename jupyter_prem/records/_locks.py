"""Locks between processes and threads, that end with whoever holds them.

The library is imported when something is locked: a replay locks nothing.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import tempfile
import threading
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_prem.client import Interrupted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from jupyter_prem.client import Cancel

__all__ = ["async_claim", "claim", "held", "is_at"]

_PAUSE = 0.02  # seconds between two tries


@contextmanager
def held(handle: int) -> Iterator[None]:
    """Hold the lock of an open file."""
    import portalocker

    try:
        portalocker.lock(handle, portalocker.LockFlags.EXCLUSIVE)
    except portalocker.LockException as error:
        raise OSError(errno.ENOLCK, "its folder takes no locks") from error
    try:
        yield
    finally:
        portalocker.unlock(handle)


def is_at(handle: int, path: Path) -> bool:
    """Whether the open file is still the one at `path`, or another took its place."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def claim(path: Path, what: str, cancel: Cancel | None = None) -> Iterator[None]:
    """Hold `what` of a cassette against every other process of this machine and user.

    What this process holds already, such as an answer that a cell began and left, is not waited for.

    Raises:
        Interrupted: `cancel` was called while another held it.
    """
    with _own(path, what) as lock:
        while not lock.taken():
            if cancel is not None and cancel.cancelled:
                raise Interrupted("Stopped.")
            time.sleep(_PAUSE)
        yield


@asynccontextmanager
async def async_claim(path: Path, what: str) -> AsyncIterator[None]:
    """Hold `what` of a cassette as `claim` does, while other tasks go on."""
    with _own(path, what) as lock:
        while not lock.taken():  # noqa: ASYNC110 - another process lets go of it, which no event tells
            await asyncio.sleep(_PAUSE)
        yield


_held: set[str] = set()
_lock = threading.Lock()


@contextmanager
def _own(path: Path, what: str) -> Iterator[_Claim]:
    name = hashlib.sha256(f"{path}\n{what}".encode()).hexdigest()
    with _lock:
        free = name not in _held
        _held.add(name)
    if not free:
        yield _Claim(None)
        return
    try:
        lock = _Claim(_folder() / f"{name[:40]}.lock")
        try:
            yield lock
        finally:
            lock.close()
    finally:
        with _lock:
            _held.discard(name)


class _Claim:
    """A file whose lock stands for something; without a file, it is taken."""

    def __init__(self, place: Path | None) -> None:
        self._place = place
        self._handle = _open(place) if place is not None else -1
        self._ours = False

    def taken(self) -> bool:
        """Take it, if nobody else has it; return whether it is taken."""
        if self._place is None:
            return True
        taken = _taken(self._handle)
        if is_at(self._handle, self._place):
            self._ours = taken
            return taken
        os.close(self._handle)  # whoever held it took it away
        self._handle = _open(self._place)
        return self.taken()

    def close(self) -> None:
        """Let others take it."""
        if self._place is None:
            return
        if self._ours:
            with suppress(OSError):
                self._place.unlink()
        os.close(self._handle)


def _taken(handle: int) -> bool:
    import portalocker

    try:
        portalocker.lock(handle, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
    except portalocker.AlreadyLocked:
        return False
    except portalocker.LockException as error:
        raise OSError(errno.ENOLCK, "the folder takes no locks") from error
    return True


def _open(place: Path) -> int:
    return os.open(place, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)


def _folder() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else ""
    folder = Path(tempfile.gettempdir()) / f"jupyter_prem-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
