"""The wire: the one module that knows httpx."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING, Any, Self

import httpx

from ._decode import quoted
from ._errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    Interrupted,
    LimitExceeded,
    PremError,
    StreamInterrupted,
)
from ._keys import scrub

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator, Iterator, Mapping

    from ._address import Address
    from ._cancel import Cancel

__all__ = ["Reply", "Wire"]

_ASK_AGAIN = "Ask again; what had arrived is kept."
_CHECK_ADDRESS = "Check the address (%prem status) and the network, or use --endpoint embedded."
_RAISE_LIMIT = "Raise the limit (%config PremMagics.timeout = seconds), or ask again."
_BEFORE_THE_ANSWER: tuple[tuple[type[Exception], type[APIConnectionError], str, str], ...] = (
    (httpx.ConnectTimeout, APITimeoutError, "The service took no connection in time.", _CHECK_ADDRESS),
    (
        httpx.TimeoutException,
        APITimeoutError,
        "The service did not answer in time; the question may have been billed.",
        _RAISE_LIMIT,
    ),
    (httpx.ConnectError, APIConnectionError, "The service cannot be reached.", _CHECK_ADDRESS),
)

CONNECT_TIMEOUT = 10.0
BODY_LIMIT = 64 * 2**20


class _Lane:
    """An httpx client of one connection, so that its socket can be shut from another thread.

    A read that is blocked is not woken by closing the response; shutting the socket does
    (httpcore's trace extension hands out each stream it opens).
    """

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self._stream: Any = None

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._stream = info["return_value"]

    def shut(self) -> None:
        sock = self._stream and self._stream.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _Bearer(httpx.Auth):
    """Puts the key on a request where no frame of ours names it."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._address.api_key is not None:
            request.headers["Authorization"] = self._address.api_key.header()
        yield request


class Wire:
    """Sends requests to one service and hands out their replies as they arrive; safe between threads.

    Args:
        timeout: Seconds of silence after which a reply counts as lost.
        headers: Sent with every request.
        verify: True, False, or an SSL context to check certificates with.
        http_client: An httpx client to use instead of our own; it is not closed by us.
    """

    def __init__(
        self,
        *,
        timeout: float,
        headers: Mapping[str, str] | None = None,
        verify: bool | ssl.SSLContext = True,
        http_client: httpx.Client | None = None,
    ) -> None:
        self._timeout = httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT))
        self._headers = dict(headers or {})
        self._verify = verify
        self._context: ssl.SSLContext | None = None
        self._given = http_client
        self._idle: list[_Lane] = []
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def send(
        self,
        address: Address,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        cancel: Cancel | None = None,
    ) -> Reply:
        """Send a request and return its reply once the headers are there.

        Raises:
            APIConnectionError: No answer began.
            APITimeoutError: The service stayed silent.
            Interrupted: `cancel` was called meanwhile.
        """
        headers = {"Accept": "text/event-stream, application/json", **self._headers}
        if content is not None:
            headers["Content-Type"] = "application/json"
        auth = _Bearer(address) if address.api_key is not None else httpx.USE_CLIENT_DEFAULT
        lane: _Lane | None = None
        failure: BaseException
        try:
            lane = self._take(address)
            request = lane.client.build_request(
                method, address.url(path), headers=headers, content=content, timeout=self._timeout
            )
            request.extensions["trace"] = lane.trace
            with cancel.closing(lane.shut) if cancel else contextlib.nullcontext():
                if cancel and cancel.cancelled:
                    raise Interrupted("Stopped before the question was sent.")
                response = lane.client.send(request, auth=auth, stream=True, follow_redirects=False)
        except BaseException as error:
            if lane is not None and self._given is None:
                lane.client.close()
            failure = _translate(error, address, began=False, cancel=cancel)
            if failure is error:
                raise
        else:
            return Reply(response, lane, address, cancel, self._give)
        # Raised out here, httpx's own error, whose request holds the key, is not its context.
        raise failure

    def close(self) -> None:
        """Close the connections that wait for another request."""
        with self._lock:
            lanes, self._idle = self._idle, []
        for lane in lanes:
            lane.client.close()

    def _take(self, address: Address) -> _Lane:
        if self._given is not None:
            return _Lane(self._given)
        if self._pid != os.getpid():
            # After a fork the sockets are the other process's; closing them here would end its streams.
            self._pid, self._lock, self._idle = os.getpid(), threading.Lock(), []
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _Lane(self._new_client(address))

    def _new_client(self, address: Address) -> httpx.Client:
        # A context costs 20 ms and is of no use without TLS.
        encrypted = address.base_url.startswith("https:")
        if self._context is None and encrypted:
            self._context = (
                httpx.create_ssl_context(verify=self._verify)
                if isinstance(self._verify, bool)
                else self._verify
            )
        return httpx.Client(
            verify=self._context if self._context is not None else False,
            # A proxy of the environment has no way back to this machine, and no business with its keys.
            trust_env=not address.loopback,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
        )

    def _give(self, lane: _Lane) -> None:
        if self._given is None:
            with self._lock:
                self._idle.append(lane)


