"""A file of recorded answers: one a line, only ever added to."""

from __future__ import annotations

import stat
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ._append import OtherFileError, ReadFile, append, rewrite
from ._contents import FORMAT, HEADER, Contents, Fault
from ._errors import CassetteError
from ._record import Damaged, Record

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterator, Mapping, Sequence

    Placed = tuple[tuple[str, int], bytes]

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
                return not file.readline(2 * len(HEADER)).strip() or not file.readline(1)
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

    def hole(self, key: str, n: int) -> int | None:
        """Return the line of the n-th record with this key if it is damaged, as last read."""
        return self._contents.holes.get((key, n))

    def get(self, key: str, n: int, body: Mapping[str, Any] | None = None) -> Record | None:
        """Return the record of the n-th question with this key; `body` is the question's, if it is at hand.

        What was read last counts, unless another file has taken its place.

        Raises:
            CassetteError: That file is no cassette, or one of a later version.
        """
        place = (key, n)
        with self._lock:
            if place not in self._contents.places:
                return None
            try:
                with self.path.open("rb") as file:
                    if not self._contents.is_of(file):
                        self._take(file)
                    if place not in self._contents.places:
                        return None
                    offset, length, _ = self._contents.places[place]
                    file.seek(offset)
                    return Record.parse(file.read(length), body)
            except OSError:
                return None
            except Damaged as error:
                self._contents.spoil(place, str(error))
                return None

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

    def refresh(self) -> None:
        """Read what was added since, or all of it if it is another file now.

        Raises:
            CassetteError: It cannot be read, is no cassette, or one of a later version.
        """
        with self._lock:
            try:
                self._refuse_kinds()
                with self.path.open("rb") as file:
                    self._take(file)
            except FileNotFoundError:
                self._contents = Contents(self.path)
            except OSError as error:
                raise CassetteError(
                    f"The recordings cannot be read: {error.strerror}.", where=f"in {self.path}"
                ) from None

    def add(self, *records: Record) -> None:
        """Write records, synced once, but those to which there is an equal one.

        Raises:
            CassetteError: They cannot be written; the file is as it was.
        """
        self.add_lines([((record.key, record.n), record.line()) for record in records])

    def add_lines(self, lines: Sequence[Placed]) -> None:
        """Write records that are lines already, each with its key and number; as `add`."""
        with self._lock:
            known = self._contents.known
        if known is not None and not any(self.has(*place) for place, _ in lines):
            with suppress(OtherFileError):
                self._append(lines, known)
                return
        self.refresh()
        new = [(place, line) for place, line in lines if not self._holds(place, line)]
        if new:
            self._append(new)

    def _holds(self, place: tuple[str, int], line: bytes) -> bool:
        """Whether there is a record equal to that of a line."""
        old = self.get(*place) if self.has(*place) else None
        return old is not None and old.same(Record.parse(line))

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

    def _append(self, lines: Sequence[Placed], known: ReadFile | None = None) -> None:
        start = append(self.path, b"".join(line for _, line in lines), HEADER, known)
        with self._lock:
            self._contents.wrote(start, lines)

    def _take(self, file: BinaryIO) -> None:
        contents = self._contents if self._contents.is_of(file) else Contents(self.path)
        try:
            contents.read(file)
        except CassetteError:
            self._contents = Contents(self.path)
            raise
        self._contents = contents

    def _refuse_kinds(self) -> None:
        kind = _KINDS.get(stat.S_IFMT(self.path.stat().st_mode))
        if kind is not None:
            raise CassetteError(
                f"{self.path} {kind}.", hint="Name a file of recordings, such as notebook.chat.jsonl."
            )
