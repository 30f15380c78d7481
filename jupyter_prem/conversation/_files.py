"""Conversations in files: `.json` holds every turn, `.md` one branch as people read it. Both can be loaded.

Loading only reads: what a file says is checked against the API's shape and held as text.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import Message, RequestError, response_of

from ._tree import ConversationError
from ._turn import SentBody, Turn, answer_place

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jupyter_prem.client import ChatResponse

    from ._tree import Tree

__all__ = [
    "FORMAT",
    "VERSION",
    "ConversationFileError",
    "about_turn",
    "check_version",
    "load",
    "save",
    "text_of",
    "turn_of",
    "write",
]

FORMAT = "jupyter_prem conversation"
VERSION = 1


class ConversationFileError(ConversationError):
    """A file that holds no conversation, or cannot be written."""


def save(tree: Tree, path: Path) -> None:
    """Write a conversation to `path`, in the form that its ending names.

    Raises:
        ConversationFileError: It is no such ending, or the file cannot be written.
    """
    if path.suffix == ".json":
        write(
            path,
            json.dumps(_to_json(tree), ensure_ascii=False, indent=1) + "\n",
            f'{{\n "format": "{FORMAT}"',
        )
    elif path.suffix == ".md":
        from ._transcript import to_markdown

        write(path, to_markdown(tree), f'<!-- prem {{"format":"{FORMAT}"')
    else:
        raise ConversationFileError(
            f"{path.name!r} ends in neither .json nor .md.", hint="Name the file chat.json or chat.md."
        )


def load(tree: Tree, path: Path) -> None:
    """Fill an empty conversation from `path`.

    Raises:
        ConversationFileError: There is no such file, or it holds no conversation.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConversationFileError(
            f"{path.name!r} cannot be read: {_reason(error)}.", where=f"in {path.parent}"
        ) from None
    try:
        if path.suffix == ".md":
            from ._transcript import from_markdown

            from_markdown(tree, text)
        else:
            _from_json(tree, json.loads(text))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
        what = error.reason if isinstance(error, RequestError) else _reason(error)
        raise ConversationFileError(
            f"{path.name!r} holds no conversation: {what}.",
            where=f"in {path.parent}",
            hint="Only what %prem export or Conversation.save wrote can be loaded.",
        ) from None


def write(path: Path, text: str, mark: str) -> None:
    """Write a file, whole or not at all; what is there and does not start with `mark` is left alone.

    Raises:
        ConversationFileError: It is another's, or cannot be written.
    """
    path = path.resolve()  # through a link, not over it
    hint = "Choose another name or folder; the conversation is unharmed."
    try:
        if path.exists() and not path.read_bytes()[: len(mark) + 8].decode("utf-8", "replace").startswith(
            mark
        ):
            raise ConversationFileError(
                f"{path.name!r} is there already and is no saved conversation.",
                where=f"in {path.parent}",
                hint=hint,
            )
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            os.chmod(name, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())  # noqa: PTH101 - as open() would
            os.replace(name, path)  # noqa: PTH105 - a name, not a Path
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)  # noqa: PTH108 - a name, not a Path
            raise
    except (OSError, UnicodeError) as error:
        raise ConversationFileError(
            f"{path.name!r} cannot be written: {_reason(error)}.", where=f"in {path.parent}", hint=hint
        ) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, KeyError):
        return f"it has no {error}"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error).split("\n")[0]


def _to_json(tree: Tree) -> dict[str, Any]:
    numbers: dict[Turn | None, int | None] = {None: None}
    numbers.update({turn: number for number, turn in enumerate(tree.all_turns)})
    past, future = tree.positions
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": tree.name,
        "head": numbers[tree.head],
        "past": [numbers[turn] for turn in past],
        "future": [numbers[turn] for turn in future],
        "turns": [
            {
                "parent": numbers[turn.parent],
                **about_turn(turn),
                "messages": [message.to_dict() for message in turn.messages],
            }
            for turn in tree.all_turns
        ],
    }


