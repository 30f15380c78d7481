from __future__ import annotations

import copy
import dataclasses
import math

import pytest

from jupyter_prem.client import (
    FIELDS,
    ChatRequest,
    ChatResponse,
    Choice,
    Delta,
    Message,
    Model,
    RequestError,
    Timeouts,
    ToolCall,
    Usage,
    as_messages,
)

ASK = {"messages": [{"role": "user", "content": "hi"}], "model": "m"}

GOOD = [
    ("frequency_penalty", -2.0),
    ("frequency_penalty", 2),
    ("presence_penalty", 0),
    ("max_completion_tokens", 1),
    ("max_completion_tokens", None),
    ("seed", 0),
    ("seed", -5),
    ("seed", 2**40),
    ("stop", "x"),
    ("stop", ["x", "y"]),
    ("stream", True),
    ("temperature", 0),
    ("temperature", 2.0),
    ("temperature", None),
    ("top_p", 0),
    ("top_p", 1.0),
    ("top_p", None),
    ("response_format", {"type": "text"}),
    ("response_format", {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}),
    ("tools", [None, {"type": "function"}]),
    ("tool_choice", "auto"),
    ("tool_choice", "none"),
    ("tool_choice", {"type": "function"}),
    ("stream_options", {"include_usage": True}),
]

BAD = [
    ("frequency_penalty", -2.01),
    ("frequency_penalty", None),
    ("presence_penalty", 3),
    ("presence_penalty", "1"),
    ("max_completion_tokens", 0),
    ("max_completion_tokens", -1),
    ("max_completion_tokens", 1.5),
    ("max_completion_tokens", True),
    ("seed", 1.5),
    ("seed", "7"),
    ("seed", True),
    ("seed", None),
    ("stop", 3),
    ("stop", [1]),
    ("stop", None),
    ("stream", 1),
    ("temperature", 2.1),
    ("temperature", -0.1),
    ("temperature", math.nan),
    ("temperature", math.inf),
    ("temperature", True),
    ("temperature", "0.5"),
    ("top_p", 1.1),
    ("top_p", -1),
    ("response_format", "text"),
    ("response_format", {"type": "json_object"}),
    ("tools", {"a": 1}),
    ("tools", ["f"]),
    ("tool_choice", 1),
    ("stream_options", True),
    ("tempreature", 1),
]


@pytest.mark.parametrize(("field", "value"), GOOD)
def test_a_value_in_range_is_sent_as_it_is(field, value):
    assert ChatRequest.from_body({**ASK, field: value}).to_body() == {**ASK, field: value}


@pytest.mark.parametrize(("field", "value"), BAD)
def test_a_value_out_of_range_is_refused_with_field_value_and_range(field, value):
    with pytest.raises(RequestError) as caught:
        ChatRequest.from_body({**ASK, field: value})
    assert field in str(caught.value)
    assert repr(value)[:20] in str(caught.value)
    assert caught.value.reason


def test_only_what_was_set_is_sent():
    assert set(ChatRequest.from_body(ASK).to_body()) == {"messages", "model"}


def test_null_is_sent_and_unset_is_not():
    assert ChatRequest.from_body({**ASK, "top_p": None}).to_body()["top_p"] is None


def test_every_field_of_the_class_is_checked():
    given = {field.name for field in dataclasses.fields(ChatRequest) if field.init}
    assert given - {"messages", "model"} == set(FIELDS)


@pytest.mark.parametrize("missing", ["messages", "model"])
def test_what_is_required_is_required(missing):
    with pytest.raises(RequestError, match=missing):
        ChatRequest.from_body({name: value for name, value in ASK.items() if name != missing})


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "robot", "content": "x"}],
        [{"content": "x"}],
        ["x"],
        [{"role": "user", "content": 3}],
        [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}],
        [{"role": "tool", "content": "a"}],
        [{"role": "assistant", "tool_calls": [{"id": "1"}]}],
        [{"role": "assistant", "tool_calls": "x"}],
        "hi",
        {"role": "user"},
        3,
    ],
)
def test_messages_of_another_shape_are_refused(messages):
    with pytest.raises(RequestError, match="messages"):
        ChatRequest.from_body({**ASK, "messages": messages})


