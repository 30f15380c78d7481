"""What is known of a connection beside what httpx tells: whether a byte came, and its socket."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

__all__ = ["AsyncEar", "Ear"]

_OPENED = ("connect_tcp.complete", "start_tls.complete")  # with a proxy, or through one, too


class Ear:
    """Listens to the one connection of an httpx client, by httpcore's trace extension.

    A read that is blocked is not woken by closing the response; shutting the socket does. httpcore takes one
    limit for all reads of a body, and none for them together; each read here has what is left of it.

    Attributes:
        heard: Whether a byte of the reply came.
        used: Whether the connection was there before the request.
        left: Gives the seconds that may pass until the next bytes; None for no end.
    """

    def __init__(self) -> None:
        self.heard = self.used = False
        self.left: Callable[[], float | None] = _endless
        self._stream: Any = None

    def begin(self, seconds: float | None) -> None:
        """Have another request go, whose reply is to begin within so many seconds."""
        self.heard = False
        until = None if seconds is None else time.perf_counter() + seconds
        self.left = _endless if until is None else lambda: until - time.perf_counter()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take an event of httpcore's."""
        if event.endswith(_OPENED):
            self.heard = False  # what a proxy said is no reply
            stream = self._stream = info["return_value"]
            stream.read = self._listening(stream.read)

    def know(self, stream: Any) -> None:
        """Take the stream of a connection that was there before."""
        self._stream = self._stream or stream

    def shut(self) -> None:
        """Wake whoever reads, with an error."""
        sock = self._stream and self._stream.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _listening(self, read: Callable[..., bytes]) -> Callable[..., bytes]:
        def heard(size: int, timeout: float | None = None) -> bytes:
            left = self.left()
            if left is not None:
                timeout = left if timeout is None else min(left, timeout)
                if timeout <= 0:
                    raise httpx.ReadTimeout("The time is over.")
            data = read(size, timeout)
            self.heard = self.heard or bool(data)
            return data

        return heard


class AsyncEar:
    """Listens to the one connection of a transport of httpx's own; see `Ear`."""

    def __init__(self) -> None:
        self.heard = self.used = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take an event of httpcore's."""
        if event.endswith(_OPENED):
            self.heard = False
            stream = info["return_value"]
            stream.read = self._listening(stream.read)

    def _listening(self, read: Callable[..., Awaitable[bytes]]) -> Callable[..., Awaitable[bytes]]:
        async def heard(*how: Any, **named: Any) -> bytes:
            data = await read(*how, **named)
            self.heard = self.heard or bool(data)
            return data

        return heard


def _endless() -> None:
    return None
