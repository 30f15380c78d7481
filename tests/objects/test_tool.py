"""Functions as tools: what a model is told of them."""

from __future__ import annotations

import datetime as dt
import functools
import json
from typing import Annotated, Literal

import pydantic
import pytest
from toolbox import Colour, Person, Thing, described, wrapped

from jupyter_prem.client import SchemaError
from jupyter_prem.objects import tool_of, tools_of

GOOGLE = """Do it.

More of it.

Args:
    x: the first
    y (int, optional): the
        second
"""
NUMPY = """Do it.

More of it.

Parameters
----------
x : int
    the first
y : int, optional
    the
    second
"""
REST = """Do it.

More of it.

:param x: the first
:param y: the
    second
:type y: int
"""


@pytest.mark.parametrize("doc", [GOOGLE, NUMPY, REST], ids=["google", "numpy", "rest"])
def test_docstrings_describe_parameters(doc):
    def do(x: int, y=2):
        pass

    do.__doc__ = doc
    about = described(do)
    assert about["description"] == "Do it.\n\nMore of it."
    x, y = (about["parameters"]["properties"][name] for name in "xy")
    assert (x["description"], y["description"]) == ("the first", "the second")
    assert (x["type"], y["type"], y["default"]) == ("integer", "integer", 2)
    assert about["parameters"]["required"] == ["x"]
    assert about["parameters"]["additionalProperties"] is False


def test_numpy_names_that_share_a_line():
    def do(a, b):
        """Do.

        Parameters
        ----------
        a, b : float
            numbers
        """

    properties = described(do)["parameters"]["properties"]
    assert [(p["type"], p["description"]) for p in properties.values()] == [("number", "numbers")] * 2


@pytest.mark.parametrize(
    "doc", [None, "", "   ", "One line", "Args:\n  ???:", ":param", "Parameters\n---", "x" * 10_000]
)
def test_any_docstring_will_do(doc):
    def do(x: int):
        return x

    do.__doc__ = doc
    assert tool_of(do).call('{"x": 1}') == "1"


def test_types_of_every_kind():
    def do(
        a: int,
        b: float | None,
        /,
        c: Colour,
        *args: int,
        d: Annotated[list[dict[str, int]], "some numbers"],
        e: Literal["x", "y"] = "x",
        f: Person | None = None,
        g: dt.date = dt.date(2020, 1, 1),
        h: set[str] = frozenset(),
        i: tuple[int, str] = (1, "a"),
        j: Annotated[int, pydantic.Field(ge=0, description="at least 0")] = 0,
        k=None,
        **kwargs: int,
    ):
        return [a, b, c, d, e, f, g, h, i, j, k, args, kwargs]

    parameters = described(do)["parameters"]
    assert list(parameters["properties"]) == list("abcdefghijk")
    assert parameters["required"] == list("abcd")
    assert parameters["properties"]["d"]["description"] == "some numbers"
    assert parameters["properties"]["j"] == {
        "default": 0,
        "description": "at least 0",
        "minimum": 0,
        "title": "J",
        "type": "integer",
    }
    assert "default" not in parameters["properties"]["g"]
    given = {
        "a": 1,
        "b": None,
        "c": "red",
        "d": [{"k": 1}],
        "f": {"name": "Ada"},
        "g": "2021-02-03",
        "h": ["s"],
    }
    value = tool_of(do).bind(json.dumps(given))()
    assert value == [
        1,
        None,
        Colour.RED,
        [{"k": 1}],
        "x",
        Person(name="Ada"),
        dt.date(2021, 2, 3),
        {"s"},
        (1, "a"),
        0,
        None,
        (),
        {},
    ]
    assert tool_of(do).call(json.dumps({**given, "j": -1})).startswith("Error: What was given does not fit")


CALLABLES = {
    "object": (Thing(2), '{"m": 3}', "5", "Add to it."),
    "method": (Thing(2).method, '{"m": 3}', "5", "Add."),
    "classmethod": (Thing.make, '{"n": 3}', "3", "Make one."),
    "staticmethod": (Thing.plain, '{"n": 3}', "3", None),
    "partial": (functools.partial(Thing(2).method), '{"m": 3}', "5", "Add."),
    "partial_with": (functools.partial(wrapped, n=4), "{}", "4", "Wrapped."),
    "wrapped": (wrapped, '{"n": 3}', "3", "Wrapped."),
    "lambda": (lambda q: q, '{"q": [1]}', "[1]", None),
    "model": (Person, '{"name": "Ada"}', '{"name":"Ada"}', None),
}


@pytest.mark.parametrize("name", CALLABLES)
def test_whatever_can_be_called_is_a_tool(name):
    function, arguments, result, description = CALLABLES[name]
    tool = tool_of(function, "it")
    assert tool.call(arguments) == result
    if description:
        assert tool.description == description


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3, "is no function"),
        ("f", "is no function"),
        (lambda: 1, "can be no tool's name"),
        (dict, "Nothing tells which parameters"),
        (max, "Nothing tells which parameters"),
    ],
)
def test_what_is_no_tool_is_a_clear_error(value, words):
    with pytest.raises(SchemaError, match=words):
        tools_of([value])


def test_annotations_that_cannot_be_read_or_described():
    def unknown(x: Nowhere):  # noqa: F821 - that is the case
        pass

    class Odd:
        pass

    def odd(x: Odd):
        pass

    with pytest.raises(SchemaError, match="annotation of unknown cannot be read"):
        tool_of(unknown)
    with pytest.raises(SchemaError, match="odd cannot be"):
        tool_of(odd)
    with pytest.raises(SchemaError, match="Two tools are called 'wrapped'"):
        tools_of([wrapped, wrapped])


def test_a_positional_parameter_keeps_its_place():
    def do(a: int = 1, b: int = 2, /, c: int = 3):
        return [a, b, c]

    assert tool_of(do).call('{"b": 9}') == "[1,9,3]"


def test_a_default_of_none_may_be_given_and_a_field_is_a_default():
    def do(a: str = None, b: int = pydantic.Field(5, ge=1, description="five")):  # noqa: RUF013 - people write it
        return [a, b]

    properties = described(do)["parameters"]["properties"]
    assert {"type": "null"} in properties["a"]["anyOf"]
    assert (properties["b"]["minimum"], properties["b"]["description"], properties["b"]["default"]) == (
        1,
        "five",
        5,
    )
    assert tool_of(do).call('{"a": null}') == "[null,5]"
    assert tool_of(do).call('{"b": 0}').startswith("Error: ")


def test_partials_are_called_as_what_they_are_of():
    assert tool_of(functools.partial(wrapped, n=1)).name == "wrapped"
