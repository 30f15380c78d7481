"""Recordings: how many answers a second a replay gives from a cold start, and what recording adds to an answer.

Run: python tests/benchmarks/bench_records.py [RUNS]
A replay is a process of its own: the interpreter, the imports, reading 10,000 records, and asking each question.
Beside it: the same file read with json.loads alone, and the same questions asked of a loopback service.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from loopback import Service

from jupyter_prem import Client, record
from jupyter_prem.client import response_of
from jupyter_prem.records import Arrival, Record

COUNT = 10_000
ASKED = 300
REPLAY = """
import sys, time
from jupyter_prem import Client, record
with record({path!r}, "none"), Client({url!r}) as client:
    for number in range({count}):
        with client.stream(f"Question {{number}}?", model="m", temperature=0.5) as stream:
            for _ in stream:
                pass
            assert stream.response.replayed
"""
READ = """
import json
from pathlib import Path
for line in Path({path!r}).read_bytes().splitlines():
    json.loads(line)
"""


def cassette(path: Path, url: str) -> None:
    """Write recordings of answers of 250 characters, each in 50 deltas."""
    text = "Some words of an answer. " * 10
    answer = {
        "id": "a",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 50, "total_tokens": 55},
    }
    response = response_of(answer)
    arrival = Arrival([[0, 1, *[5] * 50], [0, 8]], [7] * 51)
    lines = [b'{"jupyter_prem":"cassette","format":1}\n']
    for number in range(COUNT):
        messages = [{"role": "user", "content": f"Question {number}?"}]
        body = {"model": "m", "messages": messages, "temperature": 0.5}
        lines.append(Record.of(url, body, response, arrival).line())
    path.write_bytes(b"".join(lines))


def seconds(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def replay(folder: Path, runs: int) -> None:
    path, url = folder / "large.chat.jsonl", "http://127.0.0.1:9"
    cassette(path, url)
    took = statistics.median(
        seconds(REPLAY.format(path=str(path), url=url, count=COUNT)) for _ in range(runs)
    )
    read = statistics.median(seconds(READ.format(path=str(path))) for _ in range(runs))
    size = path.stat().st_size / 1e6
    print(f"\nA replay of {COUNT:,} answers ({size:.1f} MB), from a cold start; medians of {runs}\n")
    print("| | seconds | answers / s |\n|---|--:|--:|")
    print(f"| replayed | {took:.2f} | {COUNT / took:,.0f} |")
    print(f"| the file through json.loads | {read:.2f} | {COUNT / read:,.0f} |")


def recording(folder: Path, runs: int) -> None:
    service = Service()
    times: dict[str, list[float]] = {"asked": [], "asked and recorded": [], "written and synced alone": []}
    with Client(service.url) as client:
        for run in range(runs):
            began = time.perf_counter()
            for number in range(ASKED):
                client.chat(f"Question {number}?", model="m", stream=True)
            times["asked"].append(time.perf_counter() - began)
            with record(folder / f"new-{run}.chat.jsonl"):
                began = time.perf_counter()
                for number in range(ASKED):
                    client.chat(f"Question {number}?", model="m", stream=True)
                times["asked and recorded"].append(time.perf_counter() - began)
            lines = (folder / f"new-{run}.chat.jsonl").read_bytes().splitlines(keepends=True)[1:]
            began = time.perf_counter()
            bare(folder / f"bare-{run}", lines)
            times["written and synced alone"].append(time.perf_counter() - began)
    service.stop()
    each = {name: 1000 * statistics.median(took) / ASKED for name, took in times.items()}
    print(f"\nAn answer of a loopback service; {ASKED} in a row, medians of {runs}\n")
    print("| | ms an answer |\n|---|--:|")
    for name, took in each.items():
        print(f"| {name} | {took:.2f} |")
    print(f"| what recording adds | {each['asked and recorded'] - each['asked']:.2f} |")


def bare(path: Path, lines: list[bytes]) -> None:
    import os

    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for line in lines:
        json.loads(line)
        os.write(handle, line)
        os.fsync(handle)
    os.close(handle)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        replay(Path(folder), runs)
        recording(Path(folder), runs)


if __name__ == "__main__":
    main()
