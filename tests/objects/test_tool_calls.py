"""Functions as tools: how they are called, and what a model is told of the result."""

from __future__ import annotations

import asyncio
import datetime as dt
import decimal
import json
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
from toolbox import Colour, Person

from jupyter_prem.client import Cancel
from jupyter_prem.objects import tool_of


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
    not hasattr(signal, "SIGINT") or sys.platform == "win32",
    reason="Windows sends a process no SIGINT by its id",
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
