"""What goes over the wire, against the official SDK's own types; and its answers, against ours."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest
from loopback import Script, answer, as_json, calls, completion
from premai.types import ChatCompletionsResponse
from premai.types.chat_completions_params import ChatCompletionsParams

from jupyter_prem import Client, Conversation
from jupyter_prem.client import Message, ToolCall

PARAMS = pydantic.TypeAdapter(ChatCompletionsParams)


def consumed(value: Any) -> Any:
    """Go through what pydantic checks only when it is asked for it."""
    if isinstance(value, dict):
        return {name: consumed(item) for name, item in value.items()}
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return value
    return [consumed(item) for item in value]


def accepted(body: dict[str, Any]) -> Any:
    """Return a body as the SDK's types have it, without what only a stream has."""
    sent = {name: value for name, value in body.items() if name != "stream_options"}
    return sent, consumed(PARAMS.validate_python(sent, strict=True))


class Person(pydantic.BaseModel):
    name: str


def lookup(name: str, *, exact: bool = False) -> dict[str, int]:
    """Look a name up."""
    return {name: 36}


SHAPES = {
    "plain": {"temperature": 0.5, "top_p": None, "stop": ["a"], "seed": 3, "max_completion_tokens": 5},
    "schema": {"response_format": Person},
    "tools": {
        "tools": [lookup, None, {"type": "function", "function": {"name": "raw"}}],
        "tool_choice": "lookup",
    },
    "none": {"tools": [lookup], "tool_choice": "none"},
    "both": {"tools": [lookup], "response_format": Person},
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_of_a_request_is_the_sdks(service, name):
    script = [answer('{"name": "Ada"}')]
    if "tools" in SHAPES[name] and name != "none":
        script.insert(0, calls(("lookup", '{"name": "Ada"}'), ("lookup", '{"name": "Bob", "exact": true}')))
    service.script = Script(*script)
    client = Client(service.url)
    chat = Conversation(client=client)
    chat.append("system", "brief")
    chat.append("user", "hi", name="ada")
    chat.append("assistant", None, tool_calls=[ToolCall("c", "f", "{}")])
    chat.append("tool", "1", tool_call_id="c")
    chat.ask("go", model="m", **SHAPES[name])
    client.close()
    assert len(service.questions) == len(script)
    for request in service.questions:
        sent, theirs = accepted(request.body)
        assert theirs == sent


def test_an_answer_with_calls_is_the_same_to_both(service):
    body = completion("", finish="tool_calls")
    body["choices"][0]["message"] = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}],
    }
    service.script = lambda _: as_json(body)
    with Client(service.url) as client:
        ours = client.chat("hi", model="m")
    theirs = ChatCompletionsResponse.model_validate(ours.to_dict(), strict=True)
    assert theirs.choices[0].message.tool_calls[0].function.arguments == '{"a": 1}'
    assert ours.tool_calls == (ToolCall("c1", "f", '{"a": 1}'),)
    assert Message.from_dict(theirs.choices[0].message.model_dump(exclude_none=True)) == ours.message
