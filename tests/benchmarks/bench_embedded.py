"""The engine's own speed against its speed through all layers, side by side in one run.

Run: python tests/benchmarks/bench_embedded.py [RUNS]
Layers: the child process, its ASGI layer, server-sent events, loopback HTTP, our client.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time

from jupyter_prem import Client
from jupyter_prem.backends._embedded import EmbeddedEndpoint
from jupyter_prem.backends._engine import Engine
from jupyter_prem.backends._weights import ensure_weights

TOKENS = 100
BODY = {
    "model": "embedded",
    "messages": [{"role": "user", "content": "Tell me a long story about a lighthouse keeper."}],
    "max_completion_tokens": TOKENS,
    "seed": 11,
}


def bare(engine: Engine) -> tuple[float, float]:
    """Return (first token after s, tokens/s after the first) of the engine's own call in this process."""
    times = []

    def on_chunk(text: str) -> bool:
        if '"delta":{"content":"' in text:
            times.append(time.perf_counter())
        return False

    body = json.dumps({**BODY, "stream": True, "cache_prompt": False, "temperature": 0.7, "top_p": 1.0})
    start = time.perf_counter()
    engine._server.handle_chat_completions(body, on_chunk)
    return figures(start, times)


def layered(client: Client) -> tuple[float, float]:
    """Return the same of our client, asking the child."""
    times = []
    start = time.perf_counter()
    with client.stream(**BODY) as stream:
        times.extend(time.perf_counter() for delta in stream if delta.text)
    return figures(start, times)


def figures(start: float, times: list[float]) -> tuple[float, float]:
    return times[0] - start, (len(times) - 1) / (times[-1] - times[0])


def main(runs: int) -> None:
    """Print medians and the ratio."""
    weights = ensure_weights()
    cold = time.perf_counter()
    endpoint = EmbeddedEndpoint()
    endpoint.address()
    cold = time.perf_counter() - cold
    engine = Engine(weights)
    pairs = []
    with Client(endpoint) as client:
        bare(engine), layered(client)
        for run in range(runs):
            if run % 2:
                through, alone = layered(client), bare(engine)
            else:
                alone, through = bare(engine), layered(client)
            pairs.append((alone, through))
    print(f"child started in {cold:.2f} s; {runs} runs of {TOKENS} tokens, interleaved; medians")
    for name, place in (("engine", 0), ("all layers", 1)):
        first = statistics.median(pair[place][0] for pair in pairs)
        speed = statistics.median(pair[place][1] for pair in pairs)
        print(f"{name:<11} first token {first * 1000:6.1f} ms   {speed:6.1f} tokens/s")
    alone = statistics.median(pair[0][1] for pair in pairs)
    print(f"ratio of medians {statistics.median(pair[1][1] for pair in pairs) / alone:.3f} (target >= 0.95)")
    best = [max(pair[place][1] for pair in pairs) for place in (0, 1)]
    print(f"ratio of the fastest runs {best[1] / best[0]:.3f}   (other processes only ever slow a run)")
    ratios = sorted(pair[1][1] / pair[0][1] for pair in pairs)
    print(f"ratio by pair: median {statistics.median(ratios):.3f}, {ratios[0]:.3f} .. {ratios[-1]:.3f}")
    endpoint.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
    sys.stdout.flush()
    os._exit(0)  # the interpreter's own end can hang in the engine
