"""An answer that a service sends: from a reply's bytes to deltas, what is no answer to a named error.

The bytes are pushed, so that a thread and a running loop read the same answer in the same way.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol

from ._body import Gathered
from ._decode import DONE, chunk_of, quoted, stream_error, words_of
from ._errors import (
    APIStreamError,
    ContextWindowExceededError,
    EmptyResponse,
    IncompleteStream,
    MalformedStream,
    NotAnAPI,
    PremError,
    StreamInterrupted,
)
from ._keys import scrub
from ._sse import EventDecoder
from ._status import json_body, names_context_window

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping

    from ._accumulator import Accumulator
    from ._address import Address
    from ._http._async_wire import AsyncReply
    from ._http._wire import Reply
    from ._request import Body
    from ._response import Delta

__all__ = ["AsyncReplySource", "Head", "ReplySource"]

_KEPT = "What had arrived is kept; ask again."


class Head(Protocol):
    """What a reply says before its body; names of headers are looked up in lower case."""

    @property
    def status_code(self) -> int:
        """HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers."""
        ...


class _Decoder(Protocol):
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


class _Events:
    """A stream of events."""

    def __init__(self, answer: Accumulator) -> None:
        self.done = False
        self._answer = answer
        self._decoder = EventDecoder()
        self._received = False

    def feed(self, chunk: bytes) -> Iterator[Delta]:
        self._received = self._received or bool(chunk)
        for event in self._decoder.feed(chunk):
            data = chunk_of(event)
            if data is DONE:
                self.done = self._answer.done = True
                return
            yield from self._answer.add(data)

    def broke(self, error: StreamInterrupted) -> None:
        # Behind some proxies a stream ends without its end; what the service said decides.
        if not self._answer.complete:
            raise error
        self._answer.notes.append("The connection broke after the end of the answer.")

    def end(self) -> Iterator[Delta]:
        for event in self._decoder.close():
            yield from self._last(event)
        if not self._received:
            raise EmptyResponse("The service answered with nothing.")
        if not self._answer.complete:
            raise IncompleteStream(
                "The answer ended early: the service gave neither a finish reason nor [DONE].", hint=_KEPT
            )

    def _last(self, event: Any) -> Iterator[Delta]:
        try:
            chunk = chunk_of(event)
            if chunk is DONE:
                self._answer.done = True
            else:
                yield from self._answer.add(chunk)
        except MalformedStream:
            # Cut in the middle of an event: what the end of the stream says decides.
            if not self._answer.complete:
                raise IncompleteStream(
                    "The answer was cut off in the middle of an event.", hint=_KEPT
                ) from None


class _Whole:
    """One whole completion, also where a stream was asked for: it is one delta."""

    def __init__(self, answer: Accumulator, head: Head, address: Address, *, streamed: bool) -> None:
        self.done = False
        self._answer = answer
        self._head = head
        self._address = address
        self._streamed = streamed
        self._body = Gathered(address)

    def feed(self, chunk: bytes) -> Iterator[Delta]:
        self._body.add(chunk)
        return iter(())

    def broke(self, error: StreamInterrupted) -> None:
        raise error

    def end(self) -> Iterator[Delta]:
        body = json_body(self._body.whole(), self._head, self._address)
        if isinstance(body, dict) and body.get("error"):
            raise stream_error(body)
        if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
            raise NotAnAPI(
                "The service answered with something else than a completion.", detail=quoted(words_of(body))
            )
        if self._streamed:
            self._answer.notes.append("The service sent the whole answer at once.")
        yield from self._answer.add(body)
        if not self._answer.complete:
            raise IncompleteStream("The answer has no finish reason.", hint=_KEPT)


class _Replied:
    """What is the same of an answer, whoever waits for it."""

    def __init__(self, address: Address, body: Body) -> None:
        self._address = address
        self._streamed = bool(body.fields.get("stream"))

    def _decoder(self, head: Head, answer: Accumulator) -> _Decoder:
        kind = head.headers.get("content-type", "").lower()
        if "text/event-stream" in kind or (not kind and self._streamed):
            return _Events(answer)
        return _Whole(answer, head, self._address, streamed=self._streamed)

    def placed(self, error: PremError) -> PremError:
        """Return the error with the host, and without the key."""
        error.where = error.where or f"at {self._address.host}"
        if isinstance(error, APIStreamError) and names_context_window(
            f"{error.code} {error.type} {error.detail}"
        ):
            error.hint = error.hint or ContextWindowExceededError.fixed_hint
        for part in ("detail", "type", "code"):
            if hasattr(error, part):
                setattr(error, part, scrub(getattr(error, part), self._address.api_key))
        return error


class ReplySource(_Replied):
    """An answer as a service sends it."""

    def __init__(self, reply: Reply, address: Address, body: Body) -> None:
        super().__init__(address, body)
        self._reply = reply

    def deltas(self, answer: Accumulator) -> Iterator[Delta]:
        """Fill the answer, and yield what is new in it."""
        with self._reply:
            decoder = self._decoder(self._reply, answer)
            try:
                for chunk in self._reply.chunks():
                    yield from decoder.feed(chunk)
                    if decoder.done:
                        return
            except StreamInterrupted as error:
                decoder.broke(error)
            yield from decoder.end()

    def close(self) -> None:
        """Free the connection."""
        self._reply.close()


class AsyncReplySource(_Replied):
    """An answer as a service sends it to a running loop."""

    def __init__(self, reply: AsyncReply, address: Address, body: Body) -> None:
        super().__init__(address, body)
        self._reply = reply

    async def deltas(self, answer: Accumulator) -> AsyncGenerator[Delta]:
        """Fill the answer, and yield what is new in it."""
        async with self._reply, aclosing(self._reply.chunks()) as chunks:
            decoder = self._decoder(self._reply, answer)
            try:
                async for chunk in chunks:
                    for delta in decoder.feed(chunk):
                        yield delta
                    if decoder.done:
                        return
            except StreamInterrupted as error:
                decoder.broke(error)
            for delta in decoder.end():
                yield delta

    async def aclose(self) -> None:
        """Free the connection."""
        await self._reply.aclose()
