"""What a conversation does, through every door: Python, the magics, the panel."""

from __future__ import annotations

import threading

import pytest
from doors import DOORS, Door
from loopback import Reply, answer, as_json, chunk, event


@pytest.fixture(params=DOORS)
def door(request, kernel):
    return Door(request.param, kernel)


def sent(service):
    return [[m["content"] for m in request.body["messages"]] for request in service.questions]


def test_a_question_carries_what_was_said(door, service):
    door.ask("one")
    door.ask("two")
    assert sent(service) == [["one"], ["one", "You said: one", "two"]]
    assert door.said() == ["one", "You said: one", "two", "You said: two"]


def test_the_settings_hold_for_every_door(door, service):
    door.kernel.run("%config PremMagics.temperature = 0.5\n%config PremMagics.system = 'brief'")
    door.ask("one")
    assert service.questions[0].body["temperature"] == 0.5
    assert sent(service) == [["brief", "one"]]


def test_undo_and_redo_walk_the_heads_positions(door):
    door.ask("one")
    door.ask("two")
    door.do("undo")
    assert door.said() == ["one", "You said: one"]
    door.do("undo")
    assert door.do("undo").error == "ConversationError"
    assert door.said() == []
    door.do("redo")
    door.do("redo")
    assert door.do("redo").error == "ConversationError"
    assert door.said()[-2:] == ["two", "You said: two"]


def test_regenerate_replaces_the_answer_and_keeps_the_old_one(door, service):
    door.kernel.run("%config PremMagics.seed = 3")
    door.ask("one")
    service.script = lambda _: Reply(answer("another"))
    door.do("regenerate")
    assert door.said() == ["one", "another"]
    first, second = service.questions
    assert first.body == second.body
    door.do("undo")
    assert door.said() == ["one", "You said: one"]
    assert door.value("len(chat.all_turns)") == "2"


def test_regenerate_without_a_question_is_a_clear_error(door, service):
    assert door.do("regenerate").error == "ConversationError"
    assert service.questions == []


def test_a_refused_question_changes_nothing(door, service):
    door.ask("one")
    service.script = lambda _: as_json({"error": {"message": "no"}}, 500)
    assert door.ask("two").error == "InternalServerError"
    assert door.said() == ["one", "You said: one"]
    service.script = service.echo
    door.ask("three")
    assert sent(service)[-1] == ["one", "You said: one", "three"]


def test_a_fault_in_the_middle_changes_nothing(door, service):
    service.say(event(chunk("par")), event({"error": {"message": "boom"}}))
    assert door.ask("one").error == "APIStreamError"
    assert door.said() == []


def test_a_stop_keeps_what_had_arrived(door, service):
    arrived = threading.Event()

    def pieces():
        yield event(chunk("partial"))
        arrived.set()
        yield threading.Event()

    service.script = lambda _: Reply(pieces())
    started = door.start("one")
    assert arrived.wait(20)
    assert not service.closed.wait(0.2)
    error = door.stop(started).error
    assert error == ("KeyboardInterrupt" if door.kind == "api" else "Interrupted")
    assert service.closed.wait(10)
    assert door.said() == ["one", "partial"]
    assert door.value("chat.head.response.interrupted") == "True"
    service.script = service.echo
    door.ask("two")
    assert sent(service)[-1] == ["one", "partial", "two"]


def test_one_question_at_a_time(door, service):
    # Another door's question is on its way while this door asks.
    door.kernel.run(
        "import threading\nheld = threading.Event(); let_go = threading.Event()\n"
        "def hold():\n"
        "    with chat.one_turn():\n"
        "        held.set(); let_go.wait(20)\n"
        "holder = threading.Thread(target=hold); holder.start(); held.wait(20)"
    )
    for told in (door.ask("one"), door.do("undo"), door.do("regenerate")):
        assert told.error == "ConversationBusyError"
    door.kernel.run("let_go.set(); holder.join()")
    assert sent(service) == []
    assert door.ask("two").error == ""
    assert door.said() == ["two", "You said: two"]


def test_usage_and_budget_count_every_door(door, service):
    door.ask("one")
    assert "this kernel | 1 | 3 | 5 | 8" in door.kernel.run("%prem usage").bundles[0]["text/plain"]
    door.kernel.run("%prem budget 8")
    assert door.ask("two").error == "BudgetError"
    assert len(service.questions) == 1
    door.kernel.run("%prem budget none")
    assert door.ask("two").error == ""


def test_a_full_context_window_is_named(door, service):
    message = "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens."
    service.script = lambda _: as_json(
        {"error": {"message": message, "code": "context_length_exceeded"}}, 400
    )
    assert door.ask("one").error == "ContextWindowExceededError"
    assert door.said() == []


def test_an_empty_question_asks_nothing(door, service):
    door.ask("  ")
    assert service.questions == []
    assert door.said() == []
