"""Values of a notebook as text that a prompt can hold: what they are, then their beginning and end.

The libraries are known by the names of their classes, so none of them is imported.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LIMIT", "as_text"]

LIMIT = 2_000
"""Characters of one value; strings are never cut."""

_COLUMNS = 20
_LINES = 10
_WIDTH = 60
_SIZE, _EDGE = 100, 3  # values of an array that are shown whole; of a longer side, those at each end
_PLAIN = frozenset({str, int, float, bool, type(None)})  # what a sweep fills in a thousand times


def as_text(value: Any) -> Any:
    """Return a DataFrame, Series, array or figure as at most 2,000 characters; anything else as it is."""
    if type(value) in _PLAIN:
        return value
    for cls in type(value).__mro__:
        form = _FORMS.get((cls.__module__.partition(".")[0], cls.__name__))
        if form is not None:
            with contextlib.suppress(Exception):  # a value that cannot be told goes out as its str()
                return _cut(form(value))
    return value


def _cut(text: str) -> str:
    if len(text) <= LIMIT:
        return text
    note = f"\n[cut: {len(text):,} characters in all]"
    return text[: LIMIT - len(note)] + note


def _fitting(make: Callable[[int], str]) -> str:
    """Return what `make` gives for the most rows from each end that fit."""
    text = make(_LINES)
    for rows in (5, 3, 1):
        if len(text) <= LIMIT:
            break
        text = make(rows)
    return text


def _pandas_frame(frame: Any) -> str:
    rows, columns = frame.shape
    shown = frame if columns <= _COLUMNS else frame.iloc[:, :_COLUMNS]
    types = ", ".join(f"{name} {kind}" for name, kind in shown.dtypes.items())
    head = f"DataFrame, {rows:,} rows x {columns:,} columns\ndtypes: {types}"
    if columns > _COLUMNS:
        head += f"\n[the first {_COLUMNS} of {columns:,} columns]"
    return _fitting(lambda most: f"{head}\n{_ends(shown, rows, most)}")


def _ends(frame: Any, rows: int, most: int) -> str:
    settings = {"max_colwidth": _WIDTH} if hasattr(frame, "columns") else {}
    if rows <= 2 * most:
        return str(frame.to_string(**settings))
    head, tail = frame.head(most).to_string(**settings), frame.tail(most).to_string(**settings)
    return f"{head}\n[{rows - 2 * most:,} rows left out]\n{tail}"


def _pandas_series(series: Any) -> str:
    head = f"Series {series.name!r}, {len(series):,} values, dtype {series.dtype}"
    return _fitting(lambda most: f"{head}\n{_ends(series, len(series), most)}")


def _polars_frame(frame: Any) -> str:
    import sys

    rows, columns = frame.shape
    types = ", ".join(f"{name} {kind}" for name, kind in list(frame.schema.items())[:_COLUMNS])
    head = f"DataFrame, {rows:,} rows x {columns:,} columns\ndtypes: {types}"

    def make(most: int) -> str:
        config = sys.modules["polars"].Config
        with config(
            tbl_rows=2 * most, tbl_cols=_COLUMNS, tbl_hide_dataframe_shape=True, fmt_str_lengths=_WIDTH
        ):
            note = f"[{rows - 2 * most:,} rows left out in the middle]\n" if rows > 2 * most else ""
            return f"{head}\n{note}{frame}"

    return _fitting(make)


def _polars_series(series: Any) -> str:
    return f"Series {series.name!r}, {len(series):,} values, dtype {series.dtype}\n{series}"


def _array(array: Any) -> str:
    import sys

    text = sys.modules["numpy"].array2string(array, threshold=_SIZE, edgeitems=_EDGE, max_line_width=100)
    cut = array.size > _SIZE and max(array.shape) > 2 * _EDGE
    left_out = " [the middle is left out]" if cut else ""
    return f"array, shape {array.shape}, dtype {array.dtype}{left_out}\n{text}"


def _tensor(tensor: Any) -> str:
    return f"tensor, shape {tuple(tensor.shape)}, dtype {tensor.dtype}\n{tensor}"


def _figure(figure: Any) -> str:
    title = figure.get_suptitle() if hasattr(figure, "get_suptitle") else ""
    named = f" {title!r}" if title else ""
    size = ""
    if hasattr(figure, "get_size_inches"):  # a part of a figure has none
        width, height = figure.get_size_inches()
        size = f", {width:g} x {height:g} inches"
    lines = [f"{type(figure).__name__}{named}{size}, {len(figure.axes)} axes"]
    return "\n".join([*lines, *map(_axes, figure.axes)])


def _axes(axes: Any) -> str:
    x, y = (
        f"{name} {getattr(axes, f'get_{name}label')()!r} {_range(getattr(axes, f'get_{name}lim')())}"
        for name in "xy"
    )
    parts = [f"- axes {axes.get_title()!r}: {x}, {y}"]
    for line in axes.get_lines()[:_LINES]:
        xs, ys = list(line.get_xdata()), list(line.get_ydata())  # a Series has an index of its own
        ends = f", from ({xs[0]}, {ys[0]}) to ({xs[-1]}, {ys[-1]})" if xs else ""
        parts.append(f"  line {_label(line)}, {len(xs):,} points{ends}")
    for kind in ("patches", "collections", "images"):
        artists = list(getattr(axes, kind))
        names = ", ".join(sorted({type(artist).__name__ for artist in artists}))
        parts += [f"  {len(artists):,} {kind} ({names})"] if artists else []
    return "\n".join(parts)


def _label(artist: Any) -> str:
    label = str(artist.get_label())
    return "without a label" if label.startswith("_") else repr(label)


def _range(limits: Any) -> str:
    return f"{limits[0]:g} to {limits[1]:g}"


_FORMS: dict[tuple[str, str], Callable[[Any], str]] = {
    ("pandas", "DataFrame"): _pandas_frame,
    ("pandas", "Series"): _pandas_series,
    ("polars", "DataFrame"): _polars_frame,
    ("polars", "Series"): _polars_series,
    ("numpy", "ndarray"): _array,
    ("torch", "Tensor"): _tensor,
    ("matplotlib", "Figure"): _figure,
    ("matplotlib", "SubFigure"): _figure,
    ("matplotlib", "Axes"): _axes,
}
