"""A service that also says what no well-behaved one would: steps on a raw socket, one list for each request."""

from __future__ import annotations

import contextlib
import fcntl
import socket
import ssl
import struct
import termios
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from loopback import Reply, Service

EVENTS = {"content-type": "text/event-stream"}


class Act(Enum):
    """A step that is no bytes."""

    CLOSE = "close the connection"
    RESET = "reset the connection"
    STALL = "say nothing more until the other side goes away"


@dataclass(frozen=True)
class Again:
    """The same bytes, over and over, or until the other side goes away; `every` so many seconds."""

    piece: bytes
    times: int
    every: float = 0.0


Step = bytes | Act | Again | threading.Event | Reply | None


def head(headers: Mapping[str, str] = EVENTS, status: int = 200, reason: str = "X") -> bytes:
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def whole(body: bytes | str, status: int = 200, **headers: str) -> list[Step]:
    """A reply of a known length; `_` in the names of headers is `-`."""
    data = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return [
        head({"content-type": "application/json", "content-length": str(len(data)), **named}, status) + data
    ]


def chunked(
    pieces: Iterable[bytes], headers: Mapping[str, str] = EVENTS, end: Iterable[Step] = (b"0\r\n\r\n",)
) -> list[Step]:
    """A reply in chunks as they are cut; an empty one would be the last, so it is left out."""
    framed = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece]
    return [head({**headers, "transfer-encoding": "chunked"}), *framed, *end]


class Server(Service):
    """A loopback service whose script may return steps.

    Args:
        host, port: Where it listens.
        context: With which it speaks TLS.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, context: ssl.SSLContext | None = None
    ) -> None:
        self._context = context
        self.left: list[float] = []  # when each connection was seen to end, as time.monotonic has it
        super().__init__(host, port)
        if context is not None:
            self.url = self.url.replace("http:", "https:")

    @property
    def connections(self) -> int:
        """How many were ever open."""
        return len(self._connections)

    def turns(self, *replies: list[Step] | None) -> None:
        """Answer one request after the other, the last again and again.

        None, for all the steps or as one of them, is the service's own answer.
        """
        left = list(replies)

        def script(request: Any) -> Any:
            steps = left.pop(0) if len(left) > 1 else left[0]
            if not isinstance(steps, list):
                return self.echo(request) if steps is None else steps
            return [self.echo(request) if step is None else step for step in steps]

        self.script = script

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            try:
                connection = self._context.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                return
        try:
            super()._serve(connection)
        finally:
            self.left.append(time.monotonic())

    def _answer(self, connection: socket.socket, reply: Any) -> bool:
        if isinstance(reply, Reply):
            return super()._answer(connection, reply)
        return all(self._step(connection, step) for step in reply)

    def _step(self, connection: socket.socket, step: Step) -> bool:
        if isinstance(step, bytes):
            connection.sendall(step)
        elif isinstance(step, threading.Event):
            self._hold(connection, step)
        elif isinstance(step, Again):
            self._repeat(connection, step)
        elif isinstance(step, Reply):
            return super()._answer(connection, step)
        elif step is Act.STALL:
            self._hold(connection, threading.Event())
        else:
            if step is Act.RESET:
                _delivered(connection)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        return True

    def _repeat(self, connection: socket.socket, step: Again) -> None:
        for _ in range(step.times):
            connection.sendall(step.piece)
            if step.every and isinstance(connection, ssl.SSLSocket):  # it cannot be looked into
                threading.Event().wait(step.every)
            elif step.every:
                connection.settimeout(step.every)
                with contextlib.suppress(TimeoutError):
                    if connection.recv(1, socket.MSG_PEEK) == b"":
                        raise ConnectionResetError
                connection.settimeout(None)


def _delivered(connection: socket.socket) -> None:
    """Wait until the other side has all that was sent, which a reset would take back."""
    wait = threading.Event()
    for _ in range(1000):
        if not any(fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4))):
            return
        wait.wait(0.001)
