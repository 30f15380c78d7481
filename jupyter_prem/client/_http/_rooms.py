"""Connections, each in the room of the loop that they belong to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.request import getproxies
from weakref import WeakKeyDictionary

import httpx

from ._clock import Clock
from ._ear import AsyncEar
from ._shared import no_cookies

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator

    from jupyter_prem.client._address import Address

    from ._aiohttp import Aiohttp
    from ._shared import Certificates

    Sender = Aiohttp | httpx.AsyncBaseTransport | httpx.AsyncClient

__all__ = ["Room"]

CONNECTIONS = 200
"""Most that a loop has open to one service; what is asked beyond them waits, since files are limited too."""

KEPT = 4.0
"""Seconds for which a connection waits for another request; uvicorn, as others, closes it after 5."""


_RECENT = 0.05  # seconds for which a loop counts as not held since it was last here


class Room:
    """What one loop has open to a service.

    Attributes:
        alone: Held by whoever asks what all others want to know.
        lanes: What sends.
        clock: Ends what takes too long.
    """

    def __init__(self, certificates: Certificates, given: httpx.AsyncClient | None) -> None:
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._out = 0
        self._left = float("-inf")  # when the last turn ended, as the loop has it
        self.alone = asyncio.Lock()
        self.lanes = Lanes(certificates, given)
        self.clock = Clock()
        self._keeper = _until_the_loop_ends(self.lanes)

    async def open(self) -> None:
        """Have all closed when the loop ends, or when nobody holds this room any more."""
        await anext(self._keeper)

    async def enter(self) -> None:
        """Wait for a turn; there are as many as connections."""
        if not self._out and asyncio.get_running_loop().time() - self._left > _RECENT:
            # A loop that was held has not heard yet which connections a service closed: two turns tell it.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await self._turns.acquire()
        self._out += 1

    def leave(self) -> None:
        """Leave the turn to the next."""
        self._out -= 1
        self._left = asyncio.get_running_loop().time()
        self._turns.release()

    async def aclose(self) -> None:
        """Close what is open."""
        await self._keeper.aclose()


async def _until_the_loop_ends(lanes: Lanes) -> AsyncGenerator[None]:
    # A loop that ends, and one whose generator is dropped, closes it: no socket outlives either.
    try:
        yield
    finally:
        await lanes.aclose()


class Lanes:
    """What sends: one for all requests, or, of httpx's own transports, whose pools are slow, one for each."""

    def __init__(self, certificates: Certificates, given: httpx.AsyncClient | None) -> None:
        self._certificates = certificates
        self._given = given
        self._shared: Sender | None = given
        self._idle: list[Sender] = []
        self._ears: WeakKeyDictionary[Sender, AsyncEar] = WeakKeyDictionary()
        self._closed = False

    def take(self, address: Address) -> Sender:
        """Return what sends one request."""
        if self._shared is not None:
            return self._shared
        if self._idle:
            return self._idle.pop()
        sender, shared = _sender(self._certificates.context(address), address)
        if shared:
            self._shared = sender
        return sender

    def listen(self, sender: Sender, request: httpx.Request) -> None:
        """Know of a request whether a byte of its reply came, where what sends has one connection."""
        if sender is self._shared:
            return
        ear = self._ears.setdefault(sender, AsyncEar())
        ear.heard = False
        request.extensions["trace"] = ear.trace

    def known(self, sender: Sender | None, error: BaseException) -> tuple[bool, bool]:
        """Return whether a byte of the reply came, and whether the connection had been used before."""
        from ._known import known_of

        ear = None if sender is None else self._ears.get(sender)
        if ear is not None:
            return ear.heard, ear.used
        return known_of(error) or (False, False)

    async def forget(self) -> None:
        """Close what waits for another request: it is as old as one that was closed."""
        idle, self._idle = self._idle, []
        for sender in idle:
            await sender.aclose()

    async def give(self, sender: Sender) -> None:
        """Take back what `take` gave, to be used again."""
        if sender is self._shared:
            return
        if self._closed:
            await self.drop(sender)
        else:
            self._ears[sender].used = True
            self._idle.append(sender)

    async def drop(self, sender: Sender | None) -> None:
        """Take back what `take` gave, after it failed."""
        if sender is not None and sender is not self._shared:
            await sender.aclose()

    async def aclose(self) -> None:
        """Close what is open."""
        self._closed = True
        idle, self._idle = self._idle, []
        if self._shared is not None and self._shared is not self._given:
            idle.append(self._shared)
        for sender in idle:
            await sender.aclose()


def _sender(context: ssl.SSLContext | bool, address: Address) -> tuple[Sender, bool]:  # noqa: FBT001 - as httpx has it
    """Return what sends, and whether it does so for many requests at once."""
    # A proxy of the environment has no way back to this machine, and no business with its keys.
    named = {} if address.loopback else getproxies()
    proxies = [named[kind] for kind in ("http", "https", "all") if kind in named]
    limits = httpx.Limits(
        max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=KEPT
    )
    if proxies:  # which of them, and for which hosts none, httpx's client knows
        return httpx.AsyncClient(verify=context, limits=limits, cookies=no_cookies()), True
    try:
        import httpx_aiohttp  # noqa: F401 - ours may have been imported before it was taken away

        from ._aiohttp import Aiohttp
    except ImportError:
        one = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEPT)
        return httpx.AsyncHTTPTransport(verify=context, limits=one), False
    return Aiohttp(context, limits), True
