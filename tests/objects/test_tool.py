"""Functions as tools: what a model is told of them, how they are called, and what it is told of the result."""

from __future__ import annotations

import asyncio
import datetime as dt
import decimal
import enum
import functools
import json
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pydantic
import pytest

from jupyter_prem.client import Cancel, SchemaError
from jupyter_prem.objects import tool_of, tools_of


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Person(pydantic.BaseModel):
    name: str


def described(function, name=None):
    return tool_of(function, name).to_dict()["function"]


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


class Thing:
    """A thing that can be called."""

    def __init__(self, n: int = 1):
        self.n = n

    def __call__(self, m: int) -> int:
        """Add to it."""
        return self.n + m

    def method(self, m: int) -> int:
        """Add."""
        return self.n + m

    @classmethod
    def make(cls, n: int) -> str:
        """Make one."""
        return str(n)

    @staticmethod
    def plain(n: int) -> int:
        return n


def decorated(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


@decorated
def wrapped(n: int) -> int:
    """Wrapped."""
    return n


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


@dataclass
class Point:
    x: float
    when: dt.date = field(default=dt.date(2020, 1, 1))


class Raises:
    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__


LOOP: list[Any] = []
LOOP.append(LOOP)

RESULTS = {
    "text": ("plain\ntext", "plain\ntext"),
    "none": (None, "null"),
    "number": (1.5, "1.5"),
    "nan": (float("nan"), '"NaN"'),
    "data": ([1, {"a": (True, None)}], '[1,{"a":[true,null]}]'),
    "set": ({1}, "[1]"),
    "model": (Person(name="Ada"), '{"name":"Ada"}'),
    "dataclass": (Point(1.5), '{"x":1.5,"when":"2020-01-01"}'),
    "enum": (Colour.RED, '"red"'),
    "decimal": (decimal.Decimal("1.10"), '"1.10"'),
    "numpy": (np.float64(2), "2.0"),
    "bytes": (b"\xff", "b'\\xff'"),
    "frame": (pd.DataFrame({"a": [1]}), "DataFrame, 1 rows x 1 columns\ndtypes: a int64\n   a\n0  1"),
    "frame_inside": ({"d": np.arange(2)}, '{"d":"array, shape (2,), dtype int64\\n[0 1]"}'),
    "loop": (LOOP, "[[...]]"),
    "generator": ((n for n in range(3)), "[0,1,2]"),
    "half": ("a\ud800", "a\ufffd"),
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_of_any_type_are_text(name):
    value, text = RESULTS[name]
    assert tool_of(lambda: value, "f").call("") == text


def test_a_result_that_cannot_be_told_is_an_error_and_a_huge_one_is_cut():
    assert tool_of(Raises, "f").call("").startswith("Error: ")
    text = tool_of(lambda: "x" * 60_000, "f").call("")
    assert len(text) == 50_000
    assert text.endswith("[cut: 60,000 characters in all]")


def test_exceptions_are_told_with_their_place():
    def broken():
        raise ValueError("no\nway")

    class Worse(Exception):
        def __str__(self):
            raise RuntimeError

    def worse():
        raise Worse

    def leaves():
        raise SystemExit(3)

    assert "ValueError: no\nway (in broken, line" in tool_of(broken).call("{}")
    assert "Worse" in tool_of(worse).call("{}")
    assert tool_of(leaves).call("{}").startswith("Error: SystemExit: 3")

    def stops():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tool_of(stops).call("")


async def later(n: int) -> int:
    await asyncio.sleep(0.001)
    return n + 1


def test_async_functions_are_awaited_also_where_a_loop_runs():
    assert tool_of(later).call('{"n": 1}') == "2"
    assert tool_of(later).call('{"n": 1}', Cancel()) == "2"

    async def inside():
        return tool_of(later).call('{"n": 2}')

    assert asyncio.run(inside()) == "3"


def test_a_call_is_given_up_from_another_thread():
    begun, cancelled = threading.Event(), threading.Event()

    async def sleeps():
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    freed = threading.Event()

    def blocks():
        begun.set()
        freed.wait(60)

    for function in (sleeps, blocks):
        begun.clear()
        cancel = Cancel()
        threading.Thread(target=lambda cancel=cancel: begun.wait(10) and cancel.cancel()).start()
        with pytest.raises(KeyboardInterrupt):
            tool_of(function).call("", cancel)
        assert cancelled.wait(10)
    freed.set()


INTERRUPTED = """
import asyncio, os, signal, threading, time
from jupyter_prem.objects import tool_of
async def sleeps():
    threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try: await asyncio.sleep(60)
    finally: os.write(1, b"cancelled\\n")
before = time.monotonic()
try: tool_of(sleeps).call("")
except KeyboardInterrupt: os.write(1, f"interrupted {time.monotonic() - before < 5}\\n".encode())
for thread in threading.enumerate():
    if thread.name.startswith("jupyter_prem"): thread.join(10)
"""


@pytest.mark.skipif(
    not hasattr(signal, "SIGINT") or sys.platform == "win32", reason="signals as POSIX has them"
)
def test_an_interrupt_ends_an_awaited_call():
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False, timeout=30
    )
    assert sorted(done.stdout.split("\n")[:2]) == ["cancelled", "interrupted True"], done.stderr


def test_an_interrupt_ends_an_awaited_call_whose_thread_begins(monkeypatch):
    start, struck, cancelled = threading.Thread.start, [], []

    async def sleeps():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    def strike(thread):
        struck.append(thread)
        start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", strike)
    with pytest.raises(KeyboardInterrupt):
        tool_of(sleeps).call("")
    struck[0].join(10)
    assert (struck[0].is_alive(), cancelled) == (False, [True])


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


def test_generators_and_what_is_awaited_twice():
    async def items(n: int):
        for i in range(n):
            yield i

    async def twice():
        return later(1)

    assert tool_of(items).call('{"n": 3}') == "[0,1,2]"
    assert tool_of(twice).call("") == "2"
    assert tool_of(lambda: (i for i in range(3_000)), "f").call("").endswith("[cut: the first 1,000 items]")


def test_mixed_data_is_json_and_nothing_has_an_address():
    class Thing:
        pass

    mixed = {
        "t": pd.NaT,
        "n": np.int64(3),
        "f": pd.DataFrame({"a": [1]}),
        "o": Thing(),
        "when": pd.Timestamp("2020-01-01"),
    }
    data = json.loads(tool_of(lambda: mixed, "f").call(""))
    assert (data["n"], data["t"]) == (3, "NaT")
    assert data["f"].startswith("DataFrame, 1 rows")
    assert " at 0x" not in tool_of(Thing, "f").call("")
    assert " at 0x" not in data["o"]
