"""Answers to draw, and what a figure of them shows."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer


def grid(
    text: Callable[[dict[str, Any]], str | None] = lambda _: "a", **axes: list[Any]
) -> tuple[pd.DataFrame, list[str]]:
    rows = []
    for place, values in enumerate(itertools.product(*axes.values())):
        row = dict(zip(axes, values, strict=True))
        said = text(row)
        done = said is not None
        rows.append(
            row
            | {"text": said, "parsed": None, "completion_tokens": 10 * place if done else None}
            | {"latency": place / 2 if done else None, "error": None if done else "timeout"}
        )
    return pd.DataFrame(rows), list(axes)


def drawn(ax: Axes) -> bytes:
    """Draw for real, which is when labels are read; warnings are errors."""
    picture = BytesIO()
    ax.figure.savefig(picture, dpi=40, bbox_inches="tight")
    return picture.getvalue()


def points(ax: Axes) -> list[tuple[list[float], list[float]]]:
    lines = [container.lines[0] for container in ax.containers if isinstance(container, ErrorbarContainer)]
    return [(list(map(float, line.get_xdata())), list(map(float, line.get_ydata()))) for line in lines]


def bars(ax: Axes, series: int = 0) -> list[tuple[float, float]]:
    segments = ax.containers[series].lines[2][0].get_segments()
    return [(float(segment[0][1]), float(segment[1][1])) for segment in segments]


def ticks(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_xticklabels()]


def legend(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]
