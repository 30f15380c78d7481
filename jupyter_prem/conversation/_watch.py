"""What an exchange tells of itself: each answer, each call, and how it ended."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from jupyter_prem.client import ChatRequest, ChatResponse, PremError, StructuredOutputError, ToolCall

    from ._question import Place, Question
    from ._turn import Turn

__all__ = ["CallMade", "Outcome", "Round", "Watch"]


@dataclass(frozen=True, slots=True)
class Round:
    """One request of a question, and what came of it.

    Attributes:
        question: What was asked.
        conversation: Name of the conversation; empty for a question asked once.
        request: The request.
        response: What arrived.
    """

    question: Question
    conversation: str
    request: ChatRequest
    response: ChatResponse


@dataclass(frozen=True, slots=True)
class CallMade:
    """A call that the model asked for: before it is made, `text` is None.

    Attributes:
        call: The call.
        text: What came of it.
        seconds: How long it took; None where it did not come to its end.
    """

    call: ToolCall
    text: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended.

    Attributes:
        question: What was asked.
        place: Where in the conversation.
        request: The request that was answered last.
        response: The last answer, whole or as far as it came; None if nothing arrived.
        turn: The exchange; None where none was kept, and there is nothing but an error.
        conversation: Name of the conversation; empty for a question asked once.
        error: Why it is not a whole answer, if it is not.
        responses: Every answer, in order.
        calls: Every call that was made.
    """

    question: Question
    place: Place
    request: ChatRequest
    response: ChatResponse | None
    turn: Turn | None
    conversation: str
    error: PremError | None = None
    responses: tuple[ChatResponse, ...] = ()
    calls: tuple[CallMade, ...] = ()


class Watch:
    """Who is told on the way; each does nothing unless it is given.

    Args:
        allow: Gives what is held while a request is on its way; what entering it raises keeps it back.
        note: Called with each answer, whole or cut.
        call: Called before and after each call of a function.
        again: Called with the error before an answer that does not fit is asked for again.
    """

    def __init__(
        self,
        *,
        allow: Callable[[ChatRequest], AbstractContextManager[None]] = lambda _: nullcontext(),
        note: Callable[[Round], None] = lambda _: None,
        call: Callable[[CallMade], None] = lambda _: None,
        again: Callable[[StructuredOutputError], None] = lambda _: None,
    ) -> None:
        self.allow, self.note, self.call, self.again = allow, note, call, again