def _from_json(tree: Tree, data: Any) -> None:
    check_version(data)
    turns: list[Turn] = []
    for entry in data["turns"]:
        parent = None if entry["parent"] is None else turns[_index(entry["parent"])]
        turns.append(turn_of(entry, [Message.from_dict(item) for item in entry["messages"]], parent))
    at: dict[int | None, Turn | None] = {None: None, **dict(enumerate(turns))}
    tree.name = text_of(data["name"], "name")
    tree.add(turns)
    tree.restore(at[data["head"]], [at[i] for i in data["past"]], [at[i] for i in data["future"]])


def about_turn(turn: Turn) -> dict[str, Any]:
    """Return what a file says of a turn beside its messages and its parent."""
    about: dict[str, Any] = {
        "system": turn.system,
        "system_given": turn.system_given,
        "fields": dict(turn.fields),
        **({"endpoint": turn.endpoint} if turn.endpoint is not None else {}),
    }
    response = turn.response
    if response is not None:
        whole = response.to_dict()
        if len(response.choices) == 1 and response.message == turn.messages[answer_place(turn.messages)]:
            # The message itself stands among the turn's own.
            (choice,) = whole["choices"]
            extra = {key: value for key, value in choice["message"].items() if key in _BESIDE}
            whole["choices"] = [{"finish_reason": choice["finish_reason"], **extra}]
        if isinstance(response.body, SentBody) and response.body.window is not None:
            about["window"] = response.body.window
        about["response"] = whole | {
            "interrupted": response.interrupted,
            "latency": response.latency,
            "notes": list(response.notes),
        }
    return about


_BESIDE = ("reasoning_content", "refusal")


def turn_of(about: Any, messages: Sequence[Message], parent: Turn | None) -> Turn:
    """Return the turn that `about_turn` described."""
    system, fields = text_of(about["system"], "system"), about["fields"]
    if not isinstance(fields, dict) or not isinstance(about["system_given"], bool):
        raise TypeError("a turn's fields are no object")
    endpoint = None if about.get("endpoint") is None else text_of(about["endpoint"], "endpoint")
    response = None
    if about.get("response") is not None:
        window = None if about.get("window") is None else _index(about["window"])
        place = answer_place(messages)
        response = _response(about["response"], messages[place])
        body = SentBody(parent, tuple(messages[:place]), system, window, fields)
        response = _replaced(response, body, about["response"])
    return Turn(
        tuple(messages),
        response,
        parent,
        system,
        system_given=about["system_given"],
        fields=fields,
        endpoint=endpoint,
    )


def _response(data: Any, last: Message) -> ChatResponse:
    choices = data["choices"]
    if len(choices) == 1 and "message" not in choices[0]:
        extra = {key: choices[0][key] for key in _BESIDE if key in choices[0]}
        choices = [{"finish_reason": choices[0]["finish_reason"], "message": {**last.to_dict(), **extra}}]
    latency = data.get("latency", 0.0)
    if isinstance(latency, bool) or not isinstance(latency, int | float):
        raise TypeError("a latency is no number")
    return response_of(
        {**data, "choices": choices}, latency=latency, interrupted=data.get("interrupted") is True
    )


def _replaced(response: ChatResponse, body: SentBody, data: Any) -> ChatResponse:
    import dataclasses

    notes = tuple(text_of(note, "a note") for note in data.get("notes", ()))
    return dataclasses.replace(response, body=body, notes=notes)


def check_version(data: Any) -> None:
    """Raise ValueError unless `data` is the head of a saved conversation."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError("it has no mark of ours")
    if data.get("version") != VERSION:
        raise ValueError(f"it is of version {data.get('version')!r}, which this release does not read")


def _index(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"{value!r} is no place of a turn")
    return value


def text_of(value: Any, what: str) -> str:
    """Return `value` if it is a string; else raise TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is no text")
    return value
