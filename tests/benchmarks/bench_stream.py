"""What a streamed answer costs: kernel CPU, bytes to the front end, first paint, pauses; beside its peers.

Run: python tests/benchmarks/bench_stream.py [RUNS]
One service, in a process of its own, streams the same answer to each arm, each in a kernel of its own:
  open     reads the stream with httpx and json and shows nothing; its client is there already
  bare     the same with `httpx.stream(…)`, as httpx's documentation has it
  ours     `%%chat` in a cell with an id, so that it is drawn live
  naive    one `update_display(Markdown(text))` a delta
  chatlas  `ChatOpenAICompletions(...).chat(...)`, where it is installed
CPU is the kernel process's own, all threads, less that of an empty cell; bytes are those of the messages'
content as they go out. An arm's runs alternate with the others'.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import httpx
from answers import answer_of
from kernels import Kernel
from loopback import Reply, Service, as_json
from spoken import events, prompt_of, streams, whole

OPEN = """
import httpx, json
client = httpx.Client()
def ask(path):
    text = ""
    body = {"model": "m", "messages": [{"role": "user", "content": path}], "stream": True}
    with client.stream("POST", URL + "/api/v1/chat/completions", json=body, timeout=60) as reply:
        for line in reply.iter_lines():
            if line.startswith("data: ") and line != "data: [DONE]":
                choices = json.loads(line[6:])["choices"]
                if choices:
                    text += choices[0]["delta"].get("content") or ""
    return text
"""
BARE = OPEN.replace("client.stream(", "httpx.stream(")
NAIVE = (
    OPEN.replace("import httpx", "from IPython.display import Markdown, display\nimport httpx")
    .replace('text = ""', 'text, handle = "", display(Markdown(""), display_id=True)')
    .replace(
        '.get("content") or ""\n',
        '.get("content") or ""\n                    handle.update(Markdown(text))\n',
    )
)
CHATLAS = """
import chatlas
def ask(path):
    chat = chatlas.ChatOpenAICompletions(base_url=URL + "/api/v1", api_key="x", model="m")
    chat.chat(path, echo="output")
