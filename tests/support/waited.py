"""`AsyncClient` for tests that wait: the same words as `Client`'s, its loop in a thread of its own."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Self

import pytest

from jupyter_prem import AsyncClient, Client


class Waited:
    """An `AsyncClient` whose answers are waited for."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        self.client = AsyncClient(*args, **settings)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._wait(self.client.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def __repr__(self) -> str:
        return repr(self.client)

    def chat(self, *args: Any, **fields: Any) -> Any:
        return self._wait(self.client.chat(*args, **fields))

    def models(self) -> Any:
        return self._wait(self.client.models())

    @contextmanager
    def stream(self, *args: Any, **fields: Any) -> Iterator[Any]:
        context = self.client.stream(*args, **fields)
        stream = _Waited(self._wait(context.__aenter__()), self._wait)
        try:
            yield stream
        finally:
            self._wait(context.__aexit__(None, None, None))

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            self._loop.call_soon(lambda: None)
            runner.get_loop().run_forever()


class _Waited:
    def __init__(self, stream: Any, wait: Any) -> None:
        self._stream = stream
        self._wait = wait

    def __iter__(self) -> Iterator[Any]:
        while True:
            try:
                yield self._wait(anext(aiter(self._stream)))
            except StopAsyncIteration:
                return

    @property
    def response(self) -> Any:
        return self._stream.response


def without_aiohttp(patch: pytest.MonkeyPatch) -> None:
    """Have httpx's own transports used, as where httpx-aiohttp is not installed."""
    patch.setitem(sys.modules, "httpx_aiohttp", None)


@pytest.fixture(params=["threads", "aiohttp", "httpx"])
def clients(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[Client | Waited]:
    """The clients, one after the other: what a test says holds for each."""
    if request.param == "httpx":
        without_aiohttp(monkeypatch)
    return Client if request.param == "threads" else Waited


def ask(client: Any, **fields: Any) -> tuple[list[Any], Any]:
    """Ask for a stream; return its deltas and the whole."""
    with client.stream("hi", model="loopback-1", **fields) as stream:
        deltas = list(stream)
    return deltas, stream.response
