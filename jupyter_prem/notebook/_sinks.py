"""Where a cell's answer is drawn: a live page, a page drawn once, or a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from jupyter_prem.display import (
    Call,
    IPythonPage,
    LiveData,
    LiveHtml,
    OnceHtml,
    TerminalText,
    plain,
    unlinked,
)
from jupyter_prem.objects import ERROR

from ._identity import in_colab, of_nbclassic
from ._outcome import IMPLICIT, UNANSWERED, bundle_of_outcome, metadata_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_prem.backends import Resolved
    from jupyter_prem.client import Delta, StructuredOutputError
    from jupyter_prem.conversation import CallMade, Outcome, Question, Sink


__all__ = ["AnswerSink", "choose_sink", "is_live", "notes_of"]


def is_live(shell: InteractiveShell, live: str) -> bool:
    """Whether someone watches the page: a front end that runs cells for a person sends the cell's id.

    nbclient, nbval and papermill send none (measured with nbclient 0.11, JupyterLab 4.6). nbclassic sends
    none either, and is told by its protocol; Colab sends none, and is drawn once.
    """
    from IPython.core.displaypub import CapturingDisplayPublisher

    if isinstance(shell.display_pub, CapturingDisplayPublisher) or not hasattr(shell, "kernel"):
        return False
    if live != "auto":
        return live == "always"
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)() or {}
    return bool(parent.get("metadata", {}).get("cellId")) or (of_nbclassic(parent) and not in_colab(shell))


def choose_sink(
    shell: InteractiveShell, live: str, question: Question, notes: Callable[[Outcome], tuple[str, ...]]
) -> Sink:
    """Return the sink for the cell that runs now.

    Args:
        shell: Whose page.
        live: The trait.
        question: What is asked: data is drawn as a tree, and what functions print stays where it is.
        notes: Called at the end for the lines that stand above the answer.
    """
    painter: LiveHtml | OnceHtml | TerminalText
    structured = question.schema is not None
    if not hasattr(shell, "kernel"):
        painter = TerminalText(sys.stdout)
        return _CellSink(painter, notes, feed=not structured)
    if is_live(shell, live):
        kind = LiveData if structured else LiveHtml
        painter = kind(IPythonPage(), alone=not (structured or question.tools) and _alone(shell))
    else:
        painter = OnceHtml(IPythonPage())
    return _CellSink(painter, notes)


def notes_of(
    shell: InteractiveShell, outcome: Outcome, chosen: Resolved, *, budgeted: bool, code: bool
) -> tuple[str, ...]:
    """Return the lines that stand above an answer.

    Args:
        shell: Whose page.
        outcome: How it ended.
        chosen: How its endpoint came to be chosen; a recording says itself whether anybody was named.
        budgeted: Whether there is a budget.
        code: Whether its code was to become a cell.
    """
    response = outcome.response
    implicit, unanswered = chosen.implicit, chosen.unanswered
    if response is not None and response.replayed:
        implicit, unanswered = bool(response.about.get("implied")), False
    uncounted = budgeted and response is not None and response.usage is None
    codeless = code and response is not None and not response.code_blocks
    cellless = code and response is not None and not (codeless or response.replayed) and in_colab(shell)
    notes = (
        (implicit, UNANSWERED if unanswered else IMPLICIT),
        (uncounted, "The service did not say what it used: the budget cannot count this answer."),
        (codeless, "The answer holds no code block, so there is no next cell."),
        (cellless, "Colab makes no cell of code: it is in chat_response.code_blocks."),
    )
    return tuple(text for holds, text in notes if holds)


def _alone(shell: InteractiveShell) -> bool:
    """Whether the cell holds nothing but the question, so that its whole output is the answer's."""
    code: str = shell.get_parent().get("content", {}).get("code", "")
    code = code.strip()
    lines = code.startswith(("%chat ", "%prem ")) and "\n" not in code
    return lines or code.startswith(("%%chat", "%%prem"))


class AnswerSink:
    """Hands a turn's deltas to a painter.

    Args:
        painter: Where they are drawn.
        feed: Whether text is drawn before it is whole.
    """

    def __init__(self, painter: LiveHtml | OnceHtml | TerminalText, *, feed: bool = True) -> None:
        self._feed = feed
        self._painter = painter

    def status(self, text: str, fraction: float | None = None) -> None:
        """Show what is waited for."""
        self._painter.status(text or "Waiting for the answer …", fraction)

    def delta(self, delta: Delta) -> None:
        """Show a piece of the answer."""
        if delta.index:
            return
        if delta.text and self._feed:
            self._painter.feed(delta.text)
        elif delta.reasoning:
            self._painter.status("Thinking …", None)

    def call(self, made: CallMade) -> None:
        """Show a call, and then what came of it."""
        failed = (made.text or "").startswith(ERROR)
        self._painter.step(Call(made.call.name, made.call.arguments, made.text, failed, made.seconds))

    def again(self, error: StructuredOutputError) -> None:
        """Show why an answer is asked for again."""
        self._painter.step(f"Asked again: {error.what}")

    def finish(self, outcome: Outcome) -> None:  # noqa: ARG002 - who draws more does so here
        """Stop drawing."""
        self._painter.close()


class _CellSink(AnswerSink):
    """Draws the outcome as the one bundle that the cell saves."""

    def __init__(
        self,
        painter: LiveHtml | OnceHtml | TerminalText,
        notes: Callable[[Outcome], tuple[str, ...]],
        *,
        feed: bool = True,
    ) -> None:
        super().__init__(painter, feed=feed)
        self._notes = notes

    def finish(self, outcome: Outcome) -> None:
        if outcome.response is None:
            super().finish(outcome)
            return
        metadata = metadata_of(outcome.response, outcome.place.cells, outcome.calls)
        try:
            data = bundle_of_outcome(outcome, notes=self._notes(outcome))
        except KeyboardInterrupt:
            # A long answer takes seconds to draw. Interrupted there, it is shown as text.
            self._painter.finish({"text/plain": unlinked(plain(outcome.response.text))}, metadata)
            raise
        self._painter.finish(data, metadata)
