"""Values of a notebook in a prompt: what they are, their beginning and end, at most 2,000 characters."""

from __future__ import annotations

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest

mpl.use("Agg")
from matplotlib.figure import Figure

from jupyter_prem.conversation import expand


def text(value, expression="x"):
    return expand(f"{{{{ {expression} }}}}", {"x": value})


def frame(rows, columns=3):
    return pd.DataFrame({f"c{n}": np.arange(rows) * (n + 1) for n in range(columns)})


def test_a_small_frame_is_there_whole():
    assert text(frame(3, 2)) == (
        "DataFrame, 3 rows x 2 columns\ndtypes: c0 int64, c1 int64\n   c0  c1\n0   0   0\n1   1   2\n2   2   4"
    )


def test_a_long_frame_has_head_and_tail_and_says_what_is_left_out():
    shown = text(frame(100_000))
    assert shown.startswith("DataFrame, 100,000 rows x 3 columns\ndtypes: c0 int64, c1 int64, c2 int64\n")
    assert "[99,980 rows left out]" in shown
    assert shown.endswith("99999  99999  199998  299997")


@pytest.mark.parametrize(
    "value",
    [
        frame(10_000, 500),
        pd.DataFrame({"a": ["long " * 1_000] * 50, "b " * 500: range(50)}),
        pd.DataFrame({f"{n} name " * 20: [1] for n in range(30)}),
        pd.Series(["x" * 5_000] * 100, name="s"),
        pd.Series(range(100_000), dtype="float64"),
        np.zeros((300, 400)),
        np.array(["x" * 10_000]),
        pl.DataFrame({f"c{n}": ["y" * 500] * 1_000 for n in range(60)}),
        pl.Series("p", range(10_000)),
    ],
    ids=[
        "wide",
        "long_texts",
        "long_names",
        "series_texts",
        "series",
        "array",
        "array_text",
        "polars",
        "polars_series",
    ],
)
def test_no_value_is_over_the_limit_and_a_cut_is_said(value):
    shown = text(value)
    assert len(shown) <= 2_000
    assert "left out" in shown or "cut" in shown or "first 20" in shown or "…" in shown
    assert type(value).__name__.lower().removeprefix("nd") in shown.lower()


def test_a_series_an_array_and_a_scalar():
    assert (
        text(pd.Series([1.5, 2.5], name="age")) == "Series 'age', 2 values, dtype float64\n0    1.5\n1    2.5"
    )
    assert text(np.arange(6).reshape(2, 3)) == "array, shape (2, 3), dtype int64\n[[0 1 2]\n [3 4 5]]"
    assert text(np.float64(1.5)) == "1.5"
    assert "[the middle is left out]" in text(np.arange(1_000))


def test_polars_frames_tell_shape_and_types():
    shown = text(pl.DataFrame({"a": list(range(100)), "b": ["x"] * 100}))
    assert shown.startswith("DataFrame, 100 rows x 2 columns\ndtypes: a Int64, b String\n[80 rows left out")


def test_figures_and_axes_tell_what_they_draw():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    left.plot([1, 2, 3], [4, 5, 6], label="cars")
    left.set(title="Speed", xlabel="time", ylabel="km/h")
    right.bar(["a", "b"], [1, 2])
    figure.suptitle("Traffic")
    shown = text(figure)
    assert shown.startswith("Figure 'Traffic', 6.4 x 4.8 inches, 2 axes\n- axes 'Speed': x 'time' 0.9 to 3.1")
    assert "line 'cars', 3 points, from (1, 4) to (3, 6)" in shown
    assert "2 patches (Rectangle)" in shown
    assert text(left).startswith("- axes 'Speed'")


def test_a_value_that_cannot_be_told_goes_out_as_its_str():
    class DataFrame:
        shape = "odd"

        def __str__(self):
            return "mine"

    DataFrame.__module__ = "pandas.core"
    assert text(DataFrame()) == "mine"


def test_what_is_a_text_already_is_never_cut():
    long = "word " * 10_000
    assert text(long) == long
    assert len(text(frame(1_000), "x.to_string()")) > 2_000
    assert text([1, {"a": None}]) == "[1, {'a': None}]"


def test_none_of_the_libraries_is_imported_for_it():
    code = (
        "import sys; from jupyter_prem.conversation import expand; expand('{{ x }}', {'x': 1});"
        "print([n for n in ('pandas', 'numpy', 'matplotlib', 'polars') if n in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
        == "[]\n"
    )


def test_an_array_that_is_shown_whole_says_nothing_of_a_cut():
    assert "left out" not in text(np.arange(108).reshape(6, 6, 3))
    assert "left out" not in text(np.array(["..."] * 3))
    assert "left out" in text(np.arange(1000))


def test_a_line_of_series_and_a_part_of_a_figure_are_told():
    figure = Figure()
    part = figure.subfigures(1, 2)[0]
    axes = part.subplots()
    (line,) = axes.plot([1], [2])
    line.set_data(pd.Series([1, 2], index=[5, 6]), pd.Series([3, 4], index=[5, 6]))
    assert "from (1, 3) to (2, 4)" in text(figure)
    assert text(part).startswith("SubFigure, 1 axes")
