"""The table of results: its columns, its files, and what a stranger's file is told."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from loopback import as_json, completion
from pydantic import BaseModel

from jupyter_prem import PremError, Runs, RunsError

pytestmark = pytest.mark.usefixtures("folder")

COLUMNS = [
    "text",
    "parsed",
    "finish_reason",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "latency",
    "response_model",
    "system_fingerprint",
    "id",
    "error",
    "replayed",
]


def test_the_columns_are_the_axes_and_then_the_results(ask):
    frame = ask("{{ a }}", a=[1], temperature=[0], repeats=2).to_frame()
    assert list(frame.columns) == ["a", "temperature", "model", "seed", "repeat", *COLUMNS]
    assert frame.dtypes[["total_tokens", "latency", "replayed"]].astype(str).tolist() == [
        "int64",
        "float64",
        "bool",
    ]
    assert frame.response_model.tolist() == ["loopback-1"] * 2


class Verdict(BaseModel):
    mood: str


INDEXES = {
    "none": None,
    "text": pd.Index(["x", "y"], name="key"),
    "dates": pd.DatetimeIndex(["2026-01-01", "2026-01-02T03:04:05"], name="when"),
    "levels": pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["k", None]),
    "floats": pd.Index([0.5, 1.5]),
    "a zone": pd.DatetimeIndex(["2024-01-01", "2024-07-01"], tz="Europe/Berlin", name="when"),
    "a zone whose clock goes back": pd.DatetimeIndex(
        ["2024-10-27T00:30", "2024-10-27T01:30"], tz="UTC"
    ).tz_convert("Europe/Berlin"),
    "UTC": pd.DatetimeIndex(["2024", None], tz="UTC"),
    "an offset": pd.DatetimeIndex(["2024", "2025"], tz=dt.timezone(dt.timedelta(hours=2))),
    "levels with a zone": pd.MultiIndex.from_product(
        [pd.DatetimeIndex(["2024", "2025"], tz="Asia/Tokyo"), ["x"]]
    ),
    "a tuple for a name": pd.Index(["x", "y"], name=("a", 1)),
    "a date for a name": pd.Index(["x", "y"], name=pd.Timestamp("2024")),
    "a number of numpy for a name": pd.Index(["x", "y"], name=np.int64(3)),
    "tuples for the names of levels": pd.MultiIndex.from_tuples(
        [("x", 1), ("y", 2)], names=[("k", "l"), np.int64(1)]
    ),
    "tuples": pd.Index([("a", 1), ("b",)], tupleize_cols=False),
}


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_what_is_saved_comes_back(ask, service, ending, index):
    answers = iter(["plain 😀 \ud83d", "no usage", '{"mood": "x"}', "four"] * 2)

    def script(_):
        text = next(answers)
        body = completion(text)
        if text == "four":
            return as_json({"error": {"message": "no"}}, 400)
        if text == "no usage":
            del body["usage"]
        return as_json(body)

    service.script = script
    data = pd.DataFrame({"q": ["a", "b"]}, index=index)
    runs = ask("{{ q }}", data, temperature=[0, 1], stop=[["x"], "y"], max_concurrency=1)
    runs.save(f"runs.{ending}")
    loaded = Runs.load(f"runs.{ending}")
    pd.testing.assert_frame_equal(loaded.to_frame(), runs.to_frame())
    assert (loaded.axes, repr(loaded)) == (runs.axes, repr(runs))
    loaded.save(f"again.{ending}")
    pd.testing.assert_frame_equal(Runs.load(f"again.{ending}").to_frame(), runs.to_frame())
    if ending == "parquet":
        assert set(runs.axes) <= set(pd.read_parquet("runs.parquet").columns)


def test_structured_answers_are_data_when_they_come_back(ask, service):
    service.script = lambda _: as_json(completion('{"mood": "good"}'))
    runs = ask("x", response_format=Verdict)
    assert runs.to_frame().parsed.tolist() == [Verdict(mood="good")]
    runs.save("runs.jsonl")
    assert Runs.load("runs.jsonl").to_frame().parsed.tolist() == [{"mood": "good"}]
    assert json.loads(runs.to_polars()["parsed"][0]) == {"mood": "good"}


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass(slots=True)
class Place:
    name: str


class Aged(BaseModel):
    name: str
    age: int | None = None


KINDS = {
    "a model with a default": (Aged, '{"name": "x"}'),
    "a model": (Verdict, '{ "mood": "x" }'),
    "a dataclass with slots": (Place, '{"name": "x"}'),
    "a list of them": (list[Place], '[{"name": "x"}]'),
    "a set": (set[str], '["b", "a"]'),
    "an Enum": (Colour, '"red"'),
    "a date": (dt.date, '"2024-01-01"'),
    "models or none": (list[Verdict | None], "[null]"),
    "a number": (int, "3"),
    "a JSON Schema": ({"type": "array"}, "```json\n[1, 2.50]\n```"),
}


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@pytest.mark.parametrize(("schema", "text"), KINDS.values(), ids=KINDS)
def test_structured_answers_are_the_same_live_and_loaded(ask, service, schema, text, ending):
    service.script = lambda _: as_json(completion(text))
    live = ask("x", seed=[1, 2], response_format=[schema])
    assert live.to_frame().error.isna().all()
    live.save(f"runs.{ending}")
    loaded = Runs.load(f"runs.{ending}")
    for one, other in ((live, loaded), (loaded, live), (live, live), (loaded, loaded)):
        assert one.compare(other).status.tolist() == ["same", "same"]
    service.script = lambda _: as_json(completion(text + " "))
    other = ask("x", seed=[1, 2], response_format=[schema])
    assert loaded.compare(other).status.tolist() == ["changed", "changed"]


def test_polars_has_the_same_columns(ask):
    data = pd.DataFrame({"q": ["a", "b"]}, index=pd.Index([5, 6], name="key"))
    frame = ask("{{ q }}", data, stop=[["x"]]).to_polars()
    assert isinstance(frame, pl.DataFrame)
    assert frame.columns == ["key", "q", "stop", "model", "seed", *COLUMNS]
    assert frame["key"].to_list() == [5, 6]
    assert frame["stop"].to_list() == ['["x"]'] * 2


BAD = {
    "missing.jsonl": (None, "cannot be read: No such file"),
    "missing.parquet": (None, "cannot be read: No such file"),
    "empty.jsonl": ("", "holds no results"),
    "other.jsonl": ('{"a": 1}\n', "holds no results"),
    "text.jsonl": ("hello\n", "damaged"),
    "later.jsonl": ('{"jupyter_prem": "runs", "format": 9}\n', "format 9; this version reads format 1"),
    "cut.jsonl": ('{"jupyter_prem":"runs","format":1,"axes":[],"total":1,"index":null}\n{"pla', "damaged"),
    "beyond.jsonl": (
        '{"jupyter_prem":"runs","format":1,"axes":[],"total":1,"index":null}\n{"place":7,"at":{}}\n',
        "damaged",
    ),
}


@pytest.mark.parametrize(("name", "data", "says"), [(name, *rest) for name, rest in BAD.items()], ids=BAD)
def test_a_file_that_cannot_be_used_is_named(tmp_path, name, data, says):
    path = tmp_path / name
    if data is not None:
        path.write_text(data)
    with pytest.raises(RunsError, match=says) as caught:
        Runs.load(path)
    assert str(path) in caught.value.where


def test_a_file_that_cannot_be_written_leaves_what_was_there(ask, tmp_path):
    runs = ask("x")
    with pytest.raises(RunsError, match="ends in neither"):
        runs.save(tmp_path / "runs.csv")
    with pytest.raises(RunsError, match="cannot be written"):
        runs.save(tmp_path / "none" / "runs.jsonl")
    data = pd.DataFrame({"q": ["a"]}, index=[object()])
    with pytest.raises(RunsError, match="index has a value of type object"):
        ask("{{ q }}", data).save("runs.jsonl")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "runs.jsonl").write_text("before")
    for index in (pd.Index([1], name=frozenset("a")), pd.Index([1], name=(b"a", 1))):
        with pytest.raises(RunsError, match=r"index has a name of type (frozenset|bytes)"):
            ask("{{ q }}", pd.DataFrame({"q": ["a"]}, index=index)).save("runs.jsonl")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_an_empty_table_is_one(ask):
    empty = Runs(["a"], 5)
    assert list(empty.to_frame().columns) == ["a", *COLUMNS]
    assert (len(empty), repr(empty)) == (0, "Runs(0 of 5 answered)")


@pytest.mark.parametrize(
    ("package", "method", "command"),
    [
        ("pandas", "to_frame", 'pip install "jupyter_prem[experiments]"'),
        ("polars", "to_polars", "pip install polars"),
    ],
)
def test_what_is_not_installed_is_named_with_what_installs_it(monkeypatch, package, method, command):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PremError) as caught:
        getattr(Runs([], 0), method)()
    assert str(caught.value) == f"{method} needs {package}, which is not installed.\n{command}"


def test_the_summary_counts_each_row_once_wherever_it_comes_from(ask, service, tmp_path):
    def script(request):
        bad = request.body["messages"][-1]["content"] == "2"
        return as_json({"error": {"message": "no"}}, status=400) if bad else service.echo(request)

    service.script = script
    runs = ask("{{ a }}", a=range(4))
    said = runs.summary()
    assert said.startswith("3 of 4 answered, 1 failed, ")
    tokens = int(runs.to_frame().total_tokens.sum())
    assert said.endswith(f"{tokens:,} tokens")
    runs.save(tmp_path / "runs.jsonl")
    assert Runs.load(tmp_path / "runs.jsonl").summary() == said
    good = next(row for _, row in runs.rows if "error" not in row)
    failed = next(place for place, row in runs.rows if "error" in row)
    runs.rows.add(failed, good)
    assert runs.summary() == f"4 of 4 answered, {tokens + good['answer']['usage']['total_tokens']:,} tokens"
    runs.rows.add(failed, {"at": good["at"], "error": "lost"})
    assert runs.summary() == said


def test_what_a_row_of_another_shape_used_is_not_counted():
    runs = Runs(["a"], 3)
    for place, answer in enumerate(["text", {"usage": [1]}, {"usage": {"total_tokens": "many"}}]):
        runs.rows.add(place, {"at": {"a": 1}, "answer": answer})
    assert runs.summary() == "3 of 3 answered"