class Reply:
    """A reply whose headers are there and whose body is still to come.

    A context manager: leaving it frees the connection, and closes it unless the body was read to its end.
    """

    def __init__(
        self,
        response: httpx.Response,
        lane: _Lane,
        address: Address,
        cancel: Cancel | None,
        give: Callable[[_Lane], None],
    ) -> None:
        self._response = response
        self._lane: _Lane | None = lane
        self._shut = lane.shut
        self._address = address
        self._cancel = cancel
        self._give = give
        self.status_code = response.status_code
        self.headers: Mapping[str, str] = response.headers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def chunks(self) -> Iterator[bytes]:
        """Yield the body's bytes, decompressed, as they arrive.

        Raises:
            StreamInterrupted: The connection broke, or stayed silent.
            Interrupted: The question was cancelled.
        """
        failure: BaseException | None = None
        try:
            with self._cancel.closing(self._shut) if self._cancel else contextlib.nullcontext():
                packed = "content-encoding" in self.headers
                yield from self._response.iter_bytes() if packed else self._response.iter_raw()
                if self._cancel and self._cancel.cancelled:
                    raise Interrupted("Stopped.")
        except Exception as error:
            failure = _translate(error, self._address, began=True, cancel=self._cancel)
            if failure is error:
                raise
        if failure is not None:
            raise failure

    def read(self) -> bytes:
        """Return the whole body.

        Raises:
            LimitExceeded: It is over 64 MiB. Otherwise as `chunks`.
        """
        parts, size = [], 0
        for chunk in self.chunks():
            size += len(chunk)
            if size > BODY_LIMIT:
                raise LimitExceeded(
                    f"The body is over {BODY_LIMIT // 2**20} MiB.", where=f"at {self._address.host}"
                )
            parts.append(chunk)
        return b"".join(parts)

    def close(self) -> None:
        """Free the connection."""
        self._response.close()
        if self._lane is None:
            return
        lane, self._lane = self._lane, None
        self._give(lane)


def _translate(
    error: BaseException, address: Address, *, began: bool, cancel: Cancel | None
) -> BaseException:
    """Return our error for httpx's; what is not httpx's is returned as it is."""
    if not began and isinstance(error, ValueError | ImportError) and not isinstance(error, PremError):
        return ConfigurationError(
            f"No connection can be set up: {quoted(scrub(str(error), address.api_key))}",
            where=f"to {address.host}",
            hint="Check the address, and the proxy and certificate settings of the environment.",
        )
    if not isinstance(error, httpx.HTTPError | httpx.StreamError | httpx.InvalidURL | OSError):
        return error
    if cancel is not None and cancel.cancelled:
        return Interrupted("Stopped.")
    where = f"at {address.host}"
    words = quoted(scrub(str(error), address.api_key))
    if began:
        what = (
            "The service fell silent" if isinstance(error, httpx.TimeoutException) else "The connection broke"
        )
        return StreamInterrupted(
            f"{what} in the middle of its answer.", where=where, hint=_ASK_AGAIN, detail=words
        )
    for kind, ours, what, hint in _BEFORE_THE_ANSWER:
        if isinstance(error, kind):
            detail = "" if ours is APITimeoutError else words
            return ours(what, where=where, hint=hint, detail=detail)
    return APIConnectionError(
        "The connection failed before an answer began.", where=where, hint="Ask again.", detail=words
    )
