"""What a table says of values that no JSON has: of data and of axes, and what cannot be said is told at once."""

from __future__ import annotations

import datetime as dt
import enum
import math
from decimal import Decimal
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import polars as pl
import pytest

from jupyter_prem import PlanError, RequestError, Runs

pytestmark = pytest.mark.usefixtures("folder")


class Colour(enum.StrEnum):
    RED = "red"


LABELS = {
    # the value, what the model reads, what the table says
    "a day": (dt.date(2024, 1, 2), "2024-01-02", "2024-01-02"),
    "a time of a day": (dt.datetime(2024, 1, 2, 3), "2024-01-02 03:00:00", "2024-01-02T03:00:00"),  # noqa: DTZ001 - one without a zone
    "a zone": (
        dt.datetime(2024, 1, 2, tzinfo=dt.UTC),
        "2024-01-02 00:00:00+00:00",
        "2024-01-02T00:00:00+00:00",
    ),
    "a Timestamp": (pd.Timestamp("2024-01-02T03:04"), "2024-01-02 03:04:00", "2024-01-02T03:04:00"),
    "a clock": (dt.time(3, 4), "03:04:00", "03:04:00"),
    "a while": (dt.timedelta(hours=1), "1:00:00", "1:00:00"),
    "a Timedelta": (pd.Timedelta(hours=1), "0 days 01:00:00", "0 days 01:00:00"),
    "NA": (pd.NA, "<NA>", None),
    "NaT": (pd.NaT, "NaT", None),
    "a Decimal": (Decimal("1.50"), "1.50", "1.50"),
    "a path": (PurePosixPath("a/b"), "a/b", "a/b"),
    "an Interval": (pd.Interval(0, 1), "(0, 1]", "(0, 1]"),
    "a Period": (pd.Period("2024-01", "M"), "2024-01", "2024-01"),
    "dates in a list": ([dt.date(2024, 1, 2)], "[datetime.date(2024, 1, 2)]", ["2024-01-02"]),
    "in a dict": ({"a": (Decimal(1), np.int64(2))}, "{'a': (Decimal('1'), np.int64(2))}", {"a": ["1", 2]}),
    "an Enum of text": (Colour.RED, "red", "red"),
    "text": ("x", "x", "x"),
}


@pytest.mark.parametrize(("value", "read", "label"), LABELS.values(), ids=LABELS)
def test_values_are_read_as_they_are_and_labelled_as_json(ask, service, value, read, label):
    service.script = service.echo
    tables = [
        ask("{{ q }}", [{"q": value}, {"q": "other"}]),
        ask("{{ q }}", pd.DataFrame({"q": pd.Series([value, "other"], dtype=object)})),
        ask("{{ q }}", q=[value, "other"]),
    ]
    for runs in tables:
        assert [row["text"] for row in runs] == [f"You said: {read}", "You said: other"]
        assert [row["q"] for row in runs] == [label, "other"]
        runs.save("runs.jsonl")
        pd.testing.assert_frame_equal(Runs.load("runs.jsonl").to_frame(), runs.to_frame())
        assert len(runs.agreement()) == 2


FRAMES = {
    "dates": (pd.DataFrame({"q": pd.to_datetime(["2024-01-01", None])}), ["2024-01-01T00:00:00", None]),
    "numbers that may lack": (pd.DataFrame({"q": pd.array([1, None], dtype="Int64")}), [1, None]),
    "text that may lack": (pd.DataFrame({"q": pd.array(["a", None], dtype="string")}), ["a", None]),
    "bins": (pd.DataFrame({"q": pd.cut([0, 10], [-1, 5, 11])}), ["(-1, 5]", "(5, 11]"]),
    "polars": (pl.DataFrame({"q": [dt.date(2024, 1, 1), None]}), ["2024-01-01", None]),
    "polars' decimals": (pl.DataFrame({"q": [Decimal("1.5"), Decimal(2)]}), ["1.5", "2.0"]),
}


@pytest.mark.parametrize(("data", "labels"), FRAMES.values(), ids=FRAMES)
def test_columns_of_tables_are_labelled(ask, data, labels):
    runs = ask("{{ q }}", data)
    assert [row["q"] for row in runs] == labels
    assert runs.to_frame().error.isna().all()


def test_a_nan_of_the_data_stays_one(ask):
    (row, _) = ask("{{ q }}", pd.DataFrame({"q": [math.nan, 1]}))
    assert math.isnan(row["q"])
    assert row["text"] == "You said: nan"


