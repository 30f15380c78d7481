"""Keeping prompts as typed.

IPython reads a `?` at the end of a line as a request for help, tokenizes an apostrophe as an open string, and
takes `>>> ` and `In [1]: ` off the lines of a cell. So a `%%chat` or `%%sweep` cell, and a line that starts a
`%chat` or a `%prem`, alone or after `name =`, is rewritten before anything else reads it. `%chat?` and
`%%chat?` alone are help, as everywhere.
"""

from __future__ import annotations

import ast
import re
import tokenize
from typing import TYPE_CHECKING

from ._pasted import refuse_config
from ._report import short_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["keep_cells", "keep_lines", "refuse_keys"]

_LINE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<target>[^#%\n]*?[^=!<>:]=[ \t]*)?"
    r"%(?P<magic>chat|prem)[ \t]+(?P<line>\S.*?)[ \t]*(?P<end>\r?\n?)$"
)

_CELL = re.compile(r"%%(?P<magic>chat|prem|sweep)(?:[ \t]+(?P<line>[^\n]*?))?[ \t]*\r?\n?\Z")


def keep_cells(lines: list[str]) -> list[str]:
    """Rewrite a `%%chat` cell as a call of the magic with its body as typed; before IPython's own clean-up.

    Without a body it is called with a blank one, so that the magic itself can say what is missing: IPython's
    own words for it leave the cell green where notebooks are executed.
    """
    start = next((place for place, line in enumerate(lines) if line.strip()), None)
    if start is None:
        return lines
    cell = _CELL.match(lines[start].lstrip())
    if cell is None:
        return lines
    indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
    body = "".join(line.removeprefix(indent) for line in lines[start + 1 :])
    line = cell["line"] or ""
    return [f"get_ipython().run_cell_magic({cell['magic']!r}, {line!r}, {body or chr(10)!r})\n"]


# So a terminal, which asks whether what was typed is whole, still sees a cell whose body goes on.
keep_cells.has_side_effects = True  # type: ignore[attr-defined]  # IPython's mark


def keep_lines(lines: list[str]) -> list[str]:
    """Rewrite the `%chat` and `%prem` lines of a cell as calls of the magic; after IPython's own clean-up.

    Lines of a cell magic's body, and of a string that spans lines, are left alone.
    """
    first = next((line for line in lines if line.strip()), "").lstrip()
    if first.startswith("%%") or not any("%chat" in line or "%prem" in line for line in lines):
        return lines
    kept: list[str] = []
    for line in lines:
        match = _LINE.match(line)
        if match is None or match["line"].endswith("\\") or _inside_string(kept):
            kept.append(line)
            continue
        target = match["target"] or ""
        if target and not _is_target(target):
            kept.append(line)
            continue
        call = f"get_ipython().run_line_magic({match['magic']!r}, {match['line']!r})"
        kept.append(f"{match['indent']}{target}{call}{match['end']}")
    return kept


def refuse_keys(lines: list[str]) -> list[str]:
    """Refuse a cell that sets a key with `%config`, which IPython would tell of and go on.

    Raises:
        PastedKeyError: It does; nothing of the cell runs.
    """
    first = next((line for line in lines if line.strip()), "").lstrip()
    if not first.startswith("%%"):
        for place, line in enumerate(lines):
            if "%config" in line and not _inside_string(lines[:place]):
                with short_errors():
                    refuse_config(line)
    return lines


# So a terminal can ask whether a cell is whole, and the refusal comes when it runs.
refuse_keys.has_side_effects = True  # type: ignore[attr-defined]  # IPython's mark


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
