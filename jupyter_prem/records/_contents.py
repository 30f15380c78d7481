"""What a cassette holds, as far as it was read."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from ._errors import CassetteError
from ._record import Damaged, Record

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FORMAT", "HEADER", "Contents", "Fault"]

FORMAT = 1
LONGEST = 64 * 2**20  # bytes of a line; a longer one is passed over unread
HEADER = json.dumps({"jupyter_prem": "cassette", "format": FORMAT}, separators=(",", ":")).encode() + b"\n"
_TAIL = 128  # bytes before the end of what was read, by which it is known again


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be used: its number, from 1, and why."""

    line: int
    why: str

    def __str__(self) -> str:
        return f"line {self.line} {self.why}"


class Contents:
    """The records of a file up to where it was read.

    Attributes:
        records: Those that count, by key and number, in the order of the file.
        numbers: The numbers of each key.
        pairs: Who was asked: each endpoint and model, in their order.
        faults: Lines that cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.records: dict[tuple[str, int], Record] = {}
        self.numbers: dict[str, set[int]] = {}
        self.pairs: dict[tuple[str, str], None] = {}
        self.faults: list[Fault] = []
        self._path = path
        self._place: tuple[int, int] | None = None
        self._changed = 0
        self._tail = b""
        self._offset = self._line = self._good = 0

    def is_of(self, file: BinaryIO) -> bool:
        """Whether the file begins with what was read: it grew, and no other took its place.

        A file that is written over in place stays the same one, and may come to the same length.
        """
        about = os.fstat(file.fileno())
        if (about.st_dev, about.st_ino) != self._place or about.st_size < self._offset:
            return False
        if about.st_size == self._offset and about.st_mtime_ns != self._changed:
            return False
        file.seek(self._offset - len(self._tail))
        return file.read(len(self._tail)) == self._tail

    def read(self, file: BinaryIO) -> None:
        """Take what follows in the file.

        Raises:
            CassetteError: It holds no recordings, or those of a later version.
        """
        if os.fstat(file.fileno()).st_size == self._offset:  # a device such as /dev/full never ends
            self._mark(file)
            return
        file.seek(self._offset)
        while line := file.readline(LONGEST):
            ended = line.endswith(b"\n")
            if not ended and len(line) == LONGEST:
                self._fault(f"is longer than {LONGEST >> 20} MiB")
                while line and not line.endswith(b"\n"):
                    line = file.readline(LONGEST)
            elif not self._take(line, ended=ended) and not ended:
                break  # what a killed process left, or another is writing now
            else:
                self._line += 1
            self._offset, self._tail = file.tell(), line[-_TAIL:]
        self._mark(file)
        if not self._good and self.faults:
            raise CassetteError(
                f"This file holds no recordings: {self.faults[0]}.",
                where=f"in {self._path}",
                hint="Name another file; this one is left as it is.",
            )

    def _mark(self, file: BinaryIO) -> None:
        about = os.fstat(file.fileno())
        self._place, self._changed = (about.st_dev, about.st_ino), about.st_mtime_ns

    def _fault(self, why: str) -> None:
        self._line += 1
        self.faults.append(Fault(self._line, why))

    def _take(self, line: bytes, *, ended: bool) -> bool:
        """Take a line; return whether it could be used."""
        if not line.strip():
            return True
        try:
            if line.startswith(b'{"jupyter_prem"'):
                self._header(line)
            else:
                self._record(Record.parse(line))
        except Damaged as error:
            if ended:
                self.faults.append(Fault(self._line + 1, str(error)))
            return False
        self._good += 1
        return True

    def _record(self, record: Record) -> None:
        # A later one of the same question stands where the first did.
        self.records[record.key, record.n] = record
        self.numbers.setdefault(record.key, set()).add(record.n)
        self.pairs[record.endpoint, str(record.body.get("model", ""))] = None

    def _header(self, line: bytes) -> None:
        try:
            version = json.loads(line)["format"]
        except (ValueError, RecursionError, KeyError):
            raise Damaged("is a header that cannot be read") from None
        if version != FORMAT:
            raise CassetteError(
                f"These recordings have format {version!r}; this version reads format {FORMAT}.",
                where=f"in {self._path}",
                hint="Update jupyter_prem: pip install -U jupyter_prem",
            )
