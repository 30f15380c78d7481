"""What a conversation tells: its host of every move, and beside an answer what was left out."""

from __future__ import annotations

import threading

import pytest
from loopback import chunk, event
from scripted import Nowhere, Scripted

from jupyter_prem import Client
from jupyter_prem.client import IncompleteStream
from jupyter_prem.conversation import Conversation, ConversationError, Question, ask
from jupyter_prem.conversation._host import Alone


class Watching(Alone):
    """A host that keeps what it is told."""

    def __init__(self):
        super().__init__(Scripted())
        self.heads, self.adopted = [], []

    def changed(self, conversation):
        assert not conversation.busy
        self.heads.append(conversation.head)

    def adopt(self, conversation, name):
        self.adopted.append((conversation.name, name))


def test_a_host_is_told_once_of_every_move():
    host = Watching()
    chat = Conversation(host=host)
    moves = [
        lambda: chat.ask("a"),
        lambda: chat.append("user", "b"),
        chat.undo,
        chat.redo,
        chat.reset,
        lambda: chat.go(chat.all_turns[0]),
        chat.regenerate,
    ]
    for count, move in enumerate(moves, 1):
        move()
        assert len(host.heads) == count
        assert host.heads[-1] is chat.head
    with chat.stream("c") as stream:
        list(stream)
    assert host.heads[len(moves) :] == [chat.head]


def test_a_host_names_a_fork():
    host = Watching()
    chat = Conversation("notes", host=host)
    assert [chat.fork().name, chat.fork("mine").name] == ["notes-fork", "mine"]
    assert host.adopted == [("notes-fork", None), ("mine", "mine")]


def first() -> str:
    """Say something."""
    return "1"


def second() -> str:
    """Say something else."""
    return "2"


def test_functions_that_are_not_named_again_are_noted():
    chat = Conversation(client=Scripted())
    assert chat.ask("a", tools=[first, second]).notes == ()
    assert chat.regenerate().notes == (
        "Asked without the functions first, second: name them again (--tools) to let them run.",
    )
    chat.undo()
    assert chat.regenerate(tools=[first]).notes == ()


@pytest.mark.parametrize(
    ("window", "notes"),
    [
        (3, ()),
        (2, ("Sent without the first exchange (--window).",)),
        (1, ("Sent without the first 2 exchanges (--window).",)),
        (0, ("Sent without the first 3 exchanges (--window).",)),
    ],
)
def test_exchanges_that_are_left_out_are_noted(window, notes):
    chat = Conversation(client=Scripted())
    for text in "abc":
        chat.ask(text)
    assert chat.ask("d", window=window).notes == notes


def test_a_sink_that_fails_closes_the_connection_and_what_came_is_kept(service):
    class Broken(Nowhere):
        def delta(self, _):
            raise LookupError

    service.say(event(chunk("a")), threading.Event())
    chat = Conversation()
    with Client(service.url) as client:
        with pytest.raises(LookupError) as caught:
            ask(chat, client, Question("hi"), sink=Broken())
        assert service.closed.wait(5)
    assert caught.tb  # whose frames hold the exchange: it was closed, not forgotten
    assert not chat.busy
    assert [message.content for message in chat.messages] == ["hi", "a"]


def test_a_sink_that_fails_closes_a_stream_of_any_kind():
    class Backend(Scripted):
        closed = 0

        def send(self, *args, **named):
            stream = super().send(*args, **named)
            stream.close = self.close
            return stream

        def close(self):
            self.closed += 1

    class Broken(Nowhere):
        def delta(self, _):
            raise LookupError

    backend = Backend()
    backend.pieces = ("a",)
    with pytest.raises(LookupError):
        ask(Conversation(), backend, Question("hi"), sink=Broken())
    assert backend.closed == 1


def test_a_stream_that_fails_keeps_nothing_and_one_that_is_left_keeps_what_came(service):
    with Client(service.url, timeout=5) as client:
        chat = Conversation(client=client)
        service.say(event(chunk("half")))
        with pytest.raises(IncompleteStream), chat.stream("hi") as stream:
            list(stream)
        assert (len(chat), stream.response.text, stream.response.interrupted) == (0, "half", True)
        service.say(event(chunk("half")), threading.Event())
        with chat.stream("hi") as stream:
            assert next(iter(stream)).text == "half"
            assert stream.response.text == "half"
            assert [message.content for message in chat.messages] == []
        assert stream.response.interrupted
        assert [message.content for message in chat.messages] == ["hi", "half"]
        with pytest.raises(ConversationError, match="inside its with block"):
            iter(stream)
        with pytest.raises(ConversationError, match="Nothing of an answer"):
            chat.stream("hi").response  # noqa: B018 - it is asked for
