"""Tools of the embedded model: put in words, held by a grammar, and calls of the contract again."""

from __future__ import annotations

import json

import openai
import pydantic
import pytest

from jupyter_prem import Client, Conversation
from jupyter_prem.backends._tools import plain_history, template_knows_tools, translation_of
from jupyter_prem.objects import tool_of


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Node(pydantic.BaseModel):
    value: int
    left: Node | None = None


def grow(node: Node, tags: list[str] = [], unit: str | None = None) -> str:  # noqa: B006 - a default of JSON
    """Grow a tree."""
    return "grown"


TOOLS = [tool_of(function).to_dict() for function in (add, grow)]
QUESTION = [{"role": "user", "content": "What is 2 plus 40?"}]
NAMED = {"type": "function", "function": {"name": "add"}}


def asked(**more):
    return {"messages": QUESTION, "model": "m", "tools": TOOLS, **more}


def chunk(content="", finish=None):
    return {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish}]}


def put_together(translation, pieces):
    text, call, reason = "", {"id": "", "name": "", "arguments": ""}, None
    for piece in [*map(chunk, pieces), chunk(finish="stop")]:
        (choice,) = translation.chunk(piece)["choices"]
        text += choice["delta"].get("content") or ""
        for delta in choice["delta"].get("tool_calls") or ():
            assert delta["index"] == 0
            call["id"] += delta.get("id", "")
            call["name"] += delta["function"].get("name", "")
            call["arguments"] += delta["function"]["arguments"]
        reason = choice["finish_reason"] or reason
    return text, call, reason


CALL = '{\n "name" : "add", "arguments" : {"a": 2, "b": {"x": "}"}, "c": [ ]  }\n }\n'
SAID = '{ "answer": "It\'s \\"42\\" \\\\ \\u00e9\\ud83d\\ude00\\n} 日" }'


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_call_is_put_together_from_any_pieces(size):
    pieces = [CALL[at : at + size] for at in range(0, len(CALL), size)]
    text, call, reason = put_together(translation_of(asked(), native=False), pieces)
    assert (text, reason, call["name"]) == ("", "tool_calls", "add")
    assert json.loads(call["arguments"]) == {"a": 2, "b": {"x": "}"}, "c": []}
    assert call["id"].startswith("call_")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_an_answer_is_put_together_from_any_pieces(size):
    pieces = [SAID[at : at + size] for at in range(0, len(SAID), size)]
    text, call, reason = put_together(translation_of(asked(), native=False), pieces)
    assert (text, reason, call["name"]) == ('It\'s "42" \\ é😀\n} 日', "stop", "")


def test_data_besides_calls_is_put_together():
    body = asked(
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    )
    text, _, reason = put_together(translation_of(body, native=False), ['{"answer": {"n"', ": [1]} ", "}"])
    assert (json.loads(text), reason) == ({"n": [1]}, "stop")


def test_when_the_model_is_held_to_calls():
    assert translation_of(asked(tool_choice="none"), native=False) is None
    assert translation_of(asked(tools=[None]), native=False) is None
    assert translation_of(asked(), native=True) is None
    assert translation_of(asked(tool_choice="required"), native=True) is not None
    result = [*QUESTION, {"role": "tool", "content": "42", "tool_call_id": "x"}]
    assert translation_of(asked(messages=result), native=False) is None
    assert translation_of(asked(messages=result, tool_choice=NAMED), native=False) is not None


def test_the_same_request_has_the_same_ids():
    ids = {
        put_together(translation_of(asked(seed=seed), native=False), [CALL])[1]["id"] for seed in (1, 1, 2)
    }
    assert len(ids) == 2


def test_what_was_called_is_told_in_words():
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": '{"a": 2, "b": "x"}'}}
    odd = {"id": "d", "type": "function", "function": {"name": "f", "arguments": "no json"}}
    history = plain_history(
        [
            *QUESTION,
            {"role": "assistant", "content": "Let me see.", "tool_calls": [call, odd]},
            {"role": "tool", "content": "42", "tool_call_id": "c"},
            {"role": "tool", "content": "7", "tool_call_id": "d"},
        ]
    )
    assert [message["role"] for message in history] == ["user", "assistant", "user"]
    assert history[1]["content"] == 'Let me see.\nadd(a=2, b="x")\nf(no json)'
    assert history[2]["content"].startswith('add(a=2, b="x") returned: 42\nf(no json) returned: 7\n')


