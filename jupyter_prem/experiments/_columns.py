"""The columns of results as polars and parquet have them: plain values, one kind a column."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import whole
from jupyter_prem.structure import unfenced

from ._axes import plain
from ._labels import is_lacking
from ._plan import RESULTS
from ._row import columns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._runs import Runs

__all__ = ["ROW", "plain_columns"]

ROW = "_row"
"""The column of a .parquet file that holds the rows as they are."""

_LARGEST = 2**127  # beyond it polars makes null of an integer


def plain_columns(runs: Runs) -> dict[str, list[Any]]:
    """Return the columns, an index first; lists, dicts and structured answers as JSON text."""
    rows = [{**row["at"], **columns_of(row, unfenced)} for _, row in runs.rows]
    columns: dict[str, list[Any]] = {}
    if runs.keeps_index:
        label = _index_label(runs)
        columns[label] = _even([_cell(runs.index_of(place)) for place, _ in runs.rows])
    return columns | {name: _even([_cell(row[name]) for row in rows]) for name in [*runs.axes, *RESULTS]}


def _index_label(runs: Runs) -> str:
    """Return the index' name, unless another column has it."""
    label = whole("_".join(str(name) for name in runs.index_names if name is not None)) or "index"
    taken = {*runs.axes, *RESULTS, ROW}
    while label in taken:
        label = f"index_{label}"
    return label


def _cell(value: Any) -> Any:
    value = plain(value)
    if isinstance(value, str):
        return whole(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if is_lacking(value):
        return None
    if isinstance(value, (list, tuple, dict)):
        items = [_level(item) for item in value] if isinstance(value, tuple) else value
        return whole(json.dumps(items, ensure_ascii=False, default=_text))
    if isinstance(value, (dt.datetime, dt.timedelta)):
        return _python_time(value)
    return value if isinstance(value, (dt.date, dt.time)) else str(value)


def _level(value: Any) -> Any:
    cell = _cell(value)
    return None if isinstance(cell, float) and math.isnan(cell) else cell  # which JSON has not


def _python_time(value: Any) -> Any:
    """Return a time of pandas' as Python's own; as text where that is too coarse, or has no such year."""
    make = getattr(value, "to_pydatetime", None) or getattr(value, "to_pytimedelta", None)
    if make is None:
        return value
    if getattr(value, "nanosecond", 0) or getattr(value, "nanoseconds", 0):
        return _text(value)
    try:
        return make()
    except (ValueError, OverflowError):
        return _text(value)


def _text(value: Any) -> str:
    return str(value.isoformat() if isinstance(value, (dt.date, dt.time)) else value)


def _even(values: Sequence[Any]) -> list[Any]:
    """Return the values of a column; all of them as text where no column can hold them together."""
    kinds = {_kind(value) for value in values if value is not None}
    if "huge" not in kinds and (len(kinds) <= 1 or kinds == {""}):
        return list(values)
    return [None if value is None else _text(value) for value in values]


def _kind(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return f"datetime {value.tzinfo}"
    if isinstance(value, (dt.date, dt.time, dt.timedelta)):
        return type(value).__name__
    return "huge" if isinstance(value, int) and abs(value) >= _LARGEST else ""
