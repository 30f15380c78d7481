"""Ask recorded questions again, live, and say what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from jupyter_prem.client import ChatRequest, PremError, quoted, whole

from ._drift import Change, Comparison, compare
from ._interval import wilson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from jupyter_prem.client import ChatResponse

    from ._record import Record

__all__ = ["Check", "Report", "verify"]

_TITLE = 60  # characters of a question that name it
_NO_XML = {number: "\ufffd" for number in range(32) if chr(number) not in "\t\n\r"}


@dataclass(frozen=True, slots=True)
class Check:
    """One recording, and what came of asking again.

    Attributes:
        record: The recording; None of a question that has none.
        title: What was asked, in short.
        comparisons: One for each time it was asked.
    """

    record: Record | None
    title: str
    comparisons: tuple[Comparison, ...]

    @property
    def change(self) -> Change:
        """What became of it: the first that is not the same."""
        changes = [comparison.change for comparison in self.comparisons]
        return next((change for change in changes if change is not Change.SAME), changes[0])

    def lines(self) -> list[str]:
        """Return what became of it, for people."""
        one = self.comparison
        told = one.change in {Change.SAME_FINGERPRINT, Change.OTHER_FINGERPRINT}
        fingerprints = [f"  fingerprint then {one.then}, now {one.now}"] if told else []
        return [f"{self.change.value}: {self.title}", *fingerprints, *(f"  {line}" for line in one.detail)]

    @property
    def comparison(self) -> Comparison:
        """The comparison that decided it."""
        return next(one for one in self.comparisons if one.change is self.change)


@dataclass(frozen=True, slots=True)
class Report:
    """What was verified.

    Attributes:
        checks: One for each recording, and one for each question without one.
    """

    checks: Sequence[Check] = field(default_factory=tuple)

    @property
    def drifted(self) -> bool:
        """Whether anything changed, failed or is missing."""
        return any(check.change.drifted for check in self.checks)

    @property
    def asked(self) -> list[Comparison]:
        """Every answer that was compared or failed."""
        beside = {Change.MISSING, Change.UNUSED}
        return [one for check in self.checks for one in check.comparisons if one.change not in beside]

    @property
    def same(self) -> int:
        """How many answers were the same."""
        return sum(comparison.change is Change.SAME for comparison in self.asked)

    @property
    def rate(self) -> float | None:
        """The share of answers that were the same; None where nothing was asked."""
        return self.same / len(self.asked) if self.asked else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the rate."""
        return wilson(self.same, len(self.asked))

    def lines(self) -> list[str]:
        """Return the summary for people."""
        counts = {change: sum(check.change is change for check in self.checks) for change in Change}
        lines = [f"{count} {change.value}" for change, count in counts.items() if count]
        if self.rate is not None:
            low, high = self.interval
            lines.append(
                f"Reproduced: {self.same} of {len(self.asked)} answers, {self.rate:.1%} "
                f"(95 % interval {low:.1%} to {high:.1%})"
            )
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON data."""
        low, high = self.interval
        return {
            "drifted": self.drifted,
            "answers": len(self.asked),
            "same": self.same,
            "rate": self.rate,
            "interval": [low, high],
            "checks": [_check_dict(check) for check in self.checks],
        }

    def to_junit(self, name: str) -> str:
        """Return the report as JUnit's XML, one test a question."""
        drifted = [check for check in self.checks if check.change.drifted]
        errors = [check for check in drifted if check.change is Change.ERROR]
        suite = ET.Element(
            "testsuite",
            name=_xml(name),
            tests=str(len(self.checks)),
            failures=str(len(drifted) - len(errors)),
            errors=str(len(errors)),
            skipped=str(sum(check.change is Change.UNUSED for check in self.checks)),
        )
        for place, check in enumerate(self.checks, 1):
            case = ET.SubElement(
                suite, "testcase", classname=_xml(name), name=_xml(f"{place}. {check.title}")
            )
            if check.change is Change.UNUSED:
                ET.SubElement(case, "skipped", message=check.change.value)
            elif check.change.drifted:
                kind = "error" if check.change is Change.ERROR else "failure"
                node = ET.SubElement(case, kind, message=check.change.value)
                node.text = _xml("\n".join(check.comparison.detail))
        return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def verify(
    records: Iterable[Record],
    ask: Callable[[Record, ChatRequest], ChatResponse],
    *,
    repeats: int = 1,
    used: Callable[[Record], bool] = lambda _: True,
    missing: Iterable[str] = (),
    told: Callable[[Check], None] = lambda _: None,
) -> Report:
    """Ask each recorded question again and compare.

    Args:
        records: The recordings.
        ask: Asks live; what it raises of ours is an error of that recording.
        repeats: How often each is asked.
        used: Whether anybody asks it still; what nobody asks is not asked here.
        missing: Titles of questions that have no recording.
        told: Called with each check as it is done.
    """
    checks = []
    for record in records:
        if used(record):
            comparisons = tuple(_asked(record, ask) for _ in range(repeats))
        else:
            comparisons = (Comparison(Change.UNUSED),)
        checks.append(Check(record, title_of(record), comparisons))
        told(checks[-1])
    for title in missing:
        checks.append(Check(None, title, (Comparison(Change.MISSING),)))
        told(checks[-1])
    return Report(tuple(checks))


def title_of(record: Record) -> str:
    """Return what was asked, in short."""
    messages = record.body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    text = last.get("content") if isinstance(last, Mapping) else None
    title = quoted(text if isinstance(text, str) else "")
    return title if len(title) <= _TITLE else f"{title[:_TITLE]}…"


def _asked(record: Record, ask: Callable[[Record, ChatRequest], ChatResponse]) -> Comparison:
    streamed = bool(record.arrival)  # an answer that came whole has no cuts
    try:
        request = ChatRequest.from_body({**record.body, "stream": streamed})
        return compare(record, ask(record, request))
    except PremError as error:
        lines = str(error).splitlines()[:20]
        return Comparison(Change.ERROR, tuple(lines), record.response.system_fingerprint)


def _check_dict(check: Check) -> dict[str, Any]:
    one = check.comparison
    return {
        "key": check.record.key if check.record is not None else None,
        "n": check.record.n if check.record is not None else None,
        "question": check.title,
        "change": check.change.value,
        "answers": [comparison.change.value for comparison in check.comparisons],
        "fingerprints": [one.then, one.now],
        "detail": list(one.detail),
    }


def _xml(text: str) -> str:
    return whole(text).translate(_NO_XML).replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
