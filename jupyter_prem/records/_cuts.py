"""How an answer arrived: where it was cut into deltas, and when each came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from jupyter_prem.client import Delta

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jupyter_prem.client import Choice

__all__ = ["Arrival"]

_TEXT, _REASONING, _REFUSAL, _FINISH = 1, 2, 4, 8
_MOST = 2**53  # of a length or a time; a record may hold any number
_PARTS = (_TEXT, _REASONING, _REFUSAL)


@dataclass(frozen=True, slots=True)
class Arrival:
    """The deltas of an answer without their words.

    Attributes:
        cuts: Runs `[choice, kind, length, ...]`; see `_record`.
        ms: Milliseconds before each delta; the sum of them where there are no cuts.
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

    @property
    def seconds(self) -> float | None:
        """From the question to the last delta; None where that was not kept."""
        return sum(self.ms) / 1000 if self.ms else None

    def of(self, body: Mapping[str, Any]) -> Arrival:
        """Return what is kept of it: of an answer that was asked for whole, the time alone."""
        return self if body.get("stream") else Arrival(ms=[sum(self.ms)])

    @classmethod
    def parse(cls, cuts: Any, ms: Any) -> Self:
        """Return what a record says; nothing where it says nothing of use."""
        runs = cuts if isinstance(cuts, list) else []
        good = all(isinstance(run, list) and len(run) > 1 and all(map(_count, run)) for run in runs)
        times = ms if isinstance(ms, list) and all(map(_count, ms)) else []
        return cls(runs if good else [], times)

    def fits(self, choices: tuple[Choice, ...]) -> bool:
        """Whether the deltas hold every word of the choices, and no more."""
        lengths = {(choice.index, part): 0 for choice in choices for part in range(len(_PARTS))}
        for index, kind, *run in self.cuts:
            parts = [place for place, part in enumerate(_PARTS) if kind & part]
            for place, part in enumerate(parts):
                lengths[index, part] = lengths.get((index, part), 0) + sum(run[place :: len(parts)])
        words = {
            (choice.index, part): _units(text)
            for choice in choices
            for part, text in enumerate(_parts(choice))
        }
        return lengths == words

    def deltas(self, choices: tuple[Choice, ...]) -> Iterator[Delta]:
        """Return the deltas, with the words of the choices."""
        words = {choice.index: [_Words(part) for part in _parts(choice)] for choice in choices}
        reasons = {choice.index: choice.finish_reason for choice in choices}
        for index, kind, *lengths in self.cuts:
            if index not in words:
                continue
            said = words[index]
            reason = reasons[index] if kind & _FINISH else None
            if kind == _TEXT:  # nearly all
                take = said[0].take
                for length in lengths:
                    yield Delta(take(length), "", "", index, None)
                continue
            parts = [place for place, part in enumerate(_PARTS) if kind & part]
            for step in range(0, len(lengths), len(parts)) if parts else (0,):
                taken = dict(zip(parts, lengths[step:], strict=False))
                text, reasoning, refusal = (said[place].take(taken.get(place, 0)) for place in range(3))
                yield Delta(text, reasoning, refusal, index, reason)

    def __bool__(self) -> bool:
        return bool(self.cuts)


class _Words:
    """A text that is taken piece by piece, by lengths in UTF-16 units."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._encoded = b"" if text.isascii() else _encoded(text)
        self._at = 0

    def take(self, length: int) -> str:
        at = self._at
        self._at = at + length
        if not self._encoded:
            return self._text[at : at + length]
        return self._encoded[2 * at : 2 * (at + length)].decode("utf-16-le", "surrogatepass")


def _parts(choice: Choice) -> tuple[str, str, str]:
    return choice.message.content or "", choice.reasoning, choice.refusal


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(_encoded(text)) // 2


def _encoded(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _count(value: object) -> bool:
    return type(value) is int and 0 <= value < _MOST
