"""Answers that a running loop leaves, cancels or loses: connections are closed, what arrived is kept."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
import traceback

import pytest
from loopback import Reply, answer, chunk, event
from wire_asked import open_to
from wire_cases import SECRET

from jupyter_prem import AsyncClient
from jupyter_prem.client import IdleTimeout, StreamInterrupted, Timeouts

pytestmark = pytest.mark.usefixtures("transport")


async def until(true, seconds=5):
    """Wait until something is true, a turn of the loop at a time."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends
        await asyncio.sleep(0.001)


def test_a_loop_that_ends_closes_its_connections(service):
    client = AsyncClient(service.url)
    asyncio.run(client.chat("hi", model="m"))
    assert open_to(service) == []
    assert repr(client)


def test_a_client_that_is_dropped_closes_its_connections(service):
    async def main():
        await AsyncClient(service.url).chat("hi", model="m")
        gc.collect()
        await until(lambda: not open_to(service))

    asyncio.run(main())


def test_a_stream_that_is_left_early_closes_its_connection(service):
    service.say(event(chunk("a")), threading.Event())

    async def main():
        async with AsyncClient(service.url) as client:
            async with client.stream("hi", model="m") as stream:
                async for _ in stream:
                    break
            assert await asyncio.to_thread(service.closed.wait, 5)

    asyncio.run(main())


def test_cancelling_closes_the_connection_while_it_streams(service):
    service.say(event(chunk("par")), threading.Event())
    seen, begun = [], asyncio.Event()

    async def read(client):
        async with client.stream("hi", model="m") as stream:
            seen.append(stream)
            async for _ in stream:
                begun.set()

    async def main():
        async with AsyncClient(service.url) as client:
            task = asyncio.create_task(read(client))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(service.closed.wait, 5)
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert seen[0].response.text == "par"
    assert seen[0].response.interrupted


def test_cancelling_closes_the_connection_before_an_answer(service):
    held, asked = threading.Event(), threading.Event()
    service.script = lambda _: (asked.set(), held.wait(10), Reply(answer("late") * 2000))[2]

    async def main():
        async with AsyncClient(service.url, SECRET) as client:
            task = asyncio.create_task(client.chat("hi", model="m"))
            await until(asked.is_set)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            held.set()
            service.script = service.echo
            assert (await client.chat("again", model="m")).text == "You said: again"
        return "".join(
            traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
        )

    shown = asyncio.run(main())
    assert SECRET[:8] not in "".join(line for line in shown.splitlines() if "SECRET" not in line)
    assert service.closed.wait(5)


def test_two_hundred_streams_of_which_half_are_cancelled_leave_nothing(service):
    more = threading.Event()
    service.script = lambda _: Reply([event(chunk("one")), more, *answer(" two")])
    texts, threads = [], set(threading.enumerate())

    async def read(client, begun):
        async with client.stream("hi", model="m") as stream:
            async for _ in stream:
                begun.set()
        texts.append(stream.response.text)

    async def main():
        async with AsyncClient(service.url) as client:
            begun = [asyncio.Event() for _ in range(200)]
            tasks = [asyncio.create_task(read(client, one)) for one in begun]
            await asyncio.gather(*(one.wait() for one in begun))
            for task in tasks[::2]:
                task.cancel()
            more.set()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert [isinstance(one, asyncio.CancelledError) for one in done] == [True, False] * 100
            assert (await client.chat("hi", model="m", stream=True)).text == "one two"
            await until(lambda: len(open_to(service)) <= 100)
        await until(lambda: not open_to(service))
        await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})

    asyncio.run(main())
    assert texts == ["one two"] * 100
    assert [it for it in set(threading.enumerate()) - threads if "(_serve)" not in it.name] == []


def test_what_arrived_before_the_break_is_kept_though_it_is_read_late(service):
    service.say(event(chunk("one")), event(chunk(" two")), end="cut")

    async def main():
        async with AsyncClient(service.url) as client, client.stream("hi", model="m") as stream:
            await until(lambda: service._connections[-1].fileno() == -1)
            for _ in range(20):  # as many turns of the loop as it may take to hear of it
                await asyncio.sleep(0)
            with pytest.raises(StreamInterrupted) as caught:
                [delta async for delta in stream]
        return caught.value.partial

    assert asyncio.run(main()) == "one two"


def test_silence_in_the_middle_of_an_answer(service):
    service.say(event(chunk("par")), threading.Event())

    async def main():
        async with AsyncClient(service.url, timeout=0.2) as client:
            with pytest.raises(StreamInterrupted, match="fell silent") as caught:
                await client.chat("hi", model="m", stream=True)
        return caught.value.partial

    assert asyncio.run(main()) == "par"


def test_a_service_that_closes_idle_connections_is_asked_again(service):
    async def main():
        async with AsyncClient(service.url) as client:
            await client.chat("hi", model="m")
            for connection in service._connections:
                connection.shutdown(socket.SHUT_RDWR)
            return (await client.chat("again", model="m")).text

    assert asyncio.run(main()) == "You said: again"


def test_a_service_that_falls_silent_in_the_middle_is_given_up(service):
    """The limit is ours: aiohttp and httpx have none of their own that would come first."""
    service.say(event(chunk("so far")), threading.Event())

    async def main():
        limits = Timeouts(first_byte=5.0, progress=0.2)
        async with AsyncClient(service.url, timeout=limits) as client:
            with pytest.raises(IdleTimeout, match="fell silent") as caught:
                async with client.stream("hi", model="m") as stream:
                    async for _ in stream:
                        pass
        return caught.value.response

    response = asyncio.run(main())
    assert response.text == "so far"
    assert response.interrupted
