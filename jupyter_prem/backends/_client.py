"""The public client, which knows endpoints by their names."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import DEFAULT_TIMEOUT, MAX_RETRIES, BaseClient, Options
from jupyter_prem.records import Taped, active

from ._resolve import Identity, Resolved, resolve_once

if TYPE_CHECKING:
    import ssl
    from collections.abc import Collection, Mapping

    import httpx

    from jupyter_prem.client import (
        Backend,
        Cancel,
        ChatRequest,
        ChatResponse,
        ChatStream,
        Endpoint,
        Key,
        Messages,
        Model,
        Status,
        StreamUsage,
        Timeouts,
    )
    from jupyter_prem.records import Asker, Tape

__all__ = ["Client", "ClientPool"]


class Client(BaseClient):
    """Asks Prem Studio, the embedded model, or any endpoint of the same contract.

    A context manager that closes its connections; safe to share between threads.

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
        http_client: An `httpx.Client` to use instead of our own; it stays open when this one closes.
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
        http_client: httpx.Client | None = None,
        stream_usage: StreamUsage = "auto",
        strict: bool = False,
        allow_http_hosts: Collection[str] = (),
    ) -> None:
        if endpoint is None or isinstance(endpoint, str):
            self._chosen = resolve_once(endpoint, api_key, allow_http_hosts=allow_http_hosts)
        else:
            self._chosen = endpoint if isinstance(endpoint, Resolved) else Resolved(endpoint)
        options = Options(timeout, max_retries, headers, verify, stream_usage, strict)
        super().__init__(self._chosen.endpoint, options, http_client=http_client)

    def chat(self, messages: Messages, **fields: Any) -> ChatResponse:
        """Ask and wait for the whole answer.

        Args:
            messages: A string, or messages of the conversation so far.
            fields: Request fields of the API, such as `model`, `temperature`, `seed`. `response_format` may
                be a pydantic model, a dataclass, a TypedDict or a JSON Schema: then `.parsed` is the answer,
                checked. `tools` may hold functions, which are described but not called: that is what
                `Conversation.ask` does.

        Raises:
            RequestError: A field is out of its range; nothing was sent.
            SchemaError: An object can be no schema or tool; nothing was sent.
            StructuredOutputError: The answer does not fit; the error carries it.
            APIError: The service, or the way to it, failed.
        """
        with self._asked(messages, fields) as stream:
            for _ in stream:
                pass
            return stream.response

    def stream(self, messages: Messages, **fields: Any) -> ChatStream:
        """Ask and return a context manager that yields the answer's deltas as they arrive.

        Raises: As `chat`; in the middle of the answer its errors carry what had arrived.
        """
        return self._asked(messages, {**fields, "stream": True})

    def _asked(self, messages: Messages, fields: Mapping[str, Any]) -> ChatStream:
        from jupyter_prem.objects import wired

        wire = wired(fields)
        stream = self.send(self.build(messages, **wire.fields))
        if wire.schema is not None:
            stream.check_with(wire.schema.parse_answer)
        return stream

    def send(
        self,
        request: ChatRequest,
        *,
        cancel: Cancel | None = None,
        status: Status | None = None,
    ) -> ChatStream:
        """Send a checked request, or take its answer from the recordings that hold.

        Raises: As `BaseClient.send`, and CassetteError.
        """
        return self.recorded(strict=True).send(request, cancel=cancel, status=status)

    def default_model(self, cancel: Cancel | None = None) -> str:
        """Return the service's only model; where nobody is asked, one that stands for the recorded one.

        Raises:
            ConfigurationError: It has none, or several; the text lists them.
        """
        return self.recorded().default_model(cancel)

    @property
    def chosen(self) -> Resolved:
        """Its endpoint, and how that came to be chosen."""
        return self._chosen

    @property
    def live(self) -> Backend:
        """This client as it asks whatever recordings hold."""
        return _Live(self)

    def recorded(self, *, strict: bool = False) -> Backend:
        """Return what answers from the recordings that hold now; this client where none do."""
        held = active()
        return self.live if held is None else self.taped(*held, self._chosen, strict=strict)

    def taped(self, tape: Tape, asker: Asker, chosen: Resolved, *, strict: bool = False) -> Taped:
        """Return what answers from recordings where there are some, and else has this client asked.

        Args:
            tape: The recordings.
            asker: Who asks.
            chosen: How this client's endpoint came to be chosen. What nobody named is whichever was recorded.
            strict: See `Taped`.
        """
        identity = Identity.of(chosen, self.known_model, asks=tape.asks)
        return Taped(
            tape,
            self.live,
            identity.endpoint,
            asker=asker,
            model=identity.model,
            likely=identity.likely,
            implied=identity.implied,
            strict=strict,
        )

    def models(self, *, cancel: Cancel | None = None, status: Status | None = None) -> list[Model]:
        """Return the models that the service lists; where nobody is asked, those in the recordings.

        Raises:
            APIError: The service, or the way to it, failed.
        """
        held = active()
        if held is None or held[0].asks:
            return super().models(cancel=cancel, status=status)
        return held[0].models()

    @property
    def known_model(self) -> str | None:
        """What `PREM_MODEL` names, else what is known of the service."""
        return os.environ.get("PREM_MODEL") or super().known_model


class _Live:
    """A client, without the recordings that may hold."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def default_model(self, cancel: Cancel | None = None) -> str:
        return BaseClient.default_model(self._client, cancel)

    def body_of(self, request: ChatRequest) -> dict[str, Any]:
        return self._client.body_of(request)

    def send(
        self,
        request: ChatRequest,
        *,
        cancel: Cancel | None = None,
        status: Status | None = None,
    ) -> ChatStream:
        return BaseClient.send(self._client, request, cancel=cancel, status=status)


class ClientPool:
    """One client for each endpoint, key and setting, so that connections are used again."""

    def __init__(self) -> None:
        self._clients: dict[tuple[object, ...], Client] = {}
        self._lock = threading.Lock()

    def get(self, endpoint: Endpoint, options: Options) -> Client:
        """Return the client of `endpoint` with these options, made at the first call."""
        fixed = getattr(endpoint, "fixed", None)
        key = fixed.api_key.digest() if fixed is not None and fixed.api_key is not None else None
        place = (endpoint.name, fixed and fixed.base_url, key, options)
        with self._lock:
            if place not in self._clients:
                self._clients[place] = Client(endpoint, **options.arguments())
            return self._clients[place]

    def close(self) -> None:
        """Close every client's idle connections."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()
