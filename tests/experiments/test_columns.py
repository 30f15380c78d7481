"""The columns that polars and a .parquet file have: every value there, in its kind where a column can hold it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pytest
from loopback import as_json, completion
from pydantic import BaseModel

from jupyter_prem import Runs
from jupyter_prem.experiments._plan import RESULTS

pytestmark = pytest.mark.usefixtures("folder")


def asked(ask, index):
    return ask("{{ q }}", pd.DataFrame({"q": ["a", "b"]}, index=index))


def both(runs):
    """Return the columns of polars and of a file, as lists."""
    runs.save("runs.parquet")
    return [
        runs.to_polars().to_dict(as_series=False),
        pl.read_parquet("runs.parquet").to_dict(as_series=False),
    ]


@pytest.mark.parametrize("name", [*RESULTS, "q", "model", "seed", "_row"])
def test_an_index_keeps_its_values_beside_a_column_of_its_name(ask, name):
    runs = asked(ask, pd.Index([5, 6], name=name))
    for columns in both(runs):
        assert columns[f"index_{name}"] == [5, 6]
        assert columns["q"] == ["a", "b"]
        assert columns["model"] == ["loopback-1"] * 2
    assert Runs.load("runs.parquet").to_frame().index.name == name


def test_an_axis_may_be_named_like_an_index_or_like_its_other_name(ask):
    data = pd.DataFrame({"index": ["a"], "index_index": ["b"]}, index=[7])
    for columns in both(ask("{{ index }}{{ index_index }}", data)):
        assert [columns[name] for name in ("index_index_index", "index", "index_index")] == [
            [7],
            ["a"],
            ["b"],
        ]


BERLIN = ZoneInfo("Europe/Berlin")
INDEXES = {
    # the index, what a column has
    "datetimes": (pd.DatetimeIndex(["2024", None]), [dt.datetime(2024, 1, 1), None]),  # noqa: DTZ001 - without a zone
    "a zone, in winter and summer": (
        pd.DatetimeIndex(["2024-01-01", "2024-07-01"], tz="Europe/Berlin"),
        [dt.datetime(2024, month, 1, tzinfo=BERLIN) for month in (1, 7)],
    ),
    "UTC": (
        pd.DatetimeIndex(["2024", "2025"], tz="UTC"),
        [dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (2024, 2025)],
    ),
    "nanoseconds": (
        pd.DatetimeIndex(["2024-01-01T00:00:00.123456789", "2024"]),
        ["2024-01-01T00:00:00.123456789", "2024-01-01T00:00:00"],
    ),
    "two zones": (
        pd.Index([pd.Timestamp("2024", tz="UTC"), pd.Timestamp("2024", tz=BERLIN)], dtype=object),
        ["2024-01-01T00:00:00+00:00", "2024-01-01T00:00:00+01:00"],
    ),
    "dates": (pd.Index([dt.date(2024, 1, 1), None]), [dt.date(2024, 1, 1), None]),
    "a date and text": (pd.Index([dt.date(2024, 1, 1), "x"]), ["2024-01-01", "x"]),
    "levels with dates": (
        pd.MultiIndex.from_tuples([("a", pd.Timestamp("2024")), ("b", pd.NaT)]),
        ['["a", "2024-01-01T00:00:00"]', '["b", null]'],
    ),
}


@pytest.mark.parametrize(("index", "column"), INDEXES.values(), ids=INDEXES)
def test_times_of_an_index_are_times(ask, index, column):
    for columns in both(asked(ask, index)):
        assert columns["index"] == column


UNSAVED = {
    "whiles": (pd.to_timedelta([1, None], unit="h"), [dt.timedelta(hours=1), None]),
    "whiles in nanoseconds": (pd.to_timedelta([5, 1000]), ["0 days 00:00:00.000000005", "0:00:00.000001"]),
    "periods": (pd.period_range("2024", periods=2, freq="M"), ["2024-01", "2024-02"]),
    "intervals": (pd.interval_range(0, 2), ["(0, 1]", "(1, 2]"]),
    "paths": (pd.Index([b"x", 1], dtype=object), ["b'x'", "1"]),
    "missing": (pd.array([1, None], dtype="Int64"), [1, None]),
}


@pytest.mark.parametrize(("index", "column"), UNSAVED.values(), ids=UNSAVED)
def test_polars_takes_an_index_of_any_kind(ask, index, column):
    assert asked(ask, pd.Index(index)).to_polars()["index"].to_list() == column


class Verdict(BaseModel):
    mood: str
    why: str | None = None


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass(slots=True)
class Place:
    name: str
    colour: Colour | None = None


ANSWERS = {
    "a model": (Verdict, '{"mood": "x"}'),
    "a dataclass with slots": (Place, '{"name": "x", "colour": "red"}'),
    "a list of them": (list[Place], '[{"name": "x"}]'),
    "a dict of them": (dict[str, Place], '{"k": {"name": "x"}}'),
    "a set": (set[str], '["b"]'),
    "an Enum": (Colour, '"red"'),
    "a date": (dt.date, '"2024-01-01"'),
    "a number": (float, "2.50"),
    "a JSON Schema": ({"type": ["object", "null"]}, "null"),
}


@pytest.mark.parametrize(("schema", "text"), ANSWERS.values(), ids=ANSWERS)
def test_structured_answers_are_the_json_that_was_answered(ask, service, schema, text):
    answers = iter([f"```json\n{text}\n```", "no JSON"])
    service.script = lambda _: as_json(completion(next(answers)))
    runs = ask("x", seed=[1, 2], response_format=[schema], max_concurrency=1)
    for columns in (*both(runs), *both(Runs.load("runs.parquet"))):
        assert columns["parsed"] == [text, None]
        assert json.loads(columns["parsed"][0]) == json.loads(text)


NUMBERS = {
    # the axis, polars' column, the file's
    "beyond 64 bits": ([2**63, 1], [2**63, 1], [str(2**63), "1"]),
    "beyond 128 bits": ([10**50, 1], [str(10**50), "1"], [str(10**50), "1"]),
    "with a fraction": ([10**400, 0.5], [str(10**400), "0.5"], [str(10**400), "0.5"]),
    "below": ([-(2**63) - 1, 2], [-(2**63) - 1, 2], [str(-(2**63) - 1), "2"]),
    "within": ([2**63 - 1, -(2**63)], [2**63 - 1, -(2**63)], [2**63 - 1, -(2**63)]),
}


@pytest.mark.parametrize(("values", "there", "filed"), NUMBERS.values(), ids=NUMBERS)
def test_no_integer_is_lost(ask, values, there, filed):
    runs = ask("{{ a }}", a=values)
    assert [columns["a"] for columns in both(runs)] == [there, filed]
    pd.testing.assert_frame_equal(Runs.load("runs.parquet").to_frame(), runs.to_frame())


@pytest.mark.parametrize("values", [["\ud800x", "y"], [["\udfff"], {"\ud800": "😀"}]])
def test_lone_surrogates_are_in_the_rows_and_replaced_in_the_columns(ask, values):
    runs = ask("{{ a }}", a=values)
    for columns in both(runs):
        assert "\ufffd" in columns["a"][0]
    pd.testing.assert_frame_equal(Runs.load("runs.parquet").to_frame(), runs.to_frame())
    runs = asked(ask, pd.Index(["\ud800", "b"], name="\udfffkey", dtype=object))
    for columns in both(runs):
        assert columns["\ufffdkey"] == ["\ufffd", "b"]
    loaded = Runs.load("runs.parquet").to_frame().index
    assert (loaded.tolist(), loaded.name) == (["\ud800", "b"], "\udfffkey")
