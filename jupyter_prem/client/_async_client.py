"""Asking a service from a running loop: as many requests at once as are asked."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ._address import FixedEndpoint
from ._errors import APIError, Interrupted, PremError
from ._outgoing import Outgoing
from ._reply import AsyncReplySource
from ._retry import Retries
from ._service import Attempt, Options, Service, fetching, waiting
from ._status import ERROR_LIMIT, ERROR_WITHIN, succeeded
from ._stream import AsyncChatStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    import httpx

    from ._address import Address, Endpoint
    from ._backend import Status
    from ._http._async_reply import AsyncReply
    from ._request import ChatRequest, Messages
    from ._response import ChatResponse, Model

__all__ = ["AsyncBaseClient"]

_Answer = TypeVar("_Answer")


class AsyncBaseClient(Service):
    """Asks one endpoint from whichever loop runs. An async context manager that closes its connections.

    Args:
        endpoint: Who answers.
        options: How it is asked.
        http_client: An `httpx.AsyncClient` to use instead of our own.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        options: Options | None = None,
        *,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        from ._http._async_wire import AsyncWire

        super().__init__(endpoint, options or Options())
        self._wire = AsyncWire(
            timeouts=self.options.timeouts,
            headers=self.options.headers,
            verify=self.options.verify,
            http_client=http_client,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the running loop's connections; a loop that ends closes them too."""
        await self._wire.aclose()

    async def chat(self, messages: Messages, **fields: Any) -> ChatResponse:
        """Ask and wait for the whole answer.

        Args:
            messages: A string, or messages of the conversation so far.
            fields: Request fields of the API, such as `model`, `temperature`, `seed`.

        Raises:
            RequestError: A field is out of its range; nothing was sent.
            APIError: The service, or the way to it, failed.
        """
        async with await self._asked(messages, fields) as stream:
            async for _ in stream:
                pass
            return stream.response

    @asynccontextmanager
    async def stream(self, messages: Messages, **fields: Any) -> AsyncIterator[AsyncChatStream]:
        """Ask, as the context begins, for an answer whose deltas are yielded as they arrive.

        Raises: As `chat`; in the middle of the answer its errors carry what had arrived.
        """
        async with await self._asked(messages, {**fields, "stream": True}) as stream:
            yield stream

    async def _asked(self, messages: Messages, fields: Mapping[str, Any]) -> AsyncChatStream:
        return await self.send(await self.build(messages, **fields))

    async def models(self, *, status: Status | None = None) -> list[Model]:
        """Return the models that the service lists.

        Raises:
            APIError: The service, or the way to it, failed.
        """
        return await self._again(lambda address, _: self._models(address), status, self.options.max_retries)

    async def default_model(self) -> str:
        """Return the service's only model.

        Raises:
            ConfigurationError: It has none, or several; the text lists them.
        """
        if self.known_model is None:
            async with (await self._wire.room()).alone:
                if self.known_model is None:
                    return self._only(await self.models())
        return self.known_model or ""

    async def build(self, messages: Messages, **fields: Any) -> ChatRequest:
        """Return the checked request that `chat` and `stream` would send.

        Raises:
            RequestError: A field is out of its range.
        """
        request, unnamed = self._draft(messages, fields)
        return dataclasses.replace(request, model=await self.default_model()) if unnamed else request

    async def send(self, request: ChatRequest, *, status: Status | None = None) -> AsyncChatStream:
        """Send a checked request; the deltas of its answer come from what is returned.

        Args:
            request: The request.
            status: Told what is waited for: a model that is fetched, a service that asked for a pause.

        Raises:
            APIError: No answer began.
        """
        return await self._asked_up_to(self.options.max_retries, request, status)

    async def _asked_up_to(
        self, max_retries: int, request: ChatRequest, status: Status | None
    ) -> AsyncChatStream:
        attempt = self._attempt(request)
        started = time.perf_counter()

        async def ask(address: Address, retries: Retries) -> AsyncChatStream:
            stream = await self._stream(attempt, address, started)
            stream.note(retries.note)
            return stream

        try:
            return await self._again(ask, status, max_retries)
        except APIError as error:
            if self._unknown(error, request.model):
                with contextlib.suppress(PremError):
                    models = await self._models(await self._address(None), within=ERROR_WITHIN)
                    self._near(error, request.model, models)
            raise

    async def _stream(self, attempt: Attempt, address: Address, started: float) -> AsyncChatStream:
        reply = await self._post(address, attempt.content)
        while attempt.again(reply.status_code):
            await reply.aclose()
            reply = await self._post(address, attempt.content)
        try:
            await self._check(reply, address, len(attempt.content))
        except BaseException:
            await reply.aclose()
            raise
        return AsyncChatStream(
            AsyncReplySource(reply, address, attempt.body, strict=self.options.strict),
            attempt.body,
            started,
            about={"endpoint": self.endpoint.name},
        )

    async def _again(
        self,
        ask: Callable[[Address, Retries], Awaitable[_Answer]],
        status: Status | None,
        max_retries: int,
    ) -> _Answer:
        """Return what `ask` does; it is called again after what is no answer, and may be one later."""
        retries = Retries(max_retries)
        while True:
            try:
                return await ask(await self._address(status), retries)
            except APIError as error:
                wait = retries.after(error)
                if wait is None:
                    # The frames in which it arose hold what the service sent, perhaps the key.
                    raise error.with_traceback(None) from None
                text = waiting(error, wait)
            if status is not None and wait:
                status(text, None)
            await _pause(wait)
            if status is not None:
                status("", None)

    async def _models(self, address: Address, within: float | None = None) -> list[Model]:
        async with await self._wire.send(Outgoing(address, "GET", "models", within=within)) as reply:
            await self._check(reply, address)
            return self._listed(await reply.read(), reply, address)

    async def _address(self, status: Status | None) -> Address:
        if isinstance(self.endpoint, FixedEndpoint):
            return self.endpoint.fixed
        import asyncio  # takes long to load, and only a running loop comes here

        return await asyncio.to_thread(
            self.endpoint.address, fetching(status)
        )  # it may start, or fetch, a model

    async def _post(self, address: Address, content: bytes) -> AsyncReply:
        return await self._wire.send(Outgoing(address, "POST", "chat/completions", content))

    async def _check(self, reply: AsyncReply, address: Address, size: int = 0) -> None:
        if succeeded(reply.status_code):
            return
        body = bytearray()
        reply.pace.hurry(ERROR_WITHIN)
        try:
            async for chunk in reply.chunks():
                body += chunk
                if len(body) >= ERROR_LIMIT:
                    break
        except Interrupted:
            raise
        except PremError:
            pass  # what came of it says why
        raise self._refused(reply, bytes(body), address, size)


async def _pause(seconds: float) -> None:
    import asyncio

    await asyncio.sleep(seconds)
