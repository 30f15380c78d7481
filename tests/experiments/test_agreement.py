from __future__ import annotations

import dataclasses
import itertools
import math
import random
import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from pydantic import BaseModel

from jupyter_prem import PremError
from jupyter_prem.experiments import _agreement
from jupyter_prem.experiments._agreement import agreement, key_of, normalised, similarities
from jupyter_prem.records._interval import wilson

COLUMNS = ["answers", "errors", "distinct", "agreement", "low", "high", "similarity", "parsed_equal"]

pytestmark = pytest.mark.usefixtures("any_text")


def run(rows: list[dict[str, Any]], **columns: Any) -> pd.DataFrame:
    """A frame of rows that name what matters; a row without a text failed."""
    whole = [
        {"parsed": None, "error": None if row.get("text") is not None else "timeout", "text": None} | row
        for row in rows
    ]
    return pd.DataFrame(whole, **columns)


def draws(*texts: str | None) -> pd.DataFrame:
    return run([{"seed": seed, "text": text} for seed, text in enumerate(texts)])


def test_answers_are_counted_and_compared_cell_by_cell() -> None:
    frame = run(
        [
            {"city": "Rome", "seed": 1, "text": "Italy"},
            {"city": "Paris", "seed": 1, "text": "France."},
            {"city": "Rome", "seed": 2, "text": " italy! "},
            {"city": "Paris", "seed": 2, "text": None},
            {"city": "Rome", "seed": 3, "text": "In Italy"},
        ],
        index=["e", "e", 4, "x", None],
    )
    found = agreement(frame, ["city", "seed"])
    assert list(found.columns) == ["city", *COLUMNS]
    assert list(found.index) == [0, 1]
    rome, paris = found.to_dict("records")
    assert (rome["city"], rome["answers"], rome["errors"], rome["distinct"]) == ("Rome", 3, 0, 2)
    assert rome["agreement"] == pytest.approx(2 / 3)
    assert (rome["low"], rome["high"]) == wilson(2, 3)
    alike = 2 * 5 / (5 + 8)  # "italy" and "in italy"
    assert rome["similarity"] == pytest.approx((1 + 2 * alike) / 3)
    assert (paris["city"], paris["answers"], paris["errors"], paris["agreement"]) == ("Paris", 1, 1, 1.0)
    assert math.isnan(paris["similarity"])
    assert found["parsed_equal"].isna().all()
    assert list(found.dtypes.astype(str))[1:] == ["int64"] * 3 + ["float64"] * 5


def test_a_run_whose_only_axes_are_draws_has_one_row() -> None:
    found = agreement(draws("a", "a", "b", None), ["seed"])
    assert list(found.columns) == COLUMNS
    assert found.iloc[0][["answers", "errors", "distinct", "agreement"]].tolist() == [3, 1, 2, 2 / 3]
    assert len(agreement(draws("a", "b"), [])) == 1


def test_an_empty_run_has_an_empty_table() -> None:
    columns = ["city", "seed", "text", "parsed", "error"]
    for frame in (pd.DataFrame(columns=columns), pd.DataFrame()):
        found = agreement(frame, ["city", "seed"])
        assert list(found.columns) == ["city", *COLUMNS]
        assert len(found) == 0
        assert str(found["answers"].dtype) == "int64"


def test_where_everything_failed_everything_is_possible() -> None:
    (row,) = agreement(draws(None, None), ["seed"]).to_dict("records")
    assert (row["answers"], row["errors"], row["distinct"], row["low"], row["high"]) == (0, 2, 0, 0.0, 1.0)
    assert math.isnan(row["agreement"])
    assert math.isnan(row["similarity"])
    assert math.isnan(row["parsed_equal"])


def test_an_answer_without_text_is_an_answer() -> None:
    frame = run([{"text": "", "seed": 1}, {"text": None, "error": None, "seed": 2}])
    (row,) = agreement(frame, ["seed"]).to_dict("records")
    assert (row["answers"], row["distinct"], row["agreement"], row["similarity"]) == (2, 1, 1.0, 1.0)


