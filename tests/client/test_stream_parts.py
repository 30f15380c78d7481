"""What a stream puts together: calls from fragments, reasoning, refusals, choices."""

from __future__ import annotations

import json

import pytest
from loopback import DONE, chunk, event
from waited import ask
from wire_cases import STOP


def test_tool_calls_are_put_together_from_fragments(service, client):
    def call(index, **function):
        start = {"id": f"c{index}"} if "name" in function else {}
        return event(chunk(None, tool_calls=[{"index": index, **start, "function": function}]))

    text = json.dumps({"city": "Grenoble"})
    pieces = [call(0, name="f", arguments=""), call(2, name="g", arguments="{")]
    pieces += [call(0, arguments=char) for char in text] + [call(2, arguments="}")]
    service.say(*pieces, event(chunk(finish_reason="tool_calls")), DONE)
    first, second = ask(client)[1].tool_calls
    assert (first.id, first.name, first.arguments) == ("c0", "f", text)
    assert (second.id, second.name, second.arguments) == ("c2", "g", "{}")


def test_reasoning_and_refusal_are_kept_apart(service, client):
    service.say(
        event(chunk(None, reasoning_content="hm ")),
        event(chunk("so")),
        event(chunk(None, refusal="no")),
        STOP,
    )
    response = ask(client)[1]
    assert (response.reasoning, response.text, response.refusal) == ("hm ", "so", "no")


def test_several_choices_are_kept_by_index(service, client):
    def piece(index, text, finish=None):
        return event({"choices": [{"index": index, "delta": {"content": text}, "finish_reason": finish}]})

    service.say(piece(1, "b"), piece(0, "a"), piece(1, "B", "stop"), piece(0, "A", "stop"))
    assert [choice.message.content for choice in ask(client)[1].choices] == ["aA", "bB"]


def test_no_usage_is_none(service, client):
    service.say(event(chunk("a")), STOP, DONE)
    assert ask(client)[1].usage is None


def fragment(name=None, arguments=None, **start):
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {**start, "function": function}


ODD_CALLS = {
    "no_index": [
        [fragment("f", '{"a": 1}', id="x")],
        [fragment("g", '{"a"', id="y")],
        [fragment(None, ": 2}")],
    ],
    "float_index": [
        [fragment("f", '{"a": 1}', index=0.0, id="x")],
        [fragment("g", '{"a": 2}', index=1.0, id="y")],
    ],
    "one_index": [
        [fragment("f", '{"a": 1}', index=0, id="x")],
        [fragment("g", '{"a": 2', index=0, id="y")],
        [fragment(None, "}", index=0)],
    ],
    "objects": [[fragment("f", {"a": 1}, index=0, id="x"), fragment("g", {"a": 2}, index=1, id="y")]],
    "names_in_pieces": [
        [fragment("", "", index=3, id="x")],
        [fragment("f", '{"a": 1}', index=3)],
        [fragment("g", '{"a": 2}', index=7, id="y")],
    ],
    "names_repeated": [
        [fragment("f", '{"a"', index=0, id="x")],
        [fragment("f", ": 1}", index=0, id="x")],
        [fragment("g", '{"a": 2}', index=1, id="y")],
    ],
    "late_ids": [
        [fragment("f", '{"a": 1}', index=0)],
        [fragment(None, "", index=0, id="x")],
        [fragment("g", '{"a": 2}', index=1, id="y")],
    ],
}


@pytest.mark.parametrize("name", ODD_CALLS)
def test_calls_in_the_forms_that_services_have(service, client, name):
    pieces = [event(chunk(None, tool_calls=calls)) for calls in ODD_CALLS[name]]
    service.say(*pieces, event(chunk(finish_reason="tool_calls")), DONE)
    first, second = ask(client)[1].tool_calls
    assert (first.id, first.name, json.loads(first.arguments)) == ("x", "f", {"a": 1})
    assert (second.id, second.name, json.loads(second.arguments)) == ("y", "g", {"a": 2})


def test_a_name_in_pieces_is_put_together(service, client):
    calls = [[fragment("get_", None, index=0, id="x")], [fragment("weather", "{}", index=0)]]
    service.say(
        *(event(chunk(None, tool_calls=call)) for call in calls),
        event(chunk(finish_reason="tool_calls")),
        DONE,
    )
    assert ask(client)[1].tool_calls[0].name == "get_weather"
