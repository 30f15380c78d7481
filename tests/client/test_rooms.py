"""What `AsyncClient` has open, for each loop that it asks in."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest
from loopback import Reply, answer, chunk, event
from waited import without_aiohttp
from wire_asked import until

from jupyter_prem import AsyncClient
from jupyter_prem.client import StreamInterrupted


@pytest.fixture(params=["aiohttp", "httpx"], autouse=True)
def transport(request, monkeypatch):
    if request.param == "httpx":
        without_aiohttp(monkeypatch)


def test_what_a_loop_had_open_is_forgotten_after_its_end(service):
    client = AsyncClient(service.url)
    for _ in range(3):
        assert asyncio.run(client.chat("hi", model="m")).text == "You said: hi"
        assert len(client._wire._rooms) == 1
    asyncio.run(client.aclose())


def test_as_many_go_at_once_as_are_asked_and_every_turn_is_given_back(service):
    async def asked():
        async with AsyncClient(service.url) as client:
            await asyncio.gather(*(client.chat("hi", model="m") for _ in range(5)))
            room = await client._wire.room()
            assert room._out == 0
            async with client.stream("hi", model="m") as stream:
                async for _ in stream:
                    assert room._out <= 1
            assert room._out == 0

    asyncio.run(asked())


def test_an_answer_that_is_still_read_when_its_client_is_closed_leaves_no_connection(server):
    more = threading.Event()
    server.script = lambda _: Reply([event(chunk("one")), more, *answer(" two")])

    async def asked():
        client = AsyncClient(server.url, timeout=5)
        async with client.stream("hi", model="m") as stream:
            await anext(aiter(stream))
            await client.aclose()
            more.set()
            with contextlib.suppress(StreamInterrupted):  # aiohttp's connections are closed at once
                async for _ in stream:
                    pass
        assert until(lambda: len(server.left) == 1, 2)

    asyncio.run(asked())
