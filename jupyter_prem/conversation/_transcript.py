"""One branch of a conversation as Markdown.

People see who said what; a comment before each message holds what is needed to read it back exactly.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import Message

from ._files import FORMAT, VERSION, about_turn, check_version, text_of, turn_of
from ._turn import branch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._tree import Tree

__all__ = ["from_markdown", "to_markdown"]

_MARKER = re.compile(r"<!-- prem (\{.*\}) -->")
_ESCAPED = re.compile(r"^<!-- (\\*)prem ", re.MULTILINE)
_UNESCAPED = re.compile(r"^<!-- \\(\\*)prem ", re.MULTILINE)


def to_markdown(tree: Tree) -> str:
    """Return the branch as Markdown that `from_markdown` reads."""
    parts = [
        _marker({"format": FORMAT, "version": VERSION, "name": tree.name}),
        f"\n# {_line(tree.name)}\n\n",
    ]
    system = ""
    for turn in branch(tree.head):
        if turn.system != system or not turn.messages:
            system = turn.system
            parts += [_marker({"role": "system"}), "\n**system**\n\n", _escape(system), "\n\n"]
        for place, message in enumerate(turn.messages):
            said = message.to_dict()
            del said["content"]
            said |= {"null": True} if message.content is None else {}
            about = {"turn": about_turn(turn)} if place == 0 else {}
            who = f"{message.role} ({_line(message.name)})" if message.name else message.role
            parts += [_marker({**said, **about}), f"\n**{who}**\n\n", _escape(message.content or ""), "\n\n"]
        if not turn.messages:
            parts += [_marker({"turn": about_turn(turn)}), "\n\n\n", "\n\n"]
    return "".join(parts)


def from_markdown(tree: Tree, text: str) -> None:
    """Fill an empty conversation; raises what `load` tells people of."""
    entries = list(_entries(text))
    if not entries:
        raise ValueError("it has no mark of ours")
    head, _ = entries[0]
    check_version(head)
    waiting: list[tuple[Any, list[Message]]] = []
    for data, content in entries[1:]:
        if data.get("role") == "system":
            continue
        if "turn" in data:
            waiting.append((data["turn"], []))
        if "role" in data:
            said = {**data, "content": None if data.get("null") else content}
            waiting[-1][1].append(Message.from_dict(said))
    tree.name = text_of(head["name"], "name")
    parent = None
    for about, messages in waiting:
        parent = turn_of(about, messages, parent)
        tree.commit(parent)


def _entries(text: str) -> Iterator[tuple[Any, str]]:
    """Yield what each marker says, and the text below its heading, exact."""
    if text.partition("\n")[0].endswith("\r"):  # an editor, or git, has converted the line ends
        text = text.replace("\r\n", "\n")
    lines = text.split("\n")
    places = [place for place, line in enumerate(lines) if _MARKER.fullmatch(line)]
    for place, end in itertools.pairwise([*places, len(lines)]):
        found = _MARKER.fullmatch(lines[place])
        # Two line feeds were written behind the text: at the file's end an editor may have taken them.
        body = "\n".join(lines[place + 3 : end]).removesuffix("\n")
        body = body.removesuffix("\n") if end == len(lines) else body
        yield json.loads(found[1]) if found else {}, _UNESCAPED.sub(r"<!-- \1prem ", body)


def _marker(data: Any) -> str:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    # An HTML comment may hold neither --> nor, in older parsers, two hyphens.
    escaped = text.replace("--", "-\\u002d").replace(">", "\\u003e")
    return f"<!-- prem {escaped} -->"


def _escape(text: str) -> str:
    return _ESCAPED.sub(r"<!-- \\\1prem ", text)


def _line(text: str) -> str:
    return " ".join(text.split())