"""
OURS = """
%load_ext jupyter_prem
%config PremMagics.endpoint = URL
"""
ARMS = {
    "open": (OPEN, "_ = ask({!r})"),
    "bare": (BARE, "_ = ask({!r})"),
    "ours": (OURS, "%%chat --once -m m\n{}"),
    "naive": (NAIVE, "_ = ask({!r})"),
    "chatlas": (CHATLAS, "_ = ask({!r})"),
}
DRAWN = {
    "display_data",
    "update_display_data",
    "clear_output",
    "stream",
    "execute_result",
    "comm_open",
    "comm_msg",
}


JSON = {"content-type": "application/json"}


@dataclass
class Run:
    """One answer, streamed to one arm."""

    cpu: float
    sizes: list[tuple[float, int]] = field(default_factory=list)
    first_frame: float = 0.0
    began: float = 0.0  # when the service sent the first delta, and the last one
    ended: float = 0.0

    @property
    def sent(self) -> int:
        return sum(size for _, size in self.sizes)

    @property
    def first_paint(self) -> float:
        return self.first_frame - self.began

    @property
    def pause(self) -> float:
        """The longest time without a new frame while text arrives."""
        frames = [at for at, _ in self.sizes if self.began <= at <= self.ended]
        marks = [self.began, *frames, self.ended]
        return max(after - before for before, after in itertools.pairwise(marks))

    @property
    def busiest(self) -> float:
        """Bytes a second in the busiest three seconds."""
        return max(sum(n for t, n in self.sizes if at <= t < at + 3) for at, _ in self.sizes or [(0, 0)]) / 3


def serve() -> None:
    """Answer `DELTAS SIZE SECONDS NUMBER`; another number, another text."""
    service = Service()

    times = [0.0, 0.0]

    def script(request: Any) -> Reply:
        asked = prompt_of(request)
        if asked == "times":
            return as_json(times)
        deltas, size, seconds, number = map(float, asked.split()[:4])
        text, n = "The first words. " + answer_of(int(size), int(number)), int(deltas)
        if not streams(request):
            return Reply(at_once(json.dumps(whole(request, text)).encode(), seconds), headers=JSON)
        texts = [text[len(text) * i // n : len(text) * (i + 1) // n] for i in range(n)]
        return Reply(paced(events(request, texts), seconds))

    def at_once(body: bytes, seconds: float) -> Any:
        times[:] = [time.perf_counter(), time.perf_counter() + seconds]
        threading.Event().wait(seconds)
        yield body

    def paced(events: list[bytes], seconds: float) -> Any:
        started = time.perf_counter()
        wait = threading.Event()
        for place, event in enumerate(events):
            late = started + seconds * place / len(events) - time.perf_counter()
            if late > 0:
                wait.wait(late)
            times[0] = times[0] if place else time.perf_counter()
            yield event
        times[1] = time.perf_counter()

    service.script = script
    print(service.url, flush=True)
    sys.stdin.read()


CLOCK = "__import__('time').process_time()"


def empty_cell(kernel: Kernel) -> float:
    """Return the CPU that is measured of a cell in which nothing happens."""
    clocks = [float(kernel.value(CLOCK)) for _ in range(6)]
    return statistics.median(after - before for before, after in itertools.pairwise(clocks))


def measure(kernel: Kernel, url: str, cell: str) -> Run:
    """Run a cell that asks, and look at every message of it."""
    before = float(kernel.value(CLOCK))
    message = kernel.start(cell, "cell-1")
    run = Run(0.0)
    while True:
        got = kernel.client.get_iopub_msg(timeout=60)
        if got["parent_header"].get("msg_id") != message:
            continue
        if got["msg_type"] in DRAWN:
            size = len(json.dumps(got["content"], ensure_ascii=False).encode("utf-8", "surrogatepass"))
            size += sum(map(len, got.get("buffers", ())))
            run.sizes.append((time.perf_counter(), size))
            if not run.first_frame and "The " in str(got["content"]):
                run.first_frame = time.perf_counter()
        assert got["msg_type"] != "error", got["content"]["evalue"]
        if got["msg_type"] == "status" and got["content"]["execution_state"] == "idle":
            break
    run.cpu = float(kernel.value(CLOCK)) - before
    body = {"messages": [{"role": "user", "content": "times"}]}
    run.began, run.ended = httpx.post(f"{url}/api/v1/chat/completions", json=body).json()
    return run


def compare(url: str, arms: list[str], question: str, runs: int) -> dict[str, list[Run]]:
    kernels: dict[str, Kernel] = {}
    try:
        for arm in arms:
            kernels[arm] = Kernel()
            assert kernels[arm].run(f"URL = {url!r}").status == "ok"
            ran = kernels[arm].run(ARMS[arm][0].replace("= URL", f"= {url!r}"))
            assert ran.status == "ok", ran.error
            measure(kernels[arm], url, ARMS[arm][1].format("50 400 0 0"))
        empty = empty_cell(kernels[arms[0]])
        results: dict[str, list[Run]] = {arm: [] for arm in arms}
        for number in range(runs):
            for arm in arms:
                run = measure(kernels[arm], url, ARMS[arm][1].format(f"{question} {5000 * (number + 1)}"))
                run.cpu -= empty
                results[arm].append(run)
        return results
    finally:
        for kernel in kernels.values():
            kernel.stop()


def fresh(url: str, runs: int) -> None:
    """Print the first paint of the first question that a kernel asks."""
    paints = []
    for _ in range(runs):
        kernel = Kernel()
        try:
            kernel.run(OURS.replace("URL", repr(url)))
            paints.append(1000 * measure(kernel, url, ARMS["ours"][1].format("500 3600 1 0")).first_paint)
        finally:
            kernel.stop()
    print(f"\nFirst paint in a fresh kernel: {statistics.median(paints):.0f} ms (median of {runs})")


def middle(runs: list[Run], name: str) -> float:
    return float(statistics.median(getattr(run, name) for run in runs))


def report(title: str, results: dict[str, list[Run]], size: int) -> None:
    print(f"\n{title}")
    print(
        "| arm | kernel CPU, ms | of bare | bytes / text | kB/s, busiest 3 s | messages | first paint, ms | longest pause, ms |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    bare = middle(results["bare"], "cpu") if "bare" in results else float("nan")
    for arm, runs in results.items():
        cpu = middle(runs, "cpu")
        print(
            f"| {arm} | {1000 * cpu:.0f} | {cpu / bare:.2f} | {middle(runs, 'sent') / size:.1f}"
            f" | {middle(runs, 'busiest') / 1000:.0f} | {statistics.median(len(run.sizes) for run in runs):.0f}"
            + (
                f" | {1000 * middle(runs, 'first_paint'):.0f} | {1000 * middle(runs, 'pause'):.0f} |"
                if runs[0].sizes
                else " | | |"
            )
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", nargs="?", type=int, default=5)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--quick", action="store_true", help="full speed only, without the slow peers")
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    url = server.stdout.readline().strip()
    try:
        names = ["jupyter_prem", "httpx", "ipykernel", "Markdown", "chatlas"]
        found = [name for name in names if importlib.util.find_spec(name.lower())]
        print(", ".join(f"{name} {version(name)}" for name in found))
        arms = [
            arm
            for arm in ARMS
            if (arm in ("open", "bare", "ours") or not options.quick)
            and (arm != "chatlas" or "chatlas" in found)
        ]
        report("5,000 deltas, 36 kB, at full speed", compare(url, arms, "5000 36000 0", options.runs), 36_000)
        fresh(url, options.runs)
        report(
            "50,000 deltas, 360 kB, at full speed",
            compare(url, ["open", "bare", "ours"], "50000 360000 0", 3),
            360_000,
        )
        if not options.quick:
            report(
                "5,000 deltas, 36 kB, in 11 s",
                compare(url, ["open", "bare", "ours"], "5000 36000 11", 3),
                36_000,
            )
    finally:
        server.stdin.close()
        server.wait(10)


if __name__ == "__main__":
    main()