def test_lists_and_dicts_are_values_of_an_axis_and_stay_as_they_are() -> None:
    values = [["a", "b"], {"x": 1, "y": 2}, None, ["a", "b"], {"y": 2, "x": 1.0}]
    found = agreement(run([{"stop": value, "text": "t"} for value in values]), ["stop"])
    assert found["stop"].tolist() == [["a", "b"], {"x": 1, "y": 2}, None]
    assert found["answers"].tolist() == [2, 2, 1]


def test_what_is_averaged_over_can_be_chosen() -> None:
    rows = [{"model": model, "seed": seed, "text": f"{seed}"} for model in "ab" for seed in (1, 2, 3)]
    by_seed = agreement(run(rows), ["model", "seed"], over=["model"])
    assert by_seed["seed"].tolist() == [1, 2, 3]
    assert str(by_seed["seed"].dtype) == "int64"
    assert by_seed["agreement"].tolist() == [1.0] * 3
    assert agreement(run(rows), ["model", "seed"], over="model").equals(by_seed)
    assert len(agreement(run(rows), ["model", "seed"], over=())) == 6


def test_parsed_values_are_equal_as_json_is() -> None:
    parsed = [{"a": 1, "b": [1.0]}, {"b": [1], "a": 1.0}, {"a": True, "b": [1]}, None]
    frame = run([{"text": f"{n}", "parsed": value} for n, value in enumerate(parsed)])
    assert agreement(frame, [])["parsed_equal"].tolist() == [0.5]


def test_the_parsed_value_of_a_failed_row_does_not_count() -> None:
    frame = run([{"text": "a", "parsed": 1}, {"text": None, "parsed": 2}, {"text": None, "parsed": 2}])
    assert agreement(frame, [])["parsed_equal"].tolist() == [1.0]


def test_an_axis_cannot_be_named_like_a_column_of_the_table() -> None:
    with pytest.raises(PremError, match="'distinct' has the name of a column of agreement"):
        agreement(run([{"distinct": 1, "text": "a"}]), ["distinct"])


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("  Paris\n is\t BIG ", "paris is big"),
        ("**“Paris.”**", "paris"),
        ("`Paris`", "paris"),
        ("- Paris", "paris"),
        ("Don't — stop…", "don't — stop"),
        ("\ufb01ne \uff30\uff21ris", "fine paris"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Cafe\u0301", "café"),
        ("-5", "-5"),
        ("(-5.)", "-5"),
        (".5", ".5"),
        ("-.5", "-.5"),
        ("5.", "5"),
        ("5 %", "5 %"),
        ("C#", "c#"),
        ("$5", "$5"),
        ("?!", "?!"),
        ("", ""),
    ],
)
def test_texts_are_normalised(text: str, same: str) -> None:
    assert normalised(text) == same


@given(st.text())
def test_a_normalised_text_is_normal(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once
    assert normalised(f"\n {text} ") == once
    assert once == " ".join(once.split())


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "Zs"])))
def test_case_tells_no_letters_apart(text: str) -> None:
    assert normalised(text.upper().lower()) == normalised(text.upper())
    assert normalised(f"«{text}a».") == normalised(f"{text}a")


texts = st.lists(
    st.none() | st.sampled_from(["a", "A.", "ab", "abc", "xyz", "", "\ud800"]), min_size=1, max_size=12
)


