"""What hostile shapes cost beside plain prose of the same size, and how long they hold the kernel in one piece.

Run: python tests/benchmarks/bench_shapes.py [RUNS]
The longest hold is the longest time in which no other thread could run, so that an interrupt had to wait.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from answers import answer_of

from jupyter_prem.display import _markdown, render

SIZE = 20_000
SHAPES = {
    "prose": "Some words of an answer, one after the other, as they come. ",
    "an answer": answer_of(SIZE),
    "[": "[",
    "[a](": "[a](",
    "![a](": "![a](",
    "*a ": "*a ",
    "**a_b~~": "**a_b~~",
    "`a``": "`a``",
    "$a ": "$a ",
    "\\(": "\\(",
    "<": "<",
    "&": "&amp",
    ">": "> ",
    "- ": "- ",
    "http://a.a/(": "http://a.a/(",
    "[x]: y": "[x]: y\n",
    "| a ": "| a ",
    "table rows": "| a | b |\n|---|---|\n",
    "fences": "```python\n'''\n```\n",
    "a line": "a",
}


def seconds(text: str) -> tuple[float, float]:
    """CPU seconds, and the longest hold, of rendering a text that is not remembered."""
    _markdown._renderer.cache_clear()
    render("**a** `b`")
    done, longest = threading.Event(), 0.0

    def tick() -> None:
        nonlocal longest
        last = time.perf_counter()
        while not done.wait(0.001):
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        longest = max(longest, time.perf_counter() - last)

    thread = threading.Thread(target=tick)
    thread.start()
    started = time.process_time()
    render(text)
    taken = time.process_time() - started
    done.set()
    thread.join()
    return taken, longest


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"{SIZE:,} characters of each; median of {runs}")
    print("| shape | CPU, ms | of prose | longest hold, ms |")
    print("|---|--:|--:|--:|")
    prose = 0.0
    for name, unit in SHAPES.items():
        text = (unit * (SIZE // len(unit) + 1))[:SIZE]
        found = [seconds(text) for _ in range(runs)]
        taken = statistics.median(taken for taken, _ in found)
        prose = prose or taken
        hold = statistics.median(hold for _, hold in found)
        print(f"| {name.replace('|', '¦')} | {1000 * taken:.1f} | {taken / prose:.1f} | {1000 * hold:.0f} |")


if __name__ == "__main__":
    main()
