"""One turn, from question to commit: the one hot loop, for every door.

Stages: `place` finds where the question goes; `request_at` checks and builds the request; `Exchange` sends
it, yields the deltas, and at its end commits the turn. `ask` drives an exchange into a sink. A person's
stop commits what had arrived; a fault commits nothing, but its outcome carries what had arrived.
"""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from jupyter_prem.client import ChatRequest, ChatResponse, Interrupted, PremError

from ._interrupts import uninterrupted
from ._question import Place, Question, place, request_at
from ._turn import Turn, answer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_prem.client import Cancel, ChatStream, Delta

    from ._tree import Tree

__all__ = ["Backend", "Exchange", "Outcome", "Sink", "ask", "prepare"]


class Backend(Protocol):
    """Who answers, as a turn sees it."""

    def default_model(self, cancel: Cancel | None = None) -> str:
        """Return the model that a request without one goes to."""
        ...

    def body_of(self, request: ChatRequest) -> dict[str, Any]:
        """Return the body that a request goes out with."""
        ...

    def send(
        self,
        request: ChatRequest,
        *,
        cancel: Cancel | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> ChatStream:
        """Send a request and return its answer on the way."""
        ...


class Sink(Protocol):
    """Where an answer goes as it arrives."""

    def status(self, text: str, fraction: float | None = None) -> None:
        """Say what is waited for, until the first delta."""
        ...

    def delta(self, delta: Delta) -> None:
        """Show a piece of the answer."""
        ...

    def finish(self, outcome: Outcome) -> None:
        """Show how it ended; called once, whatever happened."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended.

    Attributes:
        question: What was asked.
        place: Where in the conversation.
        request: The request as it was checked.
        response: What arrived; None if nothing did.
        turn: The turn as committed; None where nothing was.
        conversation: Name of the conversation; empty for a question asked once.
        error: Why it is not a whole answer, if it is not.
    """

    question: Question
    place: Place
    request: ChatRequest
    response: ChatResponse | None
    turn: Turn | None
    conversation: str
    error: PremError | None = None


def prepare(tree: Tree, backend: Backend, question: Question, cancel: Cancel | None = None) -> ChatRequest:
    """Return the checked request for `question`; the question is not sent.

    Raises:
        RequestError: The prompt is empty or a field is out of its range.
        ConfigurationError: No model is named and the service has not exactly one.
        ConversationError: There is no answer to regenerate or to continue.
    """
    return request_at(place(tree, question), backend, question, cancel)[0]


class Exchange:
    """One question on its way, for whoever holds its conversation: iterate it for deltas, then `end` it.

    Raises: As `prepare`; nothing was sent then.
    """

    def __init__(
        self,
        tree: Tree,
        backend: Backend,
        question: Question,
        *,
        cancel: Cancel | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.place = place(tree, question)
        self.request, self._body = request_at(self.place, backend, question, cancel)
        self._tree = tree
        self._backend = backend
        self._question = question
        self._cancel = cancel
        self._progress = progress
        self._stream: ChatStream | None = None

    def __iter__(self) -> Iterator[Delta]:
        self._stream = self._backend.send(self.request, cancel=self._cancel, progress=self._progress)
        return iter(self._stream)

    @property
    def so_far(self) -> ChatResponse | None:
        """What has arrived."""
        return self._stream.response if self._stream is not None else None

    def close(self) -> None:
        """Stop reading; nothing is committed."""
        if self._stream is not None:
            self._stream.close()

    def end(self, error: PremError | None, bind: Callable[[Outcome], None] = lambda _: None) -> Outcome:
        """Commit what arrived, unless a fault ended it; no interrupt comes between commit and `bind`."""
        with uninterrupted():
            self.close()
            response = self._arrived(error)
            if isinstance(error, Interrupted):
                kept = response is not None and response.text
                words = "what had arrived is kept in the conversation." if kept else "nothing had arrived."
                error = Interrupted(f"Stopped; {words}", response=response)
            turn = None
            if response is not None and (error is None or (isinstance(error, Interrupted) and response.text)):
                turn = self._turn(response)
                if not self._question.once:
                    self._tree.commit(turn)
            name = "" if self._question.once else self._tree.name
            outcome = Outcome(self._question, self.place, self.request, response, turn, name, error)
            bind(outcome)
        return outcome

    def _arrived(self, error: PremError | None) -> ChatResponse | None:
        response = self.so_far
        if response is None or not (response.choices or error is None):
            return None
        self._body = dataclasses.replace(self._body, fields=response.body.fields)
        notes = response.notes
        missing = self.place.left_out
        if missing:
            which = f"first {missing} exchanges" if missing > 1 else "first exchange"
            notes = (*notes, f"Sent without the {which} (--window).")
        return dataclasses.replace(response, body=self._body, notes=notes)

    def _turn(self, response: ChatResponse) -> Turn:
        where = self.place
        return Turn(
            (where.message, answer_of(response)),
            response,
            where.parent,
            where.system,
            system_given=where.system_given,
            fields=self._body.fields,
            cells=where.cells,
            endpoint=self._question.endpoint,
        )


def ask(
    tree: Tree,
    backend: Backend,
    question: Question,
    *,
    sink: Sink,
    cancel: Cancel | None = None,
    allow: Callable[[ChatRequest], None] = lambda _: None,
    bind: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """Ask, commit, bind, show; return how it ended. Errors of the answer are in the outcome, not raised.

    Args:
        tree: The conversation where the question belongs.
        backend: Who answers.
        question: What is asked.
        sink: Where the answer is shown.
        cancel: Stops it from another thread.
        allow: Called with the request before it is sent; what it raises keeps it from being sent.
        bind: Called with the outcome before the last frame is drawn, so that no interrupt loses it.

    Raises:
        ConversationBusyError: Another question is being answered in this conversation.
        ConversationError: There is no answer to regenerate or to continue.
        RequestError: A field is out of its range; nothing was sent.
        ConfigurationError: No model could be chosen; nothing was sent.
    """

    def progress(done: int, total: int) -> None:
        if cancel is not None and cancel.cancelled:
            raise Interrupted("Stopped.")
        share = done / total if total else None
        sink.status(f"Fetching the embedded model, once ({total / 1e6:.0f} MB)", share)

    with nullcontext() if question.once else tree.one_turn():
        exchange = Exchange(tree, backend, question, cancel=cancel, progress=progress)
        allow(exchange.request)
        outcome = exchange.end(_receive(exchange, sink), bind)
    sink.finish(outcome)
    return outcome


def _receive(exchange: Exchange, sink: Sink) -> PremError | None:
    """Read the answer to its end; return why it ended early, if it did."""
    try:
        sink.status("")
        for delta in exchange:
            sink.delta(delta)
    except KeyboardInterrupt:
        return Interrupted("Stopped.")
    except PremError as failure:
        return failure
    except BaseException:
        exchange.close()
        raise
    return None
