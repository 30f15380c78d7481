"""A file of recorded answers: one a line, only ever added to."""

from __future__ import annotations

import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ._append import append, rewrite
from ._contents import FORMAT, HEADER, Contents, Fault
from ._errors import CassetteError
from ._record import Damaged, Record

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterator

__all__ = ["FORMAT", "Cassette", "Fault"]

_KINDS = {
    stat.S_IFDIR: "is a folder",
    stat.S_IFIFO: "is a pipe, not a file",
    stat.S_IFSOCK: "is a socket, not a file",
}


class Cassette:
    """The records of a file, read when they are first asked for and then as the file grows.

    Safe between threads, and between processes that add to one file. Of two records of one question the later
    one counts. A last line that a killed process left without its end is passed over.

    Attributes:
        path: The file; it need not exist.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self._contents = Contents(self.path)
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"Cassette({str(self.path)!r})"

    def __iter__(self) -> Iterator[Record]:
        """The records that count, in the order of the file."""
        self.refresh()
        return iter(self.records)

    def __len__(self) -> int:
        self.refresh()
        return len(self._contents.records)

    @property
    def records(self) -> list[Record]:
        """The records that count, in the order of the file, as last read."""
        with self._lock:
            return list(self._contents.records.values())

    @property
    def exists(self) -> bool:
        """Whether there is such a file."""
        return self.path.exists()

    @property
    def blank(self) -> bool:
        """Whether nothing was ever recorded in it: there is no such file, or no line after its header."""
        try:
            if not self.path.is_file():
                return not self.path.exists()
            with self.path.open("rb") as file:
                return not file.readline(len(HEADER)).strip() or not file.readline(1)
        except OSError:
            return False

    @property
    def faults(self) -> list[Fault]:
        """Lines that cannot be used, as last read."""
        return self._contents.faults

    def get(self, key: str, n: int) -> Record | None:
        """Return the record of the n-th question with this key, as last read."""
        return self._contents.records.get((key, n))

    def nth(self, key: str, n: int) -> Record | None:
        """Return the n-th record with this key in the order of their numbers, as last read."""
        contents = self._contents
        numbers = sorted(contents.numbers.get(key, ()))
        return contents.records[key, numbers[n - 1]] if n <= len(numbers) else None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Who was asked, as last read: each endpoint and model."""
        return list(self._contents.pairs)

    def refresh(self) -> None:
        """Read what was added since, or all of it if it is another file now.

        Raises:
            CassetteError: It cannot be read, is no cassette, or one of a later version.
        """
        with self._lock:
            try:
                self._refuse_kinds()
                with self.path.open("rb") as file:
                    contents = self._contents if self._contents.is_of(file) else Contents(self.path)
                    contents.read(file)
                    self._contents = contents
            except FileNotFoundError:
                self._contents = Contents(self.path)
            except CassetteError:
                self._contents = Contents(self.path)
                raise
            except OSError as error:
                raise CassetteError(
                    f"The recordings cannot be read: {error.strerror}.", where=f"in {self.path}"
                ) from None

    def add(self, record: Record) -> bool:
        """Write a record, unless there is an equal one; return whether it was written.

        Raises:
            CassetteError: It cannot be written; the file is as it was.
        """
        self.refresh()
        known = self.get(record.key, record.n)
        if known is not None and known.same(record):
            return False
        append(self.path, record.line(), HEADER)
        return True

    def drop(self, places: Collection[tuple[str, int]]) -> None:
        """Leave out records, by key and number; what others record meanwhile stays.

        Records that later ones took the place of go too, and lines that cannot be used.

        Raises:
            CassetteError: It cannot be written; the file is as it was.
        """

        def change(data: bytes) -> bytes:
            lines: dict[tuple[str, int], bytes] = {}
            for line in data.split(b"\n"):
                try:
                    record = Record.parse(line)
                except Damaged:
                    continue
                lines[record.key, record.n] = line.rstrip(b"\r") + b"\n"
            return HEADER + b"".join(line for place, line in lines.items() if place not in places)

        rewrite(self.path, change)
        self.refresh()

    def _refuse_kinds(self) -> None:
        kind = _KINDS.get(stat.S_IFMT(self.path.stat().st_mode))
        if kind is not None:
            raise CassetteError(
                f"{self.path} {kind}.", hint="Name a file of recordings, such as notebook.chat.jsonl."
            )
