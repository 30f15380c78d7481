"""Tools for a model whose chat template knows none: told in words, and its calls held by a grammar.

A request with tools becomes one that llama.cpp can hold to a JSON schema, and the JSON that comes becomes
the contract's tool calls again. What was called before is told in words too.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from jupyter_prem.client import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "WORDING",
    "Translation",
    "check_choice",
    "functions_of",
    "plain_history",
    "template_knows_tools",
    "translation_of",
]

Chunk = dict[str, Any]

WORDING: Final = (
    "You can call these functions:\n{functions}\n",
    'To call one, answer {"name": its name, "arguments": its arguments}.',
    ' Otherwise answer {"answer": what you say}.',
    "Now answer my question in a sentence.",
)
"""What a model is told of functions; a change of it changes answers, so it is part of the fingerprint."""

_CALL = re.compile(r'\s*\{\s*"name"\s*:\s*"(?P<name>(?:[^"\\]|\\.)*)"\s*,\s*"arguments"\s*:\s*')
_ANSWER = re.compile(r'\s*\{\s*"answer"\s*:\s*')
_CHARACTERS = re.compile(r'(?:[^"\\]|\\u[0-9a-fA-F]{4}|\\[^u])*')
_HALF = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")
_DATA = frozenset({"const", "default", "enum", "examples"})  # no schemas
_KEY = b"tokenizer.chat_template"
_STRING = 8  # GGUF's type of a string


def template_knows_tools(head: bytes) -> bool:
    """Whether the chat template in a GGUF file's metadata has a place for tools.

    Args:
        head: The beginning of the file, 16 MB at most.
    """
    place = head.find(_KEY) + len(_KEY)
    if place < len(_KEY) or int.from_bytes(head[place : place + 4], "little") != _STRING:
        return False
    size = int.from_bytes(head[place + 4 : place + 12], "little")
    return b"tools" in head[place + 12 : place + 12 + size]


def translation_of(body: Mapping[str, Any], *, native: bool) -> Translation | None:
    """Return how a request's tools are put to the model; None where none are to be called by our means.

    Args:
        body: A request of the contract, checked.
        native: Whether the model's template knows tools, so that it may choose by itself.
    """
    choice = body.get("tool_choice", "auto")
    functions = functions_of(body)
    if not functions or choice == "none" or (native and choice == "auto"):
        return None
    if isinstance(choice, dict):
        functions = [function for function in functions if function["name"] == _wanted(choice)]
    answered = body["messages"][-1]["role"] == "tool"
    if choice == "auto" and answered:
        return None  # the results are there: so small a model would call again and again
    return Translation(body, functions, may_answer=choice == "auto")


def functions_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the functions that a request describes."""
    return [tool["function"] for tool in body.get("tools") or () if _is_function(tool)]


def check_choice(body: Mapping[str, Any]) -> None:
    """Refuse a choice that none of the tools can meet.

    Raises:
        RequestError: The choice names none of them, or there are none to be required.
    """
    choice, functions = body.get("tool_choice", "auto"), functions_of(body)
    if choice == "required" and not functions:
        raise RequestError("tool_choice", choice, "needs tools")
    if isinstance(choice, dict) and _wanted(choice) not in [function["name"] for function in functions]:
        raise RequestError("tool_choice", choice, "must name one of the tools")


def _wanted(choice: Mapping[str, Any]) -> Any:
    return (choice.get("function") or {}).get("name") if isinstance(choice.get("function"), dict) else None


def _is_function(tool: Any) -> bool:
    function = tool.get("function") if isinstance(tool, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)


