"""Asking a service, and waiting for it: one request at a time."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any, Self

from ._errors import PremError
from ._reply import ReplySource
from ._service import DEFAULT_TIMEOUT, Service, StreamUsage
from ._status import succeeded
from ._stream import ChatStream

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    import httpx

    from ._address import Address, Endpoint
    from ._cancel import Cancel
    from ._http._wire import Reply
    from ._request import ChatRequest, Messages
    from ._response import ChatResponse, Model

__all__ = ["BaseClient"]


class BaseClient(Service):
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
        from ._http._wire import Wire

        super().__init__(endpoint, stream_usage)
        self._wire = Wire(timeout=timeout, headers=headers, verify=verify, http_client=http_client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
            self._check(reply, address)
            return self._listed(reply.read(), reply, address)

    def default_model(self, cancel: Cancel | None = None) -> str:
        """Return the service's only model.

        Raises:
            ConfigurationError: It has none, or several; the text lists them.
        """
        known = self.known_model
        return known if known is not None else self._only(self.models(cancel=cancel))

    def build(self, messages: Messages, **fields: Any) -> ChatRequest:
        """Return the checked request that `chat` and `stream` would send.

        Raises:
            RequestError: A field is out of its range.
        """
        request, unnamed = self._draft(messages, fields)
        return dataclasses.replace(request, model=self.default_model()) if unnamed else request

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
        attempt = self._attempt(request)
        address = self.endpoint.address(progress)
        started = time.perf_counter()
        reply = self._post(address, attempt.content, cancel)
        while attempt.again(reply.status_code):
            reply.close()
            reply = self._post(address, attempt.content, cancel)
        try:
            self._check(reply, address)
        except BaseException:
            reply.close()
            raise
        return ChatStream(
            ReplySource(reply, address, attempt.body),
            attempt.body,
            started,
            about={"endpoint": self.endpoint.name},
        )

    def _post(self, address: Address, content: bytes, cancel: Cancel | None) -> Reply:
        return self._wire.send(address, "POST", "chat/completions", content=content, cancel=cancel)

    def _check(self, reply: Reply, address: Address) -> None:
        if succeeded(reply.status_code):
            return
        try:
            body = reply.read()
        except PremError:
            body = b""
        raise self._refused(reply, body, address)
