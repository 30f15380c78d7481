"""A conversation inside a recording: what was asked once is answered without asking again."""

from __future__ import annotations

import contextlib
import resource
import signal
import threading

import pytest
from loopback import Reply, chunk, event

from jupyter_prem import Client, record
from jupyter_prem.conversation import Conversation
from jupyter_prem.records import CassetteError


def test_what_was_recorded_is_answered_from_the_recording(service, tmp_path):
    texts = []
    for mode in ("new_episodes", "none"):
        with Client(service.url) as client, record(tmp_path / "x.chat.jsonl", mode):
            chat = Conversation(client=client)
            for text in ("one", "two"):
                response = chat.ask(text)
                assert response.replayed is (mode == "none")
                texts.append(response.text)
            with chat.stream("three") as stream:
                texts.append("".join(delta.text for delta in stream))
    assert texts[:3] == texts[3:] == ["You said: one", "You said: two", "You said: three"]
    assert [request.method for request in service.requests] == ["GET", "POST", "POST", "POST"]


def test_an_answer_that_cannot_be_recorded_is_kept_and_the_error_raised(service, tmp_path, full_disk):
    with Client(service.url) as client, record(tmp_path / "x.chat.jsonl"):
        chat = Conversation(client=client)
        with full_disk, pytest.raises(CassetteError, match="not recorded"):
            chat.ask("one", model="m")
        assert [message.content for message in chat.messages] == ["one", "You said: one"]


@pytest.fixture
def full_disk():
    @contextlib.contextmanager
    def limited():
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, old)

    return limited()


def test_an_answer_that_is_left_gives_its_place_to_the_next(service, tmp_path):
    service.script = lambda _: Reply([event(chunk("a")), threading.Event()])
    with Client(service.url) as client, record(tmp_path / "x.chat.jsonl"):
        with client.stream("hi", model="m") as stream:
            assert next(iter(stream)).text == "a"
        service.script = service.echo
        with client.stream("hi", model="m") as stream:
            list(stream)
    with Client(service.url) as client, record(tmp_path / "x.chat.jsonl", "none"):
        for _ in range(2):  # of a replay that is left too
            with client.stream("hi", model="m") as stream:
                next(iter(stream))
        with client.stream("hi", model="m") as stream:
            list(stream)
        assert stream.response.text == "You said: hi"
        assert stream.response.replayed