class Translation:
    """One request's tools, there and back.

    Args:
        body: The request of the contract.
        functions: Those that may be called.
        may_answer: Whether the model may answer instead.
    """

    def __init__(
        self, body: Mapping[str, Any], functions: Sequence[Mapping[str, Any]], *, may_answer: bool
    ) -> None:
        told = [
            {name: function.get(name) for name in ("name", "description", "parameters")}
            for function in functions
        ]
        lines = "\n".join(json.dumps(_without_none(function), ensure_ascii=False) for function in told)
        words = WORDING[0].replace("{functions}", lines) + WORDING[1] + (WORDING[2] if may_answer else "")
        messages = plain_history(body["messages"])
        if messages[0]["role"] == "system":
            words = f"{messages[0]['content'] or ''}\n\n{words}"
            messages = messages[1:]
        schema = _schema(functions, _answer_schema(body) if may_answer else None)
        # A stop text could cut a call in the middle of its JSON.
        rest = {name: value for name, value in body.items() if name not in {"tools", "tool_choice", "stop"}}
        self.body = {
            **rest,
            "messages": [{"role": "system", "content": words}, *messages],
            "response_format": {"type": "json_schema", "json_schema": {"name": "call", "schema": schema}},
        }
        asked = {name: value for name, value in body.items() if name not in {"stream", "stream_options"}}
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        self._id = f"call_{digest[:24]}"  # the same request gives the same answer, its id included
        self._text = ""
        self._sent = 0
        self._named = False

    def chunk(self, chunk: Chunk) -> Chunk:
        """Return a chunk of the engine as the contract has it."""
        for choice in chunk["choices"]:
            delta = choice["delta"]
            text = delta.pop("content", None) or ""
            self._text += text
            delta.update(self._news())
            if choice.get("finish_reason") == "stop" and self._named:
                choice["finish_reason"] = "tool_calls"
        return chunk

    def _news(self) -> dict[str, Any]:
        call = _CALL.match(self._text)
        if call is not None:
            return self._of_call(json.loads(f'"{call["name"]}"'), self._text[call.end() :])
        answer = _ANSWER.match(self._text)
        if answer is None:
            return {}
        value = self._text[answer.end() :]
        said = _string_so_far(value) if value.startswith('"') else _inner(value)
        new, self._sent = said[self._sent :], max(self._sent, len(said))
        return {"content": new} if new else {}

    def _of_call(self, name: str, rest: str) -> dict[str, Any]:
        said = _inner(rest)
        new, self._sent = said[self._sent :], max(self._sent, len(said))
        function: dict[str, Any] = {"arguments": new}
        call: dict[str, Any] = {"index": 0, "function": function}
        if not self._named:
            self._named = True
            call.update(id=self._id, type="function")
            function["name"] = name
        return {"tool_calls": [call]} if new or "id" in call else {}


def _inner(rest: str) -> str:
    """Return what is certain of a value that a closing brace follows."""
    return rest.rstrip()[:-1].rstrip()


def _string_so_far(value: str) -> str:
    """Return what is certain of a JSON string."""
    found = _CHARACTERS.match(value, 1)
    inside = _HALF.sub("", found.group()) if found else ""
    return str(json.loads(f'"{inside}"', strict=False))


def _answer_schema(body: Mapping[str, Any]) -> dict[str, Any]:
    response_format = body.get("response_format") or {}
    return dict((response_format.get("json_schema") or {}).get("schema") or {"type": "string"})


def _schema(functions: Sequence[Mapping[str, Any]], answer: dict[str, Any] | None) -> dict[str, Any]:
    """Return the schema of a call of one of the functions, or of an answer."""
    parts, calls = {}, []
    for place, function in enumerate(functions):
        name = f"arguments_{place}"
        parts[name] = _moved(function.get("parameters") or _object(), f"#/$defs/{name}")
        calls.append(_object(name={"const": function["name"]}, arguments={"$ref": f"#/$defs/{name}"}))
    if answer is not None:
        parts["answer"] = _moved(answer, "#/$defs/answer")
        calls.append(_object(answer={"$ref": "#/$defs/answer"}))
    return {"anyOf": calls, "$defs": parts}


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _moved(schema: Any, place: str) -> Any:
    """Return a schema whose references to itself hold where it is put."""
    if isinstance(schema, dict):
        moved = {name: part if name in _DATA else _moved(part, place) for name, part in schema.items()}
        target = moved.get("$ref")
        if isinstance(target, str) and target.startswith("#"):
            moved["$ref"] = place + target[1:]
        return moved
    return [_moved(part, place) for part in schema] if isinstance(schema, list) else schema


def plain_history(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return messages without calls and results: what was called, and what it returned, in words."""
    plain: list[dict[str, Any]] = []
    calls: dict[str, str] = {}
    for message in messages:
        if message["role"] == "tool":
            text = (
                f"{calls.get(message.get('tool_call_id', ''), 'It')} returned: {message.get('content') or ''}"
            )
            if plain and plain[-1].get("results"):
                plain[-1]["content"] += f"\n{text}"
            else:
                plain.append({"role": "user", "content": text, "results": True})
        elif message.get("tool_calls"):
            told = {call["id"]: _call_text(call["function"]) for call in message["tool_calls"]}
            calls.update(told)
            content = "\n".join(filter(None, [message.get("content"), *told.values()]))
            plain.append({"role": "assistant", "content": content})
        else:
            plain.append(dict(message))
    if plain and plain[-1].get("results"):
        plain[-1]["content"] += f"\n{WORDING[3]}"
    return [{name: value for name, value in message.items() if name != "results"} for message in plain]


def _call_text(function: Mapping[str, Any]) -> str:
    try:
        arguments = json.loads(function["arguments"] or "{}")
        inside = ", ".join(f"{name}={json.dumps(value)}" for name, value in arguments.items())
    except (ValueError, AttributeError):
        inside = function["arguments"]
    return f"{function['name']}({inside})"


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
