"""One question that takes several requests: calls of functions, and answers that do not fit their schema."""

from __future__ import annotations

import dataclasses
import threading
from contextlib import contextmanager

import pytest
from loopback import Script, answer, calls, chunk, event

from jupyter_prem import Client
from jupyter_prem.client import Cancel, Interrupted, StructuredOutputError, ToolRoundsError
from jupyter_prem.conversation import Conversation, Question, ask
from jupyter_prem.objects import tool_of


@dataclasses.dataclass
class Person:
    name: str
    age: int


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


FITS, DOES_NOT = answer('{"name": "Ada", "age": 36}'), answer('{"name": "Ada"}')
AGAIN = "\nAnswer again, with JSON that fits the schema and nothing else."
ADDS = ("add", '{"a": 2, "b": 3}')
OTHERS = {"type": "function", "function": {"name": "theirs", "parameters": {"type": "object"}}}


@pytest.fixture
def chat(service):
    with Client(service.url, timeout=5) as client:
        yield Conversation(client=client)


def said(service, number=-1):
    return [(message["role"], message["content"]) for message in service.questions[number].body["messages"]]


def test_an_answer_that_does_not_fit_is_asked_for_again_with_the_error(service, chat):
    service.script = Script(DOES_NOT, DOES_NOT, FITS)
    response = chat.ask("who?", response_format=Person, retries=2)
    assert response.parsed == Person("Ada", 36)
    assert len(service.questions) == 3
    roles = [role for role, _ in said(service)]
    assert roles == ["user", "assistant", "user", "assistant", "user"]
    assert said(service)[1] == ("assistant", '{"name": "Ada"}')
    assert said(service)[2][1].endswith(AGAIN)
    assert "age" in said(service)[2][1]
    assert [message.role for message in chat.head.messages] == [*roles, "assistant"]


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_it_is_asked_for_no_more_often_than_it_may(service, chat, retries):
    service.script = Script(DOES_NOT)
    with pytest.raises(StructuredOutputError) as caught:
        chat.ask("who?", response_format=Person, retries=retries)
    assert len(service.questions) == retries + 1
    assert caught.value.response.text == '{"name": "Ada"}'
    assert [text for role, text in said(service) if role == "user"][1:] == [
        caught.value.what + AGAIN
    ] * retries
    # It is kept up to its last answer, without a question that nobody answered.
    assert [message.role for message in chat.messages] == ["user", "assistant"] * (retries + 1)


def test_unless_it_is_said_it_is_asked_for_once_and_calls_end_after_eight_rounds(service, chat):
    service.script = Script(DOES_NOT)
    with pytest.raises(StructuredOutputError):
        chat.ask("who?", response_format=Person)
    assert len(service.questions) == 1
    service.script = Script(calls(ADDS))
    with pytest.raises(ToolRoundsError, match="after 8 rounds"):
        chat.ask("sum?", tools=[add])
    assert len(service.questions) == 1 + 9


def test_what_is_asked_again_keeps_its_schema_unless_another_is_given(service, chat):
    service.script = Script(FITS)
    chat.ask("who?", response_format=Person)
    assert chat.regenerate().parsed == Person("Ada", 36)
    assert chat.regenerate(response_format={"type": "text"}).parsed is None
    assert service.questions[-1].body["response_format"] == {"type": "text"}


def test_a_call_is_made_and_its_result_goes_out(service, chat):
    service.script = Script(calls(ADDS, ("add", '{"a": 1, "b": 1}')), answer("5 and 2"))
    assert chat.ask("sum?", tools=[add]).text == "5 and 2"
    assert said(service)[2:] == [("tool", "5"), ("tool", "2")]
    assert [message.tool_call_id for message in chat.messages[2:4]] == ["call_1", "call_2"]
    assert chat.head.fields["tools"] == [tool_of(add).to_dict()]
    assert len(chat) == 1


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_calls_end_with_the_rounds_that_are_allowed(service, chat, rounds):
    service.script = Script(calls(ADDS))
    with pytest.raises(ToolRoundsError, match=f"after {rounds} rounds"):
        chat.ask("sum?", tools=[add], max_tool_rounds=rounds)
    assert len(service.questions) == rounds + 1
    results = [message.content for message in chat.messages if message.role == "tool"]
    assert results[:-1] == ["5"] * rounds
    assert "no more calls are allowed" in results[-1]


def test_a_function_that_is_not_there_is_told_which_are(service, chat):
    def sub(a: int, b: int) -> int:
        """Take one from the other."""
        return a - b

    service.script = Script(calls(("nope", "{}")), answer("ok"))
    chat.ask("sum?", tools=[add, sub])
    assert said(service)[-1][1].endswith("there is no function 'nope'; there are: add, sub.")


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_a_call_of_an_answer_that_was_cut_is_not_made(service, chat, finish):
    service.script = Script([*calls(ADDS)[:-3], *answer(finish=finish)])
    response = chat.ask("sum?", tools=[add])
    assert response.finish_reason == finish
    assert len(service.questions) == 1
    assert chat.messages[-1].content.endswith("the answer was cut before the call was complete.")


def test_no_call_is_made_where_none_is_allowed(service, chat):
    service.script = Script(calls(ADDS))
    chat.ask("sum?", tools=[add], tool_choice="none")
    assert len(service.questions) == 1
    assert chat.messages[-1].content.endswith("no function may be called (--tool-choice none).")


