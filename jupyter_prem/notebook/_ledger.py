"""What was used: tokens and money, for each cell, each conversation and the kernel."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_prem.client import PremError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from jupyter_prem.client import ChatRequest, Usage
    from jupyter_prem.conversation import Round

__all__ = ["BudgetError", "Entry", "Ledger", "Prices", "Sum", "checked_prices", "cost_of", "rows"]

Prices = dict[str, tuple[float, float]]
"""Money for a million prompt tokens and a million completion tokens, by model."""

ONCE = "(asked once)"


def checked_prices(given: Mapping[str, object]) -> Prices:
    """Return prices as numbers.

    Raises:
        ValueError: One is no pair of numbers from 0.
    """
    prices = {}
    for model, price in given.items():
        pair = tuple(price) if isinstance(price, (list, tuple)) else ()
        numbers = [value for value in pair if isinstance(value, (int, float)) and not isinstance(value, bool)]
        if len(pair) != 2 or len(numbers) != 2 or min(numbers) < 0:  # noqa: PLR2004 - a pair
            raise ValueError(
                f"prices[{model!r}] is {price!r}: must be (money for a million prompt tokens, "
                "money for a million completion tokens)"
            )
        prices[str(model)] = (float(pair[0]), float(pair[1]))
    return prices


class BudgetError(PremError):
    """A question that could pass the budget; it was not sent."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer, whole or cut.

    Attributes:
        cell: What tells its cell from others: the front end's id, or the execution count; None of a panel.
        number: Execution count of its cell.
        conversation: Its name.
        models: The model that answered and the one that was asked.
        usage: As the service counted; None where it did not say.
        latency: Seconds.
    """

    cell: str | None
    number: int | None
    conversation: str
    models: tuple[str, ...]
    usage: Usage | None
    latency: float


@dataclass(frozen=True, slots=True)
class Sum:
    """What several answers used together.

    Attributes:
        answers: How many.
        unknown: Of how many of them the service did not say what they used.
        prompt, completion, total: Tokens of the others.
        seconds: Their latencies together.
        cost: Money of those with a price.
        unpriced: How many have none: no price for their model, or their tokens are unknown.
    """

    answers: int
    unknown: int
    prompt: int
    completion: int
    total: int
    seconds: float
    cost: float
    unpriced: int


class Ledger:
    """Every answer that arrived in this kernel, those off the branch as well.

    Attributes:
        entries: The answers.
        replayed: How many more came from recordings, and used nothing.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._used = self._reserved = 0
        self._lock = threading.Lock()  # of what is reserved
        self._unknown = 0
        self.replayed = 0

    def note(self, answered: Round) -> None:
        """Take note of an answer, whole or cut."""
        response, cell = answered.response, answered.question.cell
        if response.replayed:
            self.replayed += 1
            return
        place = None if cell is None else cell.id or str(cell.number)
        models = tuple(name for name in (response.model, answered.request.model) if name)
        self.entries.append(
            Entry(
                place,
                cell.number if cell is not None else None,
                answered.conversation or ONCE,
                models,
                response.usage,
                response.latency,
            )
        )
        if response.usage is None:
            self._unknown += 1
        else:
            self._used += response.usage.total_tokens

    @property
    def used(self) -> int:
        """Tokens used, as far as the services said."""
        return self._used

    @property
    def unknown(self) -> int:
        """Answers whose service did not say what they used."""
        return self._unknown

    def _check(self, budget: int | None, request: ChatRequest) -> None:
        asked = request.max_completion_tokens
        if budget is None or self._used + self._reserved + _most(request) <= budget:
            return
        upto = f", and up to {asked:,} more are asked for (--max-tokens)" if isinstance(asked, int) else ""
        others = f", up to {self._reserved:,} by what is on its way" if self._reserved else ""
        unknown = f" The usage of {_answers(self._unknown)} is unknown." if self._unknown else ""
        raise BudgetError(
            f"The budget is {budget:,} tokens: {self._used:,} are used{others}{upto}.{unknown}",
            where="nothing was sent",
            hint="Raise it: %prem budget N, or %prem budget none.",
        )

    @contextmanager
    def reserved(self, budget: int | None, request: ChatRequest) -> Iterator[None]:
        """Keep what a request may use from others that are asked at once.

        Raises:
            BudgetError: It could pass the budget, together with those.
        """
        most = _most(request)
        with self._lock:
            self._check(budget, request)
            self._reserved += most
        try:
            yield
        finally:
            with self._lock:
                self._reserved -= most

    def by(self, key: Callable[[Entry], str]) -> dict[str, list[Entry]]:
        """Return the entries by what `key` says of them, in the order of their first."""
        groups: dict[str, list[Entry]] = {}
        for entry in self.entries:
            groups.setdefault(key(entry), []).append(entry)
        return groups

    @staticmethod
    def sum(entries: Sequence[Entry], prices: Mapping[str, Sequence[float]]) -> Sum:
        """Return what `entries` used together."""
        known = [entry.usage for entry in entries if entry.usage is not None]
        costs = [cost for entry in entries if (cost := cost_of(entry, prices)) is not None]
        return Sum(
            len(entries),
            len(entries) - len(known),
            sum(usage.prompt_tokens for usage in known),
            sum(usage.completion_tokens for usage in known),
            sum(usage.total_tokens for usage in known),
            sum(entry.latency for entry in entries),
            sum(costs),
            len(entries) - len(costs),
        )


