"""What the soak's steps share: the kernel, the service's notes, what was asked, and what went wrong."""

from __future__ import annotations

import json
import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kernels import Kernel, Ran

HERE = Path(__file__).parent
NOBODY = dict.fromkeys(("PREMAI_API_KEY", "PREM_MODEL", "PREM_AI_BASE_URL", "CI", "PYTEST_CURRENT_TEST"))
UNMEASURED = dict.fromkeys(("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START", "JUPYTER_PREM_RECORD"))
LOAD = f"""
import sys
if {str(HERE)!r} not in sys.path: sys.path[:0] = [{str(HERE)!r}, {str(HERE.parent / "support")!r}]
import asyncio, soak_inside
from typing import TypedDict
from jupyter_prem import AsyncClient, ChatPanel, sweep
class Thing(TypedDict):
    name: str
    size: int
def lookup(word: str) -> str:
    "Look a word up."
    return f"found {{word}}"
import faulthandler, signal
faulthandler.register(signal.SIGUSR1, sys.__stderr__)
%xmode Minimal
%load_ext jupyter_prem
%config PremMagics.timeout = 10
"""
_LOST = "KeyboardInterrupt caught in kernel"
_STOPPED = 5.0  # seconds that a cell has to end after an interrupt


class KernelDied(Exception):
    """The kernel is gone, or says nothing any more."""


@dataclass
class Turn:
    """A turn of a branch, as the kernel tells it."""

    hash: str
    tag: str
    text: str
    cut: bool
    cells: list[str | None]


@dataclass
class Asked:
    """What the service noted of one question in one step."""

    notes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def last(self) -> dict[str, Any]:
        return self.notes[-1] if self.notes else {"end": "nothing", "text": "", "kind": "", "round": 0}

    @property
    def end(self) -> str:
        return str(self.last["end"])

    def asked_twice(self) -> bool:
        """Whether a question was asked again that somebody can have answered.

        A 400 to a stream may mean that the service knows no `stream_options`.
        """
        return any(
            note["end"] != "again" and note["kind"] != "400" and note["round"] == later["round"]
            for note, later in zip(self.notes, self.notes[1:], strict=False)
        )

    def begins(self, text: str) -> bool:
        """Whether a text is the beginning of one that was said."""
        return not text or any(note["text"].startswith(text) for note in self.notes)


class Soak:
    """One run.

    Args:
        seed: What steps, moments and faults are drawn from.
        folder: Where the kernel works and the service notes.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a run can be repeated
        self.folder = folder
        self.wrong: list[str] = []
        self.lost: list[str] = []
        self.late: list[str] = []
        self.deaths = 0
        self.steps: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.interrupts = self.unreplied = self.aborted = 0
        self.questions = 0
        self.answered = 0
        self.kept: dict[str, list[str]] = {}  # what must be in a conversation, by tag
        self.longest = 0.0
        self.page: Any = None
        self.stopped = False  # the last cell was
        self.response: dict[str, Any] | None = None
        self.cell = ""
        self._count = 0
        notes = folder / "notes.jsonl"
        command = [sys.executable, str(HERE / "soak_service.py"), str(seed), str(notes)]
        self.service = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.service.stdout.readline().strip()
        self._notes = notes.open(encoding="utf-8")
        self.log = (folder / "kernel.log").open("wb")
        env = {**NOBODY, **UNMEASURED, "PREM_ENDPOINT": self.url}
        self.kernel = Kernel(env, cwd=str(folder), log=self.log)

    def close(self) -> None:
        self.kernel.stop()
        self.service.stdin.close()
        self.service.wait(10)
        self._notes.close()
        self.log.close()

    def begin(self) -> None:
        """Load the extension, with nothing of before."""
        self.run("%reload_ext jupyter_prem\n%unload_ext jupyter_prem\n%reset -f\n", limit=30)
        self.run("1 / 0")  # IPython keeps the frames of the last error, until there is another
        ran = self.run(LOAD, limit=60)
        if ran.status != "ok":
            raise KernelDied(ran.error)
        self.kept.clear()

    def tag(self, kind: str = "Q") -> str:
        self._count += 1
        return f"{kind}{self._count}"

    def run(
        self, code: str, cell_id: str | None = None, *, limit: float = 20, stop: float | None = None
    ) -> Ran:
        """Run a cell, interrupted after `stop` seconds; it may take `limit`, or a while after an interrupt."""
        began, stopped = time.monotonic(), []

        def interrupt() -> None:
            stopped.append(time.monotonic())
            self.kernel.interrupt()

        timer = threading.Timer(stop or 0, interrupt)
        msg_id = self.kernel.start(code, cell_id)
        if stop is not None:
            timer.start()
        try:
            ran = self.kernel.finish(msg_id, limit * 4)
        except queue.Empty as error:
            ran = self._unreplied(error, code, time.monotonic() - began, stopped)
        finally:
            timer.cancel()
            if stop is not None:
                timer.join()
        if ran.status == "aborted" and not stopped:  # not run: ipykernel drops what comes just after an error
            self.aborted += 1
            return self.run(code, cell_id, limit=limit, stop=stop)
        ended = time.monotonic()
        self.stopped = bool(stopped)
        self.interrupts += self.stopped
        if stopped:  # a request that was on its way is read and noted a moment later
            threading.Event().wait(0.1)
        took = ended - (stopped[0] if stopped else began)
        if took > (_STOPPED if stopped else limit):
            self.late.append(f"{took:.1f} s{' after the interrupt' * bool(stopped)}: {code[:80]!r}")
        self.longest = max(self.longest, took)
        return ran

    def _unreplied(self, error: Exception, code: str, took: float, stopped: list[float]) -> Ran:
        """Return what is left of a cell whose reply ipykernel lost as the interrupt fell into its own code."""
        alive = self.kernel.manager.is_alive()
        self.deaths += not alive
        lost = (self.folder / "kernel.log").read_text(errors="replace").count(_LOST)
        if not (alive and stopped and lost > self.unreplied):
            if alive:
                os.kill(self.kernel.pid, signal.SIGUSR1)  # it says what each thread does
                threading.Event().wait(1)
            raise KernelDied(f"{type(error).__name__} after {took:.0f} s of {code!r}") from error
        self.unreplied = lost
        stopped[0] = time.monotonic()  # it was done at once
        return Ran("lost")

    def told(self, code: str) -> Any:
        """Return what a cell prints, as JSON."""
        ran = self.run(f"soak_inside.{code}")
        *stray, last = ran.text.rstrip("\n").split("\n")
        if stray:
            self.fault(f"a cell said {stray}")
        try:
            return json.loads(last)
        except ValueError:
            raise KernelDied(f"{code} said {ran.text[:200]!r} {ran.error}") from None

    def branch(self, name: str | None = None) -> list[Turn]:
        """Return the turns of a conversation; None is the current one."""
        told = self.told(f"tell({name!r})")
        self.response = told["response"]
        return [Turn(*turn) for turn in told["branch"]]

    def heard(self) -> dict[str, Asked]:
        """Return what the service noted since, by tag; unbroken runs of sweeps are left out."""
        found: dict[str, Asked] = {}
        for line in self._notes:
            note = json.loads(line)
            if not note["calm"]:
                self.questions += 1
                self.faults[note["kind"]] += 1
                found.setdefault(note["tag"], Asked()).notes.append(note)
        return found

    def fault(self, what: str) -> None:
        """Note what went wrong in the step that is on its way."""
        self.wrong.append(f"{self.cell}: {what}")

    def lose(self, what: str) -> None:
        self.lost.append(f"{self.cell}: {what}")
