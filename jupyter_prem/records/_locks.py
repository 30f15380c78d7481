"""Locks between processes and threads, that end with whoever holds them.

The library is imported when something is locked: a replay locks nothing.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_prem.client import Interrupted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_prem.client import Cancel

__all__ = ["claim", "held", "is_at"]

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
    name = hashlib.sha256(f"{path}\n{what}".encode()).hexdigest()
    place = _folder() / f"{name[:40]}.lock"
    with _lock:
        free = name not in _held
        _held.add(name)
    if not free:
        yield
        return
    try:
        yield from _claimed(place, cancel)
    finally:
        with _lock:
            _held.discard(name)


_held: set[str] = set()
_lock = threading.Lock()


def _claimed(place: Path, cancel: Cancel | None) -> Iterator[None]:
    handle = _open(place)
    ours = False
    try:
        while not ours:
            if cancel is not None and cancel.cancelled:
                raise Interrupted("Stopped.")
            taken = _taken(handle)
            if not is_at(handle, place):  # whoever held it took it away
                os.close(handle)
                handle = _open(place)
            elif taken:
                ours = True
            else:
                time.sleep(_PAUSE)
        yield
    finally:
        if ours:
            with suppress(OSError):
                place.unlink()
        os.close(handle)


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
