"""What the soak saw: samples, what they come to, and the table."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass, field

import psutil
from soak_state import Soak

MIB = 2**20
ANSI = re.compile(r"\x1b\[[\d;]*m")
SLOPE = (
    1.5  # MiB of RSS that a thousand questions may leave when nothing is kept: IPython's, over 1 kB a cell
)
SPARE = {
    "sockets": 1,
    "files": 2,
}  # ipykernel has one for each thread that says something, and takes its time
FEW = 1_500  # questions of the second half from which on its slope tells anything
OF_TEXT = 3.0  # bytes of RSS that may come with one that the conversations keep
IDLE = 12.0  # seconds that what is idle has to be given back: ipykernel looks for ended threads every ten
COUNTS = ("threads", "sockets", "files", "tasks", "objects", "children")


@dataclass
class Sample:
    """What the kernel and its children hold at a moment."""

    at: float
    questions: int
    rss: int
    threads: int
    sockets: int
    files: int
    children: int
    tasks: int
    turns: int
    words: int
    of_turns: int
    beside: int
    cached: int  # blocks that are rendered already, up to a bound
    objects: int
    kinds: Counter[str] = field(default_factory=Counter, repr=False)
    names: list[str] = field(default_factory=list, repr=False)

    def line(self) -> str:
        return (
            f"{self.at:6.0f} s {self.questions:6} questions, RSS {self.rss / MIB:6.1f} MiB, {self.threads} threads, "
            f"{self.sockets} sockets, {self.files} files, {self.tasks} tasks, {self.objects} objects, {self.turns} turns "
            f"of {self.words / 1000:.0f} kB that hold {self.of_turns / 1000:.0f} kB, beside them {self.beside / 1000:.0f} kB, rendered {self.cached / 1000:.0f} kB"
        )


def sample(soak: Soak, began: float) -> Sample:
    """Measure; what IPython keeps of cells is dropped first."""
    told = soak.told("measure()")
    kinds = Counter(told["objects"])
    process = psutil.Process(soak.kernel.pid)
    children = process.children(recursive=True)
    every = [process, *children]
    return Sample(
        time.monotonic() - began,
        soak.questions,
        sum(each.memory_info().rss for each in every),
        sum(each.num_threads() for each in every),
        sum(len(each.net_connections("all")) for each in every),
        sum(each.num_fds() for each in every),
        len(children),
        told["tasks"],
        told["turns"],
        told["words"],
        told["of turns"],
        told["beside"],
        told["cached"],
        kinds.total(),
        kinds,
        told["names"],
    )


def idle(soak: Soak, began: float, like: Sample | None = None) -> Sample:
    """Measure when as little is held as in a sample, or when what is idle has had its time to go."""
    until = time.monotonic() + IDLE
    while True:
        now = sample(soak, began)
        grown = like is None or any(getattr(now, name) > getattr(like, name) for name in COUNTS)
        if not grown or time.monotonic() > until:
            return now


def slope(samples: list[Sample]) -> float:
    """Return by how many MiB the RSS grows in a thousand questions, by least squares, without what is cached."""
    asked = [each.questions / 1000 for each in samples]
    held = [(each.rss - each.cached) / MIB for each in samples]
    middle, level = sum(asked) / len(asked), sum(held) / len(held)
    spread = sum((x - middle) ** 2 for x in asked)
    return (
        sum((x - middle) * (y - level) for x, y in zip(asked, held, strict=True)) / spread if spread else 0.0
    )


@dataclass
class Chapter:
    """A while with one notebook: what was held before its first question, and after its last."""

    bare: Sample
    full: Sample

    @property
    def grown(self) -> int:
        return self.full.rss - self.full.cached - (self.bare.rss - self.bare.cached)

    @property
    def kept(self) -> int:
        return self.full.of_turns + self.full.beside


def growths(bare: list[Sample], chapters: list[Chapter]) -> list[str]:
    """Return what grows that should not."""
    first, last, half = bare[0], bare[-1], bare[len(bare) // 2 :]
    found = [
        f"{name}: {getattr(first, name)} at the start, {getattr(last, name)} at the end, with nothing kept"
        for name in COUNTS
        if getattr(last, name) > getattr(first, name) + SPARE.get(name, 0)
    ]
    if last.kinds.total() > first.kinds.total():
        more = dict((last.kinds - first.kinds).most_common(20))
        found.append(f"objects: {more}")
    enough = half[-1].questions - half[0].questions >= FEW
    if enough and slope(half) > SLOPE:
        found.append(
            f"RSS: {slope(half):.2f} MiB in a thousand questions, with nothing kept; {SLOPE} are allowed"
        )
    later = chapters[len(chapters) // 2 :]
    kept, grown = sum(each.kept for each in later), sum(each.grown for each in later)
    if enough and grown > OF_TEXT * kept:
        found.append(f"RSS: {grown / kept:.1f} bytes for each that is kept; {OF_TEXT} are allowed")
    return found


def table(bare: list[Sample], samples: list[Sample], chapters: list[Chapter]) -> str:
    """Return the table."""
    third = bare[len(bare) // 3]
    rows = [("with nothing kept, idle", "start", "after a third", "end"), ("---", "--:", "--:", "--:")]
    rows.append(("RSS, MiB", *(f"{each.rss / MIB:.1f}" for each in (bare[0], third, bare[-1]))))
    rows.append(
        ("rendered blocks, MiB", *(f"{each.cached / MIB:.1f}" for each in (bare[0], third, bare[-1])))
    )
    rows += [(name, *(str(getattr(each, name)) for each in (bare[0], third, bare[-1]))) for name in COUNTS]
    third = samples[len(samples) // 3]
    ends = (samples[0], third, samples[-1])
    rows += [("**in use, every 10 s**", "", "", "")]
    rows += [(name, *(str(getattr(each, name)) for each in ends)) for name in COUNTS]
    rows += [("turns kept", *(str(each.turns) for each in ends))]
    rows += [("their text, kB", *(f"{each.words / 1000:.0f}" for each in ends))]
    most = {name: max(getattr(each, name) for each in samples) for name in COUNTS}
    later = chapters[len(chapters) // 2 :]
    kept, grown = sum(each.kept for each in later), sum(each.grown for each in later)
    turns, words = (sum(getattr(each.full, name) for each in later) for name in ("turns", "words"))
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines += ["", f"At most in use: {', '.join(f'{count} {name}' for name, count in most.items())}."]
    lines.append(
        f"In the second half, the rendered blocks apart: RSS {slope(bare[len(bare) // 2 :]):+.2f} MiB in a thousand "
        f"questions with nothing kept; the {turns:,} turns of {len(later)} notebooks, {words / 1000:,.0f} kB of text, "
        f"held {kept / 1000:,.0f} kB and came with {grown / 1000:,.0f} kB of RSS."
    )
    return "\n".join(lines)


def counts(soak: Soak) -> str:
    """Return what was done, and what went wrong."""
    lines = [
        f"{soak.questions:,} questions reached the service, {soak.answered:,} answers were looked for; "
        f"{soak.interrupts:,} interrupts, of which {soak.unreplied} fell into ipykernel's own code and cost a reply; "
        f"the longest cell took {soak.longest:.1f} s; {soak.aborted} were dropped by ipykernel, and run again.",
        "Steps: " + ", ".join(f"{count} {name}" for name, count in soak.steps.most_common()) + ".",
        "Replies: " + ", ".join(f"{count} {name}" for name, count in soak.faults.most_common()) + ".",
        "",
        "| lost answers | kernel deaths | cells that took longer than they may | other faults |",
        "|--:|--:|--:|--:|",
        f"| {len(soak.lost)} | {soak.deaths} | {len(soak.late)} | {len(soak.wrong)} |",
    ]
    return "\n".join(lines)


def details(soak: Soak, most: int = 40) -> str:
    """Return what was lost, late or wrong, as it was noted."""
    found = {"lost": soak.lost, "late": soak.late, "wrong": soak.wrong}
    lines = [(name, ANSI.sub("", one)) for name, several in found.items() for one in several[:most]]
    return "\n".join(f"{name}: {text[:1500]!r}" for name, text in lines)
