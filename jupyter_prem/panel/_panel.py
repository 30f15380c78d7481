"""A chat panel of ipywidgets, on the same session and the same safe HTML as the cells."""

from __future__ import annotations

import dataclasses
import threading
import time
from contextvars import copy_context
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from IPython.core.getipython import get_ipython

from jupyter_prem.client import Cancel, ConfigurationError, PremError
from jupyter_prem.conversation import Question
from jupyter_prem.display import bundle, render
from jupyter_prem.notebook import find_magics, load
from jupyter_prem.notebook._outcome import bundle_of_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_prem.client import Delta, StructuredOutputError
    from jupyter_prem.conversation import CallMade, Conversation, Outcome, Turn
    from jupyter_prem.notebook import Notebook

__all__ = ["ChatPanel"]

_FRAME_SECONDS = 0.15


class ChatPanel(widgets.VBox):  # type: ignore[misc]  # ipywidgets ships no types
    """Chat beside the code: a transcript, a composer, and the conversation that `%%chat` uses.

    Answers arrive while the kernel is idle or busy; a click made while a cell runs waits for that cell.

    Args:
        conversation: Name of the conversation; None is the notebook's current one.

    Raises:
        ConfigurationError: There is no IPython to share a conversation with.
    """

    def __init__(self, conversation: str | None = None, **kwargs: Any) -> None:
        self._notebook = _notebook()
        self._conversation = self._notebook.conversation(conversation)
        self._cancel: Cancel | None = None
        self._lock = threading.Lock()
        self._past = widgets.HTML()
        self._answer = widgets.HTML()
        self._status = widgets.HTML()
        self._model = widgets.Text(
            description="Model", placeholder="the service's only model", layout=widgets.Layout(width="auto")
        )
        self._prompt = widgets.Textarea(
            placeholder="Ask a question", rows=3, layout=widgets.Layout(width="auto", flex="1 1 auto")
        )
        self._send = widgets.Button(description="Send", button_style="primary", icon="paper-plane")
        self._stop = widgets.Button(description="Stop", icon="stop", disabled=True)
        self._send.on_click(self._on_send)
        self._stop.on_click(self._on_stop)
        buttons = widgets.VBox([self._send, self._stop])
        transcript = widgets.VBox(
            [self._past, self._answer],
            layout=widgets.Layout(max_height="28em", overflow="auto", padding="0 0.5em", display="block"),
        )
        composer = widgets.HBox([self._prompt, buttons])
        super().__init__([self._model, transcript, self._status, composer], **kwargs)
        self._notebook.listen(self.refresh)
        self.refresh(self._conversation)

    def __repr__(self) -> str:
        return f"ChatPanel({self._conversation.name!r})"

    def refresh(self, conversation: Conversation) -> None:
        """Draw the transcript again if it is this conversation that changed."""
        if conversation is self._conversation:
            self._past.value = "".join(_turn_html(turn) for turn in conversation.turns) or _EMPTY

    @property
    def conversation(self) -> Conversation:
        """The conversation that is shown."""
        return self._conversation

    def ask(self, text: str) -> None:
        """Ask `text` in a thread of its own and return at once; the answer appears in the transcript."""
        self._start(Question(text))

    def regenerate(self) -> None:
        """Ask the last question again, as `ask` does; the old answer is kept."""
        self._start(Question(kind="regenerate"))

    def undo(self) -> None:
        """Put the conversation back to before its last change."""
        self._move(self._conversation.undo)

    def redo(self) -> None:
        """Take the last undo back."""
        self._move(self._conversation.redo)

    def _move(self, move: Callable[[], None]) -> None:
        try:
            move()
        except PremError as error:
            self._show_error(error)

    def _start(self, question: Question) -> None:
        with self._lock:
            if self._cancel is not None:
                return
            self._cancel = Cancel()
        self._send.disabled, self._stop.disabled = True, False
        self._prompt.value = ""
        self._status.value = ""
        if question.text:
            self._past.value = self._past.value.removesuffix(_EMPTY) + _question_html(question.text)
        # The context carries the message that was clicked, so that what the thread sends belongs to it.
        work = copy_context().run
        threading.Thread(target=work, args=(self._run, question, self._cancel), daemon=True).start()

    def stop(self) -> None:
        """Stop the answer that is on its way; what had arrived is kept."""
        cancel = self._cancel
        if cancel is not None:
            cancel.cancel()

    def _on_send(self, _: widgets.Button) -> None:
        text = self._prompt.value
        if text.strip():
            self.ask(text)

    def _on_stop(self, _: widgets.Button) -> None:
        self.stop()

    def _run(self, question: Question, cancel: Cancel) -> None:
        try:
            answerer = self._notebook.answerer()
            model = self._model.value.strip()
            question = dataclasses.replace(question, fields={"model": model} if model else {})
            outcome = self._notebook.ask(
                self._conversation, answerer.client, question, sink=_PanelSink(self._answer), cancel=cancel
            )
            self._show_error(outcome.error)
            if outcome.turn is None:
                self._prompt.value = self._prompt.value or question.text
        except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
            self._prompt.value = self._prompt.value or question.text
            self._show_error(error)
        finally:
            self._answer.value = ""
            self.refresh(self._conversation)
            self._send.disabled, self._stop.disabled = False, True
            self._cancel = None

    def _show_error(self, error: Exception | None) -> None:
        lines = escape(f"{type(error).__name__}: {error}").replace("\n", "<br>") if error is not None else ""
        self._status.value = f'<div role="alert" style="line-height:1.4">{lines}</div>' if lines else ""


