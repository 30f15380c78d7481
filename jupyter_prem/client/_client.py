"""Asking a service: one request, its reply, and the deltas between."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Literal, Self

from ._accumulator import Accumulator
from ._decode import DONE, chunk_of, parse_json, quoted, stream_error, words_of
from ._errors import (
    ConfigurationError,
    EmptyResponse,
    IncompleteStream,
    MalformedStream,
    NotAnAPI,
    NotFoundError,
    PremError,
    StreamInterrupted,
    status_error,
)
from ._keys import scrub
from ._request import UNSET, ChatRequest, Messages, as_messages, whole
from ._response import ChatResponse, Delta, Model
from ._sse import EventDecoder

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

    import httpx

    from ._address import Address, Endpoint
    from ._cancel import Cancel
    from ._http import Reply

__all__ = ["DEFAULT_TIMEOUT", "BaseClient", "ChatStream", "StreamUsage"]

DEFAULT_TIMEOUT = 300.0
"""Seconds of silence after which a service counts as lost."""

StreamUsage = Literal["auto", "always", "never"]


class BaseClient:
    """Asks one endpoint; safe to share between threads. A context manager that closes its connections.

    Args:
        endpoint: Who answers.
        timeout: Seconds of silence after which the service counts as lost.
        headers: Sent with every request.
        verify: Whether, or with which context, TLS certificates are checked.
        http_client: An `httpx.Client` to use instead of our own.
        stream_usage: Whether a stream asks for its usage; "auto" stops asking a service that refuses.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        headers: Mapping[str, str] | None = None,
        verify: bool | ssl.SSLContext = True,
        http_client: httpx.Client | None = None,
        stream_usage: StreamUsage = "auto",
    ) -> None:
        from ._http import Wire

        self.endpoint = endpoint
        self._stream_usage = stream_usage
        self._takes_usage: bool | None = {"auto": None, "always": True, "never": False}[stream_usage]
        self._model: str | None = None
        self._wire = Wire(timeout=timeout, headers=headers, verify=verify, http_client=http_client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(endpoint={self.endpoint.name!r})"

    def close(self) -> None:
        """Close idle connections."""
        self._wire.close()

    def chat(self, messages: Messages, **fields: Any) -> ChatResponse:
        """Ask and wait for the whole answer.

        Args:
            messages: A string, or messages of the conversation so far.
            fields: Request fields of the API, such as `model`, `temperature`, `seed`.

        Raises:
            RequestError: A field is out of its range; nothing was sent.
            APIError: The service, or the way to it, failed.
        """
        with self.send(self.build(messages, **fields)) as stream:
            for _ in stream:
                pass
            return stream.response

    def stream(self, messages: Messages, **fields: Any) -> ChatStream:
        """Ask and return a context manager that yields the answer's deltas as they arrive.

        Raises: As `chat`; in the middle of the answer its errors carry what had arrived.
        """
        return self.send(self.build(messages, **{**fields, "stream": True}))

    def models(
        self, *, cancel: Cancel | None = None, progress: Callable[[int, int], None] | None = None
    ) -> list[Model]:
        """Return the models that the service lists.

        Raises:
            APIError: The service, or the way to it, failed.
        """
        address = self.endpoint.address(progress)
        with self._wire.send(address, "GET", "models", cancel=cancel) as reply:
            _check_status(reply, address)
            body = _json_body(reply.read(), reply, address)
        data = body.get("data") if isinstance(body, dict) else None
        if not isinstance(data, list):
            raise NotAnAPI("The list of models is not of the API's shape.", where=f"at {address.host}")
        return [
            Model(item["id"], str(item.get("owned_by") or ""), item.get("created"))
            for item in data
            if isinstance(item, dict) and isinstance(item.get("id"), str)
        ]

    @property
    def known_model(self) -> str | None:
        """The model that a request without one goes to, if that is known without asking the service."""
        return self._model or getattr(self.endpoint, "model", None)

    def default_model(self, cancel: Cancel | None = None) -> str:
        """Return the service's only model.

        Raises:
            ConfigurationError: It has none, or several; the text lists them.
        """
        known = self.known_model
        if known is not None:
            return known
        names = [model.id for model in self.models(cancel=cancel)]
        if len(names) == 1:
            self._model = names[0]
            return names[0]
        shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")  # noqa: PLR2004 - a line of names
        raise ConfigurationError(
            f"No model is named, and the service has {len(names)}: {shown}"
            if names
            else "The service has no model.",
            where=f"at {self.endpoint.name}",
            hint="Name one: -m MODEL, %config PremMagics.model, or PREM_MODEL.",
        )

    def build(self, messages: Messages, **fields: Any) -> ChatRequest:
        """Return the checked request that `chat` and `stream` would send.

        Raises:
            RequestError: A field is out of its range.
        """
        checked = as_messages(messages)
        model = fields.pop("model", None)
        draft = ChatRequest.from_body({**fields, "messages": checked, "model": model or "-"})
        if model:
            return draft
        return ChatRequest.from_body({**fields, "messages": checked, "model": self.default_model()})

    def body_of(self, request: ChatRequest) -> dict[str, Any]:
        """Return the body that `request` goes out with: a stream also asks for its usage."""
        body = request.to_body()
        if request.stream is True and request.stream_options is UNSET and self._takes_usage is not False:
            body["stream_options"] = {"include_usage": True}
        return body

    def send(
        self,
        request: ChatRequest,
        *,
        cancel: Cancel | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> ChatStream:
        """Send a checked request; the deltas of its answer come from what is returned.

        Raises:
            APIError: No answer began.
            Interrupted: `cancel` was called meanwhile.
        """
        address = self.endpoint.address(progress)
        body = self.body_of(request)
        started = time.perf_counter()
        reply = self._post(address, body, cancel)
        refused = reply.status_code in (400, 422) and self._stream_usage == "auto"
        if (
            refused
            and self._takes_usage is None
            and "stream_options" in body
            and request.stream_options is UNSET
        ):
            reply.close()
            body = request.to_body()
            reply = self._post(address, body, cancel)
            if reply.status_code < 300:  # noqa: PLR2004 - RFC 9110 section 15
                self._takes_usage = False
        elif reply.status_code < 300 and "stream_options" in body:  # noqa: PLR2004 - RFC 9110 section 15
            self._takes_usage = True
        try:
            _check_status(reply, address)
        except BaseException as error:
            reply.close()
            if isinstance(error, NotFoundError):
                self._model = None
            raise
        return ChatStream(reply, address, body, started)

    def _post(self, address: Address, body: dict[str, Any], cancel: Cancel | None) -> Reply:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        content = whole(text).encode()
        return self._wire.send(address, "POST", "chat/completions", content=content, cancel=cancel)


class ChatStream:
    """An answer on its way: iterate it for deltas; `response` is what has arrived so far.

    A context manager; leaving it early closes the connection. A service that answers a stream's
    request with one whole completion is met: it is one delta.
    """

    def __init__(self, reply: Reply, address: Address, body: dict[str, Any], started: float) -> None:
        self._reply = reply
        self._address = address
        self._body = body
        self._started = started
        self._latency: float | None = None
        self._answer = Accumulator()
        self._ended = False
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
        return self._answer.response(request=self._body, latency=latency, interrupted=not self._ended)

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
                if "text/event-stream" in kind or (not kind and self._body.get("stream")):
                    yield from self._events()
                else:
                    yield from self._whole()
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
                    yield from self._event(event)
                    if self._answer.done:
                        self._ended = True
                        return
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

    def _event(self, event: Any) -> Iterator[Delta]:
        chunk = chunk_of(event)
        if chunk is DONE:
            self._answer.done = True
            return
        yield from self._answer.add(chunk)

    def _last(self, event: Any) -> Iterator[Delta]:
        try:
            yield from self._event(event)
        except MalformedStream:
            # Cut in the middle of an event: what the end of the stream says decides.
            if not self._answer.complete:
                raise IncompleteStream(
                    "The answer was cut off in the middle of an event.",
                    hint="What had arrived is kept; ask again.",
                ) from None

    def _whole(self) -> Iterator[Delta]:
        data = self._reply.read()
        body = _json_body(data, self._reply, self._address)
        if isinstance(body, dict) and body.get("error"):
            raise stream_error(body)
        if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
            raise NotAnAPI(
                "The service answered with something else than a completion.", detail=quoted(words_of(body))
            )
        if self._body.get("stream"):
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
        for part in ("detail", "type", "code"):
            if hasattr(error, part):
                setattr(error, part, scrub(getattr(error, part), self._address.api_key))
        error.response = self.response if self._answer.started else None
        return error


def _json_body(data: bytes, reply: Reply, address: Address) -> Any:
    where = f"at {address.host}"
    if not data.strip():
        raise EmptyResponse("The service answered with nothing.", where=where)
    try:
        return parse_json(data)
    except MalformedStream:
        words = quoted(scrub(data[:2000].decode("utf-8", "replace"), address.api_key))
        page = "html" in reply.headers.get("content-type", "") or data.lstrip()[:1] == b"<"
        raise NotAnAPI(
            "A web page answered, not the API." if page else "The service's answer is no JSON.",
            where=where,
            hint="Check the address (%prem status); a proxy may want a login first.",
            detail=words,
        ) from None


def _check_status(reply: Reply, address: Address) -> None:
    """Raise the named error of a status that is no success, in the service's own words."""
    status = reply.status_code
    if 200 <= status < 300:  # noqa: PLR2004 - RFC 9110 section 15
        return
    request_id = quoted(scrub(reply.headers.get("x-request-id", ""), address.api_key))
    where = f"at {address.host}" + (f", request {request_id}" if request_id else "")
    try:
        data = reply.read()[:100_000]
    except PremError:
        data = b""
    try:
        words = words_of(parse_json(data))
    except MalformedStream:
        words = data[:2000].decode("utf-8", "replace")
    detail = quoted(scrub(words, address.api_key))
    what = f"The service answered {status}."
    if status < 400:  # noqa: PLR2004 - RFC 9110 section 15
        target = quoted(scrub(reply.headers.get("location", "elsewhere"), address.api_key))
        what, detail = f"The service answered {status} and points to {target}; no question is sent on.", ""
    raise status_error(status)(what, status_code=status, request_id=request_id, where=where, detail=detail)
