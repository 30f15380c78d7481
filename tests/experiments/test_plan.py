"""The plan of an experiment: which requests, in which order, and what keeps it from being carried out."""

from __future__ import annotations

import math
import typing

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from pydantic import BaseModel

from jupyter_prem import AsyncClient, Conversation, PlanError, PremError, RequestError, sweep
from jupyter_prem.client import FIELDS
from jupyter_prem.experiments._axes import axes_of
from jupyter_prem.experiments._data import table_of
from jupyter_prem.experiments._plan import Plan
from jupyter_prem.experiments._prompt import prompts_of


def plan_of(prompt, data=None, *, repeats=1, variables=None, defaults=None, **axes):
    prompts = prompts_of(prompt)
    known = {name for one in prompts for name in one.names}
    return Plan(
        prompts,
        axes_of(axes, known),
        data=table_of(data),
        variables=variables,
        defaults=defaults,
        repeats=repeats,
    )


def texts(plan):
    return [point.request.messages[-1].content for point in plan.points()]


def test_the_last_axis_is_the_fastest():
    plan = plan_of("{{ a }}{{ b }}", a=["x", "y"], seed=range(2), b=[1, 2])
    assert texts(plan) == ["x1", "x2", "x1", "x2", "y1", "y2", "y1", "y2"]
    assert [point.request.seed for point in plan.points()] == [0, 0, 1, 1, 0, 0, 1, 1]
    assert [point.labels for point in plan.points()][3] == {"a": "x", "seed": 1, "b": 2, "model": "-"}
    assert plan.columns == ["a", "seed", "b", "model"]
    assert len(plan) == 8


def test_zipped_axes_go_together():
    plan = plan_of("{{ a }}", **{"a, temperature": [("x", 0), ("y", 1)], "model": ["m", "n"]})
    asked = [
        (one.request.messages[0].content, one.request.temperature, one.request.model) for one in plan.points()
    ]
    assert asked == [("x", 0, "m"), ("x", 0, "n"), ("y", 1, "m"), ("y", 1, "n")]
    assert texts(plan_of("{{ a }}", **{"a,seed": [{"a": "x", "seed": 1}]})) == ["x"]


def test_one_value_holds_throughout_and_is_no_column():
    plan = plan_of("{{ a }}", a="text", temperature=0.5, stop=["x", "y"], seed=3)
    (point,) = plan.points()
    assert (point.request.temperature, point.request.stop) == (0.5, ["x", "y"])
    assert point.labels == {"model": "-", "seed": 3}
    stops = plan_of("a", stop=[["x"], ["y", "z"]], seed=1)
    assert [point.labels["stop"] for point in stops.points()] == [["x"], ["y", "z"]]


def test_a_seed_is_drawn_from_what_is_asked_and_how_often():
    plan = plan_of("{{ a }}", a=["x", "y", "x"], temperature=[0, 1], repeats=3)
    points = list(plan.points())
    seeds = {}
    for point in points:
        place = (point.labels["a"], point.labels["temperature"])
        seeds.setdefault(place, []).append(point.labels["seed"])
    assert all(0 <= seed < 2**31 for drawn in seeds.values() for seed in drawn)
    assert all(len(set(drawn)) == len(drawn) for drawn in seeds.values())
    assert seeds["x", 0] == seeds["x", 1]  # temperatures are compared on the same draws
    assert seeds["x", 0][0] != seeds["y", 0][0]
    assert [one.labels["seed"] for one in plan.points()] == [one.labels["seed"] for one in points]
    assert {point.number for point in points} == {1}
    assert all(point.request.seed == point.labels["seed"] for point in points)


def test_identical_requests_are_numbered_in_the_order_of_the_grid():
    points = list(plan_of("{{ a }}", a=["x", "y", "x"], seed=7, repeats=2).points())
    assert [(one.labels["a"], one.labels["repeat"], one.number) for one in points] == [
        ("x", 0, 1),
        ("x", 1, 2),
        ("y", 0, 1),
        ("y", 1, 2),
        ("x", 0, 3),
        ("x", 1, 4),
    ]


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.integers(1, 3),
)
@settings(max_examples=40, deadline=None)
def test_every_combination_is_asked_once(sizes, repeats):
    names = ["a", "b", "c"][: len(sizes)]
    axes = {name: list(range(size)) for name, size in zip(names, sizes, strict=True)}
    plan = plan_of("".join(f"{{{{ {name} }}}}" for name in names), repeats=repeats, **axes)
    points = list(plan.points())
    assert len(points) == len(plan) == math.prod(sizes) * repeats
    places = [(*(point.labels[name] for name in names), point.labels.get("repeat")) for point in points]
    assert places == sorted(set(places))
    assert [point.index for point in points] == list(range(len(plan)))


