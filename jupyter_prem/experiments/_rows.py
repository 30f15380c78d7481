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
    """

    def __init__(self, total: int) -> None:
        self._places = array("q", [-1]) * total
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - lives as long as the rows
        weakref.finalize(self, self._file.close)
        self._lock = threading.Lock()
        self._end = 0
        self.count = 0

    def add(self, index: int, row: dict[str, Any]) -> None:
        """Take the row at a place; a later one takes the place of an earlier."""
        data = _encode(row).encode("utf-8", "surrogatepass") + b"\n"
        with self._lock:
            self._file.seek(self._end)
            self._file.write(data)
            self.count += self._places[index] < 0
            self._places[index] = self._end
            self._end += len(data)

    def get(self, index: int) -> dict[str, Any] | None:
        """Return the row at a place; None where there is none yet."""
        with self._lock:
            place = self._places[index]
            if place < 0:
                return None
            self._file.seek(place)
            line = self._file.readline()
        row: dict[str, Any] = json.loads(line.decode("utf-8", "surrogatepass"))
        return row

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the place and the row of each that is there, in the order of the grid."""
        for index in range(len(self._places)):
            row = self.get(index)
            if row is not None:
                yield index, row
