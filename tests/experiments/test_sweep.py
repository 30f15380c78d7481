"""Asking a grid of a real service: what comes back, whatever fails or waits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from typing import Literal

import pandas as pd
import pytest
from loopback import Reply, as_json, calls, completion
from pydantic import BaseModel
from spoken import prompt_of

from jupyter_prem import (
    AsyncClient,
    sweep,
)

pytestmark = pytest.mark.usefixtures("folder")


def test_rows_are_in_the_order_of_the_grid_whatever_finishes_first(ask, service):
    gate = threading.Event()

    def script(request):
        if prompt_of(request) == "a 0":
            gate.wait(10)
        return service.echo(request)

    service.script = script
    releaser = threading.Timer(0.3, gate.set)
    releaser.start()
    runs = ask("{{ a }} {{ n }}", a=["a", "b"], n=range(3), seed=[1, 2])
    releaser.join()
    frame = runs.to_frame()
    assert list(frame.columns[:4]) == ["a", "n", "seed", "model"]
    assert frame.text.tolist() == [f"You said: {a} {n}" for a in "ab" for n in range(3) for _ in (1, 2)]
    assert frame.seed.tolist() == [1, 2] * 6
    assert (frame.model.unique().tolist(), frame.total_tokens.sum()) == (["loopback-1"], 96)
    assert frame.index.tolist() == list(range(12))
    assert len(service.questions) == len(runs) == 12
    assert frame.error.isna().all()
    assert (frame.latency > 0).all()
    assert [row["text"] for row in runs] == frame.text.tolist()


def test_one_at_a_time_and_eight_give_the_same_table(ask):
    tables = [ask("{{ a }}", a=range(20), max_concurrency=width).to_frame() for width in (1, 8)]
    pd.testing.assert_frame_equal(*[table.drop(columns="latency") for table in tables])


def test_data_keeps_its_index(ask):
    index = pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["k", "n"])
    data = pd.DataFrame({"q": ["one", "two"]}, index=index)
    frame = ask("{{ q }}", data, seed=[1, 2]).to_frame()
    assert frame.index.names == ["k", "n"]
    assert frame.index.tolist() == [("x", 1), ("x", 1), ("y", 2), ("y", 2)]
    assert frame.q.tolist() == ["one", "one", "two", "two"]


class Verdict(BaseModel):
    mood: Literal["good", "bad"]


def test_structured_answers_are_checked(ask, service):
    answers = iter(['{"mood": "good"}', '{"mood": "odd"}', "no"])
    service.script = lambda _: as_json(completion(next(answers)))
    runs = ask("{{ a }}", a=range(3), response_format=Verdict, max_concurrency=1)
    frame = runs.to_frame()
    assert frame.parsed.tolist() == [Verdict(mood="good"), None, None]
    assert frame.text.tolist() == ['{"mood": "good"}', '{"mood": "odd"}', "no"]
    assert frame.error.str.startswith("StructuredOutputError").fillna(value=False).tolist() == [
        False,
        True,
        True,
    ]


def test_functions_are_called_as_in_a_conversation(ask, service):
    def add(a: int, b: int) -> int:
        """Add."""
        made.append((a, b))
        return a + b

    made = []

    def script(request):
        last = request.body["messages"][-1]
        if last["role"] == "tool":
            return as_json(completion(f"It is {last['content']}."))
        first = int(last["content"])
        return (
            Reply(calls(("add", json.dumps({"a": first, "b": 1}))))
            if request.body.get("stream")
            else as_json(
                {
                    **completion(""),
                    "choices": [
                        {
                            "index": 0,
                            "finish_reason": "tool_calls",
                            "message": {
                                "role": "assistant",
                                "content": None,
                                "tool_calls": [
                                    {
                                        "id": f"c{first}",
                                        "type": "function",
                                        "function": {
                                            "name": "add",
                                            "arguments": json.dumps({"a": first, "b": 1}),
                                        },
                                    }
                                ],
                            },
                        }
                    ],
                }
            )
        )

    service.script = script
    frames = [ask("{{ n }}", n=range(5), tools=[add], record="calls.chat.jsonl").to_frame() for _ in range(2)]
    assert frames[0].text.tolist() == [f"It is {n + 1}." for n in range(5)]
    assert sorted(made) == sorted([(n, 1) for n in range(5)] * 2)
    assert len(service.questions) == 10
    assert frames[1].text.tolist() == frames[0].text.tolist()
    assert frames[1].replayed.all()


def test_it_works_where_a_loop_runs_already(service):
    import asyncio

    async def main():
        return sweep("{{ a }}", a=range(3), client=AsyncClient(service.url), progress=False)

    assert len(asyncio.run(main())) == 3


def test_no_thread_and_no_socket_is_left(ask, service):
    import psutil

    ask("{{ a }}", a=range(20))
    before = threading.active_count(), len(psutil.Process().net_connections())
    ask("{{ a }}", a=range(20))
    time.sleep(0.2)
    assert threading.active_count() <= before[0]
    assert len(psutil.Process().net_connections()) <= before[1] + len(service._connections)


def test_a_client_that_is_given_stays_open_and_asks_on(service):
    client = AsyncClient(service.url)
    for _ in range(2):
        assert len(sweep("{{ a }}", a=range(3), client=client, progress=False)) == 3


def test_many_rows_are_on_the_disk_and_not_in_memory(ask, service):
    import tracemalloc

    service.script = lambda request: as_json(completion(prompt_of(request) * 20))
    tracemalloc.start()
    try:
        runs = ask("{{ a }} " + "word " * 100, a=range(3_000), max_requests=3_000)
        now, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(runs) == 3_000
    size = sum(len(row["text"]) for row in runs)
    assert size > 25e6
    assert now < size / 2


@pytest.mark.weights
def test_the_embedded_model_gives_the_same_table_whatever_the_width(weights, monkeypatch):
    monkeypatch.setenv("PREM_ENDPOINT", "embedded")
    tables = [
        sweep(
            "Name a {{ thing }}.",
            thing=["colour", "city"],
            seed=range(2),
            max_completion_tokens=6,
            max_concurrency=width,
            progress=False,
        ).to_frame()
        for width in (1, 4)
    ]
    assert tables[0].text.tolist() == tables[1].text.tolist()
    assert tables[0].error.isna().all()
    assert len(set(tables[0].text)) > 1


def test_the_bar_is_quiet_in_ci_and_leaves_one_line_elsewhere(service):
    code = (
        "from jupyter_prem import AsyncClient, sweep\n"
        f"sweep('{{{{ a }}}}', a=range(3), client=AsyncClient({service.url!r}))"
    )
    env = {name: value for name, value in os.environ.items() if name not in {"CI", "PYTEST_CURRENT_TEST"}}
    shown = {
        name: subprocess.run(
            [sys.executable, "-c", code], env={**env, **more}, capture_output=True, text=True, check=True
        )
        for name, more in (("terminal", {}), ("ci", {"CI": "true"}))
    }
    assert (shown["ci"].stdout, shown["ci"].stderr) == ("", "")
    assert shown["terminal"].stderr.splitlines()[-1].endswith("3 of 3 answered, 24 tokens")
