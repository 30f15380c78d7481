"""The results of an experiment: a table, on demand."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, Self

from jupyter_prem.client import PremError

from ._errors import not_installed
from ._row import columns_of
from ._rows import Rows

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    import pandas as pd
    import polars as pl
    from matplotlib.axes import Axes

    from ._plan import Plan

__all__ = ["Runs"]

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


class Runs:
    """The rows of an experiment that are done, in the order of its grid.

    Iterated, it gives each as a dict of its columns. `len` is how many there are.

    Args:
        axes: The columns that tell the requests apart.
        total: How many requests there are.
        plan: The plan; None of results that come from a file.
        index: By place in the grid the value of the data's index; None for the place itself.
        index_names: Names of the index' levels.

    Attributes:
        axes: As given.
        rows: The rows as they are kept.
    """

    def __init__(
        self,
        axes: Sequence[str],
        total: int,
        *,
        plan: Plan | None = None,
        index: dict[int, Any] | None = None,
        index_names: Sequence[Any] = (None,),
    ) -> None:
        self.axes = list(axes)
        self.rows = Rows(total)
        self._plan = plan
        self._index = index
        self._index_names = list(index_names)

    def __len__(self) -> int:
        return self.rows.count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for _, row in self._columns():
            yield row

    def __repr__(self) -> str:
        return f"Runs({self.summary()})"

    def _repr_html_(self) -> str | None:
        from ._html import to_html

        if importlib.util.find_spec("pandas") is None:
            return None
        return to_html(self.to_frame(), self.axes, asked=len(self), total=len(self.rows))

    def summary(self) -> str:
        """Return in one line how many were answered and what they used; a replay says the same."""
        rows = self.rows
        parts = [f"{rows.count - rows.failed:,} of {len(rows):,} answered"]
        parts += [f"{rows.failed:,} failed"] if rows.failed else []
        parts += [f"{rows.tokens:,} tokens"] if rows.tokens else []
        return ", ".join(parts)

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas DataFrame, a row a request, with the data's index where there was one.

        Columns: the axes (`model` as it was asked for), then `text, parsed, finish_reason, prompt_tokens,
        completion_tokens, total_tokens, latency` (seconds), `response_model, system_fingerprint, id, error,
        replayed`.

        Raises:
            PremError: pandas is not installed.
        """
        return self._frame()

    def to_polars(self) -> pl.DataFrame:
        """Return a polars DataFrame of the same columns; the index, if there was one, is its first.

        Structured answers are JSON text in it. An index that has the name of another column is `index_NAME`;
        times that are finer than microseconds are text.

        Raises:
            PremError: polars is not installed.
        """
        try:
            import polars as pl
        except ImportError:
            raise PremError(
                "to_polars needs polars, which is not installed.", hint="pip install polars"
            ) from None
        from ._columns import plain_columns

        return pl.DataFrame(plain_columns(self), strict=False)

    def agreement(self) -> pd.DataFrame:
        """Return how far answers agree, a row for each cell of the grid: axes that differ by more than draws.

        Columns: the axes but `seed` and `repeat`; `answers`, `errors` and `distinct` texts, counted;
        `agreement`, the share of the commonest text, with `low` and `high`, the ends of its 95 % interval;
        `similarity` of the texts, the mean over all pairs; `parsed_equal`, the share of the commonest parsed
        value. Shares and similarities are from 0 to 1, NaN where there is nothing to compare. Texts are
        compared without case, white space, and punctuation around them.

        Raises:
            PremError: An axis has the name of a column, or pandas or rapidfuzz is not installed.
        """
        from ._agreement import agreement

        return agreement(self.to_frame(), self.axes)

    def plot(self, what: str | None = None, ax: Axes | None = None) -> Any:
        """Draw agreement, tokens and latency (seconds) over the axes.

        Bars are the 95 % interval of the agreement, and the quartiles of tokens and seconds. The axis with
        the most different numbers is along x; others that vary are series, of which eight are drawn.

        Args:
            what: "agreement", "tokens" or "latency"; None draws all three.
            ax: Where to draw one of them.

        Returns:
            The matplotlib Axes: one, or an array of three.

        Raises:
            PremError: No such figure, another number of Axes, or matplotlib is not installed.
        """
        from ._plot import plot

        return plot(self.to_frame(), self.axes, what=what, ax=ax)

    def compare(self, other: Runs) -> pd.DataFrame:
        """Return what became of each answer: a row a request, those of this run, then what is new in `other`.

        Columns: the axes that both have; `status` ("same", "changed", "added", "removed" or "error");
        `similarity` of the texts, from 0 to 1, NaN where there are no two; `completion_tokens`, `latency`
        (seconds) and `system_fingerprint`, each with `_then` and `_now`.

        Raises:
            PremError: The runs share no axis, an axis has the name of a column, or pandas or rapidfuzz is not
                installed.
        """
        from ._compare import compare

        # As JSON data: a file gives no objects, and equal answers are equal wherever they come from.
        then, now = self._frame(objects=False), other._frame(objects=False)
        return compare(then, now, self.axes, other.axes)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the rows to a file: `.jsonl`, or `.parquet`, which needs pyarrow.

        Raises:
            RunsError: The name ends in neither, or the file cannot be written.
        """
        from ._export import save

        save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the rows of a file that `save` wrote. Structured answers are JSON data.

        Raises:
            RunsError: It cannot be read, or is none.
        """
        from ._export import load

        return load(cls, path)

    def index_of(self, place: int) -> Any:
        """Return what the data's index says of a place; the place itself without data."""
        if self._plan is not None and self._plan.data is not None and self._plan.data.index is not None:
            row = self._plan.row_of(place)
            return self._plan.data.index[row]
        return place if self._index is None else self._index[place]

    @property
    def keeps_index(self) -> bool:
        """Whether the data had an index."""
        data = self._plan.data if self._plan is not None else None
        return self._index is not None or (data is not None and data.index is not None)

    @property
    def index_names(self) -> list[Any]:
        """The names of the index' levels."""
        data = self._plan.data if self._plan is not None else None
        if data is not None and data.index is not None:
            return list(data.index.names)
        return self._index_names

    def _columns(self, *, objects: bool = True) -> Iterator[tuple[int, dict[str, Any]]]:
        for place, row in self.rows:
            plan = self._plan if objects and row.get("parsed") else None
            schema = plan.schema_of(place) if plan is not None else None
            yield place, {**row["at"], **columns_of(row, schema.parse if schema is not None else None)}

    def _frame(self, *, objects: bool = True) -> pd.DataFrame:
        try:
            import pandas as pd
        except ImportError:
            raise not_installed("to_frame", "pandas") from None
        from ._plan import RESULTS

        places, rows = [], []
        for place, row in self._columns(objects=objects):
            places.append(place)
            rows.append(row)
        names = [*self.axes, *RESULTS]
        columns = {name: pd.Series([row[name] for row in rows], dtype=_dtype(name, rows)) for name in names}
        frame = pd.DataFrame(columns, columns=names)
        frame.index = self._frame_index(places)
        return frame

    def _frame_index(self, places: Sequence[int]) -> Any:
        import pandas as pd

        data = self._plan.data if self._plan is not None else None
        if data is not None and data.index is not None and self._plan is not None:
            return data.index.take([self._plan.row_of(place) for place in places])
        values = [self.index_of(place) for place in places]
        if len(self.index_names) > 1:
            return pd.MultiIndex.from_tuples([tuple(value) for value in values], names=self.index_names)
        dtype = None if values else "int64"
        try:
            return pd.Index(values, name=self.index_names[0], dtype=dtype, tupleize_cols=False)
        except UnicodeEncodeError:  # pandas' own text holds no lone surrogate
            return pd.Index(values, name=self.index_names[0], dtype="object", tupleize_cols=False)


def _dtype(name: str, rows: Sequence[dict[str, Any]]) -> str | None:
    if name in _COUNTS:
        return "Int64" if any(row[name] is None for row in rows) else "int64"
    if name == "latency":
        return "float64"
    if name == "replayed":
        return "bool"
    numbers = all(type(row[name]) in {int, float, bool} for row in rows)
    return None if numbers and rows else "object"  # text of any kind, a lone surrogate too
