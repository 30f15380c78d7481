"""A grid of requests that is stopped, killed or refused in the middle: which rows are kept, how it goes on."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from loopback import as_json
from spoken import prompt_of

from jupyter_prem import (
    AsyncClient,
    AuthenticationError,
    CassetteError,
    MissingRecordingError,
    SweepInterrupted,
    record,
    sweep,
)
from jupyter_prem.experiments import _run
from jupyter_prem.records import Cassette

pytestmark = pytest.mark.usefixtures("folder")


def test_a_refused_key_ends_it_and_the_rows_that_are_done_are_kept(ask, service):
    def script(request):
        if prompt_of(request) == "3":
            return as_json({"error": {"message": "who are you?"}}, 401)
        return service.echo(request)

    service.script = script
    with pytest.raises(AuthenticationError) as caught:
        ask("{{ a }}", a=range(100), max_concurrency=1)
    assert caught.value.runs.to_frame().text.tolist() == [f"You said: {n}" for n in range(3)]
    assert len(service.questions) == 4


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


@pytest.mark.parametrize("at_once", [4, 32])
def test_what_waits_for_a_slow_disk_when_it_is_interrupted_is_kept(ask, service, monkeypatch, at_once):
    sync = os.fsync

    def slow(handle):
        time.sleep(0.3)
        sync(handle)

    monkeypatch.setattr(os, "fsync", slow)

    def script(request):
        if len(service.questions) == at_once + 2:
            threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT]).start()
        return service.echo(request)

    service.script = script
    with pytest.raises(SweepInterrupted) as caught:
        ask("{{ a }}", a=range(400), max_concurrency=at_once, record="study.chat.jsonl")
    runs = caught.value.runs
    recorded = list(Cassette(Path("study.chat.jsonl")))
    assert len(runs) == len(recorded) > 0
    # Of few, each keeps its place until it is on the disk; of many, four times as many may wait.
    assert len(service.questions) <= len(runs) + at_once + (0 if at_once == 4 else 4 * at_once)


@pytest.mark.parametrize("at_once", [1, 32])
def test_a_disk_that_fills_up_ends_it_and_no_answer_is_lost(ask, service, monkeypatch, at_once):
    sync, syncs = os.fsync, []

    def full(handle):
        syncs.append(handle)
        if len(syncs) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CassetteError, match="The disk is full") as caught:
        ask("{{ a }}", a=range(400), max_concurrency=at_once, record="study.chat.jsonl")
    runs = caught.value.runs
    recorded = list(Cassette(Path("study.chat.jsonl")))
    assert 0 < len(recorded) < len(runs) < 400
    assert runs.to_frame().text.str.startswith("You said").all()


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


def test_a_replay_reads_through_a_link_that_nothing_is_recorded_to(ask, service):
    ask("{{ a }}", a=range(3), seed=1, record="a.chat.jsonl")
    Path("link.chat.jsonl").symlink_to("a.chat.jsonl")
    asked = len(service.questions)
    with record("link.chat.jsonl", "none"):
        assert ask("{{ a }}", a=range(3), seed=1).to_frame().replayed.all()
    assert len(service.questions) == asked
    with record("link.chat.jsonl", "all"), pytest.raises(CassetteError, match="a link"):
        ask("{{ a }}", a=range(3), seed=1)
    assert len(service.questions) == asked
