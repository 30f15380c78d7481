"""What a streamed answer costs, how soon it is seen, and what stopping it does."""

from __future__ import annotations

import ast
import json
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench_stream import Run, empty_cell, measure
from kernels import Kernel
from loopback import Reply, Request, Service
from peer import Place
from spoken import events, said, streams, whole

SIZE = 36_000
SLOW = "500 3600 1"
WORDS = "The first words."
SLUGGISH = (
    2.0  # seconds of CPU for 500 deltas, from which on 5,000 take minutes: a fifth of them is asked for, once
)
PATIENCE = 90.0  # seconds after which the slow are measured no more often


def loads(place: Place, url: str, runs: int) -> dict[str, Any]:
    """Milliseconds of loading in a fresh kernel, and from there until a first short answer is whole; and of CPU."""
    taken = [_loaded(place, url) for _ in range(runs)]
    names = ("load", "load_cpu", "first_answer", "first_answer_cpu")
    return {
        name: 1000 * statistics.median(each)
        for name, each in zip(names, zip(*taken, strict=True), strict=True)
    }


def _loaded(place: Place, url: str) -> tuple[float, float, float, float]:
    kernel = place.kernel()
    clocks = "(__import__('time').perf_counter(), __import__('time').process_time())"
    try:
        # In one cell, so that only what is loaded is between the clocks.
        code = f"_clocks = [{clocks}]\n{place.peer.load}\n_clocks.append({clocks})"
        for cell in (code, place.connecting(url), place.peer.cell("1 10 0 0")):
            ran = kernel.run(cell, "cell-1", timeout=120)
            assert ran.status == "ok", f"{ran.ename}: {ran.evalue}"
        marks = ast.literal_eval(kernel.value(f"[*_clocks, {clocks}]"))
    finally:
        kernel.stop()
    (began, began_cpu), (loaded, loaded_cpu), (ended, ended_cpu) = marks
    return loaded - began, loaded_cpu - began_cpu, ended - began, ended_cpu - began_cpu


def costs(place: Place, bare: Kernel, url: str, runs: int) -> dict[str, Any]:
    """CPU and bytes of an answer at full speed, each beside the bare loop's, and the first paint of a slow one."""
    kernel = place.ready(url)
    done: dict[str, list[Run]] = {"peer": [], "bare": [], "slow": []}
    asks = {"peer": (kernel, place.peer.cell), "bare": (bare, "_ = ask({!r})".format)}
    try:
        empty = {name: empty_cell(who) for name, (who, _) in asks.items()}
        deltas, ends = 5000, time.monotonic() + PATIENCE
        if measure(kernel, url, place.peer.cell("500 3600 0 0")).cpu > SLUGGISH:
            deltas, runs = 1000, 1
        size = SIZE * deltas // 5000
        for number in range(1, runs + 1):
            if number > 1 and time.monotonic() > ends:
                break
            for name, (who, cell) in asks.items():
                kernel.run(place.peer.fresh)
                run = measure(who, url, cell(f"{deltas} {size} 0 {5000 * number}"))
                run.cpu -= empty[name]
                done[name].append(run)
            kernel.run(place.peer.fresh)
            done["slow"].append(measure(kernel, url, place.peer.cell(f"{SLOW} {number}")))
    finally:
        kernel.stop()
    cpu, base = (statistics.median(run.cpu for run in done[name]) for name in ("peer", "bare"))
    paints = [run.first_paint for run in done["slow"] if run.first_frame]
    return {
        "cpu": 1000 * cpu,
        "ratio": cpu / base,
        "deltas": deltas,
        "runs": len(done["peer"]),
        "streamed": _streams(place),
        "bytes": statistics.median(run.sent for run in done["peer"]) / size,
        "messages": statistics.median(len(run.sizes) for run in done["peer"]),
        "paint": 1000 * statistics.median(paints) if paints else None,
    }


def _streams(place: Place) -> bool:
    """Whether a peer asks for a stream."""
    service = Service()
    kernel = place.ready(service.url)
    asked: list[bool] = []

    def script(request: Request) -> Reply:
        asked.append(streams(request))
        return said(request, "Yes.")

    service.script = script
    try:
        kernel.run(place.peer.cell("hi"), "cell-1")
    finally:
        kernel.stop()
        service.stop()
    return any(asked)


@dataclass
class Stopped:
    """What came of one interrupt."""

    seconds: float
    closed: bool
    shown: bool
    held: bool


def stops(place: Place, runs: int) -> dict[str, Any]:
    """Seconds to idle, whether the service saw the connection close within 2 s, and what is kept."""
    found = [_stopped(place) for _ in range(runs)]
    return {
        "seconds": statistics.median(one.seconds for one in found),
        "closed": all(one.closed for one in found),
        "shown": all(one.shown for one in found),
        "held": all(one.held for one in found),
        "button": bool(place.peer.stop),
    }


def _stopped(place: Place) -> Stopped:
    service, begun = Service(), threading.Event()
    service.script = lambda request: _slowly(request, begun)
    kernel = place.ready(service.url)
    try:
        kernel.run(place.peer.fresh)
        peer = place.peer
        message = kernel.start(peer.cell("hi", "begin"), "cell-1")
        assert begun.wait(30), "nobody asked"
        _seen(kernel)
        started = time.perf_counter()
        if peer.stop:
            kernel.finish(message)
            started = time.perf_counter()
            ran = kernel.run(peer.stop)
        else:
            kernel.interrupt()
            ran = kernel.finish(message, 40)
        seconds = time.perf_counter() - started
        closed = service.closed.wait(max(0.0, started + 2 - time.perf_counter()))
        shown = WORDS in json.dumps([output.get("data", output) for output in ran.outputs])
        held = bool(peer.kept) and WORDS in _value(kernel, peer.kept)
        return Stopped(seconds, closed, held if peer.stop else shown, held)
    finally:
        kernel.stop()
        service.stop()


def _value(kernel: Kernel, expression: str) -> str:
    ran = kernel.run(f"print({expression})")
    return ran.text if ran.status == "ok" else ""


def _seen(kernel: Kernel) -> None:
    """Let a second of the answer go by; what shows nothing until the end shows nothing."""
    ends = time.perf_counter() + 1
    while (left := ends - time.perf_counter()) > 0:
        threading.Event().wait(min(left, 0.1))


def _slowly(request: Request, begun: threading.Event) -> Reply:
    """Say the first words at once, then a word every 50 ms for 30 s; a whole answer comes after 30 s."""
    texts = [WORDS, *(f" word-{number}" for number in range(600))]

    def pieces() -> Iterator[Any]:
        if not streams(request):
            begun.set()
            yield held
            yield json.dumps(whole(request, "".join(texts))).encode()
        for event in events(request, texts) if streams(request) else []:
            yield event
            begun.set()
            threading.Event().wait(0.05)

    held = threading.Event()
    late = threading.Timer(30, held.set)
    late.daemon = True
    late.start()
    kind = "text/event-stream" if streams(request) else "application/json"
    return Reply(pieces(), headers={"content-type": kind})
