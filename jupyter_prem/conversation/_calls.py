"""Calls that a model asks for, so that they can be told apart and an API takes them back."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_prem.client import ChatRequest, ChatResponse, Message

__all__ = ["as_sent", "refused_calls", "with_ids"]

_NOT_NAMES = re.compile(r"[^a-zA-Z0-9_-]+")
_NAME_LENGTH = 64  # OpenAI's limit, which its peers keep


def with_ids(response: ChatResponse, place: int) -> ChatResponse:
    """Return an answer whose calls can be told apart: some services give no ids, or the same twice."""
    message = response.message
    taken = {call.id for call in message.tool_calls if call.id}
    seen: set[str] = set()
    calls = []
    for number, call in enumerate(message.tool_calls):
        known = call.id
        if not known or known in seen:
            known = f"call_{place}_{number}"
            while known in taken:
                known += "_"
        seen.add(known)
        taken.add(known)
        calls.append(dataclasses.replace(call, id=known))
    if tuple(calls) == message.tool_calls:
        return response
    message = dataclasses.replace(message, tool_calls=tuple(calls))
    first, *others = response.choices
    return dataclasses.replace(response, choices=(dataclasses.replace(first, message=message), *others))


def as_sent(message: Message) -> Message:
    """Return an answer as an API takes it back: names that can be some, and arguments that are JSON."""
    calls = tuple(
        dataclasses.replace(
            call, name=_NOT_NAMES.sub("_", call.name)[:_NAME_LENGTH] or "_", arguments=_json(call.arguments)
        )
        for call in message.tool_calls
    )
    return message if calls == message.tool_calls else dataclasses.replace(message, tool_calls=calls)


def refused_calls(request: ChatRequest, response: ChatResponse) -> str:
    """Return why no call of an answer may be made; nothing if they may."""
    if request.tool_choice == "none":
        return "no function may be called (--tool-choice none)."
    if response.finish_reason in {"length", "content_filter"}:
        return "the answer was cut before the call was complete."
    return ""


def _json(arguments: str) -> str:
    if not arguments.strip():
        return "{}"
    try:
        json.loads(arguments, parse_constant=int)
    except (ValueError, RecursionError):
        return json.dumps({"invalid_json": arguments}, ensure_ascii=False)
    return arguments
