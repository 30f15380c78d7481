"""A conversation as lines of text: the branch, what left it, and which cells fell out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_prem.notebook._outcome import beginning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_prem.conversation import Cell, Conversation, Turn

__all__ = ["fallen_cells", "history_lines", "label"]

_LAST = 50  # turns of the branch that are shown
_BESIDE = 10  # turns off the branch that are shown behind one turn


def history_lines(conversation: Conversation) -> list[str]:
    """Return the conversation as a tree: ● is on the branch, ○ has left it and can be forked by its hash."""
    branch = conversation.turns
    on = set(branch)
    off = [turn for turn in conversation.all_turns if turn not in on]
    head = f"{conversation.name}: {_count(len(branch), 'exchange')}"
    lines = [head + (f", {len(off)} off the branch" if off else "")]
    if conversation.system:
        lines.append(f"system  {beginning(conversation.system)}")
    beside = _beside(off, on)
    lines += _off_lines(beside.get(None, []))
    hidden = max(0, len(branch) - _LAST)
    if hidden:
        lines.append(f"  … {_count(hidden, 'earlier exchange')}")
    for turn in branch[hidden:]:
        lines.append(f"●  {_line(turn)}" + ("   ← here" if turn is branch[-1] else ""))
        lines += _off_lines(beside.get(turn, []))
    fallen = fallen_cells(conversation)
    if fallen:
        lines += ["", "No longer in the conversation; run again, these cells ask after its last answer:"]
        lines += [f"   {name}" for name in fallen]
    return lines


def fallen_cells(conversation: Conversation) -> list[str]:
    """Return the names of the cells whose last answer is no longer on the branch, the oldest first."""
    on = {_key(cell) for turn in conversation.turns for cell in turn.cells}
    fallen: dict[str | int | None, str] = {}
    for turn in conversation.all_turns:
        for cell in turn.cells:
            if _key(cell) not in on and _key(cell) is not None:
                fallen[_key(cell)] = f"{_number(cell)}  {beginning(turn.title)}"
    return list(fallen.values())


def label(turn: Turn) -> str:
    """Return what people call the cell of a turn."""
    if turn.response is None:
        return "by hand"
    return _number(turn.cells[-1]) if turn.cells else "[ ]"


def _number(cell: Cell) -> str:
    return f"[{cell.number if cell.number is not None else ' '}]"


def _key(cell: Cell) -> str | int | None:
    return cell.id or cell.number


def _beside(off: list[Turn], on: set[Turn]) -> dict[Turn | None, list[Turn]]:
    """Return the turns off the branch, by the turn of the branch where they left it."""
    left: dict[Turn, Turn | None] = {}
    beside: dict[Turn | None, list[Turn]] = {}
    for turn in off:
        parent = turn.parent
        place = parent if parent is None or parent in on else left.get(parent)
        left[turn] = place
        beside.setdefault(place, []).append(turn)
    return beside


def _off_lines(turns: list[Turn]) -> Iterator[str]:
    for turn in turns[-_BESIDE:]:
        yield f"├─○  {turn.hash[:8]}  {_line(turn)}"
    if len(turns) > _BESIDE:
        yield f"├─   … {len(turns) - _BESIDE} older"


def _line(turn: Turn) -> str:
    response = turn.response
    said = f"{label(turn)}  {beginning(turn.title)}"
    if response is None:
        return said
    marks = [response.finish_reason or ""] if response.finish_reason not in {"stop", None} else []
    marks += ["interrupted"] if response.interrupted else []
    called = ", ".join(f"{call.name}(…)" for call in response.tool_calls)
    answer = f"  →  {beginning(response.text or called) or '(no text)'}"
    return said + answer + (f"  ({', '.join(marks)})" if marks else "")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
