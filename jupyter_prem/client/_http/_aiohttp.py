"""aiohttp's connections, told of what it does not tell.

`httpx_aiohttp` takes a session of one's own; its connections are made by a factory, which is the one private
name that is used here (`BaseConnector._factory`, aiohttp 3.9 to 3.14).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from ._known import Known

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    import httpx

__all__ = ["session_maker"]

_HEAD_ENDS = b"\r\n\r\n"


def session_maker(
    context: ssl.SSLContext | bool,  # noqa: FBT001 - as httpx has it
    limits: httpx.Limits,
) -> Callable[[], aiohttp.ClientSession]:
    """Return what makes the session of a running loop."""

    def made() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=context, limit=limits.max_connections or 0, keepalive_timeout=limits.keepalive_expiry
        )
        private: Any = connector
        private._factory = functools.partial(_Handler, loop=private._loop)  # noqa: SLF001 - see above
        return aiohttp.ClientSession(connector=connector)

    return made


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
            payload.set_exception(aiohttp.ClientPayloadError(f"Response payload is not completed: {exc}"))
