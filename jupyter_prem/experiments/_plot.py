"""Figures of a run."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import PremError

from ._agreement import AVERAGED, agreed, answered, is_missing
from ._chart import COLOURS, chart_of
from ._errors import not_installed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes

    from ._chart import Chart

__all__ = ["plot"]

_LABELS = {
    "agreement": "agreement (share of answers)",
    "tokens": "tokens of the answer",
    "latency": "latency (s)",
}
_COLUMNS = {"tokens": "completion_tokens", "latency": "latency"}
_LACKING = {"agreement": "answers", "tokens": "token counts", "latency": "answers"}

_TICK = 14  # characters of a line below a tick
_CHARACTER, _LINE = 0.075, 0.2  # inches
_FEW = 3  # series whose bars can be told apart


def plot(
    frame: pd.DataFrame,
    axes: Sequence[str],
    *,
    what: str | None = None,
    over: Sequence[str] = AVERAGED,
    ax: Axes | Sequence[Axes] | None = None,
) -> Axes | np.ndarray[Any, Any]:
    """Draw how far answers agree, how many tokens they have and how long they take.

    Along x is the axis with the most different numbers, else the first that varies; every combination of the
    others that vary is a series, of which eight are drawn. Bars are the 95 % interval of the agreement and
    the quartiles of tokens and seconds. Cells without answers have no point.

    Args:
        frame: One row a request.
        axes: The columns that are axes.
        what: "agreement", "tokens", "latency", or None for all three side by side.
        over: The axes whose values are draws of one cell.
        ax: Where to draw: an Axes, three of them for all; by default a new figure.

    Returns:
        The Axes, or an array of three. The figure is not shown: a notebook does that once, at the cell's end.

    Raises:
        PremError: No such figure, another number of Axes, or matplotlib is not installed.
    """
    try:
        import numpy as np
        from matplotlib import lines  # noqa: F401 - to find out
    except ImportError:
        raise not_installed("plot", "matplotlib") from None
    if what is not None and what not in _LABELS:
        raise PremError(
            f"There is no figure of {what!r}.", hint=f"what is one of {', '.join(_LABELS)}, or None."
        )
    kinds = [what] if what is not None else list(_LABELS)
    chart = chart_of(frame, axes, over)
    panels = _panels(chart, len(kinds)) if ax is None else list(np.ravel(np.array(ax, dtype=object)))
    if len(panels) != len(kinds):
        raise PremError(
            f"{len(kinds)} figures do not fit into {len(panels)} Axes.",
            hint='Name one, as in what="agreement", or leave ax out.',
        )
    for panel, kind in zip(panels, kinds, strict=True):
        _draw(panel, chart, _values(frame, kind), kind)
    _legend(panels[-1], chart)
    return panels[0] if what is not None else np.array(panels, dtype=object)


def _panels(chart: Chart, count: int) -> list[Axes]:
    import matplotlib.pyplot as plt

    labels = [*(series.label for series in chart.series), ", ".join(chart.names)]
    beside = 0.6 + _CHARACTER * max(map(len, labels)) if chart.names else 0.0
    width, height = (6.0, 3.8) if count == 1 else (3.3 * count, 3.4)
    if chart.ticks and not _is_level(chart.ticks, width / count - 1):
        height += 0.6 * _CHARACTER * max(map(len, chart.ticks))
    _, panels = plt.subplots(1, count, figsize=(width + beside, height), layout="constrained", squeeze=False)
    return list(panels[0])


def _draw(panel: Axes, chart: Chart, rows: Sequence[Any], kind: str) -> None:
    empty, step, few = 0, chart.step(), len(chart.series) <= _FEW
    for number, series in enumerate(chart.series):
        shift = (number - (len(chart.series) - 1) / 2) * step
        found = [
            (x + shift, _summary([rows[place] for place in places], kind)) for x, places in series.points
        ]
        empty += sum(summary is None for _, summary in found)
        if all(summary is None for _, summary in found):
            continue
        places, summaries = zip(*found, strict=True)
        middle, low, high = zip(*(summary or (math.nan,) * 3 for summary in summaries), strict=True)
        below = [max(0.0, here - end) for here, end in zip(middle, low, strict=True)]
        above = [max(0.0, end - here) for here, end in zip(middle, high, strict=True)]
        panel.errorbar(
            places,
            middle,
            yerr=[below, above],
            linewidth=1.4,
            elinewidth=1,
            ecolor=(COLOURS[number], 1 if few else 0.5),
            capsize=2 if few else 0,
            **chart.look(number),
        )
    along = [x for series in chart.series for x, _ in series.points]
    if empty == len(along):
        panel.text(0.5, 0.5, f"no {_LACKING[kind]}", transform=panel.transAxes, ha="center", va="center")
        panel.set_yticks([])
        if chart.ticks is None:
            panel.set_xlim(min(along), max(along))
    _dress(panel, chart, kind, empty if empty < len(along) else 0)


def _values(frame: pd.DataFrame, kind: str) -> Sequence[Any]:
    """Return what is drawn of each row; None where it failed or is not known."""
    texts = answered(frame)
    if kind == "agreement" or not texts:
        return texts
    pairs = zip(texts, frame[_COLUMNS[kind]].tolist(), strict=True)
    return [None if text is None or is_missing(value) else float(value) for text, value in pairs]


def _summary(values: Sequence[Any], kind: str) -> tuple[float, float, float] | None:
    """Return where a point is and where its bar ends; None where nothing is known."""
    import numpy as np

    known = [value for value in values if value is not None]
    if not known:
        return None
    if kind == "agreement":
        return agreed(Counter(known))
    low, middle, high = (float(end) for end in np.quantile(known, [0.25, 0.5, 0.75]))
    return middle, low, high


def _dress(panel: Axes, chart: Chart, kind: str, empty: int) -> None:
    note = f"\n{empty} without {_LACKING[kind]}" if empty else ""
    told = "commonest answer, 95 % interval" if kind == "agreement" else "median, quartiles"
    panel.set_title(told + note, loc="left", fontsize="small")
    panel.set_ylabel(_LABELS[kind])
    panel.set_xlabel(_text(chart.x))
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis="y", alpha=0.3, linewidth=0.6)
    panel.set_axisbelow(True)
    highest = panel.dataLim.ymax
    panel.set_ylim(0, 1.06 * highest if kind != "agreement" and 0 < highest < math.inf else 1.04)
    if chart.ticks is not None:
        _name_ticks(panel, chart.ticks)


def _name_ticks(panel: Axes, ticks: Sequence[str]) -> None:
    width = panel.get_window_extent().width / panel.figure.dpi
    level = _is_level(ticks, width)
    labels = [_text("\n".join(textwrap.wrap(tick, _TICK)) if level else tick) for tick in ticks]
    each = math.ceil(len(ticks) * _LINE / width)  # where there are more than have room: every second, third …
    panel.set_xticks(range(0, len(ticks), each or 1), labels[:: each or 1])
    if not level:
        for label in panel.get_xticklabels():
            label.set(rotation=40, ha="right", rotation_mode="anchor")
    panel.set_xlim(-0.5, max(len(ticks), 1) - 0.5)


def _is_level(ticks: Sequence[str], width: float) -> bool:
    """Return whether labels, wrapped, stand beside each other in a width in inches."""
    lines = [line for tick in ticks for line in textwrap.wrap(tick, _TICK)]
    return len(ticks) * (max(map(len, lines), default=0) + 1) * _CHARACTER <= width


def _legend(panel: Axes, chart: Chart) -> None:
    if not chart.names:
        return
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **chart.look(number)) for number in range(len(chart.series))]
    labels = [_text(series.label) for series in chart.series]
    if chart.left_out:
        handles.append(Line2D([], [], linestyle="none"))
        labels.append(f"and {chart.left_out} others, not drawn")
    title = _text(", ".join(chart.names))
    panel.legend(
        handles, labels, title=title, loc="upper left", bbox_to_anchor=(1, 1), frameon=False, alignment="left"
    )


def _text(line: str) -> str:
    """Return a text as matplotlib draws it: a dollar is no mathematics, and a label may begin with `_`."""
    line = str(line).replace("$", r"\$")
    return f" {line}" if line.startswith("_") else line
