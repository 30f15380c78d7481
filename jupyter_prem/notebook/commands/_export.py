"""A conversation as a notebook of `%%chat` cells that runs, with the answers it had."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import PremError
from jupyter_prem.conversation import SentBody, write
from jupyter_prem.display import bundle
from jupyter_prem.notebook._options import FIELD_OPTIONS
from jupyter_prem.notebook._outcome import bundle_of_turn, data_of_turn
from jupyter_prem.notebook._words import split_options
from jupyter_prem.objects import tool_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from jupyter_prem.client import Message
    from jupyter_prem.conversation import Conversation, Turn

__all__ = ["export_notebook"]

_STREAM = ("stream", "stream_options")  # how the answer arrives, which --no-stream says
_MARK = '{\n "metadata": {\n  "jupyter_prem": "export"'


def export_notebook(conversation: Conversation, path: Path) -> None:
    """Write the branch of a conversation as a notebook, whole or not at all.

    Every prompt, system message and request field stands in its cell; what a cell's text cannot hold as it
    is stands in a variable above it. The saved answers are the cells' outputs, so `%prem resume` reads them.

    Raises:
        ConversationFileError: The file is another's, or cannot be written.
    """
    switch = f"switch {shlex.quote(conversation.name)}"
    plain = conversation.name.isprintable()
    cells = [
        _code("%load_ext jupyter_prem"),
        _code(f"%prem {switch}" if plain else f"get_ipython().run_line_magic('prem', {switch!r})"),
    ]
    system = ""
    for number, turn in enumerate(conversation.turns, 1):
        cells += _turn_cells(turn, number, system, conversation.name)
        system = turn.system
    for place, cell in enumerate(cells):
        cell["id"] = f"prem-{place}"
    notebook = {
        "metadata": {
            "jupyter_prem": "export",
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
        "cells": cells,
    }
    write(path, json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", _MARK)


def _turn_cells(turn: Turn, number: int, system: str, name: str) -> Iterator[dict[str, Any]]:
    question = turn.question
    if question is None or turn.response is None:
        yield _code(_by_hand(turn), [_output(turn, name)])
        return
    told = turn.system if turn.system != system else None
    if not all(map(_has_option, turn.fields.items())):
        yield _code(_by_call(turn, question, told), [_output(turn, name)])
        return
    prompt = question.content or ""
    values = {f"prompt_{number}": prompt} if not _stands(prompt) else {}
    raw = not values and "{{" in prompt
    options = list(_options(turn, question, told))
    words = [] if turn.fields.get("stream") else ["--no-stream"]
    for flag, value in options:
        word = f"{flag} {shlex.quote(value)}"
        if _reads_back(flag, value, word, raw=raw):
            words.append(word)
            continue
        variable = f"{flag.strip('-').replace('-', '_')}_{number}"
        values[variable] = value
        words.append(f"{flag} {{{{ {variable} }}}}")
        if raw:
            # --raw would keep the option's expression too.
            values[f"prompt_{number}"], raw = prompt, False
    if values:
        yield _code("\n".join(f"{variable} = {value!r}" for variable, value in values.items()))
    body = f"{{{{ prompt_{number} }}}}" if f"prompt_{number}" in values else prompt
    first = " ".join(["%%chat", *(["--raw"] if raw else []), *words])
    yield _code(f"{first}\n{body}", [_output(turn, name)])


def _by_hand(turn: Turn) -> str:
    """Return the code that appends a turn's messages again."""
    if not turn.messages:
        return f"chat_conversation.append('system', {turn.system!r})"
    (message,) = turn.messages
    said = message.to_dict()
    first = [repr(said.pop("role")), repr(said.pop("content"))]
    return f"chat_conversation.append({', '.join([*first, *_keywords(said)])})"


def _by_call(turn: Turn, question: Message, told: str | None) -> str:
    """Return the code that asks a question again whose fields are no options of `%%chat`."""
    more = {
        "system": told,
        "name": question.name,
        "window": _window(turn),
        "endpoint": turn.endpoint,
    }
    fields = {name: value for name, value in turn.fields.items() if name not in _STREAM}
    names = ", ".join(filter(None, map(tool_name, fields.get("tools") or ())))
    called = any(message.tool_calls for message in turn.messages)
    if called:  # without the functions their calls would stay unanswered
        fields = {name: value for name, value in fields.items() if name not in {"tools", "tool_choice"}}
    note = f"# Asked with functions; to let them run, add tools=[{names}].\n" if called else ""
    given = {name: value for name, value in more.items() if value is not None} | fields
    arguments = ", ".join([repr(question.content), *_keywords(given)])
    return f"{note}chat_response = chat_conversation.ask({arguments})"


def _keywords(values: Mapping[str, Any]) -> list[str]:
    return [f"{name}={value!r}" for name, value in values.items()]


def _window(turn: Turn) -> int | None:
    sent = turn.response.body if turn.response is not None else None
    return sent.window if isinstance(sent, SentBody) else None


def _has_option(field: tuple[str, Any]) -> bool:
    """Whether an option of `%%chat` sends the field just as it was sent."""
    name, value = field
    if name == "response_format":
        return dict(value) == {"type": "text"}
    return name in {*_STREAM, *FIELD_OPTIONS} and not (name == "stop" and isinstance(value, str))


def _options(turn: Turn, question: Message, told: str | None) -> Iterator[tuple[str, str]]:
    for field, value in turn.fields.items():
        if field in _STREAM:
            continue
        values = value if isinstance(value, list) else [value]
        for item in values:
            text = "text" if field == "response_format" else "none" if item is None else str(item)
            yield FIELD_OPTIONS[field].flags[-1], text
    window = _window(turn)
    others = {
        "--name": question.name,
        "--system": told,
        "--window": None if window is None else str(window),
        "--endpoint": turn.endpoint,
    }
    yield from ((flag, value) for flag, value in others.items() if value is not None)


def _stands(prompt: str) -> bool:
    """Whether a cell's body can hold the prompt, and gives it back as it is."""
    plain = all(char.isprintable() or char in "\n\t" for char in prompt)
    return plain and prompt == prompt.strip() and not prompt.startswith("%")


def _reads_back(flag: str, value: str, word: str, *, raw: bool) -> bool:
    if not value.isprintable() or ("{{" in value and not raw):
        return False
    try:
        return split_options(word, lambda text: text) == [f"{flag}={value}"]
    except PremError:
        return False


def _output(turn: Turn, name: str) -> dict[str, Any]:
    response, data = turn.response, data_of_turn(turn, name)
    about: dict[str, Any] = {}
    if response is None:
        role = turn.messages[0].role if turn.messages else "system"
        drawn = bundle("", notes=[f"Appended by hand: {role}"], data=data)
    else:
        drawn = bundle_of_turn(turn, data)
        about = {"id": response.id, "created": response.created, "latency": round(response.latency, 3)}
    return {"output_type": "display_data", "data": drawn, "metadata": {"jupyter_prem": about}}


def _code(source: str, outputs: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": outputs or [],
        "source": source,
    }
