"""An answer on its way: from a reply's bytes to deltas, and what is no answer to a named error."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from ._accumulator import Accumulator
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
    from collections.abc import Callable, Iterator

    from ._address import Address
    from ._http import Reply
    from ._request import Body
    from ._response import ChatResponse, Delta

__all__ = ["ChatStream"]


class ChatStream:
    """An answer on its way: iterate it for deltas; `response` is what has arrived so far.

    A context manager; leaving it early closes the connection. A service that answers a stream's
    request with one whole completion is met: it is one delta.
    """

    def __init__(self, reply: Reply, address: Address, body: Body, started: float) -> None:
        self._reply = reply
        self._address = address
        self._body = body
        self._started = started
        self._latency: float | None = None
        self._answer = Accumulator()
        self._ended = False
        self._parsed: Any = None
        self._parse: Callable[[ChatResponse], Any] | None = None
        self._deltas = self._run()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Delta]:
        return self._deltas

    @property
    def response(self) -> ChatResponse:
        """The answer, marked as interrupted unless it came to its end."""
        latency = self._latency if self._latency is not None else time.perf_counter() - self._started
        answer = self._answer.response(self._body, latency=latency, interrupted=not self._ended)
        return answer if self._parsed is None else replace(answer, parsed=self._parsed)

    def check_with(self, parse: Callable[[ChatResponse], Any]) -> None:
        """Have the whole answer parsed at its end: what `parse` returns is `response.parsed`.

        What it raises ends the iteration, unless the answer asks for calls.
        """
        self._parse = parse

    def close(self) -> None:
        """Stop reading and free the connection."""
        if self._latency is None:
            self._latency = time.perf_counter() - self._started
        self._deltas.close()  # type: ignore[attr-defined]  # a generator is what _run returns
        self._reply.close()

    def _run(self) -> Iterator[Delta]:
        try:
            with self._reply:
                kind = self._reply.headers.get("content-type", "").lower()
                if "text/event-stream" in kind or (not kind and self._body.fields.get("stream")):
                    yield from self._events()
                else:
                    yield from self._whole()
            if self._parse is not None and not self.response.tool_calls:
                self._parsed = self._parse(self.response)
        except PremError as error:
            raise self._placed(error) from None
        finally:
            self._latency = time.perf_counter() - self._started

    def _events(self) -> Iterator[Delta]:
        decoder = EventDecoder()
        received = False
        try:
            for chunk in self._reply.chunks():
                received = received or bool(chunk)
                for event in decoder.feed(chunk):
                    data = chunk_of(event)
                    if data is DONE:
                        self._answer.done = self._ended = True
                        return
                    yield from self._answer.add(data)
        except StreamInterrupted:
            # Behind some proxies a stream ends without its end; what the service said decides.
            if not self._answer.complete:
                raise
            self._answer.notes.append("The connection broke after the end of the answer.")
        for event in decoder.close():
            yield from self._last(event)
        if not received:
            raise EmptyResponse("The service answered with nothing.")
        if not self._answer.complete:
            raise IncompleteStream(
                "The answer ended early: the service gave neither a finish reason nor [DONE].",
                hint="What had arrived is kept; ask again.",
            )
        self._ended = True

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
                    "The answer was cut off in the middle of an event.",
                    hint="What had arrived is kept; ask again.",
                ) from None

    def _whole(self) -> Iterator[Delta]:
        data = self._reply.read()
        body = json_body(data, self._reply, self._address)
        if isinstance(body, dict) and body.get("error"):
            raise stream_error(body)
        if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
            raise NotAnAPI(
                "The service answered with something else than a completion.", detail=quoted(words_of(body))
            )
        if self._body.fields.get("stream"):
            self._answer.notes.append("The service sent the whole answer at once.")
        yield from self._answer.add(body)
        if not self._answer.complete:
            raise IncompleteStream(
                "The answer has no finish reason.", hint="What had arrived is kept; ask again."
            )
        self._ended = True

    def _placed(self, error: PremError) -> PremError:
        """Return the error with the host, without the key, and with what had arrived."""
        error.where = error.where or f"at {self._address.host}"
        if isinstance(error, APIStreamError) and names_context_window(
            f"{error.code} {error.type} {error.detail}"
        ):
            error.hint = error.hint or ContextWindowExceededError.fixed_hint
        for part in ("detail", "type", "code"):
            if hasattr(error, part):
                setattr(error, part, scrub(getattr(error, part), self._address.api_key))
        error.response = self.response if self._answer.started else None
        return error
