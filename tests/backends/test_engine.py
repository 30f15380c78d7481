"""The engine in a process of its own: it reproduces its recordings, unpinned it does not, and it comes to an end."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.weights

# The engine wants a process of its own, and its end.
ASKED_TWICE = """
import json, os, sys
from jupyter_prem.backends import _engine
from jupyter_prem.backends._weights import ensure_weights
from jupyter_prem.client import Accumulator, Body
from jupyter_prem.records import Arrival, Record, verify

if {unpinned}:
    pinned = _engine._engine_body
    _engine._engine_body = lambda *given: {{**pinned(*given), "cache_prompt": True}}
engine = _engine.Engine(ensure_weights())
story = "Once there was a teacher who counted everything that she saw on her way to school. " * 6

def ask(body):
    answer = Accumulator()
    engine.complete(body, lambda chunk: bool(answer.add(chunk)) and False)
    return answer.response(Body((), {{}}), latency=0, interrupted=False)

records = []
for number in range({count}):
    messages = [{{"role": "user", "content": story[: 40 + 37 * number] + " What happened then?"}}]
    body = {{"model": "m", "messages": messages, "seed": number, "temperature": 1.2, "max_completion_tokens": 40}}
    records.append(Record.of("embedded", body, ask(body), Arrival()))
report = verify(reversed(records), lambda record, _: ask(dict(record.body)))
print(json.dumps(report.to_dict()))
sys.stdout.flush()
os._exit(0)
"""


MAXIMUM = """
import json, os, sys
from jupyter_prem.backends import _engine
from jupyter_prem.backends._weights import ensure_weights

_engine._SMOLLM2_DEFAULTS["max_completion_tokens"] //= 64
engine = _engine.Engine(ensure_weights())
body = {"messages": [{"role": "user", "content": "a " * 24}], "temperature": 0}
ended = []
for fields in ({}, {"max_completion_tokens": None}, {"max_completion_tokens": 20}):
    chunks = []
    engine.complete({**body, **fields}, lambda chunk: bool(chunks.append(chunk)))
    reasons = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    ended.append([chunks[-1]["usage"]["completion_tokens"], *filter(None, reasons)])
print(json.dumps(ended))
sys.stdout.flush()
os._exit(0)
"""


def run(code):
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=170
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def asked_twice(*, unpinned, count):
    return run(ASKED_TWICE.format(unpinned=unpinned, count=count))


def test_an_answer_that_repeats_itself_ends_at_the_models_maximum(weights):
    assert run(MAXIMUM) == [[16, "length"], [16, "length"], [20, "length"]]


def test_a_seeded_answer_is_reproduced_and_an_unpinned_engine_is_caught(weights):
    report = asked_twice(unpinned=False, count=8)
    assert report["rate"] == 1.0, [check["detail"] for check in report["checks"]]
    report = asked_twice(unpinned=True, count=12)
    assert report["drifted"]
    assert {check["change"] for check in report["checks"]} <= {
        "same",
        "text changed, same fingerprint",
        "structure changed",
    }
