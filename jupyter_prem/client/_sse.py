"""Server-sent events, decoded without I/O.

Rules are those of the WHATWG HTML standard, section 9.2.6 "Interpreting an event stream"; two known
habits of servers are met besides: a last event without its blank line is handed out, and old
llama.cpp's `error:` field line is an event of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from ._errors import LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["LINE_LIMIT", "LONG_LINE", "Event", "EventDecoder"]

LINE_LIMIT: Final = 8 * 2**20
EVENT_LIMIT: Final = 16 * 2**20

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
_SHORTEST = len(b"data: ")
_LF = 0x0A
LONG_LINE = f"One line of the stream is over {LINE_LIMIT // 2**20} MiB."


class Event(NamedTuple):
    """One event: its type ("message" unless named) and its data, still bytes of UTF-8."""

    type: str
    data: bytes


class EventDecoder:
    """Turns bytes, cut anywhere, into events.

    Work is linear in the bytes: a long line is searched once, however it arrives.

    Raises:
        LimitExceeded: A line is over 8 MiB or an event over 16 MiB.
    """

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._after_cr = False
        self._at_start = True
        self._data: list[bytes] = []
        self._size = 0
        self._type = ""

    def feed(self, chunk: bytes) -> Iterable[Event]:
        """Return the events that `chunk` completes."""
        if (
            chunk[:6] == b"data: "
            and chunk.find(b"\n") == len(chunk) - 2 > _SHORTEST
            and chunk[-1] == _LF
            and b"\r" not in chunk
            and not (self._chunks or self._after_cr or self._at_start or self._data or self._type)
        ):  # services flush an event at a time, so nearly all come this way
            if len(chunk) > LINE_LIMIT:
                raise LimitExceeded(LONG_LINE)
            return (Event("message", chunk[6:-2]),)
        return self._feed(chunk)

    def _feed(self, chunk: bytes) -> Iterator[Event]:
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        start = 0
        for end in _LINE_END.finditer(chunk):
            line = chunk[start : end.start()]
            start = end.end()
            if self._chunks:
                line = b"".join([*self._chunks, line])
                self._chunks.clear()
                self._buffered = 0
            yield from self._line(line)
        if start and chunk.endswith(b"\r"):
            self._after_cr = True
        if start < len(chunk):
            self._chunks.append(chunk[start:])
            self._buffered += len(chunk) - start
            if self._buffered > LINE_LIMIT:
                raise LimitExceeded(LONG_LINE)

    def close(self) -> Iterator[Event]:
        """Yield what the end of the stream leaves: an event whose blank line is missing."""
        if self._chunks:
            line = b"".join(self._chunks)
            self._chunks.clear()
            yield from self._line(line)
        yield from self._line(b"")

    def _line(self, line: bytes) -> Iterator[Event]:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if not line:
            yield from self._dispatch()
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._size += len(value) + 1  # an empty line takes room too
            if len(line) > LINE_LIMIT or self._size > EVENT_LIMIT:
                raise LimitExceeded(f"One event of the stream is over {EVENT_LIMIT // 2**20} MiB.")
            self._data.append(value)
        elif name == b"event":
            self._type = value.decode("utf-8", "replace")
        elif name == b"error":
            yield Event("error", value)

    def _dispatch(self) -> Iterator[Event]:
        data, kind = b"\n".join(self._data), self._type
        has_data = bool(self._data) and data != b""
        self._data.clear()
        self._size = 0
        self._type = ""
        if has_data or kind == "error":
            yield Event(kind or "message", data)