NONE = {
    "bytes": (b"x", "bytes"),
    "an array": (np.array([1, 2]), "ndarray"),
    "an object": (object(), "object"),
    "a set": ({1}, "set"),
    "bytes in a list": ([1, b"x"], "bytes"),
    "a key that is none": ({(1, 2): 3}, "dict"),
}


@pytest.mark.parametrize(("value", "kind"), NONE.values(), ids=NONE)
def test_what_cannot_be_a_label_is_told_before_anything_is_sent(ask, service, value, kind):
    for data in ([{"q": "a"}, {"q": value}], pd.DataFrame({"q": pd.Series(["a", value], dtype=object)})):
        with pytest.raises(PlanError, match=f"of the column q is of type {kind}, which no file") as caught:
            ask("{{ q }}", data)
        assert caught.value.where == "row 1 of the data, counted from 0"
    with pytest.raises(PlanError, match=f"of an axis is of type {kind}, which no file") as caught:
        ask("{{ q }}{{ r }}", **{"q,r": [("a", "b"), ("c", value)]})
    assert caught.value.where == "value 1 of the axis r"
    assert service.requests == []


def test_a_column_that_the_prompt_does_not_use_may_hold_anything(ask):
    assert len(ask("{{ q }}", [{"q": "a", "r": object()}])) == 1


def test_the_last_of_many_rows_is_looked_at_before_the_first_is_asked(ask, service):
    data = [{"q": number} for number in range(10_001)] + [{"q": b"x"}]
    with pytest.raises(PlanError, match="column q"):
        ask("{{ q }}", data, max_requests=20_000)
    assert service.requests == []


HOUR = 3_600 * 10**9
TIMES = {
    # of numpy, what the model reads, what the table says
    "nanoseconds": (np.datetime64("2024-01-02", "ns"), "2024-01-02 00:00:00", "2024-01-02T00:00:00"),
    "a while": (np.timedelta64(HOUR, "ns"), "1:00:00", "1:00:00"),
    "finer than Python's": (
        np.datetime64("2024-01-02T00:00:00.123456789"),
        *["2024-01-02T00:00:00.123456789"] * 2,
    ),
    "a while so fine": (np.timedelta64(5, "ns"), *["5 nanoseconds"] * 2),
    "after Python's last": (np.datetime64("20000-01-01"), *["20000-01-01"] * 2),
    "months, which are no time": (np.timedelta64(2, "M"), *["2 months"] * 2),
    "microseconds": (np.datetime64("2024-01-02", "us"), "2024-01-02 00:00:00", "2024-01-02T00:00:00"),
    "a day": (np.datetime64("2024-01-02"), "2024-01-02", "2024-01-02"),
    "none": (np.datetime64("NaT", "ns"), "None", None),
    "no while": (np.timedelta64("NaT", "ns"), "None", None),
    "a day in an array without a side": (
        np.array(np.datetime64("2024-01-02", "ns")),
        "2024-01-02 00:00:00",
        "2024-01-02T00:00:00",
    ),
}


@pytest.mark.parametrize(("value", "read", "label"), TIMES.values(), ids=TIMES)
def test_times_of_numpy_are_times_and_not_numbers(ask, value, read, label):
    for runs in (
        ask("{{ q }}", [{"q": value}]),
        ask("{{ q }}", q=[value]),
        ask("{{ q }}", q=np.array([value])),
        ask("{{ q }}{{ r }}", **{"q,r": [(value, "")]}),
    ):
        (row,) = runs
        assert (row["text"], row["q"]) == (f"You said: {read}", label)
    (row,) = ask("{{ q }}", q=value)
    assert row["text"] == f"You said: {read}"


def test_an_array_without_a_side_is_its_value(ask, service):
    ask(
        "{{ a }}",
        a=np.array("x"),
        temperature=np.array(0.5),
        model=np.array("m"),
        seed=np.array(3),
        stop=np.array("s"),
    )
    (request,) = service.questions
    assert [request.body[name] for name in ("temperature", "model", "seed", "stop")] == [0.5, "m", 3, "s"]
    assert request.body["messages"][-1]["content"] == "x"
    with pytest.raises(RequestError):
        ask("x", temperature=np.array(9))
    with pytest.raises(PlanError, match="has the value nan"):
        ask("{{ a }}", a=np.array(math.nan))
