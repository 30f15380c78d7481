"""Turns of a conversation over a real client and a loopback service."""

from __future__ import annotations

import threading

import pytest
from loopback import Reply, answer, chunk, event

from jupyter_prem import Client
from jupyter_prem.client import Cancel, IncompleteStream, Interrupted, NotFoundError, RequestError
from jupyter_prem.conversation import Conversation, ConversationBusyError, Question, ask


class Sink:
    def __init__(self):
        self.texts = []
        self.outcomes = []
        self.first = threading.Event()

    def status(self, text, fraction=None):
        pass

    def delta(self, delta):
        self.texts.append(delta.text)
        self.first.set()

    def call(self, made):
        self.texts.append(made)

    def again(self, error):
        self.texts.append(error)

    def finish(self, outcome):
        self.outcomes.append(outcome)


@pytest.fixture
def door(service):
    class Door:
        conversation = Conversation()
        client = Client(service.url, timeout=5)

        def ask(self, text, sink=None, cancel=None, **settings):
            question = Question(text, **settings)
            return ask(self.conversation, self.client, question, sink=sink or Sink(), cancel=cancel)

    with Door.client:
        yield Door()


def sent(service):
    return [[(m["role"], m["content"]) for m in request.body["messages"]] for request in service.questions]


def test_a_conversation_carries_from_question_to_question(service, door):
    sink = Sink()
    outcome = door.ask("one", sink)
    door.ask("two")
    assert sent(service) == [
        [("user", "one")],
        [("user", "one"), ("assistant", "You said: one"), ("user", "two")],
    ]
    assert "".join(sink.texts) == outcome.response.text
    assert sink.outcomes == [outcome]
    assert outcome.turn.hash != door.conversation.head.hash
    assert door.conversation.head.parent is outcome.turn
    assert len(door.conversation) == 2


def test_once_neither_reads_nor_extends(service, door):
    door.ask("one")
    outcome = door.ask("two", once=True)
    assert sent(service)[1] == [("user", "two")]
    assert outcome.conversation == ""
    assert len(door.conversation) == 1


def test_a_system_message_holds_from_its_turn_on(service, door):
    door.ask("one", default_system="default")
    door.ask("two", default_system="default", system="new")
    door.ask("three", default_system="default")
    door.ask("four", default_system="default", system="")
    firsts = [messages[0] for messages in sent(service)]
    assert firsts == [("system", "default"), ("system", "new"), ("system", "new"), ("user", "one")]
    assert door.conversation.messages[0].role == "user"


def test_fields_and_name_go_out(service, door):
    door.ask("hi", name="ada", fields={"seed": 3, "stop": ["x"], "top_p": None})
    body = service.questions[0].body
    assert body["messages"] == [{"role": "user", "content": "hi", "name": "ada"}]
    assert (body["seed"], body["stop"], body["top_p"], body["stream"]) == (3, ["x"], None, True)


def test_a_whole_answer_is_asked_for_without_stream(service, door):
    assert door.ask("hi", stream=False).response.text == "You said: hi"
    assert "stream" not in service.questions[0].body


@pytest.mark.parametrize("fields", [{"temperature": 3}, {"nonsense": 1}])
def test_a_field_out_of_range_sends_nothing(service, door, fields):
    with pytest.raises(RequestError):
        door.ask("hi", fields=fields)
    assert service.requests == []
    assert not door.conversation.busy


def test_a_stop_keeps_the_partial_in_the_conversation(service, door):
    service.say(event(chunk("par")), threading.Event())
    sink, cancel = Sink(), Cancel()
    threading.Thread(target=lambda: sink.first.wait(5) and cancel.cancel()).start()
    outcome = door.ask("one", sink, cancel)
    assert isinstance(outcome.error, Interrupted)
    assert outcome.response.interrupted
    assert outcome.turn is door.conversation.head
    service.script = service.echo
    door.ask("two")
    assert sent(service)[1] == [("user", "one"), ("assistant", "par"), ("user", "two")]


def test_a_stop_before_anything_arrived_leaves_the_conversation_as_it_was(service, door):
    cancel = Cancel()
    cancel.cancel()
    outcome = door.ask("one", cancel=cancel, fields={"model": "m"})
    assert isinstance(outcome.error, Interrupted)
    assert outcome.response is None
    assert len(door.conversation) == 0


def test_a_fault_commits_nothing_but_carries_what_had_arrived(service, door):
    service.say(event(chunk("par")))
    outcome = door.ask("one")
    assert isinstance(outcome.error, IncompleteStream)
    assert outcome.response.text == "par"
    assert outcome.turn is None
    assert len(door.conversation) == 0


def test_a_refusal_of_the_service_is_an_outcome(service, door):
    service.script = lambda _: Reply(
        [b'{"error": "no such model"}'], 404, {"content-type": "application/json"}
    )
    outcome = door.ask("one")
    assert isinstance(outcome.error, NotFoundError)
    assert outcome.response is None


def test_an_interrupted_sink_is_a_stop(service, door):
    class Stopped(Sink):
        def delta(self, _):
            raise KeyboardInterrupt

    outcome = door.ask("one", Stopped())
    assert isinstance(outcome.error, Interrupted)
    assert outcome.response.text
    assert not door.conversation.busy


def test_a_sink_that_fails_costs_no_word_that_had_arrived(service, door):
    class Failing(Sink):
        def delta(self, delta):
            super().delta(delta)
            raise RuntimeError("no page")

        def finish(self, outcome):
            super().finish(outcome)
            raise RuntimeError("no page either")

    service.say(event(chunk("some words")), *answer(" and more"))
    sink = Failing()
    with pytest.raises(RuntimeError, match=r"^no page$"):
        door.ask("one", sink)
    assert sink.texts == ["some words"]
    (outcome,) = sink.outcomes  # so that nothing is drawn any more
    assert outcome.response.text == "some words"
    assert outcome.response.interrupted
    assert [message.content for message in door.conversation.messages] == ["one", "some words"]
    assert not door.conversation.busy
    door.ask("two", Sink())
    assert len(sent(service)[-1]) == 3


def test_one_question_at_a_time(service, door):
    more = threading.Event()
    service.say(event(chunk("a")), more, *answer("b"))
    sink = Sink()
    thread = threading.Thread(target=door.ask, args=("one", sink))
    thread.start()
    assert sink.first.wait(5)
    with pytest.raises(ConversationBusyError, match="-c NAME"):
        door.ask("two")
    more.set()
    thread.join(5)
    assert len(door.conversation) == 1


def test_the_hash_of_a_turn_says_what_was_said_and_after_what(service, door):
    first = door.ask("one").turn
    door.conversation.reset()
    assert door.ask("one").turn.hash == first.hash
    door.conversation.reset()
    assert door.ask("other").turn.hash != first.hash
    assert door.ask("one").turn.hash != first.hash


def test_a_question_asked_once_need_not_wait(service, door):
    more = threading.Event()
    service.say(event(chunk("a")), more, *answer("b"))
    sink = Sink()
    thread = threading.Thread(target=door.ask, args=("one", sink))
    thread.start()
    assert sink.first.wait(5)
    service.script = service.echo
    assert door.ask("two", once=True).response.text == "You said: two"
    more.set()
    thread.join(5)


def test_a_stop_while_the_models_are_listed(service, door):
    asked = threading.Event()
    service._reply = lambda _: (asked.set(), Reply([threading.Event()]))[1]
    cancel = Cancel()
    threading.Thread(target=lambda: asked.wait(5) and cancel.cancel()).start()
    with pytest.raises(Interrupted):
        door.ask("hi", cancel=cancel)
