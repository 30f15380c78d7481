"""Which of the identical questions a question is: by the cell that asks, never by who is first to finish."""

from __future__ import annotations

import heapq
import threading
from dataclasses import dataclass, field

__all__ = ["Asker", "Numbers"]


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks.

    Attributes:
        cell: The id of the cell; None where there is none or the front end does not tell it.
        execution: Tells one run of the cell from another.
        number: The number itself, where a plan has it.
        shown: Whether a cell saves the answer, so that the notebook tells whether it is still asked for.
    """

    cell: str | None = None
    execution: str = ""
    number: int | None = None
    shown: bool = False


class Numbers:
    """Gives each of the identical questions its number, from 1. Safe between threads.

    A cell that is run again keeps the numbers it had; whoever has no cell takes the lowest that is free.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[str, int] = {}
        self._free: dict[str, list[int]] = {}
        self._loose: dict[str, set[int]] = {}
        self._cells: dict[tuple[str, str], _Cell] = {}

    def take(self, key: str, asker: Asker) -> int:
        """Return the number of the question that is asked now."""
        with self._lock:
            if asker.number is not None:
                self._next[key] = max(self._next.get(key, 0), asker.number)
                return asker.number
            if asker.cell is None:
                number = self._new(key)
                self._loose.setdefault(key, set()).add(number)
                return number
            cell = self._cells.setdefault((key, asker.cell), _Cell())
            if cell.execution != asker.execution:
                cell.execution, cell.left = asker.execution, sorted(cell.held)
            number = heapq.heappop(cell.left) if cell.left else self._new(key)
            cell.held.add(number)
            return number

    def give_back(self, key: str, asker: Asker, number: int, *, recorded: bool = False) -> None:
        """Have the number given to the next question, since this one has no answer.

        Args:
            key: The question's.
            asker: Who asked it.
            number: Its number.
            recorded: Whether there is an answer of an earlier run: then a cell keeps the number for its next.
        """
        with self._lock:
            if asker.number is not None:
                return
            if asker.cell is None:
                if number in self._loose.get(key, ()):
                    self._loose[key].discard(number)
                    heapq.heappush(self._free.setdefault(key, []), number)
                return
            cell = self._cells[key, asker.cell]
            if number not in cell.held:
                return
            waits = number in cell.left
            if cell.execution != asker.execution and not waits:
                return  # the cell's next run has it already
            if recorded and not waits:
                heapq.heappush(cell.left, number)
            elif not recorded:
                cell.held.discard(number)
                cell.left = sorted(set(cell.left) - {number})
                heapq.heappush(self._free.setdefault(key, []), number)

    def restart(self) -> None:
        """Have whoever has no cell begin again; cells keep the numbers they have."""
        with self._lock:
            for key, numbers in self._loose.items():
                self._free[key] = sorted({*self._free.get(key, ()), *numbers})
            self._loose.clear()

    def _new(self, key: str) -> int:
        free = self._free.get(key)
        if free:
            return heapq.heappop(free)
        self._next[key] = self._next.get(key, 0) + 1
        return self._next[key]


@dataclass(slots=True)
class _Cell:
    """The numbers that a cell has of one question: all of them, and those its present run has not used."""

    execution: str | None = None
    held: set[int] = field(default_factory=set)
    left: list[int] = field(default_factory=list)
