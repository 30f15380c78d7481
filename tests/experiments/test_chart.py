"""What a figure shows where a run's numbers are few or beyond what is drawn."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from plotted import drawn, grid, legend, points, ticks

from jupyter_prem.experiments._plot import plot


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.mark.parametrize("year", [2020, 0, -1.5, 1e300, 1e-300])
@pytest.mark.parametrize("many", [8, 9])
def test_series_that_have_one_number_in_common_stand_beside_each_other_above_it(
    year: float, many: int
) -> None:
    rows, _ = grid(year=[year], name=[f"n{number}" for number in range(many)], seed=[1, 2])
    later, _ = grid(year=[year + 1 or 7, year * 2 or 5], name=["m", "o"], seed=[1, 2])
    frame = pd.concat([rows, later], ignore_index=True)
    for what in ("agreement", "tokens", "latency"):
        ax = plot(frame, ["year", "name", "seed"], what=what)
        assert (ax.get_xlabel(), len(ticks(ax)), len(points(ax))) == ("year", 1, 8)
        places = [place for (place,), _ in points(ax)]
        assert places == sorted(set(places))
        assert drawn(ax)
    if year in {2020, 0, -1.5}:
        assert ticks(ax) == [str(year)]
    assert legend(ax)[-1] == f"and {many + 2 - 8} others, not drawn"


def test_where_the_series_of_one_number_all_failed_it_says_so() -> None:
    rows, _ = grid(lambda _: None, year=[2020], name=list("abcdefgh"))
    later, axes = grid(year=[2021], name=list("ijkl"))
    panels = plot(pd.concat([rows, later], ignore_index=True), axes)
    assert [text.get_text() for text in panels[0].texts] == ["no answers"]
    assert drawn(panels[0])


def test_a_number_that_no_figure_holds_is_a_label() -> None:
    panels = plot(*grid(n=[10**400, 1], seed=[1, 2]))
    assert [tick.startswith("1") for tick in ticks(panels[0])] == [True, True]
    assert drawn(panels[0])
