"""Requests of any thread."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING, Self

import httpx

from jupyter_prem.client._body import Gathered
from jupyter_prem.client._errors import APIConnectionError, IdleTimeout, Interrupted
from jupyter_prem.client._unpack import accepted, unpacker

from ._ear import Ear
from ._faults import begun, limit_headers, translate
from ._shared import Bearer, Certificates, http_timeouts, no_cookies

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

    from jupyter_prem.client._address import Address
    from jupyter_prem.client._cancel import Cancel
    from jupyter_prem.client._outgoing import Outgoing
    from jupyter_prem.client._timeouts import Pace, Timeouts

__all__ = ["Reply", "Wire"]


_ACCEPT = {"Accept": "text/event-stream, application/json"}


class _Lane:
    """An httpx client of one connection, so that its socket can be shut from another thread."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.ear = Ear()


class Wire:
    """Sends requests to one service and hands out their replies as they arrive; safe between threads.

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
        http_client: httpx.Client | None = None,
    ) -> None:
        self._timeouts = timeouts
        self._until_the_reply = http_timeouts(timeouts)
        self._headers = dict(headers or {})
        self._certificates = Certificates(verify)
        self._given = http_client
        self._idle: list[_Lane] = []
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def send(self, asked: Outgoing, *, cancel: Cancel | None = None) -> Reply:
        """Send a request and return its reply once the headers are there.

        Raises:
            APIConnectionError: No answer began.
            APITimeoutError: The service stayed silent.
            Interrupted: `cancel` was called meanwhile.
        """
        reply: Reply | None = None
        while reply is None:
            reply = self._tried(asked, cancel)
        return reply

    def _tried(self, asked: Outgoing, cancel: Cancel | None) -> Reply | None:
        """Return the reply; None where a connection that had waited was closed meanwhile."""
        lane: _Lane | None = None
        response: httpx.Response | None = None
        started = time.perf_counter()
        failure: BaseException
        try:
            lane = self._take(asked.address)
            request = self._request(lane.client, asked)
            request.extensions["trace"] = lane.ear.trace
            lane.ear.begin(asked.first(self._timeouts))
            auth = Bearer(asked.address) if asked.address.api_key is not None else httpx.USE_CLIENT_DEFAULT
            with cancel.closing(lane.ear.shut) if cancel else contextlib.nullcontext():
                if cancel and cancel.cancelled:
                    raise Interrupted("Stopped before the question was sent.")
                response = lane.client.send(request, auth=auth, stream=True, follow_redirects=False)
            limit_headers(response.headers.raw)
        except BaseException as error:
            if response is not None:
                response.close()
            if lane is not None and self._given is None:
                lane.client.close()
            failure = translate(error, asked.address, began=False, cancel=cancel)
            if isinstance(failure, Exception) and failure is error:
                raise
            if lane is not None and lane.ear.heard:
                failure = begun(failure)
            elif lane is not None and lane.ear.used and _dropped(failure):
                self.close()  # those that wait are as old
                return None
        else:
            pace = asked.pace(self._timeouts, started)
            return Reply(response, lane, asked.address, pace, cancel=cancel, give=self._give)
        # Raised out here, httpx's own error, whose request holds the key, is not its context; and the frames
        # that hold the key are gone, of a KeyboardInterrupt too.
        raise failure.with_traceback(None)

    def _request(self, client: httpx.Client, asked: Outgoing) -> httpx.Request:
        headers = {**_ACCEPT, "Accept-Encoding": accepted(), **self._headers}
        if asked.content is not None:
            headers["Content-Type"] = "application/json"
        return client.build_request(
            asked.method,
            asked.url,
            headers=headers,
            content=asked.content,
            timeout=self._until_the_reply,
        )

    def close(self) -> None:
        """Close the connections that wait for another request."""
        self._after_fork()
        with self._lock:
            lanes, self._idle = self._idle, []
        for lane in lanes:
            lane.client.close()

    def _take(self, address: Address) -> _Lane:
        if self._given is not None:
            return _Lane(self._given)
        self._after_fork()
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _Lane(self._new_client(address))

    def _after_fork(self) -> None:
        if self._pid != os.getpid():
            # The sockets are the other process's: closing them here would end its streams. Its lock may be
            # held for ever.
            self._pid, self._lock, self._idle = os.getpid(), threading.Lock(), []

    def _new_client(self, address: Address) -> httpx.Client:
        return httpx.Client(
            verify=self._certificates.context(address),
            # A proxy of the environment has no way back to this machine, and no business with its keys.
            trust_env=not address.loopback,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            cookies=no_cookies(),
        )

    def _give(self, lane: _Lane) -> None:
        if self._given is None:
            lane.ear.used = True
            with self._lock:
                self._idle.append(lane)


def _dropped(failure: BaseException) -> bool:
    return isinstance(failure, APIConnectionError) and failure.dropped


class Reply:
    """A reply whose headers are there and whose body is still to come.

    A context manager: leaving it frees the connection, and closes it unless the body was read to its end.
    """

    def __init__(
        self,
        response: httpx.Response,
        lane: _Lane,
        address: Address,
        pace: Pace,
        *,
        cancel: Cancel | None,
        give: Callable[[_Lane], None],
    ) -> None:
        self._response = response
        self._lane: _Lane | None = lane
        self._shut = lane.ear.shut
        self._address = address
        self._cancel = cancel
        self._give = give
        self.pace = pace
        lane.ear.know(response.extensions.get("network_stream"))
        self._ear = lane.ear
        self.status_code = response.status_code
        self.headers: Mapping[str, str] = response.headers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def chunks(self) -> Iterator[bytes]:
        """Yield the body's bytes, unpacked, as they arrive.

        Raises:
            StreamInterrupted: The connection broke, or the time was over.
            LimitExceeded: It unpacks to more than any answer.
            Interrupted: The question was cancelled.
        """
        failure: BaseException | None = None
        unpacks = unpacker(self.headers.get("content-encoding", ""))
        try:
            with self._cancel.closing(self._shut) if self._cancel else contextlib.nullcontext():
                for chunk in self._arriving():
                    if unpacks is None:
                        yield chunk
                    else:
                        yield from unpacks.feed(chunk)
                if self._cancel and self._cancel.cancelled:
                    raise Interrupted("Stopped.")
        except Exception as error:
            sized = "content-length" in self.headers
            failure = translate(error, self._address, began=True, sized=sized, cancel=self._cancel)
            if failure is error:
                raise
        if failure is not None:
            raise self.pace.fault() if isinstance(failure, IdleTimeout) else failure

    def _arriving(self) -> Iterator[bytes]:
        pace = self.pace
        self._ear.left = lambda: pace.left
        # Where somebody else opened the connection, httpcore takes one limit for all reads from here.
        self._response.request.extensions.get("timeout", {})["read"] = pace.begin()
        arriving = self._response.iter_raw()
        while True:
            chunk = next(arriving, None)
            pace.end()
            if chunk is None:
                return
            yield chunk
            pace.begin()

    def read(self) -> bytes:
        """Return the whole body.

        Raises:
            LimitExceeded: It is over 64 MiB. Otherwise as `chunks`.
        """
        body = Gathered(self._address)
        for chunk in self.chunks():
            body.add(chunk)
        return body.whole()

    def close(self) -> None:
        """Free the connection."""
        self._response.close()
        if self._lane is None:
            return
        lane, self._lane = self._lane, None
        self._give(lane)
