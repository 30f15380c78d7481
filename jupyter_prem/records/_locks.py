"""Locks between processes and threads, that end with whoever holds them.

A file of recordings is locked while it is added to. A question is claimed while it is asked: a byte of a file
in the temporary folder, one file a cassette, stands for it, so that any number of questions costs one open
file, and none once they are answered. The library is imported when something is locked: a replay locks
nothing.
"""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import tempfile
import threading
import time
import warnings
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_prem.client import DEFAULT_TIMEOUT, Interrupted

from ._errors import CassetteWarning

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from jupyter_prem.client import Cancel

__all__ = ["async_claim", "at", "claim", "held"]

PATIENCE = DEFAULT_TIMEOUT
"""Seconds for which a question waits for whoever asks the same; then it is asked as well."""

_PAUSE = 0.02  # seconds between two tries
_BYTES = 2**62  # of a lock file, which stays empty


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


def at(handle: int, path: Path) -> os.stat_result | None:
    """Return what the system knows of an open file; None where another took its place at `path`."""
    about = os.fstat(handle)
    try:
        return about if os.path.samestat(about, os.stat(path)) else None  # noqa: PTH116 - Path.stat is slower
    except FileNotFoundError:
        return None


@contextmanager
def claim(path: Path, what: str, cancel: Cancel | None = None) -> Iterator[None]:
    """Hold `what` of a cassette against every other process of this machine and user, task and thread.

    What this task or thread holds itself, such as an answer that a cell began and left, is not waited for.

    Raises:
        Interrupted: `cancel` was called while another held it.
        OSError: Nothing can be locked here.
    """
    mine = _Claim(path, what)
    try:
        while not mine.taken():
            if cancel is not None and cancel.cancelled:
                raise Interrupted("Stopped.")
            time.sleep(_PAUSE)
        yield
    finally:
        mine.leave()


@asynccontextmanager
async def async_claim(path: Path, what: str) -> AsyncIterator[None]:
    """Hold `what` of a cassette as `claim` does, while other tasks go on."""
    import asyncio

    mine = _Claim(path, what)
    try:
        while not mine.taken():  # noqa: ASYNC110 - another process lets go of it, which no event tells
            await asyncio.sleep(_PAUSE)
        yield
    finally:
        mine.leave()


class _Claim:
    """One byte of a cassette's lock file, which is open until it is left."""

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        self._file = _opened(path)
        self._byte = int.from_bytes(hashlib.sha256(what.encode()).digest()[:8], "big") % _BYTES
        self._until = time.monotonic() + PATIENCE
        self._owner = _owner()
        self._ours = False

    def taken(self) -> bool:
        """Take it, if nobody else has it; return whether to go on."""
        with self._file.lock:
            holder = self._file.holders.get(self._byte)
            if holder is None and self._file.take(self._byte):
                self._file.holders[self._byte] = self._owner
                self._ours = True
                return True
        if holder is not None and (holder == self._owner or holder.ended):
            return True
        if time.monotonic() < self._until:
            return False
        warnings.warn(
            f"Another process has been asking the same for {PATIENCE:.0f} s; it is asked here as well.",
            CassetteWarning,
            stacklevel=4,
        )
        return True

    def leave(self) -> None:
        """Let others take it."""
        if self._ours:
            with self._file.lock:
                del self._file.holders[self._byte]
                self._file.give(self._byte)
        _left(self._path, self._file)


class _Owner:
    """A task, or a thread that runs none."""

    def __init__(self) -> None:
        loops = sys.modules.get("asyncio")  # it takes long to load, and without it there is no task
        try:
            self._task = loops.current_task() if loops is not None else None
        except RuntimeError:
            self._task = None
        self._thread = threading.current_thread()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Owner) and (self._task, self._thread) == (other._task, other._thread)

    def __hash__(self) -> int:
        return hash((self._task, self._thread))

    @property
    def ended(self) -> bool:
        """Whether nobody will ever let go of what it holds."""
        return self._task.done() if self._task is not None else not self._thread.is_alive()


_owner = _Owner


class _LockFile:
    """The lock file of a cassette, open once in a process: closing it lets go of all that is held."""

    def __init__(self, path: Path) -> None:
        self.claims = 0
        self.lock = threading.Lock()
        self.holders: dict[int, _Owner] = {}
        name = hashlib.sha256(str(path).encode("utf-8", "surrogatepass")).hexdigest()[:40]
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        self._handle = os.open(_folder() / f"{name}.lock", flags, 0o600)

    def close(self) -> None:
        """Close it; nobody may have a claim any more."""
        os.close(self._handle)

    def take(self, byte: int) -> bool:
        """Take a byte's lock, if no other process has it."""
        try:
            _lock_byte(self._handle, byte)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def give(self, byte: int) -> None:
        """Let go of a byte's lock."""
        _unlock_byte(self._handle, byte)


if sys.platform == "win32":
    import msvcrt

    def _lock_byte(handle: int, byte: int) -> None:
        os.lseek(handle, byte, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _unlock_byte(handle: int, byte: int) -> None:
        os.lseek(handle, byte, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock_byte(handle: int, byte: int) -> None:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)

    def _unlock_byte(handle: int, byte: int) -> None:
        fcntl.lockf(handle, fcntl.LOCK_UN, 1, byte)


_files: dict[tuple[int, Path], _LockFile] = {}
_opening = threading.Lock()


def _opened(path: Path) -> _LockFile:
    """Return the lock file of a cassette, for one more claim."""
    place = (os.getpid(), path)  # a lock is its process' own, not its children's
    with _opening:
        if place not in _files:
            _files[place] = _LockFile(path)
        _files[place].claims += 1
        return _files[place]


def _left(path: Path, file: _LockFile) -> None:
    """Close a lock file after its last claim."""
    place = (os.getpid(), path)
    with _opening:
        file.claims -= 1
        if not file.claims and _files.get(place) is file:
            del _files[place]
            file.close()


def _folder() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else ""
    folder = Path(tempfile.gettempdir()) / f"jupyter_prem-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