def test_every_role_goes_out_and_comes_back():
    call = ToolCall("c1", "f", '{"a": 1}')
    messages = [
        Message("system", "s"),
        Message("user", "u", name="ada"),
        Message("assistant", None, tool_calls=(call,)),
        Message("tool", "3", tool_call_id="c1"),
    ]
    body = ChatRequest(messages=tuple(messages), model="m").to_body()
    assert list(as_messages(body["messages"])) == messages
    assert body["messages"][2]["tool_calls"][0] == {
        "id": "c1",
        "type": "function",
        "function": {"name": "f", "arguments": '{"a": 1}'},
    }


def test_a_lone_surrogate_becomes_the_replacement_character():
    assert Message("user", "a\ud800b").content == "a\ufffdb"


def test_a_string_is_one_message_of_the_user():
    assert as_messages("hi") == (Message("user", "hi"),)


def test_a_long_value_is_cut_in_the_error():
    with pytest.raises(RequestError) as caught:
        ChatRequest.from_body({**ASK, "temperature": "x" * 10_000})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "value",
    [
        ToolCall("c1", "f", "{}"),
        Message("user", "hi"),
        ChatRequest(messages=(Message("user", "hi"),), model="m"),
        Delta("a"),
        Usage(1, 2, 3),
        Choice(0, "stop", Message("assistant", "a")),
        Model("m"),
        ChatResponse(()),
        Timeouts(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_was_said_cannot_be_changed(value):
    for field in dataclasses.fields(value):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, None)
    assert value == copy.copy(value)


def test_a_field_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(RequestError) as caught:
        ChatRequest.from_body({**ASK, "first": 1, "second": 2})
    assert caught.value.field == "first"
    assert caught.value.reason == f"no such field; there are {', '.join(FIELDS)}"
    assert ChatRequest.from_body({**ASK, "first": 1}, ignore_unknown=True).to_body() == ASK


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("temperature", 3, "must be a number between 0 and 2, or null"),
        ("presence_penalty", 3, "must be a number between -2 and 2"),
        ("seed", "x", "must be an integer"),
        ("max_completion_tokens", 0, "must be an integer greater than 0, or null for the model's maximum"),
        ("stream", 1, "must be true or false"),
        ("stop", 1, "must be a string or a list of strings"),
        ("tools", 1, "must be a list of tool objects"),
        ("tool_choice", "x", 'must be "none", "auto", "required" or a tool object'),
        (
            "response_format",
            "x",
            'must be {"type": "text"} or {"type": "json_schema", "json_schema": {...}}',
        ),
        (
            "stream_options",
            {"include_usage": 1},
            'must be {"include_usage": true} or {"include_usage": false}',
        ),
        ("messages", [], "must hold at least one message"),
        ("messages", "hi", "must be a list of messages"),
        ("model", "", "must be the name of a model"),
    ],
)
def test_an_error_says_what_a_field_takes(field, value, reason):
    with pytest.raises(RequestError) as caught:
        ChatRequest.from_body({**ASK, field: value})
    assert (caught.value.field, caught.value.value, caught.value.reason) == (field, value, reason)


@pytest.mark.parametrize("body", [3, None, [], "x"])
def test_a_body_is_an_object(body):
    with pytest.raises(RequestError) as caught:
        ChatRequest.from_body(body)
    assert (caught.value.field, caught.value.reason) == ("body", "must be an object")


def test_the_json_of_a_body_is_made_once_unless_a_part_of_it_can_change():
    plain = ChatRequest(messages="hi", model="m", seed=1)
    assert plain.to_json() is plain.body().to_json(sort_keys=False)
    other = dataclasses.replace(plain, seed=2)
    assert '"seed":2' in other.to_json()
    body = dataclasses.replace(plain.body(), fields={"model": "other"})
    assert '"model":"other"' in body.to_json()
    assert '"stream_options"' in plain.body(stream_options={}).to_json()

    tool = {"type": "function", "function": {"name": "f", "b": 1, "a": 2}}
    nested = ChatRequest(messages="hi", model="m", tools=[tool])
    assert '"a":2,"b":1' in nested.to_json()
    assert '"b":1,"a":2' in nested.body().to_json(sort_keys=False)
    sent = nested.body()
    before = sent.to_json()
    sent.fields["tools"][0]["function"]["name"] = "g"
    assert sent.to_json() == before.replace('"f"', '"g"')


@pytest.mark.parametrize("seed", [0, 7, -1, 2**40])
def test_a_whole_number_is_written_as_json_writes_it(seed):
    assert f'"seed":{seed}' in ChatRequest(messages="hi", model="m", seed=seed).to_json()
