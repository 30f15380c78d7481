"""Adding to a file: a finished line stays, whatever ends the process; a failed one leaves no trace."""

from __future__ import annotations

import errno
import os
import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._errors import CassetteError
from ._locks import held, is_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["LINK", "append", "rewrite"]

LINK = "The file is a link, which is not written through."
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_WRITE = os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0) | _NOFOLLOW


@dataclass(slots=True)
class _Line:
    data: bytes
    start: int | None = None
    failure: OSError | None = None


class _Writer:
    """Writes for every thread that waits: answers that finish together share one sync."""

    def __init__(self) -> None:
        self._writing = threading.Lock()
        self._waiting: list[_Line] = []

    def write(self, path: Path, data: bytes, header: bytes) -> int:
        line = _Line(data)
        self._waiting.append(line)
        with self._writing:
            if line.start is None and line.failure is None:
                waiting, self._waiting = self._waiting, []
                self._all(path, [line, *(other for other in waiting if other is not line)], header)
        if line.failure is not None:
            raise CassetteError(
                f"The answer was not recorded. {_why(path, line.failure)}",
                where=f"in {path}",
                hint="The answer itself is kept, and so is what was recorded before.",
            ) from None
        return line.start or 0

    def _all(self, path: Path, lines: list[_Line], header: bytes) -> None:
        try:
            start = _write(path, b"".join(line.data for line in lines), header)
        except OSError as failure:
            for line in lines:
                line.failure = failure
        except BaseException:
            self._waiting[:0] = lines[1:]  # this thread was interrupted; the others write their own
            raise
        else:
            for line in lines:
                line.start = start
                start += len(line.data)


_writers: dict[Path, _Writer] = {}
_making = threading.Lock()


def append(path: Path, data: bytes, header: bytes) -> int:
    """Add lines to a file, synced to the disk, after its header; make it if there is none.

    Args:
        path: The file.
        data: Whole lines.
        header: The first line of a new file.

    Returns:
        The offset at which they stand.

    Raises:
        CassetteError: They cannot be written; the file is as it was.
    """
    with _making:
        writer = _writers.setdefault(path, _Writer())
    return writer.write(path, data, header)


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Put something else in a file's place, all at once, while nobody adds to it.

    Args:
        path: The file.
        change: Given what the file holds, returns what it is to hold.

    Raises:
        CassetteError: It cannot be written; the file is as it was.
    """
    try:
        _rewrite(path, change)
    except OSError as failure:
        what = f"The recordings stay as they were. {_why(path, failure)}"
        raise CassetteError(what, where=f"in {path}") from None


def _write(path: Path, data: bytes, header: bytes) -> int:
    while True:
        handle = _open(path)
        try:
            with held(handle):
                if not is_at(handle, path):  # rewritten meanwhile
                    continue
                size = os.fstat(handle).st_size
                new = size == 0
                if 0 < size < len(header) and header.startswith(_all_of(handle)):
                    os.ftruncate(handle, 0)  # a header that a killed process began
                    size, new = 0, True
                before = header if new else b""
                if size and _last(handle, size) != b"\n":
                    before = b"\n"  # what a killed process left stays a line of its own
                try:
                    _whole(handle, before + data)
                    os.fsync(handle)
                except BaseException:
                    with suppress(OSError):
                        os.ftruncate(handle, size)
                    raise
                if new:
                    _sync_folder(path.parent)
                return size + len(before)
        finally:
            os.close(handle)


def _rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    while True:
        handle = _open(path, 0)
        try:
            with held(handle):
                if not is_at(handle, path):  # rewritten meanwhile
                    continue
                _replace(path, change(_all_of(handle)), os.fstat(handle).st_mode & 0o777)
                return
        finally:
            os.close(handle)


def _replace(path: Path, data: bytes, mode: int) -> None:
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        target = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        try:
            _whole(target, data)
            os.fsync(target)
        finally:
            os.close(target)
        new.replace(path)
        _sync_folder(path.parent)
    finally:
        with suppress(OSError):
            new.unlink()


def _open(path: Path, create: int = os.O_CREAT) -> int:
    return os.open(path, _WRITE | create, 0o666)


def _all_of(handle: int) -> bytes:
    with os.fdopen(os.dup(handle), "rb") as file:
        file.seek(0)
        return file.read()


def _whole(handle: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


def _last(handle: int, size: int) -> bytes:
    os.lseek(handle, size - 1, os.SEEK_SET)
    return os.read(handle, 1)


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not every system can
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _why(path: Path, error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return LINK
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "The disk is full."
    if error.errno == errno.ENOENT:
        return f"There is no folder {path.parent}."
    return f"The file cannot be written ({error.strerror})."
