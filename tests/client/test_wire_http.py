"""H05 to H39, H48, H49: statuses, headers and lengths, and how often a question is asked again."""

from __future__ import annotations

import asyncio
import threading
import time
from email.utils import formatdate

import pytest
from wire_asked import ask, exchange, of
from wire_http import HTTP, fault
from wire_server import whole

from jupyter_prem import AsyncClient, Client
from jupyter_prem.client import Cancel, InternalServerError, Interrupted


@pytest.mark.parametrize("case", HTTP, ids=lambda case: case.name)
def test_what_came_is_told_and_asked_for_as_often_as_may_be(case, server, clients, retried):
    assert exchange(case, server, clients, retried) == []


@of("H22-waited", "H24-waited")
def test_the_wait_is_as_long_as_was_asked(case, server, clients):
    headers = {"retry_after": "0.3"} if case == "H22-waited" else {"retry_after_ms": "300"}
    server.turns(whole(fault(), 429, **headers), None)
    with clients(server.url) as client:
        started = time.monotonic()
        assert ask(client).response.text == "You said: hi"
    assert 0.27 <= time.monotonic() - started < 0.33 + 0.3  # and what two questions take on a busy machine


@of("H23-own-clock")
def test_a_date_alone_is_taken_by_this_clock(case, server, clients, retried):
    server.turns(whole(fault(), 503, retry_after=formatdate(time.time() + 20, usegmt=True)), None)
    with clients(server.url) as client:
        assert ask(client).response.text == "You said: hi"
    assert len(retried) == 1
    assert 17 < retried[0] <= 20


@of("H25-spread")
def test_waits_that_nobody_asked_for_are_spread(case, server, clients, retried):
    server.turns(whole(fault(), 429))
    with clients(server.url) as client:
        for _ in range(20):
            ask(client)
    first, second = retried[::2], retried[1::2]
    assert len(first) == len(second) == 20
    assert min(first) < 0.2
    assert 0.3 < max(first) <= 0.5
    assert min(second) < 0.4
    assert 0.6 < max(second) <= 1.0


@of("H49-none", "H49-one")
def test_no_more_tries_than_were_allowed(case, server, clients, retried):
    allowed = ["H49-none", "H49-one"].index(case)
    server.turns(whole(fault(), 503))
    with clients(server.url, max_retries=allowed) as client:
        assert isinstance(ask(client).error, InternalServerError)
    assert len(server.questions) == 1 + allowed


@of("H48-threads-wait")
def test_a_wait_ends_when_the_question_is_stopped(case, server):
    server.turns(whole(fault(), 429, retry_after="20"))
    cancel = Cancel()
    with Client(server.url) as client:
        request = client.build("hi", model="m", stream=True)
        started = time.monotonic()
        threading.Timer(0.1, cancel.cancel).start()
        with pytest.raises(Interrupted):
            client.send(request, cancel=cancel)
    assert time.monotonic() - started < 0.3
    assert len(server.questions) == 1


@of("H48-aiohttp-wait")
def test_a_wait_ends_when_the_task_is_cancelled(case, server):
    server.turns(whole(fault(), 429, retry_after="20"))

    async def main():
        async with AsyncClient(server.url) as client:
            await asyncio.wait_for(client.chat("hi", model="m"), 0.1)

    started = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert time.monotonic() - started < 0.5
    assert len(server.questions) == 1
