"""What has no end, and what is cut at its first bytes: nothing waits longer, or asks more often, than it may."""

from __future__ import annotations

import asyncio
import threading
import time

import httpx
import pytest
from loopback import DONE, Reply, answer, chunk, event
from wire_asked import ask, until
from wire_cases import SECRET, STOP, timeouts
from wire_places import TUNNEL, Proxy
from wire_server import Act, Again, Server, chunked, head, whole

from jupyter_prem import AsyncClient, Client
from jupyter_prem.client import (
    APITimeoutError,
    Cancel,
    ConfigurationError,
    DeadlineExceeded,
    EventDecoder,
    InternalServerError,
    Interrupted,
    LimitExceeded,
    NotFoundError,
    ProtocolError,
    StreamInterrupted,
    _async_client,
    _client,
    _formats,
    _sse,
)
from jupyter_prem.client._page import page_words


def timed(asked):
    started = time.perf_counter()
    return asked(), time.perf_counter() - started


@pytest.mark.parametrize("said", [b"x-a: b\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n"], ids=["head", "hints"])
def test_a_head_that_goes_on_and_on_ends_with_its_limit(server, clients, said):
    first = b"HTTP/1.1 200 OK\r\n" if said.startswith(b"x") else b""
    server.turns([first, Again(said, 200, 0.05), Act.STALL])
    with clients(server.url, timeout=timeouts({"first_byte": 0.4})) as client:
        outcome, took = timed(lambda: ask(client))
    assert type(outcome.error) is APITimeoutError
    assert 0.3 < took < 2
    assert len(server.questions) == 1


def test_the_total_is_kept_after_what_came_late(server, clients):
    server.turns([*chunked([event(chunk("a"))], end=()), Act.STALL])
    with clients(server.url, timeout=timeouts({"progress": 5.0, "total": 0.6})) as client:
        outcome, took = timed(lambda: ask(client))
    assert type(outcome.error) is DeadlineExceeded
    assert outcome.error.partial == "a"
    assert 0.5 < took < 1.5


def test_an_error_whose_body_does_not_end_says_what_came(server, clients, monkeypatch):
    for module in (_client, _async_client):
        monkeypatch.setattr(module, "ERROR_WITHIN", 0.2)
    server.turns([b'HTTP/1.1 500 x\r\n\r\n{"error":"boom"}', Act.STALL])
    with clients(server.url, max_retries=0) as client:
        outcome, took = timed(lambda: ask(client))
    assert type(outcome.error) is InternalServerError
    assert outcome.error.detail == "boom"
    assert took < 2


def test_an_error_without_a_body_quotes_nothing(server, clients):
    server.turns(whole(b"", 500))
    with clients(server.url, max_retries=0) as client:
        assert ask(client).error.detail == ""


def test_a_stream_that_is_not_ended_ends_soon_after_its_answer(server, clients, monkeypatch):
    monkeypatch.setattr(_formats, "_AFTERWARDS", 0.2)
    server.turns([*chunked([event(chunk("whole")), STOP], end=()), Act.STALL])
    with clients(server.url, timeout=timeouts({"progress": 20.0})) as client:
        outcome, took = timed(lambda: ask(client))
    assert outcome.response.text == "whole"
    assert outcome.response.finish_reason == "stop"
    assert took < 2


@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
def test_a_stream_by_another_name_is_read_as_it_comes(server, clients, kind):
    server.turns(
        [*chunked([event(chunk("hello ")), event(chunk("world"))], {"content-type": kind}, ()), Act.CLOSE]
    )
    with clients(server.url) as client:
        error = ask(client).error
    assert isinstance(error, StreamInterrupted)
    assert error.partial == "hello world"


def test_lines_of_json_end_at_their_mark(server, clients):
    body = b'{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n[DONE]\n'
    body += b'{"choices":[{"index":0,"delta":{"content":"MORE"}}]}\n'
    server.turns(whole(body))
    with clients(server.url) as client:
        assert ask(client).response.text == "a"


@pytest.mark.parametrize("index", ["[]", "{}", "null", '"0"', "1.5"])
def test_an_index_of_another_kind_is_the_first(server, clients, index):
    body = f'data: {{"choices":[{{"index":{index},"delta":{{"content":"x"}},"finish_reason":"stop"}}]}}\n\n'
    server.turns(chunked([body.encode(), DONE]))
    with clients(server.url, SECRET) as client:
        assert ask(client).response.text == "x"


def test_an_event_of_empty_lines_has_an_end(monkeypatch):
    monkeypatch.setattr(_sse, "EVENT_LIMIT", 2**20)  # 16 MiB of lines take a minute under coverage
    decoder = EventDecoder()
    with pytest.raises(LimitExceeded):
        for _ in range(20):
            list(decoder.feed(b"data:\n" * 2**16))


