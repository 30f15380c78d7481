"""Places on the way to a service: certificates, a proxy, and a listener that takes nobody."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wire_server import Server

TUNNEL = "open a tunnel"


class Authority:
    """Who signs certificates that a client may be told to trust.

    Args:
        folder: Where it keeps its keys.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._openssl(
            "req", "-x509", *_KEY, "-days", "2", "-subj", "/CN=tests", "-keyout", "ca.key", "-out", "ca.pem"
        )

    def trusted(self) -> ssl.SSLContext:
        """Return what a client checks certificates with that trusts this authority."""
        return ssl.create_default_context(cafile=str(self._folder / "ca.pem"))

    def server(self, name: str, *hosts: str, days: int = 2) -> ssl.SSLContext:
        """Return what a server speaks TLS with, its certificate good for hosts, for so many days."""
        names = ",".join(f"{'IP' if host[-1].isdigit() else 'DNS'}:{host}" for host in hosts)
        (self._folder / f"{name}.ext").write_text(f"subjectAltName={names}\n")
        self._openssl("req", *_KEY, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
        made = ["-in", f"{name}.csr", "-out", f"{name}.pem", "-extfile", f"{name}.ext", "-days", str(days)]
        self._openssl("x509", "-req", *signed, *made)
        return self._context(name)

    def alone(self) -> ssl.SSLContext:
        """Return what a server speaks TLS with whose certificate nobody signed but itself."""
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
        self._openssl("req", "-x509", *_KEY, "-days", "2", *names, "-keyout", "self.key", "-out", "self.pem")
        return self._context("self")

    def _context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        return context

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._folder, check=True, capture_output=True)


_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Proxy(Server):
    """A proxy whose tunnels all lead to one service; plain requests it answers itself.

    Args:
        target: Port of the service.
    """

    def __init__(self, target: int = 0) -> None:
        self._target = target
        super().__init__()

    def url_for(self, user: str, password: str) -> str:
        return self.url.replace("://", f"://{user}:{password}@")

    def _answer(self, connection: socket.socket, reply: Any) -> bool:
        if reply != TUNNEL:
            return super()._answer(connection, reply)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self._target)) as onward:
            back = threading.Thread(target=_pump, args=(onward, connection))
            back.start()
            _pump(connection, onward)
            back.join()
        return False


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(2**16):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def taken() -> Iterator[int]:
    """A port where connections are begun and never made: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def nobody() -> int:
    """Return a port where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
