"""What checking a large structured answer costs, beside reading the same text with `json.loads`.

Run: python tests/benchmarks/bench_schemas.py [RUNS]
"""

from __future__ import annotations

import contextlib
import json
import statistics
import sys
import time
from typing import Any

from jupyter_prem.client import StructuredOutputError
from jupyter_prem.objects import schema_of

ANSWERS: dict[str, tuple[Any, str]] = {
    "200,000 numbers, a type": (list[int], json.dumps(list(range(200_000)))),
    "200,000 numbers, a dict": (
        {"type": "array", "items": {"type": "integer"}},
        json.dumps(list(range(200_000))),
    ),
    "200,000 words for numbers": (list[int], json.dumps(["x"] * 200_000)),
    "3,000 unique objects": ({"uniqueItems": True}, json.dumps([{"n": n} for n in range(3_000)])),
}


def measured(work: Any) -> float:
    started = time.process_time()
    with contextlib.suppress(StructuredOutputError):
        work()
    return (time.process_time() - started) * 1000


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print("| answer | json.loads, ms | checked, ms | ratio |\n|---|--:|--:|--:|")
    for name, (schema, text) in ANSWERS.items():
        parse = schema_of(schema).parse
        read, checked = [], []
        for _ in range(runs):
            read.append(measured(lambda text=text: json.loads(text)))
            checked.append(measured(lambda parse=parse, text=text: parse(text)))
        base, ours = statistics.median(read), statistics.median(checked)
        print(f"| {name} | {base:.1f} | {ours:.1f} | {ours / base:.1f} |")


if __name__ == "__main__":
    main()