def test_a_call_that_was_forced_is_forced_once(service, chat):
    service.script = Script(calls(ADDS), answer("5"))
    chat.ask("sum?", tools=[add], tool_choice="required")
    forced = {"type": "function", "function": {"name": "add"}}  # the one that there is
    assert [question.body["tool_choice"] for question in service.questions] == [forced, "auto"]
    assert chat.head.fields["tool_choice"] == forced


def test_calls_of_what_was_given_as_a_dict_are_left_to_who_gave_it(service, chat):
    service.script = Script(calls(ADDS, ("theirs", "{}")))
    response = chat.ask("sum?", tools=[add, OTHERS])
    assert [call.name for call in response.tool_calls] == ["add", "theirs"]
    assert [message.role for message in chat.messages] == ["user", "assistant"]
    assert len(service.questions) == 1


def test_a_call_that_is_refused_says_why_and_is_not_made(service, chat):
    asked, made = [], []

    def note(text: str) -> str:
        """Keep a text."""
        made.append(text)
        return "kept"

    def confirm(tool, arguments):
        asked.append((tool.name, arguments))
        return "not today." if "no" in arguments else ""

    service.script = Script(calls(("note", '{"text": "no"}'), ("note", '{"text": "yes"}')), answer("ok"))
    chat.ask("keep", tools=[note], confirm=confirm)
    assert asked == [("note", '{"text": "no"}'), ("note", '{"text": "yes"}')]
    assert made == ["yes"]
    assert [text.endswith("not today.") for role, text in said(service) if role == "tool"] == [True, False]


def test_calls_without_ids_or_with_the_same_are_told_apart(service, chat):
    def fragment(index, id_):
        function = {"name": "add", "arguments": f'{{"a": {index}, "b": 1}}'}
        return event(chunk(tool_calls=[{"index": index, "id": id_, "function": function}]))

    ids = ["", "call_1_0", "x", "x"]
    service.script = Script(
        [*(fragment(index, id_) for index, id_ in enumerate(ids)), event(chunk(finish_reason="tool_calls"))],
        answer("ok"),
    )
    chat.ask("sum?", tools=[add])
    sent = service.questions[-1].body["messages"]
    assert [call["id"] for call in sent[1]["tool_calls"]] == ["call_1_0_", "call_1_0", "x", "call_1_3"]
    assert [message["tool_call_id"] for message in sent[2:]] == ["call_1_0_", "call_1_0", "x", "call_1_3"]


def test_what_a_model_calls_is_sent_back_as_an_api_takes_it(service, chat):
    service.script = Script(calls(("my add!", "{oops"), ("add" * 30, " ")), answer("ok"))
    chat.ask("sum?", tools=[add])
    sent = service.questions[-1].body["messages"][1]["tool_calls"]
    assert [call["function"]["name"] for call in sent] == ["my_add_", ("add" * 30)[:64]]
    assert [call["function"]["arguments"] for call in sent] == ['{"invalid_json": "{oops"}', "{}"]


class Sink:
    def __init__(self, cancel=None):
        self.cancel, self.made, self.errors, self.outcomes = cancel, [], [], []

    def status(self, text, fraction=None):
        pass

    def delta(self, delta):
        if delta.text and self.cancel is not None:
            self.cancel.cancel()

    def call(self, made):
        self.made.append(made)

    def again(self, error):
        self.errors.append(error)

    def finish(self, outcome):
        self.outcomes.append(outcome)


def test_who_looks_is_told_of_each_call_before_and_after(service):
    service.script = Script(calls(ADDS), answer("5"))
    sink, rounds, allowed = Sink(), [], []

    @contextmanager
    def allow(request):
        allowed.append(request)
        yield
        allowed.append(len(rounds))

    tools = {"add": tool_of(add)}
    fields = {"tools": [tool_of(add).to_dict()]}
    with Client(service.url) as client:
        chat = Conversation("sums")
        question = Question("sum?", fields, tools=tools)
        outcome = ask(chat, client, question, sink=sink, note=rounds.append, allow=allow)
    assert [(made.call.name, made.text, made.seconds is None) for made in sink.made] == [
        ("add", None, True),
        ("add", "5", False),
    ]
    assert 0 <= outcome.calls[0].seconds < 5
    assert outcome.calls == (sink.made[1],)
    assert [r.response.finish_reason for r in rounds] == ["tool_calls", "stop"]
    assert {r.conversation for r in rounds} == {"sums"}
    assert allowed == [rounds[0].request, 1, rounds[1].request, 2]  # each held until its answer is counted
    assert [len(response.tool_calls) for response in outcome.responses] == [1, 0]


def test_a_stop_after_a_call_keeps_what_was_done(service):
    service.script = Script(calls(ADDS), [event(chunk("half")), threading.Event()])
    cancel = Cancel()
    sink = Sink(cancel)
    with Client(service.url, timeout=5) as client:
        chat = Conversation()
        question = Question("sum?", {"tools": [tool_of(add).to_dict()]}, tools={"add": tool_of(add)})
        outcome = ask(chat, client, question, sink=sink, cancel=cancel)
    assert isinstance(outcome.error, Interrupted)
    assert str(outcome.error) == "Stopped; what had arrived is kept in the conversation."
    assert outcome.response.interrupted
    assert [message.content for message in chat.messages] == ["sum?", None, "5", "half"]
