"""Requests of a running loop."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import httpx

from jupyter_prem.client._errors import APIConnectionError
from jupyter_prem.client._unpack import accepted

from ._async_reply import AsyncReply, HttpxResponse
from ._faults import begun, limit_headers, meant, translate
from ._rooms import Room
from ._shared import Bearer, Certificates, http_timeouts, silence

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from jupyter_prem.client._outgoing import Outgoing
    from jupyter_prem.client._timeouts import Timeouts

    from ._async_reply import Response
    from ._rooms import Sender

__all__ = ["AsyncWire"]

_LEFT: list[object] = []  # after a fork: the parent's sockets, and the loop that watches them


class AsyncWire:
    """Sends requests to one service and hands out their replies as they arrive.

    Connections belong to the loop that runs, and are closed when it ends. httpx's client, with its cookies,
    redirects and routes, is passed by, since none applies and they take most of a small request's time.

    Args:
        timeouts: How long a reply may take.
        headers: Sent with every request.
        verify: True, False, or an SSL context to check certificates with.
        http_client: An httpx client to use instead of our own; it is not closed by us.
    """

    def __init__(
        self,
        *,
        timeouts: Timeouts,
        headers: Mapping[str, str] | None = None,
        verify: bool | ssl.SSLContext = True,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self._timeouts = timeouts
        # A turn is waited for before, and what waits for a connection is not the service's silence.
        self._extensions = {"timeout": {**http_timeouts(timeouts).as_dict(), "pool": None}}
        self._extensions["timeout"]["read"] = silence(timeouts)
        self._headers = httpx.Headers(
            {"Accept": "text/event-stream, application/json", "Accept-Encoding": accepted()}
        )
        self._headers.update(headers)
        always = httpx.Headers(
            {"Connection": "keep-alive", "User-Agent": f"python-httpx/{httpx.__version__}"}
        )
        always.update(self._headers)
        self._all_headers = dict(always)
        self._certificates = Certificates(verify)
        self._given = http_client
        self._urls: dict[str, httpx.URL] = {}
        self._rooms: dict[asyncio.AbstractEventLoop, Room] = {}
        self._pid = os.getpid()

    async def room(self) -> Room:
        """Return what the running loop has open."""
        self._after_fork()
        loop = asyncio.get_running_loop()
        room = self._rooms.get(loop)
        if room is None:
            room = Room(self._certificates, self._given)
            for ended in [known for known in tuple(self._rooms) if known.is_closed()]:
                self._rooms.pop(ended, None)
            self._rooms[loop] = room
            await room.open()
        return room

    async def send(self, asked: Outgoing) -> AsyncReply:
        """Send a request and return its reply once the headers are there.

        Raises:
            APIConnectionError: No answer began.
            APITimeoutError: The service stayed silent.
        """
        room = await self.room()
        reply: AsyncReply | None = None
        while reply is None:
            await room.enter()
            reply = await self._tried(room, asked)
        return reply

    async def _tried(self, room: Room, asked: Outgoing) -> AsyncReply | None:
        """Return the reply; None where a connection that had waited was closed meanwhile."""
        sender: Sender | None = None
        response: Response | None = None
        started = time.perf_counter()
        failure: BaseException
        try:
            sender = room.lanes.take(asked.address)
            sent = self._sent(room, sender, asked)
            response = await room.clock.within(asked.first(self._timeouts), sent)
            limit_headers(response.raw)
        except BaseException as error:
            room.leave()
            failure = translate(meant(error), asked.address, began=False)
            heard, used = room.lanes.known(sender, error)
            try:
                if response is not None:
                    await response.aclose()
            finally:
                await room.lanes.drop(sender)
            if isinstance(failure, Exception) and failure is error:
                raise
            if heard:
                failure = begun(failure)
            elif used and isinstance(failure, APIConnectionError) and failure.dropped:
                await room.lanes.forget()
                return None
        else:
            return AsyncReply(response, asked.address, room, sender, asked.pace(self._timeouts, started))
        # Out here the frames that hold the key are gone, of a cancellation too.
        raise failure.with_traceback(None)

    async def _sent(self, room: Room, sender: Sender, asked: Outgoing) -> Response:
        task = asyncio.current_task()
        cancels = task.cancelling() if task is not None else 0
        try:
            return await self._response(room, sender, asked)
        except Exception as error:
            if task is not None and task.cancelling() > cancels:
                # A connection that is cancelled while it is made ends in anyio with another error.
                raise asyncio.CancelledError from error
            raise

    async def _response(self, room: Room, sender: Sender, asked: Outgoing) -> Response:
        if isinstance(sender, httpx.AsyncClient):
            auth = Bearer(asked.address) if asked.address.api_key is not None else httpx.USE_CLIENT_DEFAULT
            request = self._request_of(sender, asked)
            sent = await sender.send(request, auth=auth, stream=True, follow_redirects=False)
            return HttpxResponse(sent)
        if isinstance(sender, httpx.AsyncBaseTransport):
            direct = self._request(asked)
            room.lanes.listen(sender, direct)
            return HttpxResponse(await sender.handle_async_request(direct))
        return await sender.send(
            asked.method, asked.url, self._headers_of(asked), asked.content, self._extensions["timeout"]
        )

    async def aclose(self) -> None:
        """Close the connections of this loop; other loops close theirs as soon as they run."""
        self._after_fork()
        room = self._rooms.pop(asyncio.get_running_loop(), None)
        self._rooms = {}
        if room is not None:
            await room.aclose()

    def _after_fork(self) -> None:
        if self._pid != os.getpid():
            # To drop them would take the parent's sockets out of the selector that both processes hold.
            _LEFT.append(self._rooms)
            self._rooms, self._pid = {}, os.getpid()

    def _request_of(self, client: httpx.AsyncClient, asked: Outgoing) -> httpx.Request:
        json = {} if asked.content is None else {"Content-Type": "application/json"}
        request = client.build_request(
            asked.method, asked.url, headers={**self._headers, **json}, content=asked.content
        )
        request.extensions.update(self._extensions)
        return request

    def _request(self, asked: Outgoing) -> httpx.Request:
        place = asked.url
        url = self._urls.get(place)
        if url is None:
            url = self._urls[place] = httpx.URL(place)
        return httpx.Request(
            asked.method,
            url,
            headers=self._headers_of(asked),
            content=asked.content,
            extensions=dict(self._extensions),
        )

    def _headers_of(self, asked: Outgoing) -> dict[str, str]:
        headers = dict(self._all_headers)
        if asked.content is not None:
            headers["content-type"] = "application/json"
        if asked.address.api_key is not None:
            headers["authorization"] = asked.address.api_key.header()
        return headers
