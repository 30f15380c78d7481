"""Asking a service, and waiting for it: one request at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ._cancel import Cancel, pause
from ._errors import APIError, Interrupted, PremError
from ._outgoing import Outgoing
from ._reply import ReplySource
from ._retry import Retries
from ._service import Attempt, Options, Service, fetching, waiting
from ._status import ERROR_LIMIT, ERROR_WITHIN, succeeded
from ._stream import ChatStream

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from ._address import Address, Endpoint
    from ._backend import Status
    from ._http._wire import Reply
    from ._request import ChatRequest, Messages
    from ._response import ChatResponse, Model

__all__ = ["BaseClient"]

_Answer = TypeVar("_Answer")


class BaseClient(Service):
    """Asks one endpoint; safe to share between threads. A context manager that closes its connections.

    Args:
        endpoint: Who answers.
        options: How it is asked.
        http_client: An `httpx.Client` to use instead of our own.
    """

    def __init__(
        self, endpoint: Endpoint, options: Options | None = None, *, http_client: httpx.Client | None = None
    ) -> None:
        from ._http._wire import Wire

        super().__init__(endpoint, options or Options())
        self._wire = Wire(
            timeouts=self.options.timeouts,
            headers=self.options.headers,
            verify=self.options.verify,
            http_client=http_client,
        )

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

    def models(self, *, cancel: Cancel | None = None, status: Status | None = None) -> list[Model]:
        """Return the models that the service lists.

        Raises:
            APIError: The service, or the way to it, failed.
        """
        return self._again(lambda address, _: self._models(address, cancel), cancel, status)

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
        status: Status | None = None,
    ) -> ChatStream:
        """Send a checked request; the deltas of its answer come from what is returned.

        Args:
            request: The request.
            cancel: Stops it from another thread.
            status: Told what is waited for: a model that is fetched, a service that asked for a pause.

        Raises:
            APIError: No answer began.
            Interrupted: `cancel` was called meanwhile.
        """
        attempt = self._attempt(request)
        started = time.perf_counter()

        def ask(address: Address, retries: Retries) -> ChatStream:
            stream = self._stream(attempt, address, started, cancel)
            stream.note(retries.note)
            return stream

        try:
            return self._again(ask, cancel, status)
        except APIError as error:
            if self._unknown(error, request.model):
                with contextlib.suppress(PremError):
                    models = self._models(self.endpoint.address(), cancel, within=ERROR_WITHIN)
                    self._near(error, request.model, models)
            raise

    def _stream(
        self, attempt: Attempt, address: Address, started: float, cancel: Cancel | None
    ) -> ChatStream:
        reply = self._post(address, attempt.content, cancel)
        while attempt.again(reply.status_code):
            reply.close()
            reply = self._post(address, attempt.content, cancel)
        try:
            self._check(reply, address, len(attempt.content))
        except BaseException:
            reply.close()
            raise
        return ChatStream(
            ReplySource(reply, address, attempt.body, strict=self.options.strict),
            attempt.body,
            started,
            about={"endpoint": self.endpoint.name},
        )

    def _again(
        self, ask: Callable[[Address, Retries], _Answer], cancel: Cancel | None, status: Status | None
    ) -> _Answer:
        """Return what `ask` does; it is called again after what is no answer, and may be one later."""
        retries = Retries(self.options.max_retries)
        while True:
            try:
                return ask(self.endpoint.address(fetching(status)), retries)
            except APIError as error:
                wait = retries.after(error)
                if wait is None:
                    # The frames in which it arose hold what the service sent, perhaps the key.
                    raise error.with_traceback(None) from None
                text = waiting(error, wait)
            if status is not None and wait:
                status(text, None)
            pause(wait, cancel)
            if status is not None:
                status("", None)

    def _models(self, address: Address, cancel: Cancel | None, within: float | None = None) -> list[Model]:
        with self._wire.send(Outgoing(address, "GET", "models", within=within), cancel=cancel) as reply:
            self._check(reply, address)
            return self._listed(reply.read(), reply, address)

    def _post(self, address: Address, content: bytes, cancel: Cancel | None) -> Reply:
        return self._wire.send(Outgoing(address, "POST", "chat/completions", content), cancel=cancel)

    def _check(self, reply: Reply, address: Address, size: int = 0) -> None:
        if succeeded(reply.status_code):
            return
        body = bytearray()
        reply.pace.hurry(ERROR_WITHIN)
        try:
            for chunk in reply.chunks():
                body += chunk
                if len(body) >= ERROR_LIMIT:
                    break
        except Interrupted:
            raise
        except PremError:
            pass  # what came of it says why
        raise self._refused(reply, bytes(body), address, size)
