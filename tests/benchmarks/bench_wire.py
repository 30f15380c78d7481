"""What a stream costs a client: CPU of reading 5,000 deltas, beside the shortest loop that reads them.

Run: python tests/benchmarks/bench_wire.py [RUNS]
One service, in a process of its own, streams the same 5,000 deltas, one event a write:
  bare    `httpx.stream(…)`, `iter_lines()` and `json.loads`, and nothing else
  ours    `Client.stream`, every delta read
  async   `AsyncClient.stream`, the same from a running loop
  openai  openai's client, `stream=True`
CPU is this process's own, all threads, of one stream; each arm has streamed once before. Runs alternate, a ratio
is that of two runs beside each other, and shown is the median with the lowest and the highest.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import httpx
import openai

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from loopback import DONE, USAGE, Reply, Request, Service, chunk, event

from jupyter_prem import AsyncClient, Client

COUNT = 5_000
MESSAGES = [{"role": "user", "content": "hi"}]


def serve() -> None:
    """Stream the same answer until this process ends."""
    pieces = [event(chunk(f" w{number % 100}")) for number in range(COUNT)]
    pieces += [event(chunk(finish_reason="stop")), event({**chunk(), "choices": [], "usage": USAGE}), DONE]
    service = Service()

    def script(_: Request) -> Reply:
        return Reply(pieces)

    service.script = script
    print(service.url, flush=True)
    sys.stdin.read()


def bare(url: str) -> int:
    count = 0
    body = {"model": "m", "messages": MESSAGES, "stream": True}
    with httpx.stream("POST", f"{url}/api/v1/chat/completions", json=body) as reply:
        for line in reply.iter_lines():
            if not line.startswith("data: ") or line == "data: [DONE]":
                continue
            choices = json.loads(line[6:])["choices"]
            count += bool(choices and choices[0]["delta"].get("content"))
    return count


def arms(url: str) -> dict[str, Callable[[], int]]:
    client, theirs = Client(url), openai.OpenAI(base_url=f"{url}/api/v1", api_key="x")
    runner, alike = asyncio.Runner(), AsyncClient(url)

    def ours() -> int:
        with client.stream("hi", model="m") as stream:
            return sum(bool(delta.text) for delta in stream)

    async def waited() -> int:
        async with alike.stream("hi", model="m") as stream:
            return sum([bool(delta.text) async for delta in stream])

    def official() -> int:
        stream = theirs.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        return sum(bool(chunk.choices and chunk.choices[0].delta.content) for chunk in stream)

    return {
        "bare": lambda: bare(url),
        "ours": ours,
        "async": lambda: runner.run(waited()),
        "openai": official,
    }


def cost(arm: Callable[[], int]) -> float:
    started = time.process_time()
    count = arm()
    assert count == COUNT, count
    return 1000 * (time.process_time() - started)


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with subprocess.Popen(
        [sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as service:
        assert service.stdout is not None
        measured = arms(service.stdout.readline().strip())
        for arm in measured.values():
            arm()
        results = [{name: cost(arm) for name, arm in measured.items()} for _ in range(runs)]
        service.terminate()
    print(f"{COUNT:,} deltas, {runs} runs; httpx {version('httpx')}, openai {version('openai')}\n")
    print("| arm | CPU, ms | of bare |\n|---|--:|--:|")
    for name in measured:
        ratios = sorted(run[name] / run["bare"] for run in results)
        spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
        print(f"| {name} | {statistics.median(run[name] for run in results):.0f} | {spread} |")


if __name__ == "__main__":
    serve() if "--serve" in sys.argv else main()
