from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from matplotlib.axes import Axes
from plotted import bars, drawn, grid, legend, points, ticks

from jupyter_prem import PremError
from jupyter_prem.experiments._plot import plot
from jupyter_prem.records._interval import wilson

TEMPERATURES = [0, 0.7, 1.4]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def test_numbers_are_along_x_and_the_bars_are_wilsons() -> None:
    frame, axes = grid(
        lambda row: "a" if row["temperature"] == 0 or row["seed"] else "b",
        temperature=[0.7, 0],
        seed=[0, 1, 2],
    )
    ax = plot(frame, axes, what="agreement")
    assert isinstance(ax, Axes)
    assert points(ax) == [([0, 0.7], [1, pytest.approx(2 / 3)])]
    assert bars(ax) == [pytest.approx(wilson(3, 3)), pytest.approx(wilson(2, 3))]
    assert ax.get_legend() is None
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("temperature", "agreement (share of answers)")
    assert ax.containers[0].lines[0].get_linestyle() == "-"
    assert drawn(ax)


def test_tokens_and_seconds_are_medians_between_quartiles() -> None:
    frame, axes = grid(temperature=[0, 1], seed=[0, 1, 2, 3, 4])
    tokens = plot(frame, axes, what="tokens")
    assert points(tokens) == [([0, 1], [20, 70])]
    assert bars(tokens) == [(10, 30), (60, 80)]
    assert tokens.get_ylabel() == "tokens of the answer"
    latency = plot(frame, axes, what="latency")
    assert points(latency) == [([0, 1], [1, 3.5])]
    assert latency.get_ylabel() == "latency (s)"
    assert latency.get_ylim()[0] == 0


def test_all_three_stand_side_by_side_in_one_new_figure() -> None:
    frame, axes = grid(temperature=TEMPERATURES, model=["a", "b"], seed=[0, 1])
    panels = plot(frame, axes)
    assert isinstance(panels, np.ndarray)
    assert panels.shape == (3,)
    assert len(plt.get_fignums()) == 1
    assert {panel.figure for panel in panels} == {plt.gcf()}
    assert [panel.get_legend() is None for panel in panels] == [True, True, False]
    assert legend(panels[2]) == ["a", "b"]
    assert panels[2].get_legend().get_title().get_text() == "model"
    assert drawn(panels[0])
    box = panels[2].get_legend().get_window_extent()
    assert box.x0 >= panels[2].get_window_extent().x1
    assert box.x1 <= plt.gcf().bbox.x1
    assert plt.gcf().get_size_inches()[0] < 13


def test_of_several_numbers_the_one_with_most_values_is_along_x() -> None:
    frame, axes = grid(top_p=[0.5, 1.0], temperature=TEMPERATURES)
    ax = plot(frame, axes, what="agreement")
    assert ax.get_xlabel() == "temperature"
    assert legend(ax) == ["0.5", "1"]


def test_series_that_would_cover_each_other_stand_beside_each_other() -> None:
    frame, axes = grid(temperature=TEMPERATURES, model=["a", "b"])
    (first, _), (second, _) = points(plot(frame, axes, what="agreement"))
    assert all(
        one < temperature < other for one, temperature, other in zip(first, TEMPERATURES, second, strict=True)
    )
    assert max(np.subtract(second, first)) <= 0.05 * max(TEMPERATURES)


def test_what_is_no_number_has_ticks_and_no_lines() -> None:
    frame, axes = grid(model=["one"], city=["Rome", None, "Oslo"], seed=[0, 1])
    ax = plot(frame, axes, what="agreement")
    assert ax.get_xlabel() == "city"
    assert ticks(ax) == ["Rome", "None", "Oslo"]
    assert points(ax)[0][0] == [0, 1, 2]
    assert ax.containers[0].lines[0].get_linestyle() == "None"


@pytest.mark.parametrize("values", [[True, False], [None, 0.7], [["a"], ["b", "c"]], [{"a": 1}, {"a": 2}]])
def test_values_of_every_kind_can_be_an_axis(values: list[Any]) -> None:
    frame, axes = grid(x=values, seed=[0, 1])
    ax = plot(frame, axes, what="agreement")
    assert len(set(ticks(ax))) == 2
    assert drawn(ax)


def test_long_labels_are_cut_in_the_middle_and_turned_where_they_have_no_room() -> None:
    words = [
        f"Answer the question about the capital of {country} politely" for country in ("France", "Norway")
    ]
    frame, axes = grid(prompt=[*words, "short", "p4", "p5", "p6"])
    panels = plot(frame, axes)
    assert ticks(panels[0])[0] == "Answer the quest…olitely"
    assert {label.get_rotation() for label in panels[0].get_xticklabels()} == {40}
    frame, axes = grid(prompt=["two words that wrap", "b"])
    ax = plot(frame, axes, what="agreement")
    assert ticks(ax) == ["two words that\nwrap", "b"]
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {0}


def test_of_very_many_labels_some_are_shown() -> None:
    frame, axes = grid(city=[f"city {n}" for n in range(100)])
    ax = plot(frame, axes, what="agreement")
    assert len(points(ax)[0][0]) == 100
    assert 5 < len(ticks(ax)) < 30


def test_eight_series_are_drawn_and_the_others_counted() -> None:
    frame, axes = grid(temperature=TEMPERATURES, model=list("abcd"), city=["Rome", "Oslo", "Bern"])
    ax = plot(frame, axes, what="agreement")
    assert len(points(ax)) == 8
    combinations = [f"{model}, {city}" for model in "abc" for city in ("Rome", "Oslo", "Bern")]
    assert legend(ax) == [*combinations[:8], "and 4 others, not drawn"]
    looks = [container.lines[0] for container in ax.containers]
    assert len({line.get_color() for line in looks}) == len({line.get_marker() for line in looks}) == 8
    assert drawn(ax)


