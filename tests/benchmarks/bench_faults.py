"""The faults that the client is held to, beside its peers: the same bytes, from the same server.

Run: python tests/benchmarks/bench_faults.py [PREFIX]
  ours        `Client`, held to all that the tests hold
  ours async  `AsyncClient`, likewise
  openai      `OpenAI(...).chat.completions.create(stream=True)`, its retries as they are by default
  httpx-sse   `connect_sse` and `json.loads`, where it is installed; streams alone, since it does nothing else
A peer is held to less: the exact text where there is an answer, any exception where there is none, and the
number of questions and the seconds between them. A case counts if each of its ways to be cut does.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import httpx
import pytest
from waited import Waited
from wire_asked import Naps, check, exchange, fits, unwaited
from wire_cases import SECRET, Case, Exchange, Outcome
from wire_faults import FAULTS
from wire_framing import FRAMING
from wire_http import HTTP
from wire_server import Server

from jupyter_prem import Client

PATIENCE = 3.0  # seconds after which who still waits has failed
Arm = Callable[[str, float, bool], Outcome]


def openai_arm(url: str, timeout: float, stream: bool) -> Outcome:  # noqa: FBT001 - an arm's arguments
    import openai

    outcome = Outcome()
    with openai.OpenAI(base_url=f"{url}/v1", api_key=SECRET, timeout=timeout) as client:
        try:
            messages = [{"role": "user", "content": "hi"}]
            answer: Any = client.chat.completions.create(model="m", messages=messages, stream=stream)
            if not stream:
                outcome.deltas.append(answer.choices[0].message.content or "")
                return outcome
            for chunk in answer:
                for choice in chunk.choices or []:
                    if choice.index == 0:
                        outcome.deltas.append(choice.delta.content or "")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no clean answer
            outcome.error = error
    return outcome


def sse_arm(url: str, timeout: float, stream: bool) -> Outcome:  # noqa: FBT001 - an arm's arguments
    from httpx_sse import connect_sse

    outcome = Outcome()
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    try:
        with (
            httpx.Client(timeout=timeout) as client,
            connect_sse(client, "POST", f"{url}/v1/chat/completions", json=body) as source,
        ):
            source.response.raise_for_status()
            for event in source.iter_sse():
                if event.data == "[DONE]":
                    break
                for choice in json.loads(event.data)["choices"]:
                    if choice["index"] == 0:
                        outcome.deltas.append(choice["delta"].get("content") or "")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is no clean answer
        outcome.error = error
    return outcome


def judged(case: Case | Exchange, outcome: Outcome, text: str) -> list[str]:
    came = "".join(outcome.deltas)
    if case.error:
        return [] if outcome.error is not None else [f"an answer: {came[:40]!r}"]
    if outcome.error is not None:
        return [f"{type(outcome.error).__name__}: {outcome.error}"]
    return [] if came == text else [f"{came[:40]!r}"]


def of_peer(arm: Arm, case: Case | Exchange, naps: list[float]) -> Iterator[str]:
    """Say what is wrong with what a peer makes of a case."""
    timeout = min(case.limits.values(), default=5.0)
    ways = (
        [(way, [steps]) for way, steps in case.ways()]
        if isinstance(case, Case)
        else [("", list(case.replies))]
    )
    for way, replies in ways:
        server = Server()
        server.turns(*replies)
        late = threading.Timer(PATIENCE, server.stop)
        late.start()
        naps.clear()
        outcome = arm(server.url, timeout, isinstance(case, Case))
        found = [f"waits for over {PATIENCE:g} s"] if late.finished.is_set() else []
        late.cancel()
        late.join()
        server.stop()
        found += judged(case, outcome, case.text if isinstance(case, Case) else "You said: hi")
        wanted = 1 if isinstance(case, Case) else case.requests
        if len(server.questions) != wanted:
            found.append(f"asked {len(server.questions)} times, not {wanted}")
        if isinstance(case, Exchange) and case.naps is not None and not fits(case.naps, naps):
            found.append(f"waited {[round(nap, 2) for nap in naps]} s")
        yield from (f"{way}: {one}" if way else one for one in found)


def of_ours(clients: Any, case: Case | Exchange, naps: Naps) -> list[str]:
    server = Server()
    try:
        if isinstance(case, Exchange):
            return exchange(case, server, clients, naps)
        strict = check(case, server, clients, strict=True) if case.strict else []
        return check(case, server, clients) + strict
    finally:
        server.stop()


def arms(patch: pytest.MonkeyPatch) -> dict[str, Callable[[Case | Exchange], list[str] | None]]:
    import openai._base_client

    naps, slept = unwaited(patch), []
    patch.setattr(openai._base_client.time, "sleep", slept.append)
    found: dict[str, Callable[[Case | Exchange], list[str] | None]] = {
        "ours": lambda case: of_ours(Client, case, naps),
        "ours async": lambda case: of_ours(Waited, case, naps),
        "openai": lambda case: list(of_peer(openai_arm, case, slept)),
    }
    if importlib.util.find_spec("httpx_sse"):
        found["httpx-sse"] = lambda case: list(of_peer(sse_arm, case, [])) if isinstance(case, Case) else None
    return found


def report(
    cases: list[Case | Exchange], tried: dict[str, Callable[[Case | Exchange], list[str] | None]]
) -> None:
    print(f"| case | {' | '.join(tried)} |\n|---|{'---|' * len(tried)}")
    good: dict[str, dict[str, bool]] = {name: {} for name in tried}
    for case in cases:
        row = []
        for name, arm in tried.items():
            wrong = arm(case)
            if wrong is None:
                row.append("")
                continue
            good[name][case.id] = good[name].get(case.id, True) and not wrong
            words = " ".join(wrong[0].split())[:70].replace("|", "¦") if wrong else ""
            row.append(f"**wrong**: {words}" if wrong else "ok")
        print(f"| {case.name} | {' | '.join(row)} |", flush=True)
    for kind, title in (("S", "streams"), ("H", "replies")):
        held = {name: [ok for id_, ok in ids.items() if id_.startswith(kind)] for name, ids in good.items()}
        row = [f"{sum(each)} of {len(each)}" if each else "" for each in held.values()]
        print(f"| **{title}** | {' | '.join(row)} |")


def main() -> None:
    prefix = sys.argv[1] if len(sys.argv) > 1 else ""
    names = ["jupyter_prem", "httpx", "openai", "httpx-sse", "httpx-aiohttp"]
    print(
        ", ".join(
            f"{name} {version(name)}" for name in names if importlib.util.find_spec(name.replace("-", "_"))
        )
    )
    cases = [case for case in [*FRAMING, *FAULTS, *HTTP] if case.name.startswith(prefix)]
    with pytest.MonkeyPatch.context() as patch:
        report(cases, arms(patch))


if __name__ == "__main__":
    main()
