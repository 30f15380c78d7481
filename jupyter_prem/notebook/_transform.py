"""Keeping `%chat` lines as typed.

IPython reads a `?` at the end of a line as a request for help, and tokenizes an apostrophe as an open
string. So a line that starts a `%chat`, alone or after `name =`, is rewritten before anything else
reads it. `%chat?` and `%chat??` alone are help, as everywhere.
"""

from __future__ import annotations

import ast
import re
import tokenize
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["keep_chat_lines"]

_CHAT = re.compile(
    r"^(?P<indent>[ \t]*)(?P<target>[^#%\n]*?[^=!<>:]=[ \t]*)?"
    r"%chat[ \t]+(?P<line>\S.*?)[ \t]*(?P<end>\r?\n?)$"
)

_EMPTY = re.compile(r"\s*%%(?:chat|prem)\b[^\n]*\n?\Z")


def keep_chat_lines(lines: list[str]) -> list[str]:
    """Rewrite the `%chat` lines of a cell as calls of the magic with the line as typed.

    Lines of a cell magic's body, and of a string that spans lines, are left alone. A `%%chat` without a
    body gets an empty line, so that the magic itself can say what is missing: IPython's own words for
    it leave the cell green where notebooks are executed.
    """
    first = next((line for line in lines if line.strip()), "").lstrip()
    if first.startswith("%%"):
        return [*lines, "\n"] if _EMPTY.match("".join(lines)) else lines
    if not any("%chat" in line for line in lines):
        return lines
    kept: list[str] = []
    for line in lines:
        match = _CHAT.match(line)
        if match is None or match["line"].endswith("\\") or _inside_string(kept):
            kept.append(line)
            continue
        target = match["target"] or ""
        if target and not _is_target(target):
            kept.append(line)
            continue
        call = f"get_ipython().run_line_magic('chat', {match['line']!r})"
        kept.append(f"{match['indent']}{target}{call}{match['end']}")
    return kept


def _is_target(text: str) -> bool:
    """Whether `text`, which ends in an equals sign, assigns what follows it."""
    try:
        (statement,) = ast.parse(f"{text.strip()} 0").body
    except (SyntaxError, ValueError):
        return False
    return isinstance(statement, ast.Assign | ast.AnnAssign)


def _inside_string(lines: Sequence[str]) -> bool:
    """Whether `lines` leave a string of several lines open."""
    source = iter(lines)
    try:
        for _ in tokenize.generate_tokens(lambda: next(source, "")):
            pass
    except tokenize.TokenError as error:
        return any(words in str(error.args[0]) for words in ("multi-line string", "triple-quoted"))
    except (SyntaxError, IndentationError):
        return False
    return False