DATA = {
    "pandas": pd.DataFrame({"q": ["a", "b"], "unused": [1, 2]}, index=["r1", "r2"]),
    "polars": pl.DataFrame({"q": ["a", "b"], "unused": [1, 2]}),
    "dicts": [{"q": "a", "unused": 1}, {"q": "b"}],
}


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
def test_rows_of_data_fill_the_prompt(data):
    plan = plan_of("{{ q }}{{ n }}", data, n=[1, 2])
    assert texts(plan) == ["a1", "a2", "b1", "b2"]
    assert plan.columns == ["q", "n", "model", "seed"]
    assert [plan.row_of(index) for index in range(4)] == [0, 0, 1, 1]


def test_values_of_numpy_are_pythons():
    (point,) = plan_of("{{ a }}", a=np.array([1.5]), seed=np.arange(1)).points()
    assert (point.labels["a"], point.request.seed, type(point.labels["a"])) == (1.5, 0, float)


def test_conversations_and_several_prompts_are_prompts():
    talk = [{"role": "system", "content": "Be {{ how }}."}, {"role": "user", "content": "hi"}]
    (point,) = plan_of(talk, how="brief", seed=1).points()
    assert [message.content for message in point.request.messages] == ["Be brief.", "hi"]
    several = plan_of(["one", "two {{ x }}", talk[1:]], x=[1], seed=1)
    assert [point.labels["prompt"] for point in several.points()] == ["one", "two {{ x }}", "hi"]
    same = plan_of(["a" * 80, "a" * 80], seed=1)
    assert len({point.labels["prompt"] for point in same.points()}) == 2
    conversation = Conversation()
    conversation.append("user", "hello")
    assert texts(plan_of(conversation, seed=1)) == ["hello"]
    conversation.append("assistant", "hi")
    with pytest.raises(PlanError, match="ends with an answer"):
        plan_of(conversation)


class City(BaseModel):
    name: str


def test_types_and_functions_are_named_by_their_names():
    def look(city: str) -> str:
        """Look."""
        return city

    points = list(plan_of("a", response_format=[City, None], seed=1).points())
    assert [point.labels["response_format"] for point in points] == ["City", None]
    assert [point.schema and point.schema.name for point in points] == ["City", None]
    (point,) = plan_of("a", tools=[look], seed=1).points()
    assert point.functions == {"tools": [look]}
    assert point.request.tools[0]["function"]["name"] == "look"


@pytest.mark.parametrize("kind", [list[City], dict[str, int], typing.List[City], tuple[int, str]], ids=repr)  # noqa: UP006 - either is written
def test_a_type_of_parts_is_one_value(kind):
    (point,) = plan_of("a", response_format=kind, seed=1).points()
    assert point.schema is not None


def test_settings_hold_where_the_axes_say_nothing():
    (point,) = plan_of("a", seed=1, temperature=0.1, defaults={"temperature": 1, "model": "m"}).points()
    assert (point.request.temperature, point.request.model) == (0.1, "m")


BAD = {
    # what is asked, the error, what it says
    "no field and not in the prompt": (
        ("hi", {"tempratur": [1]}),
        PlanError,
        "neither a field of the request nor in the prompt",
    ),
    "an empty axis": (("{{ a }}", {"a": []}), PlanError, "The axis a is empty"),
    "a value out of range": (
        ("hi", {"temperature": [0, 3]}),
        RequestError,
        "value 1 of the axis temperature",
    ),
    "a model that is none": (("hi", {"model": ["m", ""]}), RequestError, "must be the name of a model"),
    "no value for a name": (("{{ a }} {{ b }}", {"a": [1]}), PlanError, "uses b, which has no value"),
    "a function of Python's": (
        ("Item {{ id }}: {{ a }}", {"a": [1]}),
        PlanError,
        "uses id, which has no value",
    ),
    "what no file can hold": (
        ("{{ a }}", {"a": [object()]}),
        PlanError,
        "of type object, which no file of results can hold",
    ),
    "no number": (("{{ a }}", {"a": [float("nan")]}), PlanError, "has the value nan"),
    "twice": (("{{ a }}", {"a": [1], "a,seed": [(1, 2)]}), PlanError, "a is given twice"),
    "tuples of another length": (("{{ a }}", {"a,seed": [(1,)]}), PlanError, "tuples of 2 values; one has 1"),
    "no tuples": (("{{ a }}", {"a,seed": [5]}), PlanError, "takes a list of tuples"),
    "a column of the results": (("{{ text }}", {"text": ["x"]}), PlanError, "a column text of their own"),
    "an empty prompt": (("  ", {}), PlanError, "A prompt is empty"),
    "no prompt": (([], {}), PlanError, "There is no prompt"),
    "no expression": (("{{ a b }}", {}), PremError, "holds no expression"),
    "a failing expression": (("{{ a.b.c }}", {"a": [1]}), PremError, "has no value|failed"),
    "a stream": (("hi", {"stream": [True]}), PlanError, "neither a field"),
}


