"""What a panel is, without its widget: the conversations it shows, what is asked in them, and what is set."""

from __future__ import annotations

import dataclasses
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from jupyter_prem.client import Interrupted, PremError, whole
from jupyter_prem.conversation import expand
from jupyter_prem.notebook._outcome import html_of_response

from ._asking import Asked, Asking
from ._settings import Controls

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_prem.conversation import Conversation, Question, Turn
    from jupyter_prem.notebook import PremMagics

__all__ = ["Chat", "Origin", "Talk"]

Origin = Literal["here", "elsewhere"]


@dataclass(slots=True)
class Talk:
    """What a panel knows of one conversation beside what it says.

    Attributes:
        asking: The question that is on its way.
        asked: What it was made of; stays when it failed, to be asked again.
        error: What went wrong last.
        partial: HTML of what had arrived of an answer that is not kept.
        draft: What is typed and not sent.
        system: A system message from the next question on; None leaves the conversation's.
    """

    asking: Asking | None = None
    asked: Asked | None = None
    error: Exception | None = None
    partial: str = ""
    draft: str = ""
    system: str | None = None


class Chat:
    """The conversations of a notebook, as one panel sees them; every method may be called in any thread.

    Args:
        magics: The notebook's.
        name: The conversation that is shown; None follows the notebook's current one.
        changed: Called after each change of what is shown.
        frame: Called with an answer on its way, and each change of it.
        restore: Called with a question that is put back into the draft of a conversation.
        moved: Called with each conversation that changed, and where: "here" or "elsewhere".
    """

    def __init__(
        self,
        magics: PremMagics,
        name: str | None,
        *,
        changed: Callable[[], None],
        frame: Callable[[Asking, dict[str, Any]], None],
        moved: Callable[[Conversation, Origin], None],
        restore: Callable[[Conversation, str], None],
    ) -> None:
        self.magics = magics
        self.notebook = magics.notebook
        self.follows = name is None
        self.conversation = self.notebook.conversation(name)
        self.controls = Controls()
        self.lock = threading.RLock()
        self._talks: dict[Conversation, Talk] = {}
        self._changed, self._frame, self._moved, self._restore = changed, frame, moved, restore

    @property
    def talk(self) -> Talk:
        """What is known of the conversation that is shown."""
        return self._talk(self.conversation)

    def _talk(self, conversation: Conversation) -> Talk:
        return self._talks.setdefault(conversation, Talk())

    @property
    def asking(self) -> bool:
        """Whether an answer is on its way in any conversation."""
        return any(talk.asking is not None for talk in list(self._talks.values()))

    def ask(self, asked: Asked) -> bool:
        """Ask in the conversation that is shown; return whether it was taken.

        It is not, while another question of this panel is on its way there.
        """
        with self.lock:
            conversation, talk = self.conversation, self.talk
            if talk.asking is not None:
                return False
            talk.asked, talk.error, talk.partial = asked, None, ""
            controls, system = self.controls.copy(), talk.system
            talk.asking = Asking(
                self.notebook,
                conversation,
                asked,
                question=lambda: self._question(conversation, asked, controls, system),
                frame=self._frame,
                done=self._done,
            )
        self._changed()
        talk.asking.start()
        return True

    def wait(self, timeout: float | None) -> bool:
        """Wait until no answer is on its way, at most so many seconds; return whether that is so."""
        until = time.monotonic() + timeout if timeout is not None else float("inf")
        while waiting := [talk.asking for talk in list(self._talks.values()) if talk.asking is not None]:
            left = until - time.monotonic()
            if left <= 0:
                return False
            waiting[0].join(min(left, 0.1))
        return True

    def stop(self) -> None:
        """Stop the answer that is on its way here."""
        asking = self.talk.asking
        if asking is not None:
            asking.stop()

    def retry(self) -> None:
        """Ask what failed again."""
        asked = self.talk.asked
        if asked is not None and self.talk.error is not None:
            self.ask(asked)

    def dismiss(self) -> None:
        """Put what failed away."""
        talk = self.talk
        if talk.asking is None:
            talk.asked, talk.error, talk.partial = None, None, ""
        self._changed()

    def do(self, move: Callable[[], None]) -> None:
        """Move the conversation; what keeps it from moving is its error.

        Raises:
            ConversationBusyError: An answer of this panel is on its way there.
        """
        talk = self.talk
        try:
            move()
        except PremError as error:
            if talk.asking is not None:
                raise
            talk.asked, talk.error, talk.partial = None, error, ""
        else:
            if talk.asking is None:
                talk.asked, talk.error, talk.partial = None, None, ""
        self._changed()

    def switch(self, name: str) -> None:
        """Show another conversation, begun if there is none."""
        name = whole(name)
        if not name.strip():
            return
        if self.follows:
            self.notebook.switch(name)
        self.show(self.notebook.conversation(name))

    def show(self, conversation: Conversation) -> None:
        """Show a conversation."""
        with self.lock:
            self.conversation = conversation
        self._changed()

    def fork(self, turn: Turn | None) -> None:
        """Go on from a turn in a conversation of its own."""
        self.do(lambda: self.switch(self.conversation.fork(at=turn).name))

    def heard(self, conversation: Conversation | None) -> None:
        """Take note that the notebook changed a conversation, or, with None, its settings."""
        current = self.notebook.conversation()
        if self.follows and current is not self.conversation:
            self.show(current)
        else:
            self._changed()
        if conversation is not None:
            self._moved(conversation, "elsewhere")

    def _question(
        self, conversation: Conversation, asked: Asked, controls: Controls, system: str | None
    ) -> Question:
        names = self.magics.names()
        text = asked.text
        if controls.templates:
            text = expand(text, names, where="in the question")
        question = controls.question(text, names, afresh=asked.kind == "ask")
        if system is not None and system == (conversation.system or ""):
            system = None  # it holds already
        return dataclasses.replace(question, kind=asked.kind, turn=asked.turn, system=system)

    def _done(self, asking: Asking, error: Exception | None) -> None:
        outcome = asking.outcome
        turn = outcome.turn if outcome is not None else None
        with self.lock:
            talk = self._talk(asking.conversation)
            talk.asking, talk.asked, talk.error = None, None, error
            if turn is not None:
                talk.system = None
            if error is not None and not isinstance(error, Interrupted):
                talk.asked = asking.asked if turn is None else Asked(kind="regenerate", turn=turn)
                if turn is None and outcome is not None and outcome.response is not None:
                    talk.partial = html_of_response(outcome.response) if outcome.response.choices else ""
            elif turn is None and asking.asked.kind == "ask":
                self.put_back(asking.conversation, asking.asked.text)
        try:
            self._changed()
        finally:
            if turn is not None:
                self._moved(asking.conversation, "here")

    def put_back(self, conversation: Conversation, text: str) -> None:
        """Put a question that was not answered where it can be sent again, before what is typed there now."""
        talk = self._talk(conversation)
        talk.draft = f"{text}\n\n{talk.draft}" if talk.draft.strip() else text
        self._restore(conversation, text)