@given(texts, st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_matter_and_rates_are_rates(
    answers: list[str | None], order: random.Random
) -> None:
    (row,) = agreement(draws(*answers), ["seed"]).to_dict("records")
    shuffled = list(answers)
    order.shuffle(shuffled)
    (again,) = agreement(draws(*shuffled), ["seed"]).to_dict("records")
    assert again == pytest.approx(row, nan_ok=True)
    assert row["answers"] + row["errors"] == len(answers)
    if row["answers"]:
        assert 0 <= row["low"] <= row["agreement"] <= row["high"] <= 1
        assert 1 / row["answers"] <= row["agreement"] <= 1
        assert (row["agreement"] == 1) == (row["distinct"] == 1)
    if row["answers"] > 1:
        assert 0 <= row["similarity"] <= 1


@given(st.lists(st.sampled_from(["a", "ab", "abc", "xyz", "xy"]), min_size=2, max_size=15))
def test_similarity_is_the_mean_over_all_pairs(answers: list[str]) -> None:
    (found,) = agreement(draws(*answers), ["seed"])["similarity"]
    pairs = similarities(list(itertools.combinations(answers, 2)))
    assert found == pytest.approx(sum(pairs) / len(pairs))


def test_equal_answers_are_counted_and_not_compared() -> None:
    (row,) = agreement(draws(*["same " * 1000] * 20_000, "other"), ["seed"]).to_dict("records")
    pairs = 20_001 * 20_000 / 2
    assert row["similarity"] == pytest.approx(1 - 20_000 / pairs, abs=1e-4)


def test_of_many_different_answers_pairs_are_drawn_and_always_the_same() -> None:
    answers = [f"{n * n * 7919:b}" for n in range(400)] + ["101"] * 50
    found = agreement(draws(*answers), ["seed"])["similarity"].tolist()
    assert agreement(draws(*reversed(answers)), ["seed"])["similarity"].tolist() == found
    pairs = similarities(list(itertools.combinations(answers, 2)))
    assert len(set(answers)) * (len(set(answers)) - 1) / 2 > _agreement.PAIRS
    assert found[0] == pytest.approx(sum(pairs) / len(pairs), abs=0.01)


def test_one_text_that_almost_all_give_does_not_keep_the_others_from_being_drawn() -> None:
    texts = Counter({"common": 10**12} | {f"rare {n}": 1 for n in range(300)})
    assert _agreement._mean_similarity(texts) == pytest.approx(1)
    pairs = _agreement._drawn(sorted(texts), [texts[text] for text in sorted(texts)])
    assert all(one != other for one, other in pairs)
    assert all("common" in pair for pair in pairs)
    assert len({one for one, _ in pairs}) == 301


class City(BaseModel):
    name: str


@dataclasses.dataclass
class Town:
    name: str


def test_values_that_are_equal_have_one_key() -> None:
    assert key_of(0) == key_of(0.0) == key_of(np.float64(0)) == key_of(-0.0) == "0"
    assert key_of(None) == key_of(math.nan) == key_of(pd.NA) == key_of(pd.NaT) == "null"
    assert key_of([1, 2]) == key_of((1, 2.0)) == key_of(np.array([1, 2]))
    assert key_of({"b": 1, "a": None}) == key_of({"a": math.nan, "b": 1})
    assert key_of(City(name="Rome")) == key_of(Town("Rome")) == key_of({"name": "Rome"})
    assert key_of({1, 2}) == key_of(frozenset([2, 1]))
    assert key_of(value=True) == key_of(np.True_) == "true"
    assert key_of(pd.Timestamp("2026-01-01")) == key_of(pd.Timestamp("2026-01-01"))
    different = [None, 0, 1, 0.5, True, False, "", "1", "true", "null", [], {}, [1], [[1]], Town, math.inf]
    assert len({key_of(value) for value in different}) == len(different)


def test_what_is_not_installed_is_named_with_the_command_that_installs_it() -> None:
    code = (
        "import sys; sys.modules['rapidfuzz.distance.Indel'] = None\n"
        "from jupyter_prem import PremError\n"
        "from jupyter_prem.experiments._agreement import similarities\n"
        "try: similarities([('a', 'b')])\n"
        "except PremError as error: print(error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (
        ran.stdout
        == 'Similarity needs rapidfuzz, which is not installed.\npip install "jupyter_prem[experiments]"\n'
    )
