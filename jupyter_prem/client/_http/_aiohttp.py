"""Requests by aiohttp, of whose connections more is known than it tells.

They go as httpx-aiohttp sends them, whose errors these are, but without httpx's request and response, which
take a fifth of a small question's time. Connections are made by a factory, the one private name that is used
here but for what a broken body left (`BaseConnector._factory`, aiohttp 3.9 to 3.14).
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp
from aiohttp.client_proto import ResponseHandler
from httpx_aiohttp.transport import map_aiohttp_exceptions

from ._known import Known

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    import httpx

__all__ = ["Aiohttp"]

_HEAD_ENDS = b"\r\n\r\n"

# As much as the other wires take; aiohttp's own are 8 kB, and 128 headers where it counts them.
_HEAD_LIMITS: Final[dict[str, Any]] = {
    name: most
    for name, most in (("max_line_size", 64 * 2**10), ("max_field_size", 64 * 2**10), ("max_headers", 1_000))
    if name in inspect.signature(aiohttp.ClientSession).parameters
}


class Aiohttp:
    """The connections of a running loop to one service.

    Args:
        context: For TLS; False for none.
        limits: Of the connections.
    """

    def __init__(self, context: ssl.SSLContext | bool, limits: httpx.Limits) -> None:  # noqa: FBT001 - as httpx has it
        connector = aiohttp.TCPConnector(
            ssl=context, limit=limits.max_connections or 0, keepalive_timeout=limits.keepalive_expiry
        )
        private: Any = connector
        private._factory = functools.partial(_Handler, loop=private._loop)  # noqa: SLF001 - see above
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), **_HEAD_LIMITS
        )

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        timeouts: Mapping[str, float | None],
    ) -> AiohttpResponse:
        """Send a request and return its response once the headers are there.

        Raises:
            httpx.TransportError: There is none.
        """
        with map_aiohttp_exceptions():
            response = await self._session.request(
                method,
                url,
                headers=headers,
                data=content or None,
                allow_redirects=False,
                auto_decompress=False,
                # Whoever waits has a limit for it; one of aiohttp's as well takes three timers a request.
                timeout=aiohttp.ClientTimeout(sock_connect=timeouts["connect"]),
            )
        return AiohttpResponse(response)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()


class AiohttpResponse:
    """A response of aiohttp's; an iterator of its body."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status_code = response.status
        self.raw = response.raw_headers

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            data = await self._response.content.readany()
        except Exception:
            with map_aiohttp_exceptions():
                raise
        if not data:
            raise StopAsyncIteration
        return data

    def unread(self) -> bytes:
        """Return what had arrived when the connection broke: aiohttp hands out only its error."""
        content = self._response.content
        return b"".join(getattr(content, "_buffer", ()))[getattr(content, "_buffer_offset", 0) :]

    async def aclose(self) -> None:
        """Free the connection; close it unless the body was read to its end."""
        with map_aiohttp_exceptions():
            self._response.release()
            await self._response.wait_for_close()


class _Handler(ResponseHandler):
    """One connection.

    Two things of aiohttp's are mended: a reply whose head comes in one packet with a fault after it is handed
    out before the fault is met, and a reply with a fault in its body ends there; it waited for ever.
    """

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self._requests = 0
        self._heard = False
        self._before: Any = None  # the body of the last reply, until another begins

    def set_response_params(self, **params: Any) -> None:
        self._requests += 1
        self._heard = False
        self._before = self._payload
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        self._heard = self._heard or bool(data)
        while self._payload is self._before and self._parser is not None:
            end = data.find(_HEAD_ENDS)
            if end < 0 or end + len(_HEAD_ENDS) == len(data):
                break
            head, data = data[: end + len(_HEAD_ENDS)], data[end + len(_HEAD_ENDS) :]
            super().data_received(head)
            if self.exception() is not None:
                return
        super().data_received(data)

    def set_exception(self, exc: Any, *cause: Any) -> None:
        known: Any = exc
        if isinstance(exc, BaseException):
            known.known = Known(self._heard, self._requests > 1)
        payload = self._payload
        super().set_exception(exc, *cause)
        if payload is not None and not payload.is_eof() and payload.exception() is None:
            cut = aiohttp.ClientPayloadError(f"Response payload is not completed: {exc}")
            payload.set_exception(exc if isinstance(exc, TimeoutError) else cut)
