"""The public client of a running loop."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import DEFAULT_TIMEOUT, MAX_RETRIES, AsyncBaseClient, Options
from jupyter_prem.records import active

from ._client import Client
from ._resolve import Identity, Resolved, resolve_once

if TYPE_CHECKING:
    import ssl
    from collections.abc import Collection, Mapping

    import httpx

    from jupyter_prem.client import (
        AsyncBackend,
        AsyncChatStream,
        ChatRequest,
        Endpoint,
        Key,
        Messages,
        Model,
        Status,
        StreamUsage,
        Timeouts,
    )
    from jupyter_prem.records import Asker, AsyncTaped, Tape

__all__ = ["AsyncClient"]


class AsyncClient(AsyncBaseClient):
    """Asks as `Client` does, many questions at once, from a running asyncio loop.

    Connections belong to the loop that asks, and are closed with it; one client serves any number of loops.
    A task that is cancelled closes its connection. Recordings hold as for `Client`.

    Args:
        endpoint: "prem", "embedded" or a base URL. None: `PREM_ENDPOINT`, else Prem Studio where a key
            or `PREM_AI_BASE_URL` is set, else the embedded model.
        api_key: Sent as a bearer token. None: what `%prem login` was given for the endpoint's host in this
            kernel, else `PREMAI_API_KEY`, else what the keyring has under "jupyter_prem" for that host; else
            none is sent.
        timeout: Seconds of silence after which the service counts as lost; or `Timeouts`, or a mapping of
            their names, for the connection, the first byte, progress, and the answer in all.
        max_retries: How often a question is asked again that nobody can have answered: no connection, a
            limit of the service, an error of it.
        headers: Sent with every request.
        verify: Whether, or with which `ssl.SSLContext`, certificates are checked.
        http_client: An `httpx.AsyncClient` to use instead of our own; it stays open when this one closes.
        stream_usage: Whether a stream asks for its usage: "auto" (until a service refuses), "always"
            or "never".
        strict: Whether habits of servers that no standard allows are errors, rather than met.
        allow_http_hosts: Hosts to which the key may go over plain http, besides loopback.

    Raises:
        ConfigurationError: The endpoint is no address, or the key is none. Nothing was sent.
    """

    def __init__(
        self,
        endpoint: str | Endpoint | Resolved | None = None,
        api_key: str | Key | None = None,
        timeout: float | Timeouts | Mapping[str, Any] = DEFAULT_TIMEOUT,
        max_retries: int = MAX_RETRIES,
        *,
        headers: Mapping[str, str] | None = None,
        verify: bool | ssl.SSLContext = True,
        http_client: httpx.AsyncClient | None = None,
        stream_usage: StreamUsage = "auto",
        strict: bool = False,
        allow_http_hosts: Collection[str] = (),
    ) -> None:
        if endpoint is None or isinstance(endpoint, str):
            self._chosen = resolve_once(endpoint, api_key, allow_http_hosts=allow_http_hosts)
        else:
            self._chosen = endpoint if isinstance(endpoint, Resolved) else Resolved(endpoint)
        self.allow_http_hosts = tuple(allow_http_hosts)
        options = Options(timeout, max_retries, headers, verify, stream_usage, strict)
        super().__init__(self._chosen.endpoint, options, http_client=http_client)

    async def _asked(self, messages: Messages, fields: Mapping[str, Any]) -> AsyncChatStream:
        from jupyter_prem.objects import wired

        wire = wired(fields)
        stream = await super()._asked(messages, wire.fields)
        if wire.schema is not None:
            stream.check_with(wire.schema.parse_answer)
        return stream

    async def send(self, request: ChatRequest, *, status: Status | None = None) -> AsyncChatStream:
        """Send a checked request, or take its answer from the recordings that hold.

        Raises: As `Client.send`.
        """
        return await self.recorded().send(request, status=status)

    async def default_model(self) -> str:
        """Return the service's only model; where nobody is asked, one that stands for the recorded one.

        Raises:
            ConfigurationError: It has none, or several; the text lists them.
        """
        return await self.recorded().default_model()

    async def models(self, *, status: Status | None = None) -> list[Model]:
        """Return the models that the service lists; where nobody is asked, those in the recordings.

        Raises:
            APIError: The service, or the way to it, failed.
        """
        held = active()
        return await super().models(status=status) if held is None or held[0].asks else held[0].models()

    @property
    def live(self) -> AsyncBackend:
        """This client as it asks whatever recordings hold."""
        return _Live(self)

    def recorded(self) -> AsyncBackend:
        """Return what answers from the recordings that hold now; this client where none do."""
        held = active()
        return self.live if held is None else self.taped(*held)

    async def asked_live(
        self, request: ChatRequest, status: Status | None, *, max_retries: int | None = None
    ) -> AsyncChatStream:
        """Send a request whatever recordings hold; `max_retries` takes the place of the client's own."""
        most = self.options.max_retries if max_retries is None else max_retries
        return await self._asked_up_to(most, request, status)

    @property
    def once(self) -> AsyncBackend:
        """This client as it asks whatever recordings hold, and asks nothing again by itself."""
        return _Live(self, max_retries=0)

    def in_threads(self) -> Client:
        """Return a client of the same endpoint and settings for threads, with connections of its own."""
        return Client(self._chosen, **self.options.arguments())

    def taped(
        self, tape: Tape, asker: Asker, backend: AsyncBackend | None = None, *, alone: bool = False
    ) -> AsyncTaped:
        """Return what answers from recordings where there are some, and else has this client asked.

        Args:
            tape: The recordings.
            asker: Who asks.
            backend: Who asks this client's endpoint in its place, if anybody.
            alone: Whether the recordings are held for this alone.
        """
        from jupyter_prem.records import AsyncTaped  # loads asyncio, which a notebook need not wait for

        identity = Identity.of(self._chosen, self.known_model, asks=tape.asks)
        return AsyncTaped(
            tape,
            backend or self.live,
            identity.endpoint,
            asker=asker,
            model=identity.model,
            likely=identity.likely,
            implied=identity.implied,
            alone=alone,
        )

    @property
    def known_model(self) -> str | None:
        """What `PREM_MODEL` names, else what is known of the service."""
        return os.environ.get("PREM_MODEL") or super().known_model


class _Live:
    """A client, without the recordings that may hold."""

    def __init__(self, client: AsyncClient, *, max_retries: int | None = None) -> None:
        self._client = client
        self._max_retries = max_retries

    async def default_model(self) -> str:
        return await AsyncBaseClient.default_model(self._client)

    def body_of(self, request: ChatRequest) -> dict[str, Any]:
        return self._client.body_of(request)

    async def send(self, request: ChatRequest, *, status: Status | None = None) -> AsyncChatStream:
        return await self._client.asked_live(request, status, max_retries=self._max_retries)
