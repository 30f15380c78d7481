"""Mixed use for half an hour, against a service that is often faulty: nothing grows, and no answer is lost.

Run: python tests/benchmarks/soak.py [MINUTES=30] [--seed N]
One kernel, and one service in a process of its own (`soak_service.py`). Steps drawn at random chat in several
conversations, interrupt, sweep, record and replay, drive a panel, and ask many questions at once. Each is judged by
what the service noted (`soak_judge.py`), and every ten seconds what the kernel holds is measured. A run has several
notebooks, one after the other: between two of them the extension is loaded anew, so that nothing is kept, and what
is held then is what must not grow. It ends with a table, and with 1 where something grows, is lost, or is late.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # which a program does not import from everywhere
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from soak_chats import chat, fork, move, prem, regenerate
from soak_grids import many, record_and_replay, sweep
from soak_judge import audit
from soak_panels import close, panel
from soak_report import Chapter, Sample, counts, details, growths, idle, sample, table
from soak_state import KernelDied, Soak

STEPS: dict[str, tuple[Callable[[Soak], None], int]] = {
    "cells": (chat, 40),
    "panel": (panel, 24),
    "moves": (move, 8),
    "subcommands": (prem, 8),
    "regenerated": (regenerate, 5),
    "forks": (fork, 3),
    "sweeps": (sweep, 4),
    "recordings": (record_and_replay, 8),
    "AsyncClient": (many, 6),
}
EVERY = 10.0  # seconds between two samples
SHORTEST, LONGEST = 9.0, 180.0  # seconds with one notebook, else a third of the run


def step(soak: Soak, name: str) -> None:
    act, _ = STEPS[name]
    soak.steps[name] += 1
    soak.cell = f"{name} {soak.steps[name]}"
    try:
        act(soak)
    except KernelDied:
        raise
    except Exception:  # noqa: BLE001 - the run goes on, and says it at its end
        soak.fault(traceback.format_exc(limit=-4))


def chapter(soak: Soak, seconds: float, began: float, bare: Sample, samples: list[Sample]) -> Chapter:
    """Use one notebook for so long."""
    ends, due = time.monotonic() + seconds, time.monotonic() + EVERY
    names, odds = [*STEPS], [often for _, often in STEPS.values()]
    while time.monotonic() < ends:
        step(soak, soak.chance.choices(names, odds)[0])
        if time.monotonic() > due:
            samples.append(sample(soak, began))
            print(samples[-1].line(), flush=True)
            due = time.monotonic() + EVERY
    soak.cell = "the end of a notebook"
    audit(soak)
    close(soak)
    full = sample(soak, began)
    samples.append(full)
    return Chapter(bare, full)


def soaked(soak: Soak, minutes: float) -> int:
    """Run, print the table, and return the exit code."""
    soak.begin()
    for name in STEPS:  # what is imported at the first use is no growth
        step(soak, name)
    close(soak)
    soak.steps.clear()
    began = time.monotonic()
    ends = began + 60 * minutes
    seconds = min(LONGEST, max(SHORTEST, 20 * minutes))
    bare, samples, chapters = [fresh(soak, began)], [], []
    dead = ""
    try:
        while (left := ends - time.monotonic()) > 0:
            chapters.append(chapter(soak, min(seconds, left), began, bare[-1], samples))
            bare.append(fresh(soak, began, bare[0]))
            print(f"nothing kept: {bare[-1].line()}", flush=True)
    except KernelDied as error:
        log = (soak.folder / "kernel.log").read_text(errors="replace")
        dead = f"{error}\nThe kernel's log ends with\n{log[-6000:]}"
    grown = growths(bare, chapters)
    if chapters:
        print(f"\n{table(bare, samples, chapters)}\n")
    print(counts(soak), details(soak), *(f"grows: {what}" for what in grown), dead, sep="\n")
    return int(bool(soak.lost or soak.late or soak.wrong or soak.deaths or grown or dead))


def fresh(soak: Soak, began: float, like: Sample | None = None) -> Sample:
    """Load the extension anew, and measure once all is idle."""
    soak.begin()
    return idle(soak, began, like)


def main() -> int:
    parser = argparse.ArgumentParser(description="Use one kernel for a while, and say what it lost.")
    parser.add_argument("minutes", type=float, nargs="?", default=30)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(f"{given.minutes:g} minutes, seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(given.seed, Path(folder))
        try:
            return soaked(soak, given.minutes)
        finally:
            soak.close()


if __name__ == "__main__":
    sys.exit(main())
