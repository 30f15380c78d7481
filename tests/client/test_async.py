"""Asking from running loops: at once, again; what every client does is in test_stream and test_http."""

from __future__ import annotations

import asyncio
import gc
import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass

import httpx
import pytest
from loopback import answer, as_json, chunk, completion, event
from wire_cases import SECRET

import jupyter_prem
from jupyter_prem import AsyncClient
from jupyter_prem.client import Address, Delta

pytestmark = pytest.mark.usefixtures("transport")


async def ask(client, text="hi", **fields):
    async with client.stream(text, model="m", **fields) as stream:
        deltas = [delta async for delta in stream]
    return deltas, stream.response


def test_many_at_once(service):
    async def main():
        async with AsyncClient(service.url) as client:
            texts = [f"question {number}" for number in range(300)]
            answers = await asyncio.gather(*(client.chat(text, model="m") for text in texts))
            return [response.text for response in answers] == [f"You said: {text}" for text in texts]

    assert asyncio.run(main())
    assert len(service._connections) <= 200
    assert max(len(r.body["messages"]) for r in service.questions) == 1


def test_connections_are_used_again(service):
    async def main():
        async with AsyncClient(service.url) as client:
            for _ in range(20):
                await asyncio.gather(*(client.chat("hi", model="m") for _ in range(5)))

    asyncio.run(main())
    assert len(service._connections) <= 5


def test_one_client_in_two_loops(service):
    client = AsyncClient(service.url)
    for _ in range(2):
        assert asyncio.run(client.chat("hi", model="m")).text == "You said: hi"
    assert len(service._connections) == 2
    gc.collect()


def test_two_loops_at_the_same_time(service):
    client = AsyncClient(service.url)
    said = []

    def run():
        said.append(asyncio.run(ask(client))[1].text)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert said == ["You said: hi"] * 4


def test_deltas_come_as_they_are_sent(service):
    more = threading.Event()
    service.say(event(chunk("one")), more, *answer(" two"))

    async def main():
        async with AsyncClient(service.url) as client, client.stream("hi", model="m") as stream:
            first = await anext(aiter(stream))
            assert stream.response.interrupted
            more.set()
            rest = [str(delta) async for delta in stream]
        return first, rest, stream.response.text

    assert asyncio.run(main()) == (Delta("one"), [" two", ""], "one two")


@pytest.mark.parametrize("named", [False, True])
def test_the_model_is_asked_for_once(service, named, monkeypatch):
    if named:
        monkeypatch.setenv("PREM_MODEL", "b")

    async def main():
        async with AsyncClient(service.url) as client:
            await asyncio.gather(*(client.chat("hi") for _ in range(20)))

    asyncio.run(main())
    assert len(service.requests) - len(service.questions) == (0 if named else 1)
    assert {question.body["model"] for question in service.questions} == {"b" if named else "loopback-1"}


@dataclass
class City:
    name: str


def test_schemas_and_functions_go_as_with_the_other_client(service):
    def population(city: str) -> int:
        """Return how many live there."""
        return len(city)

    service.script = lambda _: as_json(completion('{"name": "Rome"}'))

    async def main():
        async with AsyncClient(service.url) as client:
            fits = await client.chat("hi", model="m", response_format=City, tools=[population])
            with pytest.raises(jupyter_prem.SchemaError):
                await client.chat("hi", model="m", tools=[population], tool_choice="other")
            with pytest.raises(jupyter_prem.RequestError, match="takes none, auto"):
                await client.chat("hi", model="m", tool_choice="required", tools=[{"type": "function"}] * 2)
            service.script = lambda _: as_json(completion("Rome"))
            with pytest.raises(jupyter_prem.StructuredOutputError) as caught:
                await client.chat("hi", model="m", response_format=City)
        return fits, caught.value

    fits, error = asyncio.run(main())
    assert fits.parsed == City("Rome")
    assert error.partial == "Rome"
    assert service.questions[0].body["tools"][0]["function"]["name"] == "population"


