"""A chat service on loopback over raw sockets: it says byte for byte what a test scripts, and counts."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Reply:
    """What to say. A piece that is an Event holds the rest back until it is set."""

    pieces: Iterable[bytes | threading.Event]
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    chunked: bool = True
    end: str = "whole"  # or "cut": close without the last chunk; "reset": a TCP reset


def event(data: Any) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    return f"data: {text}\n\n".encode()


def chunk(content: str | None = None, **choice: Any) -> dict[str, Any]:
    finish = choice.pop("finish_reason", None)
    delta = ({} if content is None else {"content": content}) | choice
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "loopback-1",
        "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
DONE = event("[DONE]")


def answer(*texts: str, finish: str = "stop") -> list[bytes]:
    usage = {**chunk(), "choices": [], "usage": USAGE}
    return [*(event(chunk(text)) for text in texts), event(chunk(finish_reason=finish)), event(usage), DONE]


def completion(text: str, finish: str = "stop") -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "loopback-1",
        "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}],
        "usage": USAGE,
    }


def as_json(body: Any, status: int = 200, **headers: str) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply([data], status, {"content-type": "application/json", **headers})


class Service:
    """The service; `script` answers each question, the list of models is `models` (None: `script` answers that too)."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.requests: list[Request] = []
        self.models: list[str] | None = ["loopback-1"]
        self.script: Callable[[Request], Reply] = self.echo
        self.closed = threading.Event()  # the other side went away in the middle
        self.answered = threading.Event()  # a question has its whole answer
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family)
        self._connections: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def questions(self) -> list[Request]:
        return [request for request in self.requests if request.method == "POST"]

    def echo(self, request: Request) -> Reply:
        text = f"You said: {request.body['messages'][-1]['content']}"
        if request.body.get("stream"):
            return Reply(answer(*(text[at : at + 4] for at in range(0, len(text), 4))))
        return as_json(completion(text))

    def say(self, *pieces: bytes | threading.Event, **settings: Any) -> None:
        self.script = lambda _: Reply(list(pieces), **settings)

    def stop(self) -> None:
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            # Else what is said in pieces waits 40 ms for the other side to say that it heard the first.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection:  # closed under it
            stream = connection.makefile("rb")
            while request := self._read(stream):
                self.requests.append(request)
                try:
                    if not self._answer(connection, self._reply(request)):
                        return
                except OSError:
                    self.closed.set()
                    raise

    def _answer(self, connection: socket.socket, reply: Reply) -> bool:
        """Say a reply; return whether the connection stays."""
        self._write(connection, reply)
        if reply.end == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return reply.end == "whole" and reply.chunked

    def _read(self, stream: Any) -> Request | None:
        line = stream.readline().decode()
        if not line.strip():
            return None
        headers = {}
        while (header := stream.readline().decode().strip()) != "":
            name, _, value = header.partition(":")
            headers[name.strip().lower()] = value.strip()
        method, path, _ = line.split()
        return Request(method, path, headers, stream.read(int(headers.get("content-length", 0))))

    def _reply(self, request: Request) -> Reply:
        if request.method == "GET" and request.path.endswith("/models") and self.models is not None:
            entries = [
                {"id": name, "object": "model", "created": 1, "owned_by": "tests"} for name in self.models
            ]
            return as_json({"object": "list", "data": entries})
        return self.script(request)

    def _write(self, connection: socket.socket, reply: Reply) -> None:
        lines = [f"HTTP/1.1 {reply.status} X", *(f"{name}: {value}" for name, value in reply.headers.items())]
        lines.append("transfer-encoding: chunked" if reply.chunked else "connection: close")
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        for piece in reply.pieces:
            if isinstance(piece, threading.Event):
                self._hold(connection, piece)
            elif piece:  # an empty chunk would be the last
                connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if reply.chunked else piece)
        if reply.chunked and reply.end == "whole":
            connection.sendall(b"0\r\n\r\n")
            self.answered.set()

    def _hold(self, connection: socket.socket, until: threading.Event) -> None:
        """Wait for the event, or for the other side to go away."""
        connection.settimeout(0.02)
        while not until.is_set():
            try:
                gone = connection.recv(1, socket.MSG_PEEK) == b""
            except TimeoutError:
                continue
            except OSError:
                gone = True
            if gone:
                self.closed.set()
                raise ConnectionResetError
        connection.settimeout(None)


def held(service: Service, *before: str, after: str = " the rest") -> threading.Event:
    """Have a service say something and then wait for the event that is returned."""
    more = threading.Event()
    service.script = lambda _: Reply([*(event(chunk(text)) for text in before), more, *answer(after)])
    return more


def calls(*functions: tuple[str, str], text: str | None = None, first: int = 1) -> list[bytes]:
    """Return a stream that asks for calls of functions, each with its arguments in two fragments."""
    pieces = [] if text is None else [event(chunk(text))]
    for index, (name, arguments) in enumerate(functions):
        start = {"id": f"call_{first + index}", "type": "function"}
        half = len(arguments) // 2
        function = {"name": name, "arguments": arguments[:half]}
        pieces.append(event(chunk(None, tool_calls=[{"index": index, **start, "function": function}])))
        rest = {"index": index, "function": {"arguments": arguments[half:]}}
        pieces.append(event(chunk(None, tool_calls=[rest])))
    usage = {**chunk(), "choices": [], "usage": USAGE}
    return [*pieces, event(chunk(finish_reason="tool_calls")), event(usage), DONE]


class Script:
    """Answers one question after the other; the last again and again."""

    def __init__(self, *replies: list[bytes] | Reply) -> None:
        self._replies = list(replies)

    def __call__(self, _: Request) -> Reply:
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        return reply if isinstance(reply, Reply) else Reply(reply)
