"""The numbers of equal questions, and what is recorded of an answer that failed, was left or stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import warnings

import pytest
from loopback import Reply, answer, as_json, chunk, event
from taped import client, streamed

from jupyter_prem import AsyncClient, CassetteError, Conversation, MissingRecordingError, record
from jupyter_prem.client import PremError
from jupyter_prem.records import Cassette, CassetteWarning


@pytest.mark.usefixtures("either")
def test_identical_questions_have_recordings_of_their_own(path, service):
    texts = iter(["one", "two", "three"])
    service.script = lambda _: Reply(answer(next(texts)))
    with record(path):
        assert [streamed(client(service.url), "again")[1].text for _ in range(3)] == ["one", "two", "three"]
    with record(path, "none"):
        assert [streamed(client(service.url), "again")[1].text for _ in range(3)] == ["one", "two", "three"]
        with pytest.raises(MissingRecordingError, match="recorded 3 times; it is asked for the 4th time"):
            client(service.url).chat("again")


@pytest.mark.usefixtures("either")
def test_a_number_that_is_missing_is_not_counted(path, service):
    texts = iter(["one", "two", "three"])
    service.script = lambda _: Reply(answer(next(texts)))
    with record(path) as tape:
        for _ in range(3):
            streamed(client(service.url), "again")
        tape.cassette.drop({(one.key, one.n) for one in tape.cassette if one.n == 2})
    with record(path, "none"):
        assert [streamed(client(service.url), "again")[1].text for _ in range(2)] == ["one", "three"]
        with pytest.raises(MissingRecordingError, match="recorded 2 times; it is asked for the 3rd time"):
            client(service.url).chat("again")


@pytest.mark.usefixtures("either")
def test_a_damaged_recording_gives_its_number_to_no_other(path, service):
    texts = iter(["one", "two", "three"])
    service.script = lambda _: Reply(answer(next(texts)))
    with record(path):
        for _ in range(3):
            streamed(client(service.url), "again", model="m")
    path.write_bytes(path.read_bytes().replace(b"one", b"ONE"))
    with record(path, "none"):
        with (
            pytest.warns(CassetteWarning, match="line 2"),
            pytest.raises(MissingRecordingError, match=r"is damaged: line 2 of a\.chat\.jsonl"),
        ):
            streamed(client(service.url), "again", model="m")
        with pytest.raises(MissingRecordingError):  # a failure leaves its number to the next
            streamed(client(service.url), "again", model="m")
    service.script = lambda _: Reply(answer("anew"))
    with record(path, "new_episodes"), warnings.catch_warnings(action="ignore"):
        assert [streamed(client(service.url), "again", model="m")[1].text for _ in range(3)] == [
            "anew",
            "two",
            "three",
        ]
    assert Cassette(path).hole(next(iter(Cassette(path))).key, 1) is None


@pytest.mark.usefixtures("either")
def test_a_question_that_failed_leaves_its_number_to_the_next(path, service):
    replies = iter([as_json({"error": {"message": "no"}}, 400), as_json({"error": {"message": "no"}}, 400)])
    good = service.script
    service.script = lambda request: next(replies, None) or good(request)
    with record(path):
        with pytest.raises(PremError):
            client(service.url, stream_usage="never").chat("hello")
        with pytest.raises(PremError):
            client(service.url, stream_usage="never").chat("hello")
        client(service.url).chat("hello")
    assert [record.n for record in Cassette(path)] == [1]


FAULTS = {
    "cut": [event(chunk("so far"))],
    "an error": [event(chunk("so far")), event({"error": {"message": "boom"}})],
    "no JSON": [event(chunk("so far")), b"data: {\n\n"],
}


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("pieces", FAULTS.values(), ids=FAULTS)
def test_only_whole_answers_are_recorded(path, service, pieces):
    service.say(*pieces)
    with record(path), pytest.raises(PremError):
        streamed(client(service.url), "hello")
    assert len(Cassette(path)) == 0


@pytest.mark.usefixtures("either")
def test_an_answer_that_is_left_or_stopped_is_not_recorded(path, service):
    gate = threading.Event()
    service.say(event(chunk("so far")), gate, *answer("rest"))
    with record(path) as tape:
        with client(service.url).stream("hello") as stream:
            assert str(next(iter(stream))) == "so far"
        gate.set()
        assert len(tape.cassette) == 0
        service.script = service.echo
        assert streamed(client(service.url), "hello")[1].text == "You said: hello"
        assert [record.n for record in tape.cassette] == [1]


@pytest.mark.usefixtures("either")
def test_a_replay_that_is_left_early_leaves_its_number_as_a_live_answer_does(path, service, no_network):
    def ask():
        with client(service.url).stream("hello", model="loopback-1") as stream:
            next(iter(stream))
        return streamed(client(service.url), "hello", model="loopback-1")[1].text

    with record(path):
        live = ask()
    no_network()
    with record(path, "none"):
        assert ask() == live
        assert [model.id for model in client(service.url).models()] == ["loopback-1"]


def test_a_question_whose_answer_lies_open_is_not_waited_for(path, service):
    gate = threading.Event()
    service.say(event(chunk("so far")), gate)
    with record(path, "new_episodes"):
        left = client(service.url).stream("hello", model="loopback-1")
        next(iter(left))
    service.script = service.echo
    with record(path, "new_episodes") as tape:
        assert streamed(client(service.url), "hello", model="loopback-1")[1].text == "You said: hello"
        assert len(tape.cassette) == 1
    left.close()
    gate.set()


def test_a_stop_while_an_answer_is_written_leaves_its_number_to_the_next(path, service, monkeypatch):
    def stop(handle):
        monkeypatch.undo()
        raise KeyboardInterrupt

    with record(path) as tape:
        monkeypatch.setattr(os, "fsync", stop)
        with pytest.raises(KeyboardInterrupt):
            client(service.url).chat("hello", model="m")
        client(service.url).chat("hello", model="m")
        assert [one.n for one in tape.cassette] == [1]
    assert tape.cassette.faults == []


def test_a_disk_that_is_full_does_not_lose_the_answer(service):
    conversation = Conversation(client=client(service.url))
    with record("/dev/full", "all"):
        with pytest.raises(CassetteError, match="The disk is full") as caught:
            client(service.url).chat("hello")
        assert caught.value.response.text == "You said: hello"
        with pytest.raises(CassetteError, match="The disk is full"):
            conversation.ask("hello")
        assert conversation.messages[-1].content == "You said: hello"
        with pytest.raises(CassetteError, match="The disk is full"), conversation.stream("more") as stream:
            pieces = [str(delta) for delta in stream]
        assert "".join(pieces) == conversation.messages[-1].content == "You said: more"


def test_a_task_that_is_cancelled_leaves_its_number_to_the_next(path, service):
    gate = threading.Event()
    service.say(event(chunk("so far")), gate)

    async def ask():
        async with AsyncClient(service.url) as client:
            task = asyncio.create_task(client.chat("hello", model="m", stream=True))
            while not service.questions:  # noqa: ASYNC110 - the service is a thread
                await asyncio.sleep(0.01)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            service.script = service.echo
            await client.chat("hello", model="m", stream=True)

    with record(path) as tape:
        asyncio.run(ask())
        assert [one.n for one in tape.cassette] == [1]
    gate.set()
