"""One answer: chunks cross from the engine's thread to the event loop, and go out whole or as a stream."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from ._engine import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.types import Receive, Scope, Send

    from ._engine import Engine

__all__ = ["Answer", "Slot"]

Chunk = dict[str, Any]

_PACE_S = 0.05


class Slot:
    """The engine's one slot. Waiting here rather than in the engine, a client that leaves costs nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._free = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "jupyter_prem engine")

    @contextlib.asynccontextmanager
    async def chunks(self, body: Mapping[str, Any]) -> AsyncIterator[AsyncIterator[list[Chunk]]]:
        """Ask the engine, as soon as it is free; yield its chunks, those together that came together.

        Leaving the context cancels what is still running and waits until the engine has let go, which
        takes as long as a token, or a batch of the prompt (0.4 s).

        Raises:
            EngineError: While iterating: the engine refused the request, or failed.
        """
        async with self._free:
            crossing = _Crossing()
            cancelled = threading.Event()

            def on_chunk(chunk: Chunk) -> bool:
                crossing.put(chunk)
                return cancelled.is_set()

            def work() -> None:
                try:
                    self._engine.complete(body, on_chunk)
                finally:
                    crossing.end()

            running = asyncio.get_running_loop().run_in_executor(self._thread, work)

            async def received() -> AsyncIterator[list[Chunk]]:
                async for chunks in crossing:
                    yield chunks
                await running

            try:
                yield received()
            finally:
                cancelled.set()
                await asyncio.wait([running])
                with contextlib.suppress(EngineError):  # told already, or to a client that has left
                    running.result()


class _Crossing:
    """Takes chunks from the engine's thread to the event loop.

    On two cores, waking the loop and the client for each token slows the engine by 5 %. So the first text
    goes at once, and what comes in the `_PACE_S` after a delivery goes with the next.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._chunks: list[Chunk] = []
        self._some = asyncio.Event()
        self._ended = asyncio.Event()
        self._awaited = False

    def put(self, chunk: Chunk) -> None:
        """Hand over a chunk, from the engine's thread."""
        self._chunks.append(chunk)
        if self._awaited:
            self._awaited = False
            self._loop.call_soon_threadsafe(self._some.set)

    def end(self) -> None:
        """Say that no chunk follows, from the engine's thread."""
        self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self._ended.set()
        self._some.set()

    async def __aiter__(self) -> AsyncIterator[list[Chunk]]:
        while True:
            ended = self._ended.is_set()
            chunks = self._take()
            if chunks:
                yield chunks
            if ended:
                return
            if chunks and _has_text(chunks[-1]):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), _PACE_S)
            self._some.clear()
            self._awaited = True
            if not self._chunks and not self._ended.is_set():
                await self._some.wait()
            self._awaited = False

    def _take(self) -> list[Chunk]:
        taken = self._chunks[:]
        del self._chunks[: len(taken)]
        return taken


class Answer(Response):
    """The answer to one checked request, asked for while it is being sent.

    A client that disconnects cancels the generation.

    Args:
        slot: Whom to ask.
        body: The request's fields of the contract.
    """

    def __init__(self, slot: Slot, body: Mapping[str, Any]) -> None:
        super().__init__()
        self._slot = slot
        self._body = body
        self._send_usage = bool((body.get("stream_options") or {}).get("include_usage"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        answer = self._stream(send) if self._body.get("stream") else self._whole(scope, receive, send)
        tasks = [asyncio.ensure_future(answer), asyncio.ensure_future(_disconnected(receive))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(done[0], Exception):
            raise done[0]

    async def _whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = _Whole()
        try:
            async with self._slot.chunks(self._body) as chunks:
                async for some in chunks:
                    for chunk in some:
                        message.add(chunk)
            response = JSONResponse(message.to_dict())
        except EngineError as error:
            response = JSONResponse(_error_body(error), error.code)
        await response(scope, receive, send)

    async def _stream(self, send: Send) -> None:
        started = False

        async def put(data: bytes, *, more: bool = True) -> None:
            nonlocal started
            if not started:
                started = True
                headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": data, "more_body": more})

        try:
            async with self._slot.chunks(self._body) as chunks:
                async for some in chunks:
                    await put(b"".join(map(self._event, some)))
            await put(b"data: [DONE]\n\n", more=False)
        except EngineError as error:
            if not started:
                response = JSONResponse(_error_body(error), error.code)
                await send(
                    {"type": "http.response.start", "status": error.code, "headers": response.raw_headers}
                )
                await send({"type": "http.response.body", "body": response.body})
                return
            await put(b"event: error\n" + _data(_error_body(error)), more=False)

    def _event(self, chunk: Chunk) -> bytes:
        """Return the event of a chunk; nothing for what was not asked for, and while a prompt is read."""
        if "prompt_progress" in chunk or ("usage" in chunk and not self._send_usage and not chunk["choices"]):
            return b""
        return _data(chunk)


class _Whole:
    """Puts chunks together to the answer of a request that asked for no stream."""

    def __init__(self) -> None:
        self._last: Chunk = {}
        self._texts: dict[str, list[str]] = {"content": [], "reasoning_content": []}
        self._calls: dict[int, dict[str, Any]] = {}
        self._reason = "stop"

    def add(self, chunk: Chunk) -> None:
        """Take the next chunk."""
        self._last = chunk
        for choice in chunk["choices"]:
            self._reason = choice.get("finish_reason") or self._reason
            for name, texts in self._texts.items():
                texts.append(choice["delta"].get(name) or "")
            for call in choice["delta"].get("tool_calls") or ():
                self._add_call(call)

    def _add_call(self, delta: Mapping[str, Any]) -> None:
        whole = self._calls.setdefault(
            delta["index"], {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        )
        whole["id"] = delta.get("id") or whole["id"]
        for name, part in (delta.get("function") or {}).items():
            whole["function"][name] = whole["function"].get(name, "") + (part or "")

    def to_dict(self) -> dict[str, Any]:
        """Return the answer, a `chat.completion`."""
        texts = {name: "".join(parts) for name, parts in self._texts.items()}
        message: dict[str, Any] = {"role": "assistant", "content": texts["content"]}
        if texts["reasoning_content"]:
            message["reasoning_content"] = texts["reasoning_content"]
        if self._calls:
            message["content"] = texts["content"] or None
            message["tool_calls"] = [self._calls[index] for index in sorted(self._calls)]
        choice = {"index": 0, "finish_reason": self._reason, "message": message}
        rest = {
            name: self._last.get(name) for name in ("id", "created", "model", "system_fingerprint", "usage")
        }
        return {"object": "chat.completion", "choices": [choice], **rest}


def _has_text(chunk: Chunk) -> bool:
    return any(choice["delta"].get("content") for choice in chunk["choices"])


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _data(value: Any) -> bytes:
    # ASCII: clients that split lines at U+2028 or U+0085 cannot then cut the JSON.
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


def _error_body(error: EngineError) -> dict[str, Any]:
    return {"error": {"message": str(error), "type": error.kind, "param": None, "code": error.code}}