@pytest.mark.parametrize(("asked", "kind", "says"), BAD.values(), ids=BAD)
def test_what_cannot_be_asked_is_said_before_the_first_request(service, asked, kind, says):
    prompt, axes = asked
    with pytest.raises(kind, match=says):
        sweep(prompt, client=AsyncClient(service.url), progress=False, **axes)
    assert service.requests == []


BAD_DATA = {
    "two columns of one name": (pd.DataFrame([[1, 2]], columns=["q", "q"]), "two columns 'q'"),
    "a column that is an axis": (pd.DataFrame({"q": [1], "n": [2]}), "n is a column of the data and an axis"),
    "no rows": (pd.DataFrame({"q": []}), "has no rows"),
    "no table": ("text", "takes a DataFrame or a list of dicts"),
    "a column of the results": (pd.DataFrame({"q": [1], "model": [2]}), None),
}


@pytest.mark.parametrize(("data", "says"), BAD_DATA.values(), ids=BAD_DATA)
def test_data_that_cannot_be_asked(service, data, says):
    prompt = "{{ q }} {{ n }}" if says else "{{ q }} {{ n }} {{ model }}"
    with pytest.raises(PlanError, match=says or "of their own"):
        sweep(prompt, data, n=[1], client=AsyncClient(service.url))
    assert service.requests == []


def test_an_index_is_no_column_and_functions_may_be_called(service):
    data = pd.DataFrame({"q": ["a"]}, index=pd.Index([1], name="id"))
    with pytest.raises(PlanError, match="uses id, which has no value") as caught:
        sweep("{{ id }} {{ q }}", data, client=AsyncClient(service.url))
    assert caught.value.hint == "It names the data's index; data.reset_index() makes a column of it."
    assert texts(plan_of("{{ len(q) }}{{ type }}", data, type=["x"])) == ["1x"]
    assert texts(plan_of("{{ input }}", variables={"input": "y"})) == ["y"]
    assert service.requests == []


def test_a_grid_that_is_too_large_and_numbers_that_are_none(service):
    client = AsyncClient(service.url)
    with pytest.raises(PlanError, match="has 1,001 requests; 1,000 are allowed") as caught:
        sweep("{{ a }}", a=range(1_001), client=client)
    assert caught.value.hint == "Allow them: max_requests=1001, in %%sweep --max-requests 1001"
    for wrong in ({"repeats": 0}, {"max_concurrency": 1.5}, {"max_requests": True}):
        with pytest.raises(PlanError, match="takes a number from 1"):
            sweep("a", client=client, **wrong)
    assert service.requests == []


def test_every_field_can_be_an_axis():
    values = {
        "frequency_penalty": [0, 1],
        "max_completion_tokens": [5, None],
        "presence_penalty": [0],
        "response_format": [{"type": "text"}],
        "seed": [1],
        "stop": [["a"], "b"],
        "temperature": [None, 1],
        "tool_choice": ["none"],
        "tools": [[None]],
        "top_p": [0.5],
        "model": ["a", "b"],
    }
    assert set(values) - {"model"} == set(FIELDS) - {"stream", "stream_options"}
    for name, steps in values.items():
        assert len(list(plan_of("x", **{name: steps}).points())) == len(steps)


def test_what_can_be_walked_once_is_walked_once():
    plan = plan_of(iter(["a {{ x }}", "b {{ x }}"]), x=map(str, range(2)), stop=(["s"] for _ in range(2)))
    assert texts(plan) == ["a 0", "a 0", "a 1", "a 1", "b 0", "b 0", "b 1", "b 1"]
    (point,) = plan_of("a", stop=iter(["s", "t"])).points()
    assert point.request.stop == ["s", "t"]
