"""An answer that a service sends: from a reply's bytes to deltas, what is no answer to a named error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    from collections.abc import Iterator

    from ._accumulator import Accumulator
    from ._address import Address
    from ._http import Reply
    from ._request import Body
    from ._response import Delta

__all__ = ["ReplySource"]


class ReplySource:
    """An answer as a service sends it.

    A service that answers a stream's request with one whole completion is met: it is one delta.
    """

    def __init__(self, reply: Reply, address: Address, body: Body) -> None:
        self._reply = reply
        self._address = address
        self._streamed = bool(body.fields.get("stream"))

    def deltas(self, answer: Accumulator) -> Iterator[Delta]:
        """Fill the answer, and yield what is new in it."""
        with self._reply:
            kind = self._reply.headers.get("content-type", "").lower()
            if "text/event-stream" in kind or (not kind and self._streamed):
                yield from self._events(answer)
            else:
                yield from self._whole(answer)

    def close(self) -> None:
        """Free the connection."""
        self._reply.close()

    def _events(self, answer: Accumulator) -> Iterator[Delta]:
        decoder = EventDecoder()
        received = False
        try:
            for chunk in self._reply.chunks():
                received = received or bool(chunk)
                for event in decoder.feed(chunk):
                    data = chunk_of(event)
                    if data is DONE:
                        answer.done = True
                        return
                    yield from answer.add(data)
        except StreamInterrupted:
            # Behind some proxies a stream ends without its end; what the service said decides.
            if not answer.complete:
                raise
            answer.notes.append("The connection broke after the end of the answer.")
        for event in decoder.close():
            yield from self._last(answer, event)
        if not received:
            raise EmptyResponse("The service answered with nothing.")
        if not answer.complete:
            raise IncompleteStream(
                "The answer ended early: the service gave neither a finish reason nor [DONE].",
                hint="What had arrived is kept; ask again.",
            )

    def _last(self, answer: Accumulator, event: Any) -> Iterator[Delta]:
        try:
            chunk = chunk_of(event)
            if chunk is DONE:
                answer.done = True
            else:
                yield from answer.add(chunk)
        except MalformedStream:
            # Cut in the middle of an event: what the end of the stream says decides.
            if not answer.complete:
                raise IncompleteStream(
                    "The answer was cut off in the middle of an event.",
                    hint="What had arrived is kept; ask again.",
                ) from None

    def _whole(self, answer: Accumulator) -> Iterator[Delta]:
        data = self._reply.read()
        body = json_body(data, self._reply, self._address)
        if isinstance(body, dict) and body.get("error"):
            raise stream_error(body)
        if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
            raise NotAnAPI(
                "The service answered with something else than a completion.", detail=quoted(words_of(body))
            )
        if self._streamed:
            answer.notes.append("The service sent the whole answer at once.")
        yield from answer.add(body)
        if not answer.complete:
            raise IncompleteStream(
                "The answer has no finish reason.", hint="What had arrived is kept; ask again."
            )

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
