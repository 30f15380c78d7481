"""Asking a raw server as a case says, and looking at what came."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import psutil
import pytest
from wire_cases import SECRET, Case, Exchange, Outcome, problems, timeouts
from wire_server import Server


def of(*names: str) -> Any:
    """Mark a test as that of cases that no table can say."""
    return pytest.mark.parametrize("case", names)


def until(true: Callable[[], Any], seconds: float) -> bool:
    """Wait until something is true; return whether it became so in time."""
    ends, wait = time.monotonic() + seconds, threading.Event()
    while not true():
        if time.monotonic() > ends:
            return False
        wait.wait(0.001)
    return True


def open_to(server: Any) -> list[Any]:
    """Return the sockets of this process that lead to a server."""
    connections = psutil.Process().net_connections("tcp")
    return [it for it in connections if it.raddr and it.raddr.port == server.port]


class Naps(list[float]):
    """Seconds of each wait before a question is asked again; `before` is called instead of waiting."""

    def before(self) -> None:
        pass


def unwaited(patch: pytest.MonkeyPatch) -> Naps:
    """Have questions asked again without a wait, and return the waits."""
    from jupyter_prem.client import _retry

    naps = Naps()
    after = _retry.Retries.after

    def at_once(retries: Any, error: Any) -> float | None:
        seconds = after(retries, error)
        if seconds is None:
            return None
        naps.append(seconds)
        naps.before()
        return 0.0

    patch.setattr(_retry.Retries, "after", at_once)
    return naps


def ask(client: Any, *, stream: bool = True, **fields: Any) -> Outcome:
    """Ask "hi" for a stream, or for a whole answer."""
    outcome = Outcome()
    try:
        if not stream:
            outcome.response = client.chat("hi", model="m", **fields)
            return outcome
        with client.stream("hi", model="m", **fields) as answer:
            for delta in answer:
                if delta.index == 0 and delta.text:
                    outcome.deltas.append(delta.text)
        outcome.response = answer.response
    except Exception as error:  # noqa: BLE001 - what is not ours is what is wrong
        outcome.error = error
    return outcome


def check(case: Case, server: Server, clients: Any, *, strict: bool = False) -> list[str]:
    """Ask for a case's stream in each of its ways, and return what was wrong.

    After each the same client must still be of use.
    """
    error, partial = (case.strict if strict else None) or (case.error, case.partial)
    held = dataclasses.replace(case, error=error, partial=partial, has={} if strict else case.has)
    wrong: list[str] = []
    with clients(server.url, SECRET, timeout=timeouts(case.limits), strict=strict) as client:
        for way, steps in case.ways():
            server.turns(steps)
            server.requests.clear()
            found = problems(held, ask(client), case.text, partial)
            if len(server.questions) != 1:
                found.append(f"asked {len(server.questions)} times")
            server.turns(None)
            after = ask(client, stream=False)
            if after.error is not None or after.response.text != "You said: hi":
                found.append(f"the next question: {after}")
            wrong += [f"{way}: {one}" for one in found]
    return wrong


def exchange(case: Exchange, server: Server, clients: Any, naps: list[float]) -> list[str]:
    """Ask for a whole answer and for a stream, count how often that was asked, and return what was wrong."""
    wrong: list[str] = []
    for stream in (False, True):
        server.requests.clear()
        naps.clear()
        with clients(server.url, SECRET, timeout=timeouts(case.limits), stream_usage="never") as client:
            server.turns(*case.replies)
            found = problems(case, ask(client, stream=stream), "You said: hi")
        if len(server.questions) != case.requests:
            found.append(f"asked {len(server.questions)} times")
        if case.naps is not None and not fits(case.naps, naps):
            found.append(f"waited {naps}")
        wrong += [f"{'stream' if stream else 'chat'}: {one}" for one in found]
    return wrong


def fits(bounds: Sequence[tuple[float, float]], naps: Sequence[float]) -> bool:
    return len(bounds) == len(naps) and all(
        least <= nap <= most for nap, (least, most) in zip(naps, bounds, strict=True)
    )
