"""Seconds from running the first `%%chat` cell of a fresh kernel to its first frame and to its end.

Run: python tests/benchmarks/bench_first_answer.py [RUNS]
The embedded model's weights are on disk; nothing else is warm.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from kernels import Kernel

from jupyter_prem.backends._weights import ensure_weights


def seconds() -> tuple[float, float]:
    kernel = Kernel()
    try:
        kernel.run("%load_ext jupyter_prem\n%config PremMagics.endpoint = 'embedded'")
        started = time.perf_counter()
        message = kernel.start("%%chat --seed 1 --max-tokens 40\nSay hello to a new colleague.", "cell-1")
        kernel.until(message, lambda m: "tex2jax_ignore pm-open" in str(m["content"]))
        first = time.perf_counter() - started
        assert kernel.finish(message).status == "ok"
        return first, time.perf_counter() - started
    finally:
        kernel.stop()


def main() -> None:
    ensure_weights()
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    times = [seconds() for _ in range(runs)]
    for name, values in zip(("first words", "40 tokens"), zip(*times, strict=True), strict=True):
        print(
            f"{name:12} median {statistics.median(values):.2f} s   ({min(values):.2f} to {max(values):.2f}, {runs} runs)"
        )
    print("target: the first answer within 3 s")


if __name__ == "__main__":
    main()
