"""Many requests at once: how many a second `AsyncClient` and `sweep` ask, beside openai's `AsyncOpenAI`.

Run: python tests/benchmarks/bench_async.py [RUNS]
1,000 small questions, none streamed, 32 and then 100 of them in flight, to one service in a process of its own:
  openai  `AsyncOpenAI(...).chat.completions.create(...)`, as it comes
  ours    `AsyncClient(...).chat(...)`
  bare    the same without httpx-aiohttp, on httpx's own transport
  sweep   `sweep(...)`, from the grid to the rows
  record  the same with `record=`, every answer synced to the disk
An arm has a loop and a client of its own each time, and its runs alternate with the others'. A ratio is that of
two runs beside each other; shown is their median, with the lowest and the highest.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from unittest.mock import patch

import openai

from jupyter_prem import AsyncClient, sweep

COUNT = 1_000
IN_FLIGHT = (32, 100)
BODY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "Some words of an answer."},
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    }
).encode()
REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)


class Answers(asyncio.Protocol):
    """Says the same to every request, as fast as it can."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.heard = b""

    def data_received(self, data: bytes) -> None:
        self.heard += data
        while True:
            head, end, rest = self.heard.partition(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            size = sum(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
            if not end or len(rest) < size:
                return
            self.heard = rest[size:]
            self.transport.write(REPLY)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answers, "127.0.0.1", 0, backlog=1_000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def asked(ask: Callable[[str], Awaitable[str]], in_flight: int) -> float:
    """Return the seconds that all questions take."""
    numbers = iter(range(COUNT))

    async def some() -> None:
        for number in numbers:
            assert await ask(f"Question {number}?") == "Some words of an answer."

    await ask("Are you there?")
    began = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(in_flight)))
    return time.perf_counter() - began


async def with_openai(url: str, in_flight: int) -> float:
    async with openai.AsyncOpenAI(base_url=url, api_key="x") as client:

        async def ask(text: str) -> str:
            answer = await client.chat.completions.create(
                model="m", seed=1, messages=[{"role": "user", "content": text}]
            )
            return answer.choices[0].message.content

        return await asked(ask, in_flight)


async def with_ours(url: str, in_flight: int) -> float:
    async with AsyncClient(url, "x") as client:

        async def ask(text: str) -> str:
            return (await client.chat(text, model="m", seed=1)).text

        return await asked(ask, in_flight)


async def with_bare(url: str, in_flight: int) -> float:
    with patch.dict(sys.modules, {"httpx_aiohttp": None}):
        return await with_ours(url, in_flight)


def swept(url: str, in_flight: int, **settings: object) -> float:
    client = AsyncClient(url, "x")
    began = time.perf_counter()
    runs = sweep(
        "Question {{ n }}?",
        n=range(COUNT),
        model="m",
        seed=1,
        client=client,
        max_concurrency=in_flight,
        progress=False,
        **settings,
    )
    took = time.perf_counter() - began
    assert len(runs) == COUNT
    assert all(row["error"] is None for row in runs)
    return took


def recorded(url: str, in_flight: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return swept(url, in_flight, record=f"{folder}/a.chat.jsonl")


ARMS: dict[str, Callable[[str, int], float]] = {
    "openai": lambda url, in_flight: asyncio.run(with_openai(url, in_flight)),
    "ours": lambda url, in_flight: asyncio.run(with_ours(url, in_flight)),
    "bare": lambda url, in_flight: asyncio.run(with_bare(url, in_flight)),
    "sweep": swept,
    "record": recorded,
}


def report(url: str, in_flight: int, runs: int) -> None:
    times: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for _ in range(runs):
        for arm, run in ARMS.items():
            times[arm].append(run(url, in_flight))
    print(f"\n{COUNT:,} questions, {in_flight} in flight; medians of {runs}\n")
    print("| arm | seconds | questions / s | times openai's | from … to |\n|---|--:|--:|--:|--:|")
    for arm, took in times.items():
        ratios = sorted(other / own for other, own in zip(times["openai"], took, strict=True))
        middle = statistics.median(took)
        print(
            f"| {arm} | {middle:.2f} | {COUNT / middle:,.0f} | {statistics.median(ratios):.1f}"
            f" | {ratios[0]:.1f} … {ratios[-1]:.1f} |"
        )


def main() -> None:
    if sys.argv[1:] == ["--serve"]:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve())
        return
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
    print(", ".join(f"{name} {version(name)}" for name in ("openai", "httpx", "httpx-aiohttp", "aiohttp")))
    try:
        for in_flight in IN_FLIGHT:
            report(url, in_flight, runs)
    finally:
        server.stdin.close()
        server.wait(10)


if __name__ == "__main__":
    main()