class _PanelSink:
    """Draws an answer into a widget, at most once in 150 ms, and less often as it grows."""

    def __init__(self, widget: widgets.HTML) -> None:
        self._widget = widget
        self._parts: list[str] = []
        self._painted = 0.0
        self._cost = 0.0

    def status(self, text: str, fraction: float | None = None) -> None:
        share = f" {fraction:.0%}" if fraction is not None else ""
        self._widget.value = bundle("", notes=[f"{text or 'Waiting for the answer …'}{share}"])["text/html"]

    def delta(self, delta: Delta) -> None:
        if delta.index or not delta.text:
            return
        self._parts.append(delta.text)
        now = time.monotonic()
        if now - self._painted >= max(_FRAME_SECONDS, 10 * self._cost):
            self._widget.value = render("".join(self._parts))
            self._painted = time.monotonic()
            self._cost = self._painted - now

    def call(self, made: CallMade) -> None:
        """Show that a function runs; with its result it appears in the transcript."""
        self._parts.clear()
        self.status(f"Calling {made.call.name} …" if made.text is None else "")

    def again(self, error: StructuredOutputError) -> None:
        """Show that an answer is asked for again."""
        self._parts.clear()
        self.status(f"Asked again: {error.what}")

    def finish(self, outcome: Outcome) -> None:
        """Leave the last frame to the transcript, which has it once the turn is committed."""


_EMPTY = "<p>Nothing said yet.</p>"


def _notebook() -> Notebook:
    shell = get_ipython()
    if shell is None:
        raise ConfigurationError(
            "ChatPanel needs a notebook.",
            hint="Use it in JupyterLab; from a script, use jupyter_prem.Client.",
        )
    if find_magics(shell) is None:
        load(shell)
    magics = find_magics(shell)
    if magics is None:
        raise ConfigurationError("jupyter_prem could not be loaded.", hint="Try %load_ext jupyter_prem.")
    return magics.notebook


def _question_html(text: str) -> str:
    return f'<p style="font-weight:600;margin:0.8em 0 0.2em;white-space:pre-wrap">{escape(text)}</p>'


def _turn_html(turn: Turn) -> str:
    said = _question_html(turn.title)
    return said + str(bundle_of_turn(turn)["text/html"]) if turn.response is not None else said
