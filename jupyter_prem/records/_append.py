"""Adding to a file: a finished line stays, whatever ends the process; a failed one leaves no trace."""

from __future__ import annotations

import errno
import os
import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from ._errors import CassetteError
from ._locks import at, held

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["LINK", "OtherFileError", "ReadFile", "append", "rewrite"]

LINK = "The file is a link, which is not written through."
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_WRITE = os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0) | _NOFOLLOW


class OtherFileError(Exception):
    """The file is not as it was when it was read: nothing was written."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file as it was read: its device and number, its size, and how it ended."""

    place: tuple[int, int]
    size: int
    tail: bytes

    def is_(self, handle: int, about: os.stat_result) -> bool:
        """Whether an open file is still that one, and nothing was added to it."""
        if ((about.st_dev, about.st_ino), about.st_size) != (self.place, self.size):
            return False
        return _read(handle, self.size - len(self.tail), len(self.tail)) == self.tail


@dataclass(slots=True)
class _Line:
    data: bytes
    known: ReadFile | None = None
    start: int | None = None
    failure: OSError | OtherFileError | None = None


class _Writer:
    """Writes for every thread that waits: answers that finish together share one sync."""

    def __init__(self) -> None:
        self._writing = threading.Lock()
        self._waiting: list[_Line] = []

    def write(self, path: Path, data: bytes, header: bytes, known: ReadFile | None = None) -> int:
        line = _Line(data, known)
        self._waiting.append(line)
        with self._writing:
            if line.start is None and line.failure is None:
                waiting, self._waiting = self._waiting, []
                self._all(path, [line, *(other for other in waiting if other is not line)], header)
        if isinstance(line.failure, OtherFileError):
            raise line.failure
        if line.failure is not None:
            raise CassetteError(
                f"The answer was not recorded. {_why(path, line.failure)}",
                where=f"in {path}",
                hint="The answer itself is kept, and so is what was recorded before.",
            ) from None
        return line.start or 0

    def _all(self, path: Path, lines: list[_Line], header: bytes) -> None:
        try:
            start = _write(path, b"".join(line.data for line in lines), header, lines[0].known)
        except OtherFileError as failure:
            lines[0].failure = failure
            self._waiting[:0] = lines[1:]
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


_writers: WeakValueDictionary[Path, _Writer] = WeakValueDictionary()  # those that write now
_making = threading.Lock()


def append(path: Path, data: bytes, header: bytes, known: ReadFile | None = None) -> int:
    """Add lines to a file, synced to the disk, after its header; make it if there is none.

    Args:
        path: The file.
        data: Whole lines.
        header: The first line of a new file.
        known: The file as it is expected to be, if that matters.

    Returns:
        The offset at which they stand.

    Raises:
        CassetteError: They cannot be written; the file is as it was.
        OtherFileError: It is not as expected.
    """
    with _making:
        writer = _writers.setdefault(path, _Writer())
    return writer.write(path, data, header, known)


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


def _write(path: Path, data: bytes, header: bytes, known: ReadFile | None) -> int:
    while True:
        handle = _open(path)
        try:
            with held(handle):
                about = at(handle, path)
                if about is None:  # rewritten meanwhile
                    continue
                if known is not None and not known.is_(handle, about):
                    raise OtherFileError
                size, before = (known.size, b"") if known is not None else _before(handle, header)
                new = size == 0
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


def _before(handle: int, header: bytes) -> tuple[int, bytes]:
    """Return the size of a file, and what is to come before the lines that are added to it."""
    size = os.fstat(handle).st_size
    if 0 < size < len(header) and header.startswith(_all_of(handle)):
        os.ftruncate(handle, 0)  # a header that a killed process began
        size = 0
    if size and _read(handle, size - 1, 1) != b"\n":
        return size, b"\n"  # what a killed process left stays a line of its own
    return size, b"" if size else header


def _rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    while True:
        handle = _open(path, 0)
        try:
            with held(handle):
                about = at(handle, path)
                if about is None:  # rewritten meanwhile
                    continue
                _replace(path, change(_all_of(handle)), about.st_mode & 0o777)
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


def _read(handle: int, start: int, size: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(handle, size, start)
    os.lseek(handle, start, os.SEEK_SET)
    return os.read(handle, size)


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
