from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, strategies as st

from jupyter_prem import PremError
from jupyter_prem.experiments._compare import compare

BESIDE = [
    "completion_tokens_then",
    "completion_tokens_now",
    "latency_then",
    "latency_now",
    "system_fingerprint_then",
    "system_fingerprint_now",
]


def run(rows: list[dict[str, Any]], **columns: Any) -> pd.DataFrame:
    plain = {
        "text": None,
        "parsed": None,
        "completion_tokens": None,
        "latency": None,
        "system_fingerprint": None,
    }
    return pd.DataFrame(
        [plain | {"error": None if row.get("text") is not None else "timeout"} | row for row in rows],
        **columns,
    )


def test_each_draw_is_compared_with_the_same_draw() -> None:
    then = run(
        [
            {
                "city": "Rome",
                "seed": 1,
                "text": "Italy",
                "completion_tokens": 1,
                "latency": 0.5,
                "system_fingerprint": "a",
            },
            {"city": "Rome", "seed": 2, "text": "Italy"},
            {"city": "Paris", "seed": 1, "text": "France"},
            {"city": "Paris", "seed": 2, "text": None},
            {"city": "Oslo", "seed": 1, "text": "Norway", "latency": 2},
        ],
        index=list("zzzzz"),
    )
    now = run(
        [
            {"city": "Bern", "seed": 1, "text": "Switzerland", "completion_tokens": 4},
            {"city": "Paris", "seed": 2, "text": "France"},
            {"city": "Paris", "seed": 1, "text": "france."},
            {"city": "Rome", "seed": 2, "text": "In Italy"},
            {
                "city": "Rome",
                "seed": 1,
                "text": "Italy",
                "completion_tokens": 2,
                "latency": 0.25,
                "system_fingerprint": "b",
            },
        ]
    )
    found = compare(then, now, ["city", "seed"], ["city", "seed"])
    assert list(found.columns) == ["city", "seed", "status", "similarity", *BESIDE]
    assert list(found.index) == list(range(6))
    assert found[["city", "seed", "status"]].to_numpy().tolist() == [
        ["Rome", 1, "same"],
        ["Rome", 2, "changed"],
        ["Paris", 1, "changed"],
        ["Paris", 2, "error"],
        ["Oslo", 1, "removed"],
        ["Bern", 1, "added"],
    ]
    assert found["similarity"].tolist() == pytest.approx(
        [1, 10 / 13, 1, math.nan, math.nan, math.nan], nan_ok=True
    )
    assert found.loc[0, BESIDE].tolist() == [1, 2, 0.5, 0.25, "a", "b"]
    assert found.loc[5, "completion_tokens_now"] == 4
    assert found.loc[[1, 4, 5], "completion_tokens_then"].isna().all()
    assert found.loc[4, "latency_then"] == 2
    assert found.loc[5, "system_fingerprint_then"] is None
    assert list(found.dtypes.astype(str))[4:] == ["Int64", "Int64", "float64", "float64", "object", "object"]


def test_equal_draws_are_compared_in_order() -> None:
    then = run([{"repeat": 0, "text": text} for text in "abc"])
    now = run([{"repeat": 0, "text": text} for text in "ax"])
    assert compare(then, now, ["repeat"], ["repeat"])["status"].tolist() == ["same", "changed", "removed"]
    assert compare(now, then, ["repeat"], ["repeat"])["status"].tolist() == ["same", "changed", "added"]


def test_only_the_axes_that_both_have_tell_draws_apart() -> None:
    then = run([{"model": model, "seed": 1, "text": model} for model in "ab"])
    now = run([{"seed": 1, "city": "Rome", "text": text} for text in "ab"])
    found = compare(then, now, ["model", "seed"], ["seed", "city"])
    assert list(found.columns)[:2] == ["seed", "status"]
    assert found["status"].tolist() == ["same", "same"]


def test_runs_that_share_no_axis_cannot_be_compared() -> None:
    with pytest.raises(PremError) as raised:
        compare(run([{"city": "Rome", "text": "a"}]), run([{"text": "a"}]), ["city"], [])
    assert "share no axis" in raised.value.what
    assert raised.value.where == "Axes here: city; there: none."
    assert raised.value.hint


def test_runs_of_one_question_without_axes_are_compared_in_order() -> None:
    found = compare(run([{"text": "a"}]), run([{"text": "b"}, {"text": "c"}]), [], [])
    assert list(found.columns) == ["status", "similarity", *BESIDE]
    assert found["status"].tolist() == ["changed", "added"]


def test_what_was_parsed_counts_as_the_text_does() -> None:
    then = run([{"n": 1, "text": "t", "parsed": {"a": 1}}, {"n": 2, "text": "t", "parsed": {"a": 1}}])
    now = run([{"n": 1, "text": "t", "parsed": {"a": 2}}, {"n": 2, "text": "t", "parsed": {"a": 1.0}}])
    assert compare(then, now, ["n"], ["n"])["status"].tolist() == ["changed", "same"]


def test_values_of_axes_are_found_again_whatever_their_columns_became() -> None:
    then = run(
        [{"temperature": 0, "stop": ["a"], "text": "t"}, {"temperature": None, "stop": None, "text": "t"}]
    )
    now = run(
        [
            {"temperature": math.nan, "stop": None, "text": "t"},
            {"temperature": 0.0, "stop": ("a",), "text": "t"},
        ]
    )
    assert compare(then, now, ["temperature", "stop"], ["temperature", "stop"])["status"].tolist() == [
        "same",
        "same",
    ]


@pytest.mark.parametrize("other", [pd.DataFrame(), run([{"n": 1, "text": "t"}]).iloc[:0]])
def test_a_run_may_be_empty(other: pd.DataFrame) -> None:
    one = run([{"n": 1, "text": "t"}, {"n": 2, "text": "t"}])
    assert compare(one, other, ["n"], ["n"])["status"].tolist() == ["removed"] * 2
    added = compare(other, one, ["n"], ["n"])
    assert added["status"].tolist() == ["added"] * 2
    assert added["n"].tolist() == [1, 2]
    neither = compare(other, other, ["n"], ["n"])
    assert list(neither.columns) == ["n", "status", "similarity", *BESIDE]
    assert len(neither) == 0


def test_an_axis_cannot_be_named_like_a_column_of_the_table() -> None:
    one = run([{"status": 1, "text": "t"}])
    with pytest.raises(PremError, match="'status' has the name of a column of compare"):
        compare(one, one, ["status"], ["status"])


runs = st.lists(
    st.fixed_dictionaries(
        {
            "a": st.sampled_from([1, 2.0, None, "x"]),
            "seed": st.integers(0, 2),
            "text": st.sampled_from(["t", "u", None]),
        }
    ),
    min_size=1,
    max_size=8,
)


@given(runs, runs)
def test_every_row_of_both_runs_is_told_of_once(
    then: list[dict[str, Any]], now: list[dict[str, Any]]
) -> None:
    axes = ["a", "seed"]
    there = compare(run(then), run(now), axes, axes)["status"].value_counts()
    back = compare(run(now), run(then), axes, axes)["status"].value_counts()
    assert there.sum() - there.get("added", 0) == len(then)
    assert there.sum() - there.get("removed", 0) == len(now)
    assert there.get("added", 0) == back.get("removed", 0)
    assert all(there.get(status, 0) == back.get(status, 0) for status in ("same", "changed", "error"))
    assert set(compare(run(then), run(then), axes, axes)["status"]) <= {"same", "error"}
