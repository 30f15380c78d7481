"""How an answer arrived: where it was cut into deltas, and when each came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from jupyter_prem.client import Delta

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_prem.client import Choice

__all__ = ["Arrival"]

_TEXT, _REASONING, _REFUSAL, _FINISH = 1, 2, 4, 8
_PARTS = (_TEXT, _REASONING, _REFUSAL)


@dataclass(frozen=True, slots=True)
class Arrival:
    """The deltas of an answer without their words.

    Attributes:
        cuts: Runs `[choice, kind, length, ...]`; see `_record`.
        ms: Milliseconds before each delta.
    """

    cuts: list[list[int]] = field(default_factory=list)
    ms: list[int] = field(default_factory=list)

    def add(self, delta: Delta, seconds: float) -> None:
        """Take a delta that came so many seconds after the one before."""
        words = (delta.text, delta.reasoning, delta.refusal)
        kind = sum(part for part, word in zip(_PARTS, words, strict=True) if word)
        kind += _FINISH if delta.finish_reason else 0
        lengths = [_units(word) for word in words if word]
        last = self.cuts[-1] if self.cuts else None
        if last is not None and last[:2] == [delta.index, kind] and not kind & _FINISH:
            last += lengths
        else:
            self.cuts.append([delta.index, kind, *lengths])
        self.ms.append(round(1000 * seconds))

    @classmethod
    def parse(cls, cuts: Any, ms: Any) -> Self:
        """Return what a record says; nothing where it says nothing of use."""
        runs = cuts if isinstance(cuts, list) else []
        good = all(isinstance(run, list) and len(run) > 1 and all(map(_count, run)) for run in runs)
        times = ms if isinstance(ms, list) and all(map(_count, ms)) else []
        return cls(runs if good else [], times)

    def deltas(self, choices: tuple[Choice, ...]) -> Iterator[Delta]:
        """Return the deltas, with the words of the choices."""
        words = {choice.index: [_encoded(part) for part in _words(choice)] for choice in choices}
        reasons = {choice.index: choice.finish_reason for choice in choices}
        places = {index: [0, 0, 0] for index in words}
        for run in self.cuts:
            index, kind, *lengths = run
            if index not in words:
                continue
            parts = [place for place, part in enumerate(_PARTS) if kind & part]
            reason = reasons[index] if kind & _FINISH else None
            steps = len(lengths) // len(parts) if parts else 1
            for step in range(steps):
                said = ["", "", ""]
                for part, length in zip(parts, lengths[step * len(parts) :], strict=False):
                    start = places[index][part]
                    places[index][part] = start + 2 * length
                    said[part] = _decoded(words[index][part][start : start + 2 * length])
                text, reasoning, refusal = said
                yield Delta(text, reasoning, refusal, index, reason)

    def __bool__(self) -> bool:
        return bool(self.cuts)


def _words(choice: Choice) -> tuple[str, str, str]:
    return choice.message.content or "", choice.reasoning, choice.refusal


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(_encoded(text)) // 2


def _encoded(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _decoded(data: bytes) -> str:
    return data.decode("utf-16-le", "surrogatepass")


def _count(value: object) -> bool:
    return type(value) is int and value >= 0
