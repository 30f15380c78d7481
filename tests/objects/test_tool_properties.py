"""Random signatures: the schema made of one takes what fits it, and so does the function; the rest neither takes."""

from __future__ import annotations

import enum
import json
import typing
from dataclasses import dataclass
from typing import Any, Literal, Optional, Union

import hypothesis.strategies as st
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis_jsonschema import from_schema
from jsonschema.validators import Draft202012Validator

from jupyter_prem.objects import ArgumentsError, tool_of


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Person(pydantic.BaseModel):
    name: str
    age: int = 0


@dataclass
class Point:
    x: float
    y: float = 0.0


class Film(typing.TypedDict, total=False):
    title: str


PLAIN = [int, float, str, bool, Colour, Person, Point, Film, Literal["a", 1], type(None)]


def extended(inner):
    return st.one_of(
        inner.map(lambda hint: list[hint]),
        inner.map(lambda hint: dict[str, hint]),
        inner.map(lambda hint: Optional[hint]),  # noqa: UP045 - made from a value
        st.tuples(inner, inner).map(lambda pair: Union[pair[0], pair[1]]),  # noqa: UP007 - made from values
    )


def with_tuples(inner):
    return extended(inner) | st.tuples(inner, inner).map(lambda pair: tuple[pair[0], pair[1]])


# hypothesis-jsonschema knows draft 7, in which a tuple is something else.
HINTS = st.recursive(st.sampled_from(PLAIN), extended, max_leaves=4)
ALL_HINTS = st.recursive(st.sampled_from(PLAIN), with_tuples, max_leaves=4)
NAMES = st.lists(
    st.sampled_from(["a", "b", "_c", "model_d", "json", "copy", "x1", "schema"]), unique=True, max_size=4
)


@st.composite
def functions(draw, hints_of=ALL_HINTS):
    """A function of random parameters, which returns what it was given."""
    names = draw(NAMES)
    hints = {name: draw(hints_of) for name in names}
    optional = [draw(st.booleans()) for _ in names]
    only_named = draw(st.booleans())
    parts = [
        f"{name}: hints[{name!r}]{' = None' if default else ''}"
        for name, default in zip(names, optional, strict=True)
    ]
    if not only_named:
        parts.sort(key=lambda part: part.endswith("None"))
    head = "*, " if only_named and parts else ""
    space: dict[str, Any] = {"hints": hints}
    exec(f"def made({head}{', '.join(parts)}):\n    return dict(locals())", space)  # noqa: S102 - our own text
    return space["made"]


def is_json(value):
    try:
        return json.loads(json.dumps(value, allow_nan=False)) == value
    except (ValueError, TypeError, RecursionError):
        return False


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e15, 1e15) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
QUICK = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@QUICK
@given(st.data())
def test_what_fits_the_schema_is_taken(data):
    tool = tool_of(data.draw(functions(HINTS)))
    schema = tool.parameters.json_schema
    Draft202012Validator.check_schema(schema)
    arguments = data.draw(from_schema(schema).filter(is_json))
    given_ = tool.bind(json.dumps(arguments))()
    assert set(given_) >= set(arguments)


@QUICK
@given(st.data())
def test_what_does_not_fit_is_refused(data):
    tool = tool_of(data.draw(functions()))
    validator = Draft202012Validator(tool.parameters.json_schema)
    names = list(tool.parameters.json_schema.get("properties", {}))
    arguments = data.draw(st.dictionaries(st.sampled_from([*names, "other"]), ANY, max_size=4) | ANY)
    if validator.is_valid(arguments):
        tool.bind(json.dumps(arguments))()
    else:
        with pytest.raises(ArgumentsError):
            tool.bind(json.dumps(arguments))


@QUICK
@given(st.data())
def test_one_changed_argument_is_told_from_the_others(data):
    tool = tool_of(data.draw(functions(HINTS).filter(lambda function: function.__code__.co_varnames)))
    schema = tool.parameters.json_schema
    validator = Draft202012Validator(schema)
    arguments = dict(data.draw(from_schema(schema).filter(is_json)))
    name = data.draw(st.sampled_from(list(schema["properties"])))
    arguments[name] = data.draw(ANY)
    try:
        tool.bind(json.dumps(arguments))()
    except ArgumentsError:
        assert not validator.is_valid(arguments)
    else:
        assert validator.is_valid(arguments)
