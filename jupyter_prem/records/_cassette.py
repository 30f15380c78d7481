"""A file of recorded answers: one a line, only ever added to."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ._append import append
from ._errors import CassetteError
from ._record import Damaged, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["FORMAT", "Cassette", "Fault"]

FORMAT = 1
LONGEST = 64 * 2**20  # bytes of a line; a longer one is passed over unread
_HEADER = json.dumps({"jupyter_prem": "cassette", "format": FORMAT}, separators=(",", ":")).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be used: its number, from 1, and why."""

    line: int
    why: str

    def __str__(self) -> str:
        return f"line {self.line} {self.why}"


class Cassette:
    """The records of a file, read when they are first asked for and then as the file grows.

    Safe between threads, and between processes that add to one file. Of two records of one question the later
    one counts. A last line that a killed process left without its end is passed over.

    Attributes:
        path: The file; it need not exist.
        faults: Lines that cannot be used.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self.faults: list[Fault] = []
        self._records: dict[tuple[str, int], Record] = {}
        self._numbers: dict[str, set[int]] = {}
        self._pairs: dict[tuple[str, str], None] = {}
        self._lock = threading.RLock()
        self._forget()

    def __repr__(self) -> str:
        return f"Cassette({str(self.path)!r})"

    def __iter__(self) -> Iterator[Record]:
        """The records that count, in the order of the file."""
        self.refresh()
        with self._lock:
            return iter(list(self._records.values()))

    def __len__(self) -> int:
        self.refresh()
        return len(self._records)

    @property
    def exists(self) -> bool:
        """Whether there is such a file."""
        return self.path.exists()

    def get(self, key: str, n: int) -> Record | None:
        """Return the record of the n-th question with this key, as last read."""
        return self._records.get((key, n))

    def nth(self, key: str, n: int) -> Record | None:
        """Return the n-th record with this key in the order of their numbers, as last read."""
        numbers = sorted(self._numbers.get(key, ()))
        return self._records[key, numbers[n - 1]] if n <= len(numbers) else None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Who was asked, as last read: each endpoint and model."""
        return list(self._pairs)

    def refresh(self) -> None:
        """Read what was added since, or all of it if another file took its place.

        Raises:
            CassetteError: It cannot be read, is no cassette, or one of a later version.
        """
        with self._lock:
            try:
                with self.path.open("rb") as file:
                    self._read(file)
            except FileNotFoundError:
                self._forget()
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
        append(self.path, record.line(), _HEADER)
        return True

    def rewrite(self, keep: Iterable[Record]) -> None:
        """Leave only these records, in the order of the file; damaged lines go.

        Raises:
            CassetteError: It cannot be written; the file is as it was.
        """
        kept = {(record.key, record.n) for record in keep}
        lines = [record.line() for record in self if (record.key, record.n) in kept]
        append(self.path, b"".join(lines), _HEADER, afresh=True)
        self.refresh()

    def _forget(self) -> None:
        self._records.clear()
        self._numbers.clear()
        self._pairs.clear()
        self.faults.clear()
        self._file: tuple[int, int] | None = None
        self._offset = self._line = self._good = 0
        self._open_fault: Fault | None = None

    def _read(self, file: BinaryIO) -> None:
        about = os.fstat(file.fileno())
        this = (about.st_dev, about.st_ino)
        if this != self._file or about.st_size < self._offset:
            self._forget()
            self._file = this
        if about.st_size == self._offset:
            return
        file.seek(self._offset)
        while line := file.readline(LONGEST):
            ended = line.endswith(b"\n")
            if not ended and len(line) == LONGEST:
                self._line += 1
                self.faults.append(Fault(self._line, f"is longer than {LONGEST >> 20} MiB"))
                while line and not line.endswith(b"\n"):
                    line = file.readline(LONGEST)
                self._offset = file.tell()
                continue
            if not self._take(line, self._line + 1) and not ended:
                break  # what a killed process left, or another is writing now
            self._line += 1
            self._offset = file.tell()
        if not self._good and self.faults:
            first = self.faults[0]
            self._forget()
            raise CassetteError(
                f"This file holds no recordings: {first}.",
                where=f"in {self.path}",
                hint="Name another file; this one is left as it is.",
            )

    def _take(self, line: bytes, number: int) -> bool:
        """Take a line; return whether it could be used."""
        if not line.strip():
            return True
        if line.startswith(b'{"jupyter_prem"'):
            return self._header(line, number)
        try:
            record = Record.parse(line)
        except Damaged as error:
            if line.endswith(b"\n"):
                self.faults.append(Fault(number, str(error)))
            return False
        self._good += 1
        place = (record.key, record.n)
        self._records[place] = record  # a later one of the same question stands where the first did
        self._numbers.setdefault(record.key, set()).add(record.n)
        self._pairs[record.endpoint, str(record.body.get("model", ""))] = None
        return True

    def _header(self, line: bytes, number: int) -> bool:
        try:
            version = json.loads(line)["format"]
        except (ValueError, RecursionError, KeyError):
            self.faults.append(Fault(number, "is a header that cannot be read"))
            return False
        if version != FORMAT:
            self._forget()
            raise CassetteError(
                f"These recordings have format {version!r}; this version reads format {FORMAT}.",
                where=f"in {self.path}",
                hint="Update jupyter_prem: pip install -U jupyter_prem",
            )
        self._good += 1
        return True
