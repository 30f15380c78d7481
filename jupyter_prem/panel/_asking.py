"""A question of a panel on its way, in a thread of its own."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import Cancel
from jupyter_prem.display import LiveData, LiveHtml
from jupyter_prem.notebook._sinks import AnswerSink

from ._frames import FramePage

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_prem.conversation import Conversation, Outcome, Question
    from jupyter_prem.notebook import Notebook

__all__ = ["Asking"]

_numbers = itertools.count(1)


class Asking:
    """One question, from the click until its answer is whole.

    Attributes:
        number: Tells it from others.
        text: What is asked, in words; empty for the rest of an answer.
        follows: The turn that it follows.
        page: What is shown of the answer so far.
        outcome: How it ended, if it came so far.

    Args:
        notebook: Whose question it is.
        conversation: Where it goes.
        question: What is asked.
        frame: Called with each change of what is shown of the answer.
        done: Called once, at the end, with this and the error if there is one.
    """

    def __init__(
        self,
        notebook: Notebook,
        conversation: Conversation,
        question: Question,
        *,
        frame: Callable[[Asking, dict[str, Any]], None],
        done: Callable[[Asking, Exception | None], None],
    ) -> None:
        self.number = next(_numbers)
        self.conversation = conversation
        self.question = question
        self.outcome: Outcome | None = None
        self.page = FramePage(lambda change: frame(self, change))
        asked = question.turn or conversation.head
        if question.kind == "regenerate" and asked is not None:
            self.follows, self.text = asked.parent, question.text or asked.title
        else:
            self.follows, self.text = conversation.head, question.text
        self._notebook = notebook
        self._done = done
        self._cancel = Cancel()

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
        error: Exception | None = None
        try:
            endpoint = self._notebook.endpoint_of(self.conversation, self.question)
            question = dataclasses.replace(self.question, endpoint=endpoint)
            client = self._notebook.answerer(endpoint).client
            self.outcome = self._notebook.ask(
                self.conversation, client, question, sink=self._sink(), cancel=self._cancel
            )
            error = self.outcome.error
        except Exception as failure:  # noqa: BLE001 - a thread has nobody else to tell
            error = failure
        finally:
            self._done(self, error)

    def _sink(self) -> AnswerSink:
        structured = self.question.schema is not None
        kind = LiveData if structured else LiveHtml
        alone = not (structured or self.question.tools)
        return AnswerSink(kind(self.page, alone=alone, style=False))
