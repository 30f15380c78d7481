"""Asking a grid of a real service: what comes back, whatever fails, waits or stops in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Literal

import pandas as pd
import pytest
from loopback import Reply, as_json, calls, completion
from pydantic import BaseModel

from jupyter_prem import (
    AsyncClient,
    AuthenticationError,
    CassetteError,
    Client,
    MissingRecordingError,
    SweepInterrupted,
    record,
    sweep,
)
from jupyter_prem.experiments import _run
from jupyter_prem.records import Cassette


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("JUPYTER_PREM_RECORD", "JUPYTER_PREM_CASSETTE", "PREM_MODEL", "PREMAI_API_KEY", "CI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def ask(service):
    """`sweep` at the loopback service, without a bar."""

    def asked(*args, **settings):
        return sweep(*args, **{"client": AsyncClient(service.url, timeout=20), "progress": False} | settings)

    return asked


def said(request):
    return request.body["messages"][-1]["content"]


def test_rows_are_in_the_order_of_the_grid_whatever_finishes_first(ask, service):
    gate = threading.Event()

    def script(request):
        if said(request) == "a 0":
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


def test_no_more_are_on_their_way_than_allowed(ask, service):
    lock, now, most = threading.Lock(), [0], [0]

    def script(request):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1
        return service.echo(request)

    service.script = script
    ask("{{ a }}", a=range(30), max_concurrency=5)
    assert 2 <= most[0] <= 5


def test_a_request_that_fails_is_a_row_with_its_error(ask, service):
    def script(request):
        if said(request) == "1":
            return as_json({"error": {"message": "Not that one."}}, 400)
        if said(request) == "2":
            return Reply([b'{"cut'], 200, {"content-type": "application/json"}, end="cut")
        return service.echo(request)

    service.script = script
    frame = ask("{{ a }}", a=range(4)).to_frame()
    assert frame.text.tolist() == ["You said: 0", None, None, "You said: 3"]
    assert frame.error[1] == "BadRequestError: The service answered 400. Not that one."
    assert "StreamInterrupted" in frame.error[2]
    assert frame.total_tokens.isna().tolist() == [False, True, True, False]


def test_data_keeps_its_index(ask):
    index = pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["k", "n"])
    data = pd.DataFrame({"q": ["one", "two"]}, index=index)
    frame = ask("{{ q }}", data, seed=[1, 2]).to_frame()
    assert frame.index.names == ["k", "n"]
    assert frame.index.tolist() == [("x", 1), ("x", 1), ("y", 2), ("y", 2)]
    assert frame.q.tolist() == ["one", "one", "two", "two"]


def test_a_limit_slows_the_sweep_and_fails_nothing(ask, service):
    asked: dict[str, int] = {}
    lock = threading.Lock()

    def script(request):
        with lock:
            asked[said(request)] = asked.get(said(request), 0) + 1
            first = asked[said(request)] == 1 and said(request) in {"0", "3", "7"}
        if first:
            return as_json({"error": {"message": "slow down"}}, 429, **{"retry-after-ms": "50"})
        return service.echo(request)

    service.script = script
    runs = ask("{{ a }}", a=range(12), max_concurrency=4)
    assert runs.to_frame().error.isna().all()
    assert sum(asked.values()) == 15


def test_what_a_service_cannot_do_now_is_asked_again(ask, service):
    asked: dict[str, int] = {}

    def script(request):
        asked[said(request)] = times = asked.get(said(request), 0) + 1
        if said(request) == "1" and times < 3:
            return as_json({"error": {"message": "overloaded"}}, 503, **{"retry-after-ms": "1"})
        if said(request) == "2":
            return as_json({"error": {"message": "broken"}}, 500, **{"retry-after-ms": "1"})
        return service.echo(request)

    service.script = script
    frame = ask("{{ a }}", a=range(4), max_concurrency=1).to_frame()
    assert frame.text.tolist()[:2] == ["You said: 0", "You said: 1"]
    assert frame.error.isna().tolist() == [True, True, False, True]
    assert asked == {"0": 1, "1": 3, "2": 3, "3": 1}


SPENT = {
    "a quota that is used up": ({"error": {"message": "x", "code": "insufficient_quota"}}, {}),
    "an hour": ({"error": {"message": "later"}}, {"retry-after": "3600"}),
}


@pytest.mark.parametrize(("body", "headers"), SPENT.values(), ids=SPENT)
def test_a_limit_that_will_not_pass_fails_its_row(ask, service, body, headers):
    service.script = lambda _: as_json(body, 429, **headers)
    frame = ask("{{ a }}", a=range(2)).to_frame()
    assert frame.error.str.startswith("RateLimitError").all()
    assert len(service.questions) == 2


def test_a_refused_key_ends_it_and_the_rows_that_are_done_are_kept(ask, service):
    def script(request):
        if said(request) == "3":
            return as_json({"error": {"message": "who are you?"}}, 401)
        return service.echo(request)

    service.script = script
    with pytest.raises(AuthenticationError) as caught:
        ask("{{ a }}", a=range(100), max_concurrency=1)
    assert caught.value.runs.to_frame().text.tolist() == [f"You said: {n}" for n in range(3)]
    assert len(service.questions) == 4


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


def test_only_what_is_missing_is_asked_again(ask, service):
    grid = {"a": range(10), "repeats": 2, "record": "study.chat.jsonl"}
    whole = ask("{{ a }}", **grid).to_frame()
    path = Path("study.chat.jsonl")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:8]))
    before = len(service.questions)
    again = ask("{{ a }}", **grid).to_frame()
    assert len(service.questions) - before == 13
    pd.testing.assert_frame_equal(
        whole.drop(columns=["latency", "replayed"]), again.drop(columns=["latency", "replayed"])
    )
    assert again.replayed.sum() == 7


def test_the_recordings_that_hold_hold_for_it_too(ask, service):
    with record("a.chat.jsonl"):
        one = ask("{{ a }}", a=range(3), seed=1)
    service.stop()
    with record("a.chat.jsonl", "none"):
        two = ask("{{ a }}", a=range(3), seed=1)
        assert two.to_frame().text.tolist() == one.to_frame().text.tolist()
        assert sweep("{{ a }}", a=range(3), seed=1, progress=False).to_frame().model.unique() == [
            "loopback-1"
        ]
        with pytest.raises(MissingRecordingError, match="no recording") as caught:
            ask("{{ a }}", a=range(4), seed=1, max_concurrency=1)
        assert len(caught.value.runs) == 3
        with pytest.raises(MissingRecordingError):  # a file of its own is no reason to ask in a replay
            ask("{{ a }}", a=range(3), seed=1, record="b.chat.jsonl")


def test_drawn_seeds_are_recorded_with_what_was_sent(ask, service):
    frame = ask("{{ a }}", a=range(3), record="a.chat.jsonl").to_frame()
    assert [one.body["seed"] for one in Cassette("a.chat.jsonl")] != []
    assert {one.body["seed"] for one in Cassette("a.chat.jsonl")} == set(frame.seed)
    assert {request.body["seed"] for request in service.questions} == set(frame.seed)


def test_a_full_disk_ends_it_and_the_answer_is_kept(ask):
    with record("/dev/full", "all"), pytest.raises(CassetteError, match="The disk is full") as caught:
        ask("{{ a }}", a=range(50), max_concurrency=2)
    runs = caught.value.runs
    assert 1 <= len(runs) <= 4
    assert runs.to_frame().text.str.startswith("You said").all()


STOPPED = """
import sys, threading, time
from jupyter_prem import AsyncClient, SweepInterrupted, sweep
print("ready", flush=True)
began = time.perf_counter()
try:
    sweep("{{{{ a }}}}", a=range(400), record={path!r}, max_concurrency=4, client=AsyncClient({url!r}))
