"""A question of a panel on its way, in a thread of its own."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from jupyter_prem.client import Cancel, Latch
from jupyter_prem.display import LiveData, LiveHtml
from jupyter_prem.notebook._sinks import AnswerSink

from ._frames import FramePage

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_prem.conversation import Conversation, Outcome, Question, Turn
    from jupyter_prem.notebook import Notebook

__all__ = ["Asked", "Asking"]

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wants asked; it becomes a question with what the controls are set to."""

    text: str = ""
    kind: Literal["ask", "regenerate", "continue"] = "ask"
    turn: Turn | None = None


class Asking:
    """One question, from the click until its answer is whole.

    Attributes:
        number: Tells it from others.
        asked: What is asked.
        text: That, in words; empty for the rest of an answer.
        follows: The turn that it follows.
        page: What is shown of the answer so far.
        outcome: How it ended, if it came so far.
        ended: Set when everybody was told.

    Args:
        notebook: Whose question it is.
        conversation: Where it goes.
        asked: What is asked.
        question: Called in the thread for the question; templates take their time.
        frame: Called with each change of what is shown of the answer.
        done: Called once, at the end, with this and the error if there is one.
    """

    def __init__(
        self,
        notebook: Notebook,
        conversation: Conversation,
        asked: Asked,
        *,
        question: Callable[[], Question],
        frame: Callable[[Asking, dict[str, Any]], None],
        done: Callable[[Asking, BaseException | None], None],
    ) -> None:
        self.number = next(_numbers)
        self.conversation = conversation
        self.asked = asked
        self.outcome: Outcome | None = None
        self.page = FramePage(lambda change: frame(self, change))
        again = asked.turn or conversation.head
        if asked.kind == "regenerate" and again is not None:
            self.follows, self.text = again.parent, asked.text or again.title
        else:
            self.follows, self.text = conversation.head, asked.text
        self._notebook = notebook
        self._question = question
        self._done = done
        self._cancel = Cancel()
        self.ended = Latch()

    def start(self) -> None:
        """Ask, in a daemon thread.

        It runs in a copy of the context, so that what a called function prints belongs to whoever asked.
        """
        threading.Thread(
            target=copy_context().run, args=(self._run,), name="jupyter_prem panel", daemon=True
        ).start()

    def stop(self) -> None:
        """Stop the answer; what had arrived is kept."""
        self._cancel.cancel()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            question = self._question()
            endpoint = self._notebook.endpoint_of(self.conversation, question)
            question = dataclasses.replace(question, endpoint=endpoint)
            answerer = self._notebook.answerer(endpoint)
            self.outcome = self._notebook.ask(
                self.conversation, answerer, question, sink=self._sink(question), cancel=self._cancel
            )
            error = self.outcome.error
        except BaseException as failure:  # noqa: BLE001 - a thread has nobody else to tell
            error = failure
        finally:
            try:
                self._done(self, error)
            finally:
                self.ended.set()

    def _sink(self, question: Question) -> AnswerSink:
        structured = question.schema is not None
        kind = LiveData if structured else LiveHtml
        alone = not (structured or question.tools)
        return AnswerSink(kind(self.page, alone=alone, style=False, outputs=None))
