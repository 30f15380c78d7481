"""Time of `%load_ext jupyter_prem` against `import openai`, each in fresh kernels, in turn.

Run: python tests/benchmarks/bench_load.py [RUNS]
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from kernels import Kernel

LOADS = {
    "%load_ext jupyter_prem": "get_ipython().run_line_magic('load_ext', 'jupyter_prem')",
    "import openai": "import openai",
}


def seconds(code: str) -> float:
    kernel = Kernel()
    try:
        kernel.run("import time")
        ran = kernel.run(f"started = time.perf_counter()\n{code}\nprint(time.perf_counter() - started)")
        assert ran.status == "ok", ran.error
        return float(ran.text)
    finally:
        kernel.stop()


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    times: dict[str, list[float]] = {name: [] for name in LOADS}
    for _ in range(runs):
        for name, code in LOADS.items():
            times[name].append(seconds(code))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        low, high = min(times[name]), max(times[name])
        print(
            f"{name:24} median {median * 1000:7.1f} ms   ({low * 1000:.1f} to {high * 1000:.1f}, {runs} runs)"
        )
    ours, theirs = medians.values()
    print(f"ratio {ours / theirs:.3f}   (at most 0.1)")


if __name__ == "__main__":
    main()
