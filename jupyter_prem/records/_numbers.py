"""Which of the identical questions a question is: by the cell that asks, never by who is first to finish."""

from __future__ import annotations

import heapq
import threading
from dataclasses import dataclass

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
    """Gives each of the identical questions its number, from 1.

    A cell that is run again keeps the numbers it had; whoever has no cell takes the next one. Safe between
    threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[str, int] = {}
        self._free: dict[str, list[int]] = {}
        self._cells: dict[tuple[str, str], list[int]] = {}
        self._runs: dict[tuple[str, str], tuple[str, int]] = {}

    def take(self, key: str, asker: Asker) -> int:
        """Return the number of the question that is asked now."""
        with self._lock:
            if asker.number is not None:
                self._next[key] = max(self._next.get(key, 0), asker.number)
                return asker.number
            if asker.cell is None:
                return self._new(key)
            place = (key, asker.cell)
            execution, count = self._runs.get(place, ("", 0))
            count = count if execution == asker.execution else 0
            self._runs[place] = (asker.execution, count + 1)
            numbers = self._cells.setdefault(place, [])
            if count == len(numbers):
                numbers.append(self._new(key))
            return numbers[count]

    def give_back(self, key: str, asker: Asker, number: int) -> None:
        """Have the number given to the next question, since this one has no answer."""
        with self._lock:
            if asker.number is not None:
                return
            if asker.cell is None:
                heapq.heappush(self._free.setdefault(key, []), number)
                return
            place = (key, asker.cell)
            execution, count = self._runs.get(place, ("", 0))
            if execution == asker.execution and self._cells[place][count - 1 : count] == [number]:
                self._runs[place] = (execution, count - 1)

    def _new(self, key: str) -> int:
        free = self._free.get(key)
        if free:
            return heapq.heappop(free)
        self._next[key] = self._next.get(key, 0) + 1
        return self._next[key]
