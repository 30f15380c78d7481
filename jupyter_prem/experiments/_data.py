"""Rows of data that fill a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._axes import plain
from ._errors import PlanError

__all__ = ["Table", "table_of"]


class Table:
    """Rows by their number, as Python values.

    Attributes:
        columns: Their names.
        index: A pandas index, which results keep; None for none.
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]], index: Any = None) -> None:
        self.columns = list(columns)
        self.index = index
        self._columns = columns
        self._length = len(next(iter(columns.values()))) if columns else 0

    def __len__(self) -> int:
        return self._length

    def row(self, number: int) -> dict[str, Any]:
        """Return a row, by column."""
        return {name: plain(values[number]) for name, values in self._columns.items()}

    def column(self, name: str) -> Sequence[Any]:
        """Return the values of a column, by row."""
        return self._columns[name]


def table_of(data: Any) -> Table | None:
    """Return the rows of a DataFrame of pandas or polars, or of a list of dicts; None for None.

    Raises:
        PlanError: It is none of these, has no rows, or two columns of one name.
    """
    if data is None:
        return None
    names, columns, index = _columns(data)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise PlanError(f"The data has two columns {twice!r}.", hint="Rename one of them.")
    table = Table(columns, index)
    if not len(table):
        raise PlanError("The data has no rows.")
    return table


def _columns(data: Any) -> tuple[list[str], dict[str, Sequence[Any]], Any]:
    if isinstance(data, (Mapping, str)):
        raise _no_table(data)
    if hasattr(data, "columns") and hasattr(data, "iloc"):  # pandas
        names = [str(name) for name in data.columns]
        return names, {name: data.iloc[:, place].tolist() for place, name in enumerate(names)}, data.index
    if hasattr(data, "columns") and hasattr(data, "to_dict"):  # polars
        names = list(data.columns)
        return names, data.to_dict(as_series=False), None
    rows = list(data) if isinstance(data, Sequence) else None
    if rows is None or not all(isinstance(row, Mapping) for row in rows):
        raise _no_table(data)
    names = list(dict.fromkeys(str(name) for row in rows for name in row))
    return names, {name: [row.get(name) for row in rows] for name in names}, None


def _no_table(data: Any) -> PlanError:
    return PlanError(
        f"data= takes a DataFrame or a list of dicts, not {type(data).__name__}.",
        hint="A row is a request; its columns fill the prompt.",
    )
