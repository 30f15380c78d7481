"""The turns of conversations as a page knows them: by a number, with the branches beside each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from jupyter_prem.conversation import CONTINUE
from jupyter_prem.display import plain
from jupyter_prem.notebook._outcome import html_of_turn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_prem.conversation import Conversation, Turn

__all__ = ["LONGEST", "Item", "Turns", "question_of_turn"]

Item = tuple[int, int, int]
"""A turn's number, its place among the turns beside it, from 1, and how many those are."""


class _Tree:
    """What follows each turn of one conversation; kept up as turns are added."""

    def __init__(self) -> None:
        self.count = 0
        self.after: dict[Turn | None, list[Turn]] = {}

    def update(self, turns: tuple[Turn, ...]) -> None:
        for turn in turns[self.count :]:
            self.after.setdefault(turn.parent, []).append(turn)
        self.count = len(turns)


class Turns:
    """Numbers turns, and says what the page shows of them."""

    def __init__(self) -> None:
        self._numbers: dict[Turn, int] = {}
        self._turns: list[Turn] = []
        self._trees: WeakKeyDictionary[Conversation, _Tree] = WeakKeyDictionary()

    def number(self, turn: Turn) -> int:
        """Return the number of a turn, given at the first call."""
        if turn not in self._numbers:
            self._numbers[turn] = len(self._turns)
            self._turns.append(turn)
        return self._numbers[turn]

    def turn(self, number: object) -> Turn | None:
        """Return the turn of a number; None of what is none."""
        known = type(number) is int and 0 <= number < len(self._turns)
        return self._turns[number] if known else None  # type: ignore[call-overload]  # it is an int

    def branch(self, conversation: Conversation) -> list[Item]:
        """Return the turns up to the head."""
        after = self._tree(conversation).after
        items = []
        for turn in conversation.turns:
            beside = after.get(turn.parent, [turn])
            place = beside.index(turn) + 1 if len(beside) > 1 else 1
            items.append((self.number(turn), place, len(beside)))
        return items

    def beside(self, conversation: Conversation, turn: Turn, step: int) -> Turn | None:
        """Return the newest turn of the branch `step` places from the one of `turn`, None past the last."""
        after = self._tree(conversation).after
        turns = after.get(turn.parent, [])
        place = turns.index(turn) + step if turn in turns else -1
        if not 0 <= place < len(turns):
            return None
        last = turns[place]
        within = {last}
        for other in conversation.all_turns:
            if other.parent in within:
                within.add(other)
                last = other
        return last

    def shown(self, numbers: Iterable[object], most: int) -> dict[int, dict[str, Any]]:
        """Return what the page shows of turns, of at least one and up to so many characters."""
        shown: dict[int, dict[str, Any]] = {}
        size = 0
        for number in numbers:
            turn = self.turn(number)
            if turn is None:
                continue
            shown[self.number(turn)] = payload = _payload(turn)
            size += len(payload["html"]) + len(payload["text"])
            if size > most:
                break
        return shown

    def _tree(self, conversation: Conversation) -> _Tree:
        tree = self._trees.setdefault(conversation, _Tree())
        tree.update(conversation.all_turns)
        return tree


def question_of_turn(turn: Turn) -> str:
    """Return what a turn asks, in words."""
    asked = turn.messages[0].content if turn.messages else turn.system
    return "Continue." if asked == CONTINUE else asked or ""


def _payload(turn: Turn) -> dict[str, Any]:
    """Return what the page shows of a turn.

    `raw` is what is edited, where it differs from what is shown; None where it is too long for a page.
    """
    asked = question_of_turn(turn)
    text = plain(asked[:LONGEST])
    response = turn.response
    by_hand = turn.messages[0].role if turn.messages else "system"
    cut = response is not None and (response.interrupted or response.finish_reason == "length")
    return {
        "text": text,
        **({"raw": asked if len(asked) <= LONGEST else None} if asked != text else {}),
        "role": "" if response is not None else by_hand,
        "html": html_of_turn(turn) if response is not None else "",
        "cut": cut,
        "cell": next((cell.number for cell in reversed(turn.cells) if cell.number is not None), None),
        "says": plain(response.text)[:_SAID] if response is not None else "",
    }


LONGEST = 100_000  # characters of a question that are shown
_SAID = 2_000  # characters that a screen reader is told of at once
