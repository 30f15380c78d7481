"""What a figure of a run shows: series of points along an axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from numbers import Real
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import quoted

from ._agreement import cells, is_missing, key_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["COLOURS", "Chart", "chart_of"]

# Okabe and Ito's colours, which colour-blind people tell apart, but for yellow, which white hides, and black,
# which a dark style hides. The markers tell the series apart without them.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C6BB1", "#999999")
_MARKERS = "os^DvPX*"
_MOST = len(COLOURS)

_LABEL = 24  # characters of a value in a label


@dataclass(slots=True)
class Series:
    """One line: its label, and the rows of the frame behind each of its points, by their place along x."""

    label: str
    points: list[tuple[float, list[int]]]


@dataclass(frozen=True, slots=True)
class Chart:
    """What every panel draws.

    Attributes:
        x: Name of the axis along x.
        ticks: The values along x, where they are no numbers.
        series: The lines that are drawn.
        names: The axes that tell the series apart.
        left_out: How many series are not drawn.
    """

    x: str
    ticks: list[str] | None
    series: list[Series]
    names: list[str]
    left_out: int

    def look(self, number: int) -> dict[str, Any]:
        """Return how a series looks; lines join numbers alone."""
        style = "-" if self.ticks is None else "none"
        return {"color": COLOURS[number], "marker": _MARKERS[number], "markersize": 5, "linestyle": style}

    def step(self) -> float:
        """Return how far series stand from each other along x, so that their bars do not cover each other."""
        count = len(self.series)
        if count <= 1:
            return 0.0
        if self.ticks is not None:
            return min(0.7 / count, 0.16)
        places = sorted({x for series in self.series for x, _ in series.points})
        gap = min(after - before for before, after in pairwise(places))
        return min(0.3 * gap, 0.04 * (places[-1] - places[0])) / count


def chart_of(frame: pd.DataFrame, axes: Sequence[str], over: Sequence[str]) -> Chart:
    """Return what there is to draw of a frame; see `plot`."""
    names, groups = cells(frame, axes, over)
    columns = {name: frame[name].tolist() for name in names} if groups else {}
    values = {name: [column[places[0]] for places in groups] for name, column in columns.items()}
    keys = {name: [key_of(value) for value in column] for name, column in values.items()}
    varying = [name for name in keys if len(set(keys[name])) > 1] or names[:1]
    numeric = {name: len(set(keys[name])) for name in varying if _is_numeric(values.get(name, []))}
    x = max(numeric, key=lambda name: numeric[name]) if numeric else next(iter(varying), "")
    others = [name for name in varying if name != x]
    order = {key: place for place, key in enumerate(dict.fromkeys(keys.get(x, [])))}
    series: dict[tuple[str, ...], Series] = {}
    for cell, places in enumerate(groups):
        label = ", ".join(_shown(values[name][cell]) for name in others)
        one = series.setdefault(tuple(keys[name][cell] for name in others), Series(label, []))
        where = float(values[x][cell]) if numeric else order[keys[x][cell]] if x else 0
        one.points.append((where, places))
    for one in series.values():
        one.points.sort(key=lambda point: point[0])
    shown = {key: _shown(value) for key, value in zip(keys.get(x, []), values.get(x, []), strict=True)}
    ticks = None if numeric else [shown[key] for key in order] if x else ["all answers"]
    drawn = list(series.values())[:_MOST]
    if numeric and len({place for one in drawn for place, _ in one.points}) == 1:
        # The series that are drawn have one number in common, which is a label then.
        ticks = [_shown(drawn[0].points[0][0])]
        for one in drawn:
            one.points = [(0, places) for _, places in one.points]
    named = [_shown(name) for name in others]
    return Chart(_shown(x), ticks, drawn, named, len(series) - len(drawn))


def _is_numeric(values: Sequence[Any]) -> bool:
    return len(values) > 1 and all(map(_is_number, values))


def _is_number(value: Any) -> bool:
    if type(value) is bool or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float holds
        return False


def _shown(value: Any) -> str:
    """Return a value of an axis as one short line: its beginning and its end."""
    if value is None or isinstance(value, (str, bool)):
        line = quoted(str(value))
    else:
        line = "None" if is_missing(value) else quoted(key_of(value))
    return line if len(line) <= _LABEL else f"{line[: _LABEL * 2 // 3]}…{line[1 - _LABEL // 3 :]}"