@pytest.mark.parametrize("axes", [{}, {"seed": [1, 2]}, {"city": ["Rome"]}, {"temperature": [0.7]}])
def test_one_cell_is_one_point(axes: dict[str, list[Any]]) -> None:
    panels = plot(*grid(**axes))
    assert [len(points(panel)[0][0]) for panel in panels] == [1, 1, 1]
    assert len(ticks(panels[0])) == 1
    assert drawn(panels[0])


@pytest.mark.parametrize(
    "axes", [{"temperature": TEMPERATURES, "model": ["a", "b"]}, {"city": ["Rome", "Oslo"]}, {}]
)
def test_where_everything_failed_it_says_so(axes: dict[str, list[Any]]) -> None:
    panels = plot(*grid(lambda _: None, **axes))
    assert [[text.get_text() for text in panel.texts] for panel in panels] == [
        ["no answers"],
        ["no token counts"],
        ["no answers"],
    ]
    assert [points(panel) for panel in panels] == [[], [], []]
    assert drawn(panels[0])


@pytest.mark.parametrize("frame", [pd.DataFrame(), grid(temperature=[1, 2])[0].iloc[:0]])
def test_an_empty_run_can_be_drawn(frame: pd.DataFrame) -> None:
    for axes in ([], ["temperature"]):
        panels = plot(frame, axes)
        assert panels[0].texts[0].get_text() == "no answers"
        assert drawn(panels[0])


def test_a_cell_without_answers_interrupts_the_line_and_is_counted() -> None:
    ax = plot(
        *grid(lambda row: None if row["temperature"] == 0.7 else "a", temperature=TEMPERATURES),
        what="agreement",
    )
    assert np.isnan(points(ax)[0][1]).tolist() == [False, True, False]
    assert ax.get_title(loc="left").endswith("\n1 without answers")


def test_tokens_that_were_not_counted_are_not_drawn() -> None:
    frame, axes = grid(temperature=[0, 1], seed=[0, 1])
    frame["completion_tokens"] = pd.array([5, None, None, None], dtype="Int64")
    ax = plot(frame, axes, what="tokens")
    assert points(ax)[0][1] == [5, pytest.approx(np.nan, nan_ok=True)]
    assert ax.get_title(loc="left").endswith("\n1 without token counts")
    assert drawn(ax)


def test_it_draws_where_it_is_told_to() -> None:
    figure, (left, right) = plt.subplots(1, 2)
    frame, axes = grid(temperature=TEMPERATURES)
    assert plot(frame, axes, what="tokens", ax=right) is right
    assert not left.has_data()
    assert len(plt.get_fignums()) == 1
    _, three = plt.subplots(3, 1)
    assert plot(frame, axes, ax=three).tolist() == three.tolist()
    assert figure.axes == [left, right]


def test_a_figure_that_pyplot_does_not_know_will_do() -> None:
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    plot(*grid(city=["Rome", "Oslo"], model=["a", "b"]), what="latency", ax=ax)
    (part,) = [Figure().subfigures(1, 1)]
    plot(*grid(city=["Rome", "Oslo"]), what="latency", ax=part.subplots())
    assert plt.get_fignums() == []
    assert drawn(ax)


def test_three_figures_need_three_axes() -> None:
    _, ax = plt.subplots()
    with pytest.raises(PremError, match="3 figures do not fit into 1 Axes") as raised:
        plot(*grid(seed=[1]), ax=ax)
    assert 'what="agreement"' in raised.value.hint


def test_another_figure_is_refused_with_the_names_of_those_that_are() -> None:
    with pytest.raises(PremError, match="no figure of 'cost'") as raised:
        plot(*grid(seed=[1]), what="cost")
    assert "agreement, tokens, latency" in raised.value.hint


def test_settings_stay_as_they_were_and_colours_of_text_are_the_styles() -> None:
    before = dict(mpl.rcParams)
    plot(*grid(temperature=TEMPERATURES, model=["a", "b"]))
    assert dict(mpl.rcParams) == before
    with plt.style.context("dark_background"):
        ax = plot(*grid(temperature=TEMPERATURES, model=["a", "b"]), what="agreement")
        assert ax.yaxis.label.get_color() == "white"
        assert ax.get_legend().get_texts()[0].get_color() == "white"


@pytest.mark.parametrize(
    "label", ["$x_{$", "$", r"\$a$ \frac$", "_hidden", "%d_^&", "a\x00\u202eb\n\nc", "", " ", "<b>"]
)
def test_no_label_is_mathematics_or_hidden(label: str) -> None:
    frame, axes = grid(
        **{f"axis {label}": [label, "other"], "temperature": [0, 1], f"_{label}": [label, "b"]}
    )
    panels = plot(frame, axes)
    assert len(legend(panels[2])) == 4
    assert drawn(panels[0])
    assert drawn(plot(*grid(**{label: [label, f"{label}2"]}), what="agreement"))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.text(st.characters(min_codepoint=32, max_codepoint=0x17F), max_size=40),
        min_size=1,
        max_size=12,
        unique=True,
    )
)
def test_any_values_can_be_drawn(values: list[str]) -> None:
    ax = plot(*grid(value=values, other=[1, 2]), what="agreement")
    drawn(ax)
    plt.close("all")


def test_what_is_not_installed_is_named_with_the_command_that_installs_it() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import pandas as pd\n"
        "from jupyter_prem import PremError\n"
        "from jupyter_prem.experiments._plot import plot\n"
        "try: plot(pd.DataFrame(), [])\n"
        "except PremError as error: print(error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (
        ran.stdout
        == 'plot needs matplotlib, which is not installed.\npip install "jupyter_prem[experiments]"\n'
    )
