"""Asking a service from a running loop: as many requests at once as are asked."""

from __future__ import annotations

import dataclasses
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

from ._address import FixedEndpoint
from ._errors import PremError
from ._reply import AsyncReplySource
from ._service import DEFAULT_TIMEOUT, Service, StreamUsage
from ._status import succeeded
from ._stream import AsyncChatStream

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Mapping

    import httpx

    from ._address import Address, Endpoint
    from ._http._async_wire import AsyncReply
    from ._request import ChatRequest, Messages
    from ._response import ChatResponse, Model

__all__ = ["AsyncBaseClient"]


class AsyncBaseClient(Service):
    """Asks one endpoint from whichever loop runs. An async context manager that closes its connections.

    Args:
        endpoint: Who answers.
        timeout: Seconds of silence after which the service counts as lost.
        headers: Sent with every request.
        verify: Whether, or with which context, TLS certificates are checked.
        http_client: An `httpx.AsyncClient` to use instead of our own.
        stream_usage: Whether a stream asks for its usage; "auto" stops asking a service that refuses.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        headers: Mapping[str, str] | None = None,
        verify: bool | ssl.SSLContext = True,
        http_client: httpx.AsyncClient | None = None,
        stream_usage: StreamUsage = "auto",
    ) -> None:
        from ._http._async_wire import AsyncWire

        super().__init__(endpoint, stream_usage)
        self._wire = AsyncWire(timeout=timeout, headers=headers, verify=verify, http_client=http_client)

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

    async def models(self, *, progress: Callable[[int, int], None] | None = None) -> list[Model]:
        """Return the models that the service lists.

        Raises:
            APIError: The service, or the way to it, failed.
        """
        address = await self._address(progress)
        async with await self._wire.send(address, "GET", "models") as reply:
            await self._check(reply, address)
            return self._listed(await reply.read(), reply, address)

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

    async def send(
        self, request: ChatRequest, *, progress: Callable[[int, int], None] | None = None
    ) -> AsyncChatStream:
        """Send a checked request; the deltas of its answer come from what is returned.

        Raises:
            APIError: No answer began.
        """
        attempt = self._attempt(request)
        address = await self._address(progress)
        started = time.perf_counter()
        reply = await self._post(address, attempt.content)
        while attempt.again(reply.status_code):
            await reply.aclose()
            reply = await self._post(address, attempt.content)
        try:
            await self._check(reply, address)
        except BaseException:
            await reply.aclose()
            raise
        return AsyncChatStream(
            AsyncReplySource(reply, address, attempt.body),
            attempt.body,
            started,
            about={"endpoint": self.endpoint.name},
        )

    async def _address(self, progress: Callable[[int, int], None] | None) -> Address:
        if isinstance(self.endpoint, FixedEndpoint):
            return self.endpoint.fixed
        import asyncio  # takes long to load, and only a running loop comes here

        return await asyncio.to_thread(self.endpoint.address, progress)  # it may start, or fetch, a model

    async def _post(self, address: Address, content: bytes) -> AsyncReply:
        return await self._wire.send(address, "POST", "chat/completions", content=content)

    async def _check(self, reply: AsyncReply, address: Address) -> None:
        if succeeded(reply.status_code):
            return
        try:
            body = await reply.read()
        except PremError:
            body = b""
        raise self._refused(reply, body, address)
