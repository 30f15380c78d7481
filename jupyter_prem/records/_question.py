"""A question as recordings know it, and who is told of its answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._cuts import Arrival

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from jupyter_prem.client import ChatRequest, ChatResponse, Delta

    from ._numbers import Asker

__all__ = ["KeyedRequest", "Recording", "Replaying"]


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request as recordings know it.

    Attributes:
        endpoint: What they call whoever answers.
        request: The request, with the recorded model where it names none.
        body: Its body.
        key: Of endpoint and body.
        number: Which of the identical questions it is, from 1.
        asker: Who asks.
        open_model: Whether its model only stands for one.
    """

    endpoint: str
    request: ChatRequest
    body: dict[str, Any]
    key: str
    number: int
    asker: Asker
    open_model: bool = False

    @property
    def name(self) -> str:
        """What tells it from every other question of a cassette."""
        return f"{self.key} {self.number}"


class Replaying:
    """What is told of a replay: left early, it leaves its number to the next, as a live answer does."""

    def __init__(self, give_back: Callable[[KeyedRequest], None], question: KeyedRequest) -> None:
        self._give_back = give_back
        self._question = question
        self._open = True

    def delta(self, delta: Delta) -> None:
        """It is recorded already."""

    def end(self, response: ChatResponse) -> None:  # noqa: ARG002 - it is recorded already
        """It was read to its end."""
        self._open = False

    def close(self) -> None:
        """Nothing more is read."""
        if self._open:
            self._open = False
            self._give_back(self._question)


class Recording:
    """What is told of an answer on its way, and has it kept at its end."""

    def __init__(
        self,
        keep: Callable[[KeyedRequest, ChatResponse, Arrival], None],
        give_back: Callable[[KeyedRequest], None],
        question: KeyedRequest,
        held: AbstractContextManager[Any],
    ) -> None:
        self._keep = keep
        self._give_back = give_back
        self._question = question
        self._held = held
        self._arrival = Arrival()
        self._cut = bool(question.body.get("stream"))  # else its pieces are not kept, only the time
        self._last = time.perf_counter()
        self._open = True

    def delta(self, delta: Delta) -> None:
        """Take note of a delta."""
        now = time.perf_counter()
        if self._cut:
            self._arrival.add(delta, now - self._last)
        else:
            self._arrival.ms.append(round(1000 * (now - self._last)))
        self._last = now

    def end(self, response: ChatResponse) -> None:
        """Keep the whole answer."""
        arrival = self._arrival.of(self._question.body)
        with self._held:
            self._open = False
            self._keep(self._question, response, arrival)

    def close(self) -> None:
        """Let others ask, if there is no whole answer."""
        if self._open:
            self._open = False
            with self._held:
                self._give_back(self._question)
