"""What an answer's body may be: a stream of events, lines of JSON, or one whole completion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ._body import Gathered
from ._decode import DONE, Reader, parse_json, quoted, stream_error, words_of
from ._errors import (
    EmptyResponse,
    IncompleteStream,
    LimitExceeded,
    MalformedStream,
    NotAnAPI,
    ProtocolError,
)
from ._sse import LINE_LIMIT, LONG_LINE, Event, EventDecoder
from ._status import json_body
from ._veil import veil_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ._accumulator import Accumulator
    from ._address import Address
    from ._errors import StreamInterrupted
    from ._response import Delta
    from ._status import Head
    from ._timeouts import Pace
    from ._veil import Veil

__all__ = ["Format", "Formats"]

_KEPT = "What had arrived is kept; ask again."
_SPACE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_LINES = ("ndjson", "jsonl", "json-lines", "jsonlines")
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
_AFTERWARDS = 10.0  # seconds that a stream has for its end, once the answer is whole
_BODIES = b"{[<"  # no field of an event begins so


class Format(Protocol):
    """Fills an answer from bytes; `done` says that those which follow do not count."""

    done: bool

    def feed(self, chunk: bytes) -> Iterator[Delta]:
        """Take the next bytes, and yield what is new in them."""
        ...

    def broke(self, error: StreamInterrupted) -> None:
        """Take the end of the connection; raise the error unless the answer was whole."""
        ...

    def end(self) -> Iterator[Delta]:
        """Take the end of the body, and yield what it completes; raise unless the answer is whole."""
        ...


@dataclass(frozen=True, slots=True)
class _About:
    """What every format needs to know."""

    answer: Accumulator
    head: Head
    address: Address
    pace: Pace
    reader: Reader
    veil: Veil | None
    streamed: bool
    strict: bool


class Formats:
    """The format of a body, by what the service calls it and by how it begins: some call it what it is not.

    Args:
        answer: Is filled.
        head: The reply's status and headers.
        address: Who sends it.
        pace: Is told of each piece of the answer.
        streamed: Whether a stream was asked for.
        strict: Whether habits of servers that no standard allows are errors.
    """

    def __init__(
        self, answer: Accumulator, head: Head, address: Address, pace: Pace, *, streamed: bool, strict: bool
    ) -> None:
        reader = Reader(answer.note, strict=strict)
        veil = answer.veil = veil_of(address.api_key, answer.note)
        self._about = _About(answer, head, address, pace, reader, veil, streamed, strict)
        self._format: Format | None = None
        self._begun = b""

    @property
    def done(self) -> bool:
        """Whether what follows does not count."""
        return self._format is not None and self._format.done

    def feed(self, chunk: bytes) -> Iterator[Delta]:
        """Take the next bytes, and yield what is new in them."""
        if self._format is not None:
            return self._format.feed(chunk)
        begun = self._begun = (self._begun + chunk).lstrip(_SPACE)
        if not (len(begun) < len(_BOM) and _BOM.startswith(begun)):
            begun = self._begun = begun.removeprefix(_BOM).lstrip(_SPACE)
            self._format = self._chosen(begun) if begun else None
            if self._format is not None:
                return self._format.feed(begun)
        return iter(())

    def broke(self, error: StreamInterrupted) -> None:
        """Take the end of the connection; raise the error unless the answer was whole."""
        if self._format is None:
            raise error
        self._format.broke(error)

    def end(self) -> Iterator[Delta]:
        """Take the end of the body, and yield what it completes; raise unless the answer is whole."""
        if self._format is None:
            if not self._begun:
                raise EmptyResponse("The service answered with nothing.")
            self._format = _Whole(self._about)
            self._format.feed(self._begun)
        return self._format.end()

    def _chosen(self, begun: bytes) -> Format | None:
        """Return the format of a body that begins so; None as long as that is not certain."""
        about = self._about
        kind = about.head.headers.get("content-type", "").lower()
        if begun[:1] not in _BODIES and ("text/event-stream" in kind or (not kind and about.streamed)):
            return _Events(about, EventDecoder())
        if begun.startswith(b"{") and any(name in kind for name in _LINES):
            return _Events(about, _LineDecoder())
        if begun.startswith(_FIELDS):
            about.answer.note("The service did not call its stream of events one.")
            return _Events(about, EventDecoder())
        if any(field.startswith(begun) for field in _FIELDS):
            return None
        return _Whole(about)


class _LineDecoder:
    """Lines of JSON, each as an event."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterable[Event]:
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = b"".join([*self._parts, lines[0]])
            self._parts, self._size = [], 0
        self._parts.append(rest)
        self._size += len(rest)
        if self._size > LINE_LIMIT:
            raise LimitExceeded(LONG_LINE)
        return [Event("message", line) for line in lines if line.strip()]

    def close(self) -> Iterable[Event]:
        return self.feed(b"\n")


