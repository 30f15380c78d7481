"""How an answer of today differs from the recorded one."""

from __future__ import annotations

import difflib
import enum
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import quoted

if TYPE_CHECKING:
    from jupyter_prem.client import ChatResponse, Choice

    from ._record import Record

__all__ = ["Change", "Comparison", "compare"]

_LINES = 20
_WIDEST = 160  # characters of a line of a diff
_DEEPEST = 100  # levels of JSON whose shape counts; all of a deeper one could be more than the stack holds
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])\s*(?=\w)")  # no space follows a CJK stop


class Change(enum.Enum):
    """What became of an answer."""

    SAME = "same"
    SAME_FINGERPRINT = "text changed, same fingerprint"
    OTHER_FINGERPRINT = "text changed, another fingerprint"
    NO_FINGERPRINT = "text changed, no fingerprint"
    STRUCTURE = "structure changed"
    ERROR = "error"
    MISSING = "missing"
    UNUSED = "unused"

    @property
    def drifted(self) -> bool:
        """Whether it counts as a drift; what nobody asks for any more does not."""
        return self not in {Change.SAME, Change.UNUSED}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One answer beside the recorded one.

    Attributes:
        change: What became of it.
        detail: The difference, at most 20 lines.
        then, now: The system fingerprints.
    """

    change: Change
    detail: tuple[str, ...] = ()
    then: str | None = None
    now: str | None = None


def compare(record: Record, response: ChatResponse) -> Comparison:
    """Compare an answer with the recorded one: first what it consists of, then what it says.

    What it consists of: how many choices, why each ended, the calls it asks for and the shape of their
    arguments, whether it refuses, and where JSON was asked for, the shape of that.
    """
    recorded = record.response
    then, now = recorded.system_fingerprint, response.system_fingerprint
    structured = _asks_for_json(record.body)
    shapes = _shape(recorded.choices, structured=structured), _shape(response.choices, structured=structured)
    if shapes[0] != shapes[1]:
        return Comparison(Change.STRUCTURE, _diff(*map(_lines, shapes)), then, now)
    says = _says(recorded.choices), _says(response.choices)
    if says[0] == says[1]:
        return Comparison(Change.SAME, (), then, now)
    change = Change.SAME_FINGERPRINT if then == now else Change.OTHER_FINGERPRINT
    change = Change.NO_FINGERPRINT if then is None and now is None else change
    lines = [[line for text in said for line in _sentences(text)] for said in says]
    return Comparison(change, _diff(*lines) or ("only white space differs",), then, now)


def _sentences(text: str) -> list[str]:
    """Return a text in lines that a change leaves alone but for its own; white space counts for nothing."""
    parts = [" ".join(part.split()) for line in text.splitlines() for part in _SENTENCE.split(line)]
    return [part[at : at + _WIDEST] for part in parts for at in range(0, len(part), _WIDEST)]


def _asks_for_json(body: Mapping[str, Any]) -> bool:
    wanted = body.get("response_format")
    return isinstance(wanted, Mapping) and wanted.get("type") in {"json_schema", "json_object"}


def _shape(choices: tuple[Choice, ...], *, structured: bool) -> list[Any]:
    shape = []
    for choice in choices:
        message = choice.message
        shape.append(
            {
                "choice": choice.index,
                "finish_reason": choice.finish_reason,
                "refuses": bool(choice.refusal),
                "says": bool(message.content),
                "calls": [[call.name, _shape_of(call.arguments)] for call in message.tool_calls],
                "json": _shape_of(message.content or "") if structured else None,
            }
        )
    return shape


def _says(choices: tuple[Choice, ...]) -> list[str]:
    words = []
    for choice in choices:
        calls = [f"{call.name}({_canonical(call.arguments)})" for call in choice.message.tool_calls]
        words += [choice.reasoning, choice.message.content or "", choice.refusal, *calls]
    return words


def _canonical(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True)
    except (ValueError, RecursionError):
        return text


def _shape_of(text: str) -> Any:
    try:
        return _outline(json.loads(text), _DEEPEST)
    except (ValueError, RecursionError):
        return "no JSON"


def _outline(value: Any, deepest: int) -> Any:
    """Return a value with the kind of each part in its place; of a list, the kinds that are in it."""
    if isinstance(value, (dict, list)) and not deepest:
        return "…"
    if isinstance(value, dict):
        return {name: _outline(item, deepest - 1) for name, item in value.items()}
    if isinstance(value, list):
        kinds = {json.dumps(_outline(item, deepest - 1), sort_keys=True) for item in value}
        return [json.loads(kind) for kind in sorted(kinds)]
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "number" if number else type(value).__name__


def _lines(shape: list[Any]) -> list[str]:
    return json.dumps(shape, ensure_ascii=False, indent=1, sort_keys=True).splitlines()


def _diff(then: list[str], now: list[str]) -> tuple[str, ...]:
    lines = list(difflib.unified_diff(then, now, n=1))[2:]
    shown = [f"{line[:1]}{quoted(line[1:])}" for line in lines if not line.startswith("@@")]
    if len(shown) > _LINES:
        shown = [*shown[: _LINES - 1], f"… and {len(shown) - _LINES + 1} more lines"]
    return tuple(shown)