except SweepInterrupted as error:
    print(len(error.runs), error.what, flush=True)
print("loops", [one.name for one in threading.enumerate() if one is not threading.main_thread() and "recordings" not in one.name])
"""


@pytest.mark.parametrize("stops", [3, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_what_is_stopped_or_killed_goes_on_where_it_was(ask, service, tmp_path, stops):
    path = tmp_path / "study.chat.jsonl"
    code = STOPPED.format(path=str(path), url=service.url)
    for stop in range(stops):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        while len(Cassette(path)) <= 300 * stop // stops and process.poll() is None:
            time.sleep(0.005)
        sent = time.perf_counter()
        process.send_signal(signal.SIGKILL if stop % 3 == 2 else signal.SIGINT)
        out = process.communicate(timeout=30)[0]
        if stop % 3 != 2 and process.returncode == 0 and "Stopped" in out:
            done = int(out.split()[0])
            assert f"Stopped; {done} of 400 rows are done and kept." in out
            assert out.endswith("loops []\n"), out
            assert time.perf_counter() - sent < 5
        assert Cassette(path).faults == [] or stop % 3 == 2
    before = {one.key for one in Cassette(path)}
    count = len(service.questions)
    frame = ask("{{ a }}", a=range(400), record=path).to_frame()
    assert frame.text.tolist() == [f"You said: {n}" for n in range(400)]
    assert len(service.questions) - count == 400 - len(before)
    # Each stop costs at most the answers that were on their way.
    assert len(service.questions) <= 400 + 4 * stops


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

    service.script = lambda request: as_json(completion(said(request) * 20))
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


def test_errors_of_the_client_are_not_swallowed(service):
    service.models = ["a", "b"]
    with pytest.raises(Exception, match="No model is named, and the service has 2"):
        sweep("{{ a }}", a=range(3), client=AsyncClient(service.url), progress=False)
    with Client(service.url) as client:
        assert client.chat("hi", model="a").text


def test_interrupted_in_this_process(ask, service):
    def script(request):
        if len(service.questions) == 20:
            os.kill(os.getpid(), signal.SIGINT)
        return service.echo(request)

    service.script = script
    with pytest.raises(SweepInterrupted) as caught:
        ask("{{ a }}", a=range(900))
    assert 0 < len(caught.value.runs) < 900
    assert caught.value.runs.to_frame().text.notna().all()


def test_interrupted_while_its_thread_begins(ask, service, monkeypatch):
    start = threading.Thread.start
    struck = []

    def strike(thread):
        start(thread)
        if threading.current_thread() is threading.main_thread() and not struck:
            struck.append(thread)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(threading.Thread, "start", strike)
    with pytest.raises(SweepInterrupted):
        ask("{{ a }}", a=range(900))
    struck[0].join(10)
    assert not struck[0].is_alive()
    assert len(service.questions) < 100


def test_interrupted_before_its_loop_begins(ask, service, monkeypatch):
    begun, stopped = _run._Thread._run, threading.Event()

    def late(thread):
        stopped.wait(10)
        begun(thread)

    def interrupted(*_):
        threading.Timer(0.2, stopped.set).start()
        raise KeyboardInterrupt

    monkeypatch.setattr(_run._Thread, "_run", late)
    monkeypatch.setattr(_run, "_wait", interrupted)
    started = time.monotonic()
    with pytest.raises(SweepInterrupted):
        ask("{{ a }}", a=range(9))
    assert time.monotonic() - started < 5
    assert service.questions == []


def test_what_a_notebook_does_not_expect_is_raised_alone_with_the_rows_that_are_done(ask, service):
    class Odd(AsyncClient):
        @property
        def once(self):
            backend = super().once

            class Live:
                async def default_model(self):
                    return "m"

                async def send(self, request):
                    if request.messages[-1].content == "2":
                        raise ZeroDivisionError
                    return await backend.send(request)

            return Live()

    with pytest.raises(ZeroDivisionError) as caught:
        ask("{{ n }}", n=range(9), client=Odd(service.url), max_concurrency=1)
    assert [row["n"] for row in caught.value.runs] == [0, 1]
