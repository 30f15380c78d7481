"""Asking a service: which endpoint, which model, and one request at a time."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Literal, Self

from ._errors import ConfigurationError, NotAnAPI, NotFoundError, RequestError
from ._reply import ReplySource
from ._request import UNSET, ChatRequest, Messages, as_messages
from ._response import ChatResponse, Model
from ._status import check_status, json_body
from ._stream import ChatStream

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    import httpx

    from ._address import Address, Endpoint
    from ._cancel import Cancel
    from ._http import Reply
    from ._request import Body

__all__ = ["DEFAULT_TIMEOUT", "BaseClient", "StreamUsage"]

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
            check_status(reply, address)
            body = json_body(reply.read(), reply, address)
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
        """Return the body that `request` goes out with, in its order: a stream also asks for its usage."""
        body: dict[str, Any] = json.loads(self._body_of(request).to_json(sort_keys=False))
        return body

    def _body_of(self, request: ChatRequest) -> Body:
        if request.stream is True and request.stream_options is UNSET and self._takes_usage is not False:
            return request.body(stream_options={"include_usage": True})
        return request.body()

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
        if request.tool_choice == "required" and not self.endpoint.takes_required:
            raise RequestError(
                "tool_choice", "required", f"{self.endpoint.name} takes none, auto, or the name of a tool"
            )
        address = self.endpoint.address(progress)
        body = self._body_of(request)
        started = time.perf_counter()
        reply = self._post(address, body, cancel)
        refused = reply.status_code in (400, 422) and self._stream_usage == "auto"
        if (
            refused
            and self._takes_usage is None
            and "stream_options" in body.fields
            and request.stream_options is UNSET
        ):
            reply.close()
            body = request.body()
            reply = self._post(address, body, cancel)
            if reply.status_code < 300:  # noqa: PLR2004 - RFC 9110 section 15
                self._takes_usage = False
        elif reply.status_code < 300 and "stream_options" in body.fields:  # noqa: PLR2004 - RFC 9110 section 15
            self._takes_usage = True
        try:
            check_status(reply, address)
        except BaseException as error:
            reply.close()
            if isinstance(error, NotFoundError):
                self._model = None
            raise
        return ChatStream(
            ReplySource(reply, address, body), body, started, about={"endpoint": self.endpoint.name}
        )

    def _post(self, address: Address, body: Body, cancel: Cancel | None) -> Reply:
        content = body.to_json(sort_keys=False).encode()
        return self._wire.send(address, "POST", "chat/completions", content=content, cancel=cancel)
