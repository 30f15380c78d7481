"""One turn, from question to commit: the one hot loop, for every door.

Stages: `place` finds where the question goes; `request_at` checks and builds the request; `Exchange` sends
it, yields the deltas, and at its end commits the turn. `ask` drives an exchange into a sink. A person's
stop commits what had arrived; a fault commits nothing, but its outcome carries what had arrived.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Protocol

from jupyter_prem.client import Interrupted, PremError

from ._exchange import Exchange
from ._question import place, request_at
from ._watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from jupyter_prem.client import Backend, Cancel, ChatRequest, Delta, StructuredOutputError

    from ._question import Question
    from ._tree import Tree
    from ._watch import CallMade, Outcome, Round

__all__ = ["Sink", "ask", "prepare"]


class Sink(Protocol):
    """Where an answer goes as it arrives."""

    def status(self, text: str, fraction: float | None = None) -> None:
        """Say what is waited for, until the first delta."""
        ...

    def delta(self, delta: Delta) -> None:
        """Show a piece of the answer."""
        ...

    def call(self, made: CallMade) -> None:
        """Show that a function is called, and then what came of it."""
        ...

    def again(self, error: StructuredOutputError) -> None:
        """Show that an answer did not fit, and that it is asked for again."""
        ...

    def finish(self, outcome: Outcome) -> None:
        """Show how it ended; called once, also where another of these raised."""
        ...


def prepare(tree: Tree, backend: Backend, question: Question, cancel: Cancel | None = None) -> ChatRequest:
    """Return the checked request for `question`; the question is not sent.

    Raises:
        RequestError: The prompt is empty or a field is out of its range.
        ConfigurationError: No model is named and the service has not exactly one.
        ConversationError: There is no answer to regenerate or to continue.
    """
    return request_at(place(tree, question), backend, question, cancel)[0]


def ask(
    tree: Tree,
    backend: Backend,
    question: Question,
    *,
    sink: Sink,
    cancel: Cancel | None = None,
    allow: Callable[[ChatRequest], AbstractContextManager[None]] = lambda _: nullcontext(),
    note: Callable[[Round], None] = lambda _: None,
    bind: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """Ask, commit, bind, show; return how it ended. Errors of the answer are in the outcome, not raised.

    Args:
        tree: The conversation where the question belongs.
        backend: Who answers.
        question: What is asked.
        sink: Where the answer is shown.
        cancel: Stops it from another thread.
        allow: Gives what is held while a request is on its way; what entering it raises keeps it back.
        note: Called with each answer, whole or cut.
        bind: Called with the outcome before the last frame is drawn, so that no interrupt loses it.

    Raises:
        ConversationBusyError: Another question is being answered in this conversation.
        ConversationError: There is no answer to regenerate or to continue.
        RequestError: A field is out of its range; nothing was sent.
        ConfigurationError: No model could be chosen; nothing was sent.
    """

    def status(text: str, share: float | None) -> None:
        if cancel is not None and cancel.cancelled:
            raise Interrupted("Stopped.")
        sink.status(text, share)

    with nullcontext() if question.once else tree.one_turn():
        watch = Watch(allow=allow, note=note, call=sink.call, again=sink.again)
        exchange = Exchange(tree, backend, question, watch=watch, cancel=cancel, status=status)
        exchange.hold()  # what keeps the question from being asked is raised, not shown as an answer
        try:
            error = _receive(exchange, sink)
        except BaseException:  # of what draws: the answer that had arrived is kept all the same
            outcome = exchange.end(Interrupted("Stopped."), bind)
            with suppress(Exception):
                sink.finish(outcome)
            raise
        outcome = exchange.end(error, bind)
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
    return None
