"""Conversations as trees: named cases."""

from __future__ import annotations

import pytest
from scripted import Scripted, put, said

from jupyter_prem.client import Interrupted, RequestError, StreamInterrupted
from jupyter_prem.conversation import (
    CONTINUE,
    Conversation,
    ConversationBusyError,
    ConversationError,
)


@pytest.fixture
def backend():
    return Scripted()


@pytest.fixture
def chat(backend):
    return Conversation(client=backend)


def test_a_cell_run_again_replaces_its_exchange_and_cuts_what_followed(chat, backend):
    for cell in "abc":
        put(chat, backend, cell, "1", cell)
    put(chat, backend, "b2", "2", "b")
    assert said(chat) == ["a", "a1", "b2", "a4"]
    assert len(chat.all_turns) == 4
    put(chat, backend, "c", "3", "c")
    assert said(chat) == ["a", "a1", "b2", "a4", "c", "a5"]
    chat.undo()
    chat.undo()
    assert said(chat)[-2:] == ["c", "a3"]


def test_all_questions_of_one_execution_are_replaced_together(chat, backend):
    put(chat, backend, "a", "1", "a")
    for text in ("x", "y", "z"):
        put(chat, backend, text, "2", "b")
    put(chat, backend, "x2", "3", "b")
    assert said(chat) == ["a", "a1", "x2", "a5"]
    put(chat, backend, "y2", "3", "b")
    assert said(chat)[-2:] == ["y2", "a6"]


def test_a_cell_that_failed_again_keeps_its_old_exchange(chat, backend):
    put(chat, backend, "a", "1", "a")
    put(chat, backend, "b", "2", "b")
    backend.end = StreamInterrupted("broken")
    assert put(chat, backend, "a", "3", "a").turn is None
    assert said(chat) == ["a", "a1", "b", "a2"]


def test_without_ids_every_execution_appends(chat, backend):
    for run in "12":
        put(chat, backend, "a", run, None)
    assert said(chat) == ["a", "a1", "a", "a2"]


def test_regenerate_asks_the_same_beside_the_old_answer(chat, backend):
    put(chat, backend, "a", "1", "a", fields={"seed": 3, "model": "x"}, system="brief")
    put(chat, backend, kind="regenerate", run="2", cell="r")
    first, again = backend.sent
    assert again.to_body() == first.to_body()
    assert said(chat) == ["brief", "a", "a2"]
    chat.undo()
    assert said(chat) == ["brief", "a", "a1"]
    chat.redo()
    put(chat, backend, "b", "3", "b")
    put(chat, backend, kind="regenerate", run="4", cell="r", fields={"seed": 4})
    assert said(chat) == ["brief", "a", "a4"]  # the cell that regenerated is run again
    assert backend.sent[-1].seed == 4
    put(chat, backend, "a!", "5", "a")
    assert said(chat) == ["a!", "a5"]  # and so is the one that asked


def test_continue_goes_on_after_a_cut_and_only_then(chat, backend):
    with pytest.raises(ConversationError, match="was not cut off"):
        chat.continue_()
    backend.end = "length"
    chat.ask("long", max_completion_tokens=5)
    backend.end = "stop"
    chat.continue_(max_completion_tokens=50)
    assert said(chat) == ["long", "a1", CONTINUE, "a2"]
    assert backend.sent[-1].max_completion_tokens == 50
    with pytest.raises(ConversationError, match="was not cut off"):
        chat.continue_()
    backend.end = Interrupted("Stopped.")
    with pytest.raises(KeyboardInterrupt):
        chat.ask("more")
    backend.end = "stop"
    chat.continue_()
    assert said(chat)[-4:] == ["more", "a3", CONTINUE, "a4"]


def test_regenerate_needs_a_question(chat):
    with pytest.raises(ConversationError, match="no answer to regenerate"):
        chat.regenerate()
    chat.append("user", "by hand")
    with pytest.raises(ConversationError, match="no answer to regenerate"):
        chat.regenerate()


def test_a_window_sends_the_last_exchanges_and_says_so(chat, backend):
    for text in "abc":
        chat.ask(text, system="brief" if text == "a" else None)
    answer = chat.ask("d", window=1)
    assert [message.content for message in backend.sent[-1].messages] == ["brief", "c", "a3", "d"]
    assert answer.notes == ("Sent without the first 2 exchanges (--window).",)
    assert answer.request == backend.sent[-1].to_body()
    assert chat.ask("e", window=9).notes == ()
    assert [m.content for m in chat.messages][:3] == ["brief", "a", "a1"]
    chat.ask("f", window=0)
    assert [message.content for message in backend.sent[-1].messages] == ["brief", "f"]


