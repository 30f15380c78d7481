"""What a table of results says of values: labels, which are JSON data."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ._axes import plain
from ._errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ._axes import Axis
    from ._data import Table

__all__ = ["axis_labels", "column_labels", "is_lacking"]

_PLAIN = (str, bool, int, float, type(None))
# By whether NaN is a number; json.dumps makes an encoder each time, which takes longer than a number does.
_encode = {nan: json.JSONEncoder(allow_nan=nan).encode for nan in (False, True)}
_AS_TEXT = (Decimal, Fraction, PurePath, UUID, dt.timedelta)
# Of pandas, by their names, so that it is not imported.
_MISSING = frozenset({"NAType", "NaTType"})
_PANDAS_TEXT = frozenset({"Interval", "Period"})


def axis_labels(axis: Axis) -> list[tuple[Any, ...]]:
    """Return the label of each value of an axis, step by step.

    Raises:
        PlanError: A value cannot be one.
    """
    return [
        tuple(
            _label(value, "an axis", f"value {number} of the axis {name}", nan=False)
            for name, value in zip(axis.names, step, strict=True)
        )
        for number, step in enumerate(axis.values)
    ]


def column_labels(data: Table, name: str) -> Sequence[Any]:
    """Return the label of each value of a column.

    Raises:
        PlanError: A value cannot be one.
    """
    return [
        _label(value, f"the column {name}", f"row {number} of the data, counted from 0", nan=True)
        for number, value in enumerate(data.column(name))
    ]


def is_lacking(value: Any) -> bool:
    """Whether a value is pandas' NA or NaT."""
    return _is_of_pandas(value, _MISSING)


def _is_of_pandas(value: Any, names: Collection[str]) -> bool:
    kind = type(value)
    return kind.__name__ in names and kind.__module__.partition(".")[0] == "pandas"


def _label(value: Any, what: str, where: str, *, nan: bool) -> Any:
    kind = type(value).__name__
    try:
        found = _as_data(value)
        _encode[nan](found)
    except _NoLabelError as error:
        kind = str(error)
    except (TypeError, ValueError, RecursionError):  # such as NaN in a list, or a list that holds itself
        pass
    else:
        return found
    raise PlanError(
        f"A value of {what} is of type {kind}, which no file of results can hold.",
        where=where,
        hint="Give text, numbers, dates, true, false, null, or lists and dicts of them.",
    )


class _NoLabelError(TypeError):
    """A value that cannot be a label; its text is the type."""


def _as_data(value: Any) -> Any:  # noqa: PLR0911 - one a kind
    """Return a value as JSON data: types and functions by their names, dates as ISO 8601 has them."""
    value = plain(value)
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, type) or callable(value):
        return getattr(value, "__name__", str(value))
    if isinstance(value, (list, tuple)):
        return [_as_data(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _as_data(item) for key, item in value.items()}
    if is_lacking(value):  # NaT is a datetime too
        return None
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, _AS_TEXT) or _is_of_pandas(value, _PANDAS_TEXT):
        return str(value)
    raise _NoLabelError(type(value).__name__)