def test_a_watcher_is_told_as_of_a_stream_in_a_thread(service):
    told = []

    class Watcher:
        def delta(self, delta):
            told.append(str(delta))

        def end(self, response):
            told.append(response.text)

        def close(self):
            told.append("closed")

    async def main():
        async with AsyncClient(service.url) as client:
            request = await client.build("hi", model="m", stream=True)
            assert client.body_of(request)["stream_options"] == {"include_usage": True}
            async with await client.send(request) as stream:
                stream.watch(Watcher())
                stream.about["where"] = "here"
                async for _ in stream:
                    pass
            return stream.response

    response = asyncio.run(main())
    assert "".join(told[: told.index("You said: hi")]) == "You said: hi"
    assert told[-1] == "closed"
    assert response.about["where"] == "here"
    assert not response.replayed


def test_a_client_of_ones_own(service):
    async def main():
        async with httpx.AsyncClient(headers={"x-mine": "yes"}) as mine:
            async with AsyncClient(service.url, SECRET, http_client=mine) as client:
                assert (await client.chat("hi", model="m")).text == "You said: hi"
                assert (await ask(client))[1].text == "You said: hi"
            assert not mine.is_closed

    asyncio.run(main())
    assert {question.headers["x-mine"] for question in service.questions} == {"yes"}
    assert {question.headers["authorization"] for question in service.questions} == {f"Bearer {SECRET}"}


def test_headers_are_those_that_were_given(service):
    async def main():
        async with AsyncClient(service.url, headers={"accept": "x/y", "X-Team": "a"}) as client:
            await client.chat("hi", model="m")

    asyncio.run(main())
    headers = service.questions[0].headers
    assert (headers["accept"], headers["x-team"], headers["content-type"]) == ("x/y", "a", "application/json")
    assert headers["accept-encoding"] == "gzip, deflate, br"


def test_another_machine_is_asked_through_the_proxy_of_the_environment(service, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, service.url)

    async def main():
        async with AsyncClient("http://prem.invalid") as client:
            await client.chat("hi", model="m")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "prem.invalid")
        async with AsyncClient("http://prem.invalid") as client:
            with pytest.raises(jupyter_prem.APIConnectionError):
                await client.chat("hi", model="m")

    asyncio.run(main())
    assert [question.path for question in service.questions] == [
        "http://prem.invalid/api/v1/chat/completions"
    ]


def test_an_address_that_takes_long_does_not_hold_the_loop(service):
    class Slow:
        name, takes_required, model = "slow", True, "m"
        go = threading.Event()

        def address(self, progress=None):
            assert self.go.wait(5)
            progress(1, 2)
            return Address(service.url)

    told = []

    async def main():
        async with AsyncClient(Slow()) as client:
            task = asyncio.create_task(client.models(status=lambda *part: told.append(part)))
            await asyncio.sleep(0)
            Slow.go.set()
            return await task

    assert [model.id for model in asyncio.run(main())] == ["loopback-1"]
    assert told == [("Fetching the embedded model, once (0 MB)", 0.5)]


def test_the_key_is_never_printed(service):
    client = AsyncClient(service.url, SECRET)
    asyncio.run(client.chat("hi", model="m"))
    assert repr(client) == f"AsyncClient(endpoint={service.url!r})"
    shown = repr(vars(client)) + repr(vars(client._wire))
    with pytest.raises((TypeError, AttributeError)) as caught:
        pickle.dumps(client)
    assert SECRET[:8] not in shown + str(caught.value)


def test_a_fork_has_sockets_of_its_own(service, transport):
    script = f"""if True:
        import asyncio, os, sys
        if {transport == "httpx"}: sys.modules["httpx_aiohttp"] = None
        from jupyter_prem import AsyncClient
        client = AsyncClient({service.url!r})
        loop = asyncio.new_event_loop()
        said = lambda loop, text: loop.run_until_complete(client.chat(text, model="m")).text
        assert said(loop, "before") == "You said: before"
        child = os.fork()
        if child == 0:
            own = asyncio.new_event_loop()
            good = said(own, "child") == "You said: child"
            own.run_until_complete(client.aclose())
            os._exit(0 if good else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert said(loop, "parent") == "You said: parent"
        loop.run_until_complete(client.aclose())
        loop.close()
    """
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)
    assert len(service._connections) == 2


def test_importing_it_imports_no_httpx():
    code = "import jupyter_prem, sys; jupyter_prem.AsyncClient; print([n for n in ('httpx', 'aiohttp', 'asyncio') if n in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert "httpx" not in ran.stdout
