"""What a cassette holds, as far as it was read."""

from __future__ import annotations

import bisect
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from ._append import ReadFile
from ._errors import CassetteError
from ._record import Damaged, Record

if TYPE_CHECKING:
    from collections.abc import Sequence
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
    """Where the records of a file are, up to where it was read: they themselves stay on the disk.

    Attributes:
        places: Offset, length and number of the line of each record that counts, by key and number of its
            question, in the file's order.
        holes: The line of each record that is damaged: its number is nobody else's.
        faults: Lines that cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.places: dict[tuple[str, int], tuple[int, int, int]] = {}
        self.holes: dict[tuple[str, int], int] = {}
        self.faults: list[Fault] = []
        self._path = path
        self._numbers: dict[str, list[int]] = {}  # of questions that were asked more than once
        self._place: tuple[int, int] | None = None
        self._changed = 0
        self._tail = b""
        self._offset = self._line = self._good = 0

    def numbers(self, key: str) -> list[int]:
        """Return the numbers of the records with a key, those of damaged ones too, the lowest first."""
        several = self._numbers.get(key)
        if several is not None:
            return several
        return [1] if (key, 1) in self.places or (key, 1) in self.holes else []

    def spoil(self, place: tuple[str, int], why: str) -> None:
        """Take a record for a line that cannot be used."""
        _, _, line = self.places.pop(place)
        self.holes[place] = line
        self.faults.append(Fault(line, why))

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

    @property
    def known(self) -> ReadFile | None:
        """The file as it was read; None where nothing was, or where it does not end with a whole line."""
        if self._place is None or not self._tail.endswith(b"\n"):
            return None
        return ReadFile(self._place, self._offset, self._tail)

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
                self._line += 1
                self.faults.append(Fault(self._line, f"is longer than {LONGEST >> 20} MiB"))
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

    def wrote(self, start: int, lines: Sequence[tuple[tuple[str, int], bytes]]) -> None:
        """Take lines that were just written, each the record of a place, where they follow what was read."""
        if start != self._offset or self._place is None:
            return  # others wrote in between: all of it is read when it is next asked for
        for place, line in lines:
            self._note(place, len(line))
            self._offset += len(line)
            self._line += 1
            self._good += 1
        self._tail = lines[-1][1][-_TAIL:]
        about = self._path.stat()
        if (about.st_dev, about.st_ino) == self._place:
            self._changed = about.st_mtime_ns

    def _mark(self, file: BinaryIO) -> None:
        about = os.fstat(file.fileno())
        self._place, self._changed = (about.st_dev, about.st_ino), about.st_mtime_ns

    def _take(self, line: bytes, *, ended: bool) -> bool:
        """Take a line; return whether it could be used."""
        if not line.strip():
            return True
        try:
            if line.startswith(b'{"jupyter_prem"'):
                self._header(line)
            else:
                self._note(Record.place(line), len(line))
        except Damaged as error:
            if ended:
                self.faults.append(Fault(self._line + 1, str(error)))
                place = Record.named(line)
                if place is not None and place not in self.places:
                    self._number(place)
                    self.holes[place] = self._line + 1
            return False
        self._good += 1
        return True

    def _note(self, place: tuple[str, int], length: int) -> None:
        self._number(place)
        self.holes.pop(place, None)
        # A later one of the same question stands where the first did.
        self.places[place] = (self._offset, length, self._line + 1)

    def _number(self, place: tuple[str, int]) -> None:
        key, number = place
        known = self.numbers(key)
        if number in known[bisect.bisect_left(known, number) :][:1] or (number == 1 and not known):
            return
        if key not in self._numbers:
            self._numbers[key] = list(known)
        bisect.insort(self._numbers[key], number)

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
