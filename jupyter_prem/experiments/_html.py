"""A run as a page shows it."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

from jupyter_prem.display import plain

from ._agreement import is_missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["to_html"]

_ROWS = 10
_WIDTH = 120  # characters of a cell
_COLUMNS = ("text", "parsed", "finish_reason", "completion_tokens", "error")
_OPTIONAL = {"parsed": None, "finish_reason": "stop", "error": None}  # shown where there is another
_TEXTS = {"text", "parsed", "error"}
_LEFT = ' style="text-align:left"'  # JupyterLab draws the cells of a table at their right, as numbers are
_MARKS = re.compile("[\u061c\u200e\u200f]")  # bidi controls too, but honest ones: they are taken out


def to_html(frame: pd.DataFrame, axes: Sequence[str], *, asked: int, total: int, name: str = "") -> str:
    """Return a run as HTML: a line that sums it up, and a table of its first and last rows.

    Whatever is shown of the run is escaped, on one line and cut, with no control or bidi character left in
    it; MathJax leaves it alone. A page draws it as it draws the tables of pandas; only text is at the left.
    Nothing in it depends on when or how fast it was answered, so that a replayed run gives the same page.

    Args:
        frame: One row a request, in the order of the grid.
        axes: The columns that are axes.
        asked: How many requests are done, the failed ones among them.
        total: How many requests the plan has.
        name: What the run is called.
    """
    rows, labels = len(frame), frame.index.tolist()
    half = _ROWS // 2
    places = range(rows) if rows <= _ROWS else [*range(half), None, *range(rows - half, rows)]
    columns = [*axes, *(column for column in _COLUMNS if _is_shown(frame, column))]
    values = {column: frame[column].tolist() for column in columns} if rows else {}
    body = "".join(
        _row(["…"] * (len(columns) + 1), columns)
        if place is None
        else _row(
            [_cell(labels[place]), *(_value(values[column][place], column) for column in columns)], columns
        )
        for place in places
    )
    head = "".join(f"<th{_side(column)}>{_cell(column)}</th>" for column in columns)
    return (
        '<div class="jupyter-prem-runs mathjax_ignore tex2jax_ignore">\n'
        f"<p>{_headline(frame, asked, total, name)}</p>\n"
        f'<table border="1" class="dataframe">\n<thead>\n<tr><th></th>{head}</tr>\n</thead>\n'
        f"<tbody>\n{body}</tbody>\n</table>\n</div>"
    )


def _headline(frame: pd.DataFrame, asked: int, total: int, name: str) -> str:
    failed = sum(not is_missing(error) for error in frame["error"]) if len(frame) else 0
    counted = [int(count) for count in frame["total_tokens"] if not is_missing(count)] if len(frame) else []
    said = [
        f"{asked:,} of {total:,} requests",
        *([f"{failed:,} failed"] if failed else []),
        *([f"{sum(counted):,} tokens"] if counted else []),
    ]
    title = f"{_cell(name)}: " if name else ""
    return title + ", ".join(said)


def _is_shown(frame: pd.DataFrame, column: str) -> bool:
    if column not in _OPTIONAL:
        return True
    usual = _OPTIONAL[column]
    return column in frame and not all(is_missing(value) or value == usual for value in frame[column])


def _side(column: str) -> str:
    return _LEFT if column in _TEXTS else ""


def _row(cells: Sequence[str], columns: Sequence[str]) -> str:
    rest = zip(cells[1:], columns, strict=True)
    return (
        f"<tr><th>{cells[0]}</th>{''.join(f'<td{_side(column)}>{cell}</td>' for cell, column in rest)}</tr>\n"
    )


def _value(value: Any, column: str) -> str:
    if is_missing(value):
        return "" if column in _COLUMNS else "None"
    # pandas makes floats of counts beside which there are none.
    return _cell(int(value) if column == "completion_tokens" else value)


def _cell(value: Any) -> str:
    """Return a value as HTML: one line of at most 120 characters in which nothing acts."""
    line = " ".join(_MARKS.sub("", plain(_words(value))).split())
    return html.escape(line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1].rstrip()}…")


def _words(value: Any) -> str:
    if isinstance(value, (dict, list)):
        try:
            return json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError):  # values that are no JSON
            return str(value)
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