def test_templates_are_read_from_the_file():
    def head(template):
        data = template.encode()
        return (
            b"GGUF..tokenizer.chat_template"
            + (8).to_bytes(4, "little")
            + len(data).to_bytes(8, "little")
            + data
            + b"tools"
        )

    assert template_knows_tools(head("{% if tools %}"))
    assert not template_knows_tools(head("{{ messages }}"))
    assert not template_knows_tools(b"no template, but tools")


@pytest.fixture(scope="module")
def client(endpoint):
    with Client(endpoint) as client:
        yield client


QUESTIONS = ["What is 2 plus 40?", '日本 "quotes" } ] {']
CHOICES = ["required", NAMED, {"type": "function", "function": {"name": "grow"}}]


@pytest.mark.weights
@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("choice", CHOICES, ids=["required", "add", "grow"])
def test_a_forced_choice_gives_a_valid_call(client, question, choice):
    fields = {
        "tools": [add, grow],
        "tool_choice": choice,
        "seed": 1,
        "temperature": 0,
        "max_completion_tokens": 120,
    }
    answer = client.chat(question, **fields)
    assert answer.finish_reason in {"tool_calls", "length"}
    (call,) = answer.tool_calls
    function = {"add": add, "grow": grow}[call.name]
    assert isinstance(choice, str) or call.name == choice["function"]["name"]
    if answer.finish_reason == "tool_calls":
        tool_of(function).bind(call.arguments)()
    assert client.chat(question, **fields).tool_calls == answer.tool_calls
    with client.stream(question, **fields) as stream:
        list(stream)
    assert stream.response.tool_calls == answer.tool_calls


@pytest.mark.weights
@pytest.mark.parametrize("seed", range(4))
def test_a_free_choice_is_a_valid_call_or_an_answer(client, seed):
    answer = client.chat("What is 2 plus 40?", tools=[add], seed=seed, max_completion_tokens=100)
    if answer.tool_calls:
        tool_of(add).bind(answer.tool_calls[0].arguments)()
    else:
        assert answer.text


@pytest.mark.weights
def test_a_function_is_called_from_question_to_answer(client):
    chat = Conversation(client=client)
    answer = chat.ask(
        "What is 2 plus 40?", tools=[add], tool_choice="add", seed=3, temperature=0, max_completion_tokens=60
    )
    roles = [message.role for message in chat.messages]
    assert roles == ["user", "assistant", "tool", "assistant"]
    assert answer.text
    assert answer.finish_reason in {"stop", "length"}
    again = Conversation(client=client)
    again.ask(
        "What is 2 plus 40?", tools=[add], tool_choice="add", seed=3, temperature=0, max_completion_tokens=60
    )
    assert again.head.hash == chat.head.hash


@pytest.mark.weights
def test_a_schema_with_references_holds_the_answer(client):
    answer = client.chat(
        "A small tree.", response_format=Node, seed=1, temperature=0, max_completion_tokens=400
    )
    assert isinstance(answer.parsed, Node)


@pytest.mark.weights
@pytest.mark.parametrize("stream", [False, True])
def test_the_official_client_sees_calls(serve, stream):
    with openai.OpenAI(base_url=f"{serve}/api/v1", api_key="any", max_retries=0) as client:
        fields = {
            "model": "smollm2",
            "messages": QUESTION,
            "tools": TOOLS,
            "tool_choice": NAMED,
            "seed": 1,
            "temperature": 0,
        }
        if stream:
            with client.chat.completions.stream(**fields) as events:
                message = events.get_final_completion().choices[0].message
        else:
            message = client.chat.completions.create(**fields).choices[0].message
    (call,) = message.tool_calls
    assert call.function.name == "add"
    tool_of(add).bind(call.function.arguments)()
