"""The rows of an experiment, on the disk once they are many: its size is no matter of memory."""

from __future__ import annotations

import json
import tempfile
import threading
import weakref
from array import array
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Rows"]

# One encoder for all rows: `json.dumps` makes another each time.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_IN_MEMORY = 8 * 2**20  # bytes, beyond which rows are in a file without a name


class Rows:
    """Rows by their place in the grid, each JSON data; safe between threads.

    Args:
        total: How many there will be.

    Attributes:
        count: How many there are.
        failed: How many of them have an error.
        tokens: What all of them used.
    """

    def __init__(self, total: int) -> None:
        self._places = array("q", [-1]) * total
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - lives as long as the rows
        weakref.finalize(self, self._file.close)
        self._lock = threading.Lock()
        self._end = 0
        self.count = self.failed = self.tokens = 0

    def add(self, index: int, row: dict[str, Any]) -> None:
        """Take the row at a place; a later one takes the place of an earlier."""
        data = _encode(row).encode("utf-8", "surrogatepass") + b"\n"
        with self._lock:
            earlier = self._at(index)
            self._file.seek(self._end)
            self._file.write(data)
            self._places[index] = self._end
            self._end += len(data)
            if earlier is not None:
                self._tally(earlier, -1)
            self._tally(row, 1)

    def get(self, index: int) -> dict[str, Any] | None:
        """Return the row at a place; None where there is none yet."""
        with self._lock:
            return self._at(index)

    def _at(self, index: int) -> dict[str, Any] | None:
        place = self._places[index]
        if place < 0:
            return None
        self._file.seek(place)
        row: dict[str, Any] = json.loads(self._file.readline().decode("utf-8", "surrogatepass"))
        return row

    def _tally(self, row: dict[str, Any], sign: int) -> None:
        self.count += sign
        self.failed += sign * ("error" in row)
        self.tokens += sign * _tokens(row)

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the place and the row of each that is there, in the order of the grid."""
        for index in range(len(self._places)):
            row = self.get(index)
            if row is not None:
                yield index, row


def _tokens(row: dict[str, Any]) -> int:
    """Return what a row used; one that comes from a file may be of any shape."""
    answer = row.get("answer")
    usage = answer.get("usage") if isinstance(answer, dict) else None
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if type(total) is int else 0
