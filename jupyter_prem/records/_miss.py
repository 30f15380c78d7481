"""What to say of a question without a recording: the nearest one, and where they differ."""

from __future__ import annotations

import difflib
import heapq
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import quoted

from ._key import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ._record import Record

__all__ = ["differences", "nearest", "ordinal"]

_LINES = 12  # differences that are shown
_AROUND = 40  # characters of a text, on each side of where it differs
_COMPARED = 400  # characters of a question that are compared
_MOST = 2_000  # recordings that are looked at
_LIKELY = 20  # of them, those that are compared letter by letter


def nearest(records: Iterable[Record], endpoint: str, body: Mapping[str, Any]) -> Record | None:
    """Return the recording whose question is most like this one; None of none."""
    asked = _last(body)[:_COMPARED]
    words = set(asked.split())
    listed = deque(records, _MOST)
    likely = heapq.nlargest(_LIKELY, listed, key=lambda record: _shared(_last(record.body), asked, words))
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(asked)
    best, found = (-1.0, 0), None
    for record in likely:
        text = _last(record.body)[:_COMPARED]
        matcher.set_seq1(text)
        score = (matcher.ratio(), -len(list(_differing(record, endpoint, body))))
        if score > best:
            best, found = score, record
    return found


def _shared(text: str, asked: str, words: set[str]) -> float:
    """Return the share of words that two questions have in common: cheap, and near enough to choose from."""
    text = text[:_COMPARED]
    if text == asked:
        return 2.0
    others = set(text.split())
    return len(words & others) / (len(words | others) or 1)


def differences(record: Record, endpoint: str, body: Mapping[str, Any]) -> list[str]:
    """Return a line for each part in which a recorded question differs from one that is asked."""
    lines = list(_differing(record, endpoint, body))
    more = len(lines) - _LINES
    return [*lines[:_LINES], f"and {more} more"] if more > 0 else lines


def ordinal(number: int) -> str:
    """Return "1st", "2nd", "11th" and so on."""
    teen = 10 <= number % 100 <= 20  # noqa: PLR2004 - English
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _differing(record: Record, endpoint: str, body: Mapping[str, Any]) -> Iterator[str]:
    recorded = dict(_leaves({"endpoint": record.endpoint, **record.body}))
    asked = dict(_leaves({"endpoint": endpoint, **counted(body)}))
    for path in [*recorded, *(path for path in asked if path not in recorded)]:
        one, other = recorded.get(path, _ABSENT), asked.get(path, _ABSENT)
        if not _same(one, other):
            first, second = _around(one, other)
            yield f"{path}: recorded {first}, asked {second}"


class _Absent:
    """A part that is not there."""


_ABSENT = _Absent()


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from _leaves(item, f"{path}[{place}]")
    else:
        yield path, value


def _same(one: Any, other: Any) -> bool:
    numbers = all(type(value) in {int, float} for value in (one, other))
    return bool(one == other) and (numbers or type(one) is type(other))


def _around(one: Any, other: Any) -> tuple[str, str]:
    """Return two parts in short, a text where it begins to differ."""
    start = 0
    if isinstance(one, str) and isinstance(other, str):
        same = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
        start = max(0, (min(len(one), len(other)) if same is None else same) - _AROUND)
    return _short(one, start), _short(other, start)


def _short(value: Any, start: int) -> str:
    if isinstance(value, _Absent):
        return "nothing"
    if not isinstance(value, str):
        return quoted("null" if value is None else str(value))
    end = start + 2 * _AROUND
    return f"“{'…' * (start > 0)}{quoted(value[start:end])}{'…' * (end < len(value))}”"


def _last(body: Mapping[str, Any]) -> str:
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    text = last.get("content") if isinstance(last, Mapping) else None
    return text if isinstance(text, str) else ""