class _Events:
    """A stream of events."""

    def __init__(self, about: _About, decoder: EventDecoder | _LineDecoder) -> None:
        self.done = False
        self._answer, self._reader, self._pace, self._veil = (
            about.answer,
            about.reader,
            about.pace,
            about.veil,
        )
        self._strict = about.strict
        self._decoder = decoder
        if isinstance(decoder, _LineDecoder):
            self._answer.note("The service sent lines of JSON, not events.")

    def feed(self, chunk: bytes) -> Iterator[Delta]:
        for event in self._decoder.feed(chunk):
            data = self._reader.chunk(event)
            if data is DONE:
                yield from self._rest()
                self._ended()
                return
            if data.get("choices"):
                self._pace.said = True
            for delta in self._answer.add(data if self._veil is None else self._veil.chunk(data)):
                if delta.finish_reason is not None and self._answer.complete:
                    self._pace.hurry(_AFTERWARDS)  # usage and [DONE] come now, or not at all
                yield delta

    def broke(self, error: StreamInterrupted) -> None:
        # Behind some proxies a stream ends without its end; what the service said decides.
        if not self._answer.complete:
            raise error
        self._answer.note("The connection broke after the end of the answer.")

    def end(self) -> Iterator[Delta]:
        if not self._strict:
            for event in self._decoder.close():
                yield from self._last(event)
        yield from self._rest()
        if not self._answer.complete:
            raise IncompleteStream(
                "The answer ended early: the service gave neither a finish reason nor [DONE].", hint=_KEPT
            )

    def _last(self, event: Event) -> Iterator[Delta]:
        try:
            chunk = self._reader.chunk(event)
        except MalformedStream:
            # Cut in the middle of an event: what the end of the stream says decides.
            if not self._answer.complete:
                raise IncompleteStream(
                    "The answer was cut off in the middle of an event.", hint=_KEPT
                ) from None
            return
        if chunk is DONE:
            self._ended()
        else:
            yield from self._answer.add(chunk if self._veil is None else self._veil.chunk(chunk))

    def _rest(self) -> list[Delta]:
        """Return what waits to be known for something else than the key."""
        return [] if self._veil is None else self._answer.add(self._veil.rest())

    def _ended(self) -> None:
        if not self._answer.started:
            raise EmptyResponse("The service ended its answer without beginning it.")
        if not self._answer.complete:
            self._answer.note("The service ended its answer without a finish reason.")
        self.done = self._answer.done = True


class _Whole:
    """One whole completion, also where a stream was asked for: it is one delta."""

    def __init__(self, about: _About) -> None:
        self.done = False
        self._about = about
        self._body = Gathered(about.address)

    def feed(self, chunk: bytes) -> Iterator[Delta]:
        if not chunk.isspace():  # some services keep a connection alive with empty lines
            self._about.pace.said = True
        self._body.add(chunk)
        return iter(())

    def broke(self, error: StreamInterrupted) -> None:
        raise error

    def end(self) -> Iterator[Delta]:
        about, answer, data = self._about, self._about.answer, self._body.whole()
        try:
            body = json_body(data, about.head, about.address, about.reader)
        except (NotAnAPI, ProtocolError, MalformedStream):
            stream = self._stream(data)
            if stream is None:
                raise
            yield from stream.feed(data)
            if not stream.done:
                yield from stream.end()
            return
        if isinstance(body, dict) and body.get("error"):
            raise stream_error(body)
        if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
            raise NotAnAPI(
                "The service answered with something else than a completion.", detail=quoted(words_of(body))
            )
        if about.streamed:
            answer.note("The service sent the whole answer at once.")
        yield from answer.add(body if about.veil is None else about.veil.chunk(body))
        if not answer.complete:
            raise IncompleteStream("The answer has no finish reason.", hint=_KEPT)

    def _stream(self, data: bytes) -> _Events | None:
        """Return what reads the body as a stream, where it is one that is called something else."""
        first, _, rest = data.partition(b"\n")
        if not rest.lstrip().startswith((b"{", b"[DONE]")):
            return None
        try:
            parse_json(first)
        except MalformedStream:
            return None
        return _Events(self._about, _LineDecoder())
