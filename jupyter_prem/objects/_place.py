"""Where in a JSON text something stands, for people: a path, a line and a column, and the text around."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["excerpt", "line_and_column", "offset_of", "path_text", "real_path"]

_BLANK = re.compile(r"[ \t\n\r]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_AROUND = 2  # lines shown before and after the place
_WIDTH = 100  # characters of a line that are shown


def path_text(path: Sequence[str | int]) -> str:
    """Return a path as JSONPath (RFC 9535) has it: `$.people[0].age`."""
    text = "$"
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if _NAME.match(step) else f"[{json.dumps(step, ensure_ascii=False)}]"
    return text


def real_path(data: Any, loc: Sequence[Any]) -> list[str | int]:
    """Return the steps of `loc` that lead somewhere in `data`.

    pydantic's locations also name the members of unions that were tried, which are no part of the data.
    """
    path: list[str | int] = []
    for step in loc:
        inside_dict = isinstance(data, dict) and isinstance(step, str) and step in data
        inside_list = isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data)
        if inside_dict or inside_list:
            data = data[step]
            path.append(step)
    return path


def offset_of(text: str, path: Sequence[str | int]) -> int:
    """Return where the value at `path` begins in a valid JSON text; of equal keys the last counts."""
    decoder = json.JSONDecoder()
    place = _skip(text, 0)
    for step in path:
        found = None
        for key, start in _members(decoder, text, place):
            if key == step:
                found = start
        if found is None:
            return place
        place = found
    return place


def _members(decoder: json.JSONDecoder, text: str, place: int) -> Any:
    """Yield key or index, and where its value begins, of the object or array at `place`."""
    is_object = text[place] == "{"
    place, index = _skip(text, place + 1), 0
    while text[place] not in "]}":
        key: Any = index
        if is_object:
            key, place = decoder.raw_decode(text, place)
            place = _skip(text, _skip(text, place) + 1)
        yield key, place
        _, place = decoder.raw_decode(text, place)
        place = _skip(text, place)
        if text[place] == ",":
            place = _skip(text, place + 1)
        index += 1


def _skip(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return found.end() if found else place


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Return the line and the column, both from 1, of an offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def excerpt(text: str, offset: int) -> str:
    """Return the lines around an offset, with a mark below it."""
    line, column = line_and_column(text, offset)
    lines = text.split("\n")
    first = max(0, line - 1 - _AROUND)
    shown = []
    for number, content in enumerate(lines[first : line + _AROUND], first + 1):
        start = max(0, column - 1 - _WIDTH // 2) if number == line else 0
        shown.append(f"{number:>4}  {content[start : start + _WIDTH]}")
        if number == line:
            shown.append(f"      {' ' * (column - 1 - start)}^")
    return "\n".join(shown)
