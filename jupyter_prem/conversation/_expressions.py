"""Where the `{{ expressions }}` of a text are, as Jinja's lexer finds them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["expression_end", "expressions"]

_MARK = re.compile(
    r"""'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*"|[()\[\]{}'"]""",
    re.DOTALL,
)


def expression_end(text: str, start: int) -> int | None:
    """Return where the expression ends whose `{{` is at `start`; None where it is left open.

    What stands in quotes, or between brackets, does not end it.
    """
    depth, at = 0, start + 2
    while (found := _MARK.search(text, at)) is not None:
        mark, at = found[0], found.end()
        if depth == 0 and text.startswith("}}", found.start()):
            return at + 1
        if mark in {"'", '"'}:  # without its other one
            return None
        if mark in {"(", "[", "{"}:
            depth += 1
        elif mark in {")", "]", "}"} and depth:
            depth -= 1
    return None


def expressions(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each expression begins and ends, up to the first that is left open."""
    start = text.find("{{")
    while start >= 0 and (end := expression_end(text, start)) is not None:
        yield start, end
        start = text.find("{{", end)