def _most(request: ChatRequest) -> int:
    asked = request.max_completion_tokens
    return asked if isinstance(asked, int) else 1  # an answer has at least one


def cost_of(entry: Entry, prices: Mapping[str, Sequence[float]]) -> float | None:
    """Return what an answer cost; None where its tokens or its model's price are unknown."""
    price = next((prices[model] for model in entry.models if model in prices), None)
    if price is None or entry.usage is None:
        return None
    return (entry.usage.prompt_tokens * price[0] + entry.usage.completion_tokens * price[1]) / 1e6


def rows(
    ledger: Ledger, prices: Mapping[str, Sequence[float]], as_cell: Callable[[str], str], last: int = 20
) -> list[tuple[str, ...]]:
    """Return the lines of `%prem usage`, as Markdown: the last cells, each conversation, the kernel."""
    cells = list(ledger.by(lambda entry: entry.cell or "").items())
    lines: list[tuple[str, ...]] = []
    if len(cells) > last:
        earlier = [entry for _, entries in cells[:-last] for entry in entries]
        lines.append(_row(f"{len(cells) - last} earlier cells", earlier, prices))
    lines += [_row(_cell_name(place, entries), entries, prices) for place, entries in cells[-last:]]
    conversations = ledger.by(lambda entry: entry.conversation)
    lines += [
        _row(f"conversation {as_cell(name)}", entries, prices) for name, entries in conversations.items()
    ]
    lines.append(_row("this kernel", ledger.entries, prices))
    return lines


def _row(name: str, entries: Iterable[Entry], prices: Mapping[str, Sequence[float]]) -> tuple[str, ...]:
    total = Ledger.sum(list(entries), prices)
    counts = (total.prompt, total.completion, total.total)
    money = f"{total.cost:.6f}".rstrip("0").rstrip(".")
    cost = _partly(money, total.unpriced, total.answers) if prices else "-"
    tokens = tuple(_partly(f"{count:,}", total.unknown, total.answers) for count in counts)
    return name, str(total.answers), *tokens, f"{total.seconds:.1f}", cost


def _partly(known: str, unknown: int, answers: int) -> str:
    if unknown == 0:
        return known
    return "unknown" if unknown == answers else f"{known} + {unknown} unknown"


def _cell_name(place: str, entries: Sequence[Entry]) -> str:
    number = entries[-1].number
    return f"cell [{number}]" if number is not None else "panel" if not place else "cell"


def _answers(count: int) -> str:
    return f"{count} answer{'s' * (count != 1)}"
