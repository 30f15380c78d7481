"""JSON data as a tree that can be folded, all of it text; and as far as it has come, while it arrives."""

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jupyter_prem.structure import unfenced

from ._text import clean

_MOST = 2_000  # values that are drawn
_DEEPEST = 40  # levels that are drawn
_OPEN = 12  # members of a part that is not folded at first
_OPEN_DEPTH = 3
_LONGEST = 2_000  # characters of one string


def data_html(data: object) -> str:
    """Draw JSON data.

    Args:
        data: What ``json.loads`` gives; its strings may hold anything.

    Returns:
        HTML of ours: nested lists, of which large and deep parts are folded.
    """
    budget = iter(range(_MOST))
    return f'<div class="pm-data">{_value(data, 0, budget)}</div>'


def data_text(data: object) -> str:
    """Data as indented JSON, for ``text/plain`` and in a fence for ``text/markdown``.

    Args:
        data: What ``json.loads`` gives.

    Returns:
        JSON, its hidden characters visible; on one line where it is so deep that blanks would fill it.
    """
    try:
        return clean(json.dumps(data, ensure_ascii=False, indent=None if _is_deep(data) else 2))
    except RecursionError:
        return clean(repr(data))


def _is_deep(data: object) -> bool:
    level = [data]
    for _ in range(_DEEPEST):
        level = [part for value in level for part in _parts(value)]
    return bool(level)


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, (list, tuple)) else ()


def parse(text: str) -> tuple[bool, object]:
    """Data of a whole JSON text.

    Args:
        text: A model's answer.

    Returns:
        Whether it is JSON, and the data.
    """
    try:
        return True, json.loads(unfenced(text))
    except (ValueError, RecursionError):
        return False, None


def parse_beginning(text: str) -> tuple[bool, object]:
    """Data of a JSON text as far as it has come: what is there is valid, what is cut is left out.

    Args:
        text: The beginning of an answer.

    Returns:
        Whether it begins JSON, and the data.
    """
    from pydantic import TypeAdapter

    adapter: TypeAdapter[Any] = TypeAdapter(Any)
    try:
        return True, adapter.validate_json(
            unfenced(text).lstrip(), experimental_allow_partial="trailing-strings"
        )
    except ValueError:
        return False, None


def _value(value: object, depth: int, budget: Iterator[int]) -> str:
    if next(budget, None) is None:
        return "…"
    if isinstance(value, Mapping):
        rows = ((f'<span class="pm-p">{_text(str(key))}</span>: ', item) for key, item in value.items())
        return _part(rows, len(value), "{}", depth, budget)
    if isinstance(value, (list, tuple)):
        return _part((("", item) for item in value), len(value), "[]", depth, budget)
    if isinstance(value, str):
        return f'<span class="pm-s">{_text(json.dumps(value, ensure_ascii=False))}</span>'
    kind = "pm-b" if value is None or isinstance(value, bool) else "pm-n"
    return f'<span class="{kind}">{_text(json.dumps(value))}</span>'


def _part(
    rows: Iterator[tuple[str, object]], count: int, marks: str, depth: int, budget: Iterator[int]
) -> str:
    if not count or depth >= _DEEPEST:
        return f"{marks[0]}…{marks[1]}" if count else marks
    drawn, left = [], count
    for label, item in rows:
        shown = _value(item, depth + 1, budget)
        if shown == "…":
            drawn.append(f"<li>… {left} more</li>")
            break
        drawn.append(f"<li>{label}{shown}</li>")
        left -= 1
    opened = " open" if depth < _OPEN_DEPTH and (count <= _OPEN or not depth) else ""
    what = "member" if marks == "{}" else "item"
    summary = f"<summary>{marks[0]} {count} {what}{'s' * (count != 1)} {marks[1]}</summary>"
    return f"<details{opened}>{summary}<ul>{''.join(drawn)}</ul></details>"


def _text(text: str) -> str:
    shown = clean(text)
    if len(shown) > _LONGEST:
        shown = f"{shown[:_LONGEST]}… ({len(shown):,} characters)"
    return html.escape(shown, quote=False)


def fenced(text: str, name: str = "") -> str:
    """Text as a Markdown code block that it cannot leave.

    Args:
        text: Any text.
        name: The language, if any.

    Returns:
        Markdown.
    """
    fence = "`" * (3 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{name}\n{text}\n{fence}"
