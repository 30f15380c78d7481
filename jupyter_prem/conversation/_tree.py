"""The tree of a conversation's turns, its head, and where the head has been."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jupyter_prem.client import Message, PremError, whole

from ._interrupts import uninterrupted
from ._turn import branch, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ._turn import Cell, Turn

__all__ = ["ConversationBusyError", "ConversationError", "Tree"]


class ConversationError(PremError):
    """What a conversation is asked to do, it cannot; it stays as it was."""


class ConversationBusyError(ConversationError):
    """A second question while the first is being answered."""


class Tree:
    """What was ever said in a conversation, and the head: the turn that the next question follows.

    Turns are only ever added. Whatever moves the head keeps where it was: `undo` and `redo` walk its
    positions as an editor does. One thing at a time; a second meanwhile is an error.
    """

    def __init__(self, name: str = "default") -> None:
        self.name = whole(name)
        self._head: Turn | None = None
        self._turns: dict[Turn, None] = {}  # an ordered set
        self._past: list[Turn | None] = []
        self._future: list[Turn | None] = []
        self._seen: set[str] = set()
        self._turn = threading.Lock()

    @property
    def head(self) -> Turn | None:
        """The turn that the next question follows; None at the start."""
        return self._head

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns from the first to the head."""
        return branch(self._head)

    @property
    def all_turns(self) -> tuple[Turn, ...]:
        """Every turn that was ever taken, the oldest first; those off the branch as well."""
        return tuple(self._turns)

    @property
    def system(self) -> str | None:
        """The system message in force; None where no turn has set one yet."""
        return self._head.system if self._head is not None else None

    @property
    def messages(self) -> tuple[Message, ...]:
        """Everything said on this branch, the system message first."""
        said = [message for turn in self.turns for message in turn.messages]
        return (Message("system", self.system), *said) if self.system else tuple(said)

    @property
    def busy(self) -> bool:
        """Whether a question is being answered now."""
        return self._turn.locked()

    @contextmanager
    def one_turn(self) -> Iterator[None]:
        """Hold the conversation for one question, or one move of its head.

        Raises:
            ConversationBusyError: Another question is being answered.
        """
        taken = False
        try:
            with uninterrupted():
                taken = self._turn.acquire(blocking=False)
            if not taken:
                raise ConversationBusyError(
                    f"The conversation {self.name!r} is still answering another question.",
                    hint="Wait for it, stop it (■), or ask in another conversation: -c NAME.",
                )
            yield
        finally:
            if taken:
                self._turn.release()

    def reset(self) -> None:
        """Start afresh; `undo` takes it back.

        Raises:
            ConversationBusyError: A question is being answered.
        """
        self.go(None)

    def undo(self) -> None:
        """Put the head back to where it was before: before a question, a re-run cell, a reset.

        Raises:
            ConversationError: There is nothing before.
            ConversationBusyError: A question is being answered.
        """
        with self.one_turn():
            if not self._past:
                raise ConversationError(f"There is nothing to undo in the conversation {self.name!r}.")
            with uninterrupted():
                self._future.append(self._head)
                self._head = self._past.pop()
        self._moved()

    def redo(self) -> None:
        """Take the last `undo` back.

        Raises:
            ConversationError: Nothing was undone, or something was asked since.
            ConversationBusyError: A question is being answered.
        """
        with self.one_turn():
            if not self._future:
                raise ConversationError(f"There is nothing to redo in the conversation {self.name!r}.")
            with uninterrupted():
                self._past.append(self._head)
                self._head = self._future.pop()
        self._moved()

    def base(self, cell: Cell | None) -> Turn | None:
        """Return the turn that a question of `cell` follows.

        It is the head, unless an earlier execution of the same cell has asked on this branch: then what
        was before its first question.
        """
        earlier = self.earlier(cell)
        return earlier.parent if earlier is not None else self._head

    def earlier(self, cell: Cell | None) -> Turn | None:
        """Return the first turn of this branch that an earlier execution of `cell` asked."""
        if cell is None or cell.id not in self._seen:
            return None
        first = None
        for turn in walk(self._head):
            if any(place.id == cell.id and place.run != cell.run for place in turn.cells):
                first = turn
        return first

    def commit(self, turn: Turn) -> None:
        """Add a turn and make it the head; for whoever holds the conversation."""
        with uninterrupted():
            self.add([turn])
            self._move(turn)

    def add(self, turns: Iterable[Turn]) -> None:
        """Add turns, which the head does not follow."""
        for turn in turns:
            self._turns[turn] = None
            self._seen.update(cell.id for cell in turn.cells if cell.id is not None)

    def go(self, turn: Turn | None) -> None:
        """Make a turn of this conversation its head; `undo` takes it back.

        Raises:
            ConversationBusyError: A question is being answered.
        """
        with self.one_turn(), uninterrupted():
            self._move(turn)
        self._moved()

    def _moved(self) -> None:
        """Called when the head was moved by hand."""

    def _move(self, head: Turn | None) -> None:
        if head is not self._head:
            self._past.append(self._head)
            self._future.clear()
            self._head = head

    @property
    def positions(self) -> tuple[tuple[Turn | None, ...], tuple[Turn | None, ...]]:
        """Where the head was before, and where it was before `undo`; the nearest last."""
        return tuple(self._past), tuple(self._future)

    def restore(self, head: Turn | None, past: Iterable[Turn | None], future: Iterable[Turn | None]) -> None:
        """Put the head, and where it has been, back as they were saved."""
        with self.one_turn():
            self._head, self._past, self._future = head, list(past), list(future)

    def _copy_to(self, other: Tree, head: Turn | None) -> None:
        other.add(self._turns)
        other._past = list(self._past)
        other._head = self._head
        other._move(head)

    def __contains__(self, turn: object) -> bool:
        return turn in self._turns

    def __len__(self) -> int:
        return self._head.depth if self._head is not None else 0

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        count = len(self)
        return f"{type(self).__name__}({self.name!r}, {count} turn{'' if count == 1 else 's'})"
