"""What a question is made of: its place, its window, and what may not be asked."""

from __future__ import annotations

import dataclasses

import pytest
from loopback import completion
from scripted import Scripted

from jupyter_prem.client import Message, RequestError, response_of
from jupyter_prem.conversation import (
    Cell,
    Conversation,
    ConversationBusyError,
    ConversationError,
    Question,
    Turn,
)


@pytest.fixture
def backend():
    return Scripted()


@pytest.fixture
def chat(backend):
    return Conversation(client=backend)


def put(chat, turn):
    with chat.one_turn():
        chat.commit(turn)


def test_there_is_nothing_to_regenerate_before_a_question(chat):
    with pytest.raises(ConversationError) as caught:
        chat.regenerate()
    assert caught.value.hint == "Ask a question first."
    chat.append("user", "by hand")
    with pytest.raises(ConversationError) as caught:
        chat.regenerate()
    assert caught.value.what == "There is no answer to regenerate in the conversation 'default'."
    assert caught.value.hint == "The last message was appended by hand."


def test_what_others_answered_is_asked_again_and_continued(chat, backend):
    asked = Message("user", "q"), Message("assistant", "a")
    put(chat, Turn(asked, response_of(completion("a", "length")), fields={"seed": 3, "stream": True}))
    assert chat.continue_().text == "a1"
    chat.undo()
    assert chat.regenerate().text == "a2"
    request = backend.sent[-1]
    assert ([message.content for message in request.messages], request.seed) == (["q"], 3)
    assert backend.sent[0].messages[:2] == asked


@pytest.mark.parametrize("window", [-1, True, 1.0, "1"])
def test_a_window_is_a_number_of_exchanges(window):
    with pytest.raises(RequestError, match="must be a number of exchanges, 0 or more") as caught:
        Question("q", window=window)
    assert caught.value.field == "window"
    assert Question("q", window=0).window == 0


@pytest.mark.parametrize("field", ["retries", "max_tool_rounds"])
@pytest.mark.parametrize("value", [-1, True, 1.0, "1", None])
def test_how_often_is_a_number(field, value):
    with pytest.raises(RequestError, match="must be a number, 0 or more") as caught:
        Question("q", **{field: value})
    assert caught.value.field == field
    assert getattr(Question("q", **{field: 0}), field) == 0


@pytest.mark.parametrize("text", ["", " \n", None, 3])
def test_a_prompt_is_a_text(chat, backend, text):
    with pytest.raises(RequestError, match="must be a text that is not empty"):
        chat.ask(text)
    assert backend.sent == []


@pytest.mark.parametrize(
    "value", [Cell("c"), Question("q"), Turn((Message("user", "q"),))], ids=lambda value: type(value).__name__
)
def test_what_was_asked_cannot_be_changed(value):
    for field in dataclasses.fields(value):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, None)


def test_a_conversation_that_answers_says_what_to_do(chat):
    with chat.one_turn(), pytest.raises(ConversationBusyError) as caught:
        chat.ask("q")
    assert caught.value.what == "The conversation 'default' is still answering another question."
    assert caught.value.hint == "Wait for it, stop it (■), or ask in another conversation: -c NAME."
    assert chat.ask("q").text == "a1"


def test_the_end_of_an_undo_and_of_a_redo_is_named(chat):
    for act in ("undo", "redo"):
        with pytest.raises(ConversationError) as caught:
            getattr(chat, act)()
        assert caught.value.what == f"There is nothing to {act} in the conversation 'default'."


def test_what_it_is_called_and_holds_is_shown(chat):
    assert repr(chat) == "Conversation('default', 0 turns)"
    chat.ask("q")
    assert repr(chat) == "Conversation('default', 1 turn)"
    assert chat.head in chat
    assert Turn(()) not in chat
    assert bool(Conversation())
    assert chat.head.title == "q"
    assert Turn((), system="brief").title == "brief"


def test_a_question_asks_for_no_more_than_it_says():
    question = Question("q")
    assert (question.stream, question.once, question.new, question.kind) == (True, False, False, "ask")
    assert (question.retries, question.max_tool_rounds, question.default_system) == (0, 8, "")
    assert (dict(question.fields), dict(question.defaults), dict(question.tools)) == ({}, {}, {})
    others = ("name", "system", "window", "default_window", "schema", "confirm", "endpoint", "cell", "turn")
    assert [getattr(question, name) for name in others] == [None] * len(others)
