"""A file of recorded answers: one a line, only ever added to."""

from __future__ import annotations

import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._append import append, rewrite
from ._contents import FORMAT, HEADER, Contents, Fault
from ._errors import CassetteError
from ._record import Damaged, Record

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterator, Mapping

__all__ = ["FORMAT", "Cassette", "Fault"]

_KINDS = {
    stat.S_IFDIR: "is a folder",
    stat.S_IFIFO: "is a pipe, not a file",
    stat.S_IFSOCK: "is a socket, not a file",
}


class Cassette:
    """The records of a file, found when they are first asked for and then as the file grows.

    They stay on the disk: a file may hold more than a machine's memory. Safe between threads, and between
    processes that add to one file. Of two records of one question the later one counts. A last line that a
    killed process left without its end is passed over.

    Attributes:
        path: The file; it need not exist.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self._contents = Contents(self.path)
        self._pairs: dict[tuple[str, str], None] = {}
        self._paired = (self._contents, 0)  # how many places of which contents they are of
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"Cassette({str(self.path)!r})"

    def __iter__(self) -> Iterator[Record]:
        """The records that count, in the order of the file."""
        self.refresh()
        return self.records()

    def __len__(self) -> int:
        self.refresh()
        return len(self._contents.places)

    def records(self) -> Iterator[Record]:
        """Yield the records that count, in the order of the file, as last read."""
        for key, n in list(self._contents.places):
            record = self.get(key, n)
            if record is not None:
                yield record

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

    def has(self, key: str, n: int) -> bool:
        """Whether there is a record of the n-th question with this key, as last read."""
        return (key, n) in self._contents.places

    def numbers(self, key: str) -> list[int]:
        """Return the numbers of the records with this key, the lowest first, as last read."""
        return self._contents.numbers(key)

    def get(self, key: str, n: int, body: Mapping[str, Any] | None = None) -> Record | None:
        """Return the record of the n-th question with this key, as last read; `body` is the question's."""
        with self._lock:
            record = self._get(key, n, body)
            if record is None and self.has(key, n):
                self._contents = Contents(self.path)  # another file may have taken its place
                self.refresh()
                record = self._get(key, n, body, last=True)
            return record

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Who was asked, as last read: each endpoint and model, in their order."""
        with self._lock:
            contents, done = self._paired
            if contents is not self._contents:
                self._pairs, done = {}, 0
            for key, n in list(self._contents.places)[done:]:
                record = self.get(key, n)
                if record is not None:
                    self._pairs[record.endpoint, str(record.body.get("model", ""))] = None
            self._paired = (self._contents, len(self._contents.places))
            return list(self._pairs)

    def _get(self, key: str, n: int, body: Mapping[str, Any] | None, *, last: bool = False) -> Record | None:
        place = self._contents.places.get((key, n))
        if place is None:
            return None
        try:
            with self.path.open("rb") as file:
                file.seek(place[0])
                record = Record.parse(file.read(place[1]), body)
        except OSError:
            return None
        except Damaged as error:
            if last:
                self._contents.spoil((key, n), str(error))
            return None
        return record if (record.key, record.n) == (key, n) else None

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

    def add(self, *records: Record) -> None:
        """Write records, synced once, but those to which there is an equal one.

        Raises:
            CassetteError: They cannot be written; the file is as it was.
        """
        self.refresh()
        lines: list[tuple[tuple[str, int], bytes]] = []
        for record in records:
            known = self.get(record.key, record.n) if self.has(record.key, record.n) else None
            if known is None or not known.same(record):
                lines.append(((record.key, record.n), record.line()))
        if lines:
            start = append(self.path, b"".join(line for _, line in lines), HEADER)
            with self._lock:
                self._contents.wrote(start, lines)

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