@pytest.mark.parametrize("end", [Act.CLOSE, Act.RESET])
def test_half_a_head_is_not_asked_for_again(server, clients, end):
    server.turns([b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request", end])
    with clients(server.url) as client:
        error = ask(client).error
    assert isinstance(error, ProtocolError)
    assert "RawResponseMessage" not in str(error)
    assert len(server.questions) == 1


@pytest.mark.parametrize("value", ["mysecretmysecret99\n", "a\rb", "smart \u201d"])
def test_a_header_that_cannot_be_sent_is_refused_without_its_value(clients, value):
    with pytest.raises(ConfigurationError, match="X-Api-Key") as caught:
        clients("http://127.0.0.1:9", headers={"X-Api-Key": value})
    assert value.strip() not in str(caught.value)


@pytest.mark.parametrize(
    "headers",
    [{"content-security-policy": "x" * 9_000}, {"link": "x" * 60_000}, {f"x-{n}": "a" for n in range(150)}],
    ids=["long", "longest", "many"],
)
def test_headers_may_be_long_and_many(service, clients, headers):
    service.script = lambda _: Reply(answer("yes"), headers={"content-type": "text/event-stream", **headers})
    with clients(service.url) as client:
        assert client.chat("hi", model="m").text == "yes"


def test_headers_without_end_give_their_connection_back(server, clients):
    server.turns([head({f"x-{number}": "a" * 1_000 for number in range(90)}), Act.STALL])
    with clients(server.url) as client:
        for _ in range(3):
            assert isinstance(ask(client).error, LimitExceeded)
        assert until(lambda: server.left >= 3 if isinstance(server.left, int) else server.left, 2)


def test_a_connection_is_used_again_after_a_stream(server, clients):
    with clients(server.url) as client:
        for _ in range(5):
            assert ask(client).response.text == "You said: hi"
    assert server.connections == 1


def test_a_connection_that_was_closed_meanwhile_is_no_try(server, clients, retried):
    server.turns(
        whole(b'{"choices":[{"message":{"content":"one"},"finish_reason":"stop"}]}'), [Act.CLOSE], None
    )
    with clients(server.url, max_retries=0) as client:
        assert ask(client, stream=False).response.text == "one"
        assert ask(client).response.text == "You said: hi"
    assert (len(server.questions), retried) == (3, [])


HOSTILE = ["<a ", '<x y="', "<!--", "<![", "</", "<script>", "<", "&#", "<style><"]


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_page_is_read_in_a_moment_whatever_it_is(piece):
    started = time.process_time()
    page_words(piece * (100_000 // len(piece)))
    assert time.process_time() - started < 0.5  # it is milliseconds, and was minutes


def test_the_words_of_a_page():
    page = "<!DOCTYPE html><html><head><title>Log in</title><style>p {}</style><script>a<b</script></head>"
    assert page_words(f"{page}<body><h1>Welcome &amp; hello</h1><![foo[ x ]]><p>now") == (
        "Log in Welcome & hello now"
    )


def test_stop_wakes_a_read_behind_a_proxy(monkeypatch, hosts, authority):
    del hosts
    server = Server(context=authority.server("prem", "prem.example"))
    proxy = Proxy(server.port)
    proxy.turns(TUNNEL)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    server.turns([*chunked([event(chunk("a"))], end=()), Again(b"5\r\n: x\n\n\r\n", 3, 4.0)])
    cancel = Cancel()
    with Client("https://prem.example", SECRET, verify=authority.trusted(), timeout=20) as client:
        request = client.build("hi", model="m", stream=True)
        with client.send(request, cancel=cancel) as stream:
            assert str(next(iter(stream))) == "a"
            threading.Timer(0.2, cancel.cancel).start()
            started = time.perf_counter()
            with pytest.raises(Interrupted):
                list(stream)
            assert time.perf_counter() - started < 2
    proxy.stop()
    server.stop()


def test_a_list_of_models_that_never_comes_keeps_no_error_back(server, clients, monkeypatch):
    for module in (_client, _async_client):
        monkeypatch.setattr(module, "ERROR_WITHIN", 0.3)
    server.models = None  # the script answers, of its list as of a question
    server.turns(whole('{"error": {"message": "no such model"}}', 404), [Act.STALL])
    with clients(server.url, SECRET) as client:
        outcome, took = timed(lambda: ask(client))
    assert type(outcome.error) is NotFoundError
    assert 0.2 < took < 2


class Connecting(httpx.AsyncBaseTransport):
    """A connection that is being made, and ends with another error where it is cancelled, as anyio's does."""

    async def handle_async_request(self, request):  # noqa: ARG002 - httpx's protocol
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError("second argument (exceptions) must be a non-empty sequence") from None


def test_a_task_that_is_cancelled_while_it_connects_is_cancelled():
    async def asked(limits, cancel):
        async with (
            httpx.AsyncClient(transport=Connecting()) as http,
            AsyncClient("http://127.0.0.1:9", timeout=limits, http_client=http) as client,
        ):
            task = asyncio.ensure_future(client.chat("hi", model="m"))
            await asyncio.sleep(0)
            if cancel:
                asyncio.get_running_loop().call_soon(task.cancel)
            await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(asked(60, cancel=True))
    with pytest.raises(APITimeoutError):
        asyncio.run(asked({"first_byte": 0.1}, cancel=False))
