"""What a streamed answer costs, how soon it is seen, and what stopping it does."""

from __future__ import annotations

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
from spoken import events, streams, whole

SIZE = 36_000
FAST = f"5000 {SIZE} 0"
SLOW = "500 3600 1"
WORDS = "The first words."


def loads(place: Place, url: str, runs: int) -> dict[str, Any]:
    """Milliseconds of loading in a fresh kernel, and from there until a first short answer is whole."""
    first, until = [], []
    for _ in range(runs):
        kernel = place.kernel()
        try:
            kernel.run("import time")
            code = f"_started = time.perf_counter()\n{place.peer.load}\nprint(time.perf_counter() - _started)"
            ran = kernel.run(code, timeout=120)
            assert ran.status == "ok", ran.error
            first.append(1000 * float(ran.text.split()[-1]))
            started = time.perf_counter()
            for cell in (place.connecting(url), place.peer.cell("1 10 0 0")):
                ran = kernel.run(cell, "cell-1", timeout=120)
                assert ran.status == "ok", ran.error
            until.append(first[-1] + 1000 * (time.perf_counter() - started))
        finally:
            kernel.stop()
    return {"load": statistics.median(first), "first_answer": statistics.median(until)}


def costs(place: Place, bare: Kernel, url: str, runs: int) -> dict[str, Any]:
    """CPU and bytes of an answer at full speed, each beside the bare loop's, and the first paint of a slow one."""
    kernel = place.ready(url)
    try:
        done: dict[str, list[Run]] = {"peer": [], "bare": [], "slow": []}
        empty = {"peer": empty_cell(kernel), "bare": empty_cell(bare)}
        asks = {"peer": (kernel, place.peer.cell), "bare": (bare, "_ = ask({!r})".format)}
        for number in range(runs + 1):
            for name, (who, cell) in asks.items():
                kernel.run(place.peer.fresh)
                run = measure(who, url, cell(f"{FAST} {5000 * number}"))
                run.cpu -= empty[name]
                done[name].append(run)
            kernel.run(place.peer.fresh)
            done["slow"].append(measure(kernel, url, place.peer.cell(f"{SLOW} {number}")))
    finally:
        kernel.stop()
    cpu, base = (statistics.median(run.cpu for run in done[name][1:]) for name in ("peer", "bare"))
    paints = [run.first_paint for run in done["slow"][1:] if run.first_frame]
    return {
        "cpu": 1000 * cpu,
        "ratio": cpu / base,
        "bytes": statistics.median(run.sent for run in done["peer"][1:]) / SIZE,
        "messages": statistics.median(len(run.sizes) for run in done["peer"][1:]),
        "paint": 1000 * statistics.median(paints) if paints else None,
    }


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