def test_regenerate_sends_the_window_it_was_asked_with(chat, backend):
    for text in "abc":
        chat.ask(text)
    chat.ask("d", window=1)
    chat.regenerate()
    assert backend.sent[-1].to_body() == backend.sent[-2].to_body()
    put(chat, backend, kind="regenerate", window=2)
    assert len(backend.sent[-1].messages) == 5


@pytest.mark.parametrize("window", [-1, True, "two"])
def test_a_window_is_a_number_of_exchanges(chat, window):
    with pytest.raises(RequestError, match="number of exchanges"):
        chat.ask("a", window=window)


def test_messages_can_be_appended_and_a_system_message_only_first(chat, backend):
    chat.append("system", "brief")
    chat.append("user", "q", name="ada")
    chat.append("assistant", "a")
    chat.append("tool", "42", tool_call_id="c1")
    chat.ask("next")
    sent = backend.sent[0].to_body()["messages"]
    assert sent == [
        {"role": "system", "content": "brief"},
        {"role": "user", "content": "q", "name": "ada"},
        {"role": "assistant", "content": "a"},
        {"role": "tool", "content": "42", "tool_call_id": "c1"},
        {"role": "user", "content": "next"},
    ]
    with pytest.raises(ValueError, match="only the first"):
        chat.append("system", "late")
    with pytest.raises(ValueError, match="role"):
        chat.append("robot", "x")
    with pytest.raises(ValueError, match="name its call"):
        chat.append("tool", "x")
    assert len(chat) == 5


def test_a_fork_goes_its_own_way_and_can_begin_at_any_turn(chat):
    chat.ask("a")
    chat.ask("b")
    other = chat.fork("other")
    other.ask("c")
    chat.ask("d")
    assert (said(other)[-2:], said(chat)[-2:]) == (["c", "a3"], ["d", "a4"])
    old = chat.fork(at=chat.all_turns[0])
    assert (said(old), old.name) == (["a", "a1"], "default-fork")
    old.undo()
    assert said(old)[-2:] == ["d", "a4"]
    with pytest.raises(ConversationError, match="no such turn"):
        other.fork(at=chat.head)


def test_a_second_question_meanwhile_is_a_clear_error(chat, backend):
    chat.ask("a")
    with chat.stream("b"):
        for act in (
            lambda: chat.ask("c"),
            chat.undo,
            chat.reset,
            chat.fork,
            lambda: chat.append("user", "x"),
            lambda: chat.stream("d").__enter__(),
        ):
            with pytest.raises(ConversationBusyError, match="still answering"):
                act()
    assert not chat.busy


def test_the_branch_of_a_long_conversation_needs_no_deep_stack(chat, backend):
    import copy
    import pickle

    for number in range(3_000):
        chat.append("user", str(number))
    answer = chat.ask("last")
    assert (len(chat), chat.head.depth) == (3_001, 3_001)
    assert len(answer.request["messages"]) == 3_001
    assert len(pickle.loads(pickle.dumps(answer)).request["messages"]) == 3_001  # noqa: S301 - our own bytes
    assert copy.copy(answer).text == answer.text
    repr(chat.head)


def test_a_window_counts_exchanges_and_never_cuts_a_tool_from_its_call(chat, backend):
    chat.ask("a")
    chat.append("user", "weather?")
    chat.append(
        "assistant",
        None,
        tool_calls=[{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    )
    chat.append("tool", "rain", tool_call_id="c")
    answer = chat.ask("so?", window=1)
    assert [message.role for message in backend.sent[-1].messages] == ["user", "assistant", "tool", "user"]
    assert answer.notes == ("Sent without the first exchange (--window).",)
    chat.ask("all", window=3)
    assert len(backend.sent[-1].messages) == 8


def test_a_stream_that_is_left_and_iterated_again_goes_on(chat, backend):
    backend.pieces = ["one ", "two ", "three"]
    with chat.stream("q") as stream:
        first = next(iter(stream)).text
        rest = "".join(map(str, stream))
    assert (first, rest) == ("one ", "two three")
    assert len(backend.sent) == 1
    with pytest.raises(ConversationError, match="inside its with block"):
        iter(stream)
