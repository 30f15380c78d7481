"""What a panel is, without its widget: the conversation it shows, and what can be done there."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any, Literal, Protocol

from jupyter_prem.client import Interrupted, PremError, whole
from jupyter_prem.conversation import ConversationBusyError, expand
from jupyter_prem.notebook._outcome import html_of_response

from ._asking import Asked, Asking
from ._settings import Controls
from ._talks import Talk, talks_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_prem.conversation import Conversation, Question, Turn
    from jupyter_prem.notebook import PremMagics

__all__ = ["Chat", "Origin", "Watcher"]

Origin = Literal["here", "elsewhere"]


class Watcher(Protocol):
    """Who is told of a chat."""

    def changed(self) -> None:
        """Show what is so now."""

    def frame(self, asking: Asking, change: dict[str, Any]) -> None:
        """Show what changed of an answer on its way."""

    def moved(self, conversation: Conversation, origin: Origin) -> None:
        """Take note of a conversation that changed, and whether a panel did it."""

    def restored(self, conversation: Conversation, text: str) -> None:
        """Show a question that was put back into a draft."""


class Chat:
    """The conversations of a notebook, as one panel sees them; every method may be called in any thread.

    Args:
        magics: The notebook's.
        name: The conversation that is shown; None follows the notebook's current one.
        watcher: Who is told.
    """

    def __init__(self, magics: PremMagics, name: str | None, watcher: Watcher) -> None:
        self.magics = magics
        self.notebook = magics.notebook
        self.follows = name is None
        self.conversation = self.notebook.conversation(name)
        self.controls = Controls()
        self.watcher = watcher
        self.talks = talks_of(self.notebook)
        self.lock = self.talks.lock
        self.talks.join(self)

    @property
    def talk(self) -> Talk:
        """What is known of the conversation that is shown."""
        return self.talks.of(self.conversation)

    @property
    def asking(self) -> bool:
        """Whether an answer is on its way in any conversation."""
        return bool(self.talks.running)

    def ask(self, asked: Asked, conversation: Conversation | None = None) -> bool:
        """Ask in a conversation, the one that is shown or another; return whether it was taken.

        It is not, while another question of a panel's is on its way there: then its words are in the draft.
        """
        conversation = conversation or self.conversation
        with self.lock:
            talk = self.talks.of(conversation)
            if talk.asking is not None:
                self.put_back(conversation, asked.text)
                return False
            talk.settle()
            controls, system = self.controls.copy(), talk.system
            asking = talk.asking = Asking(
                self.notebook,
                conversation,
                asked,
                question=lambda: self._question(conversation, asked, controls, system),
                frame=lambda asking, change: self.talks.tell(lambda chat: chat.watcher.frame(asking, change)),
                done=lambda asking, error: self._done(asking, error, system),
            )
            self.talks.running.add(asking)
        try:
            self._tell()
        finally:
            asking.start()
        return True

    def wait(self, timeout: float | None) -> bool:
        """Wait until no answer is on its way, at most so many seconds; return whether that is so."""
        until = time.monotonic() + timeout if timeout is not None else float("inf")
        while running := list(self.talks.running):
            left = until - time.monotonic()
            if left <= 0:
                return False
            running[0].ended.wait(min(left, 0.1))
        return True

    def stop(self, conversation: Conversation | None = None) -> None:
        """Stop the answer that is on its way in a conversation."""
        asking = self.talks.of(conversation or self.conversation).asking
        if asking is not None:
            asking.stop()

    def retry(self, conversation: Conversation) -> None:
        """Ask what failed again."""
        talk = self.talks.of(conversation)
        asked = talk.asked
        if asked is not None and talk.asking is None:
            self.ask(asked, conversation)

    def dismiss(self, conversation: Conversation, *, keep: bool = False) -> None:
        """Put what failed away, its words into the draft if they are to be kept."""
        with self.lock:
            text = self.talks.of(conversation).settle()
            if keep:
                self.put_back(conversation, text)
        self._tell()

    def do(self, move: Callable[[], None], conversation: Conversation | None = None) -> None:
        """Move a conversation; what keeps it from moving is its error.

        Raises:
            ConversationBusyError: An answer is on its way there.
        """
        conversation = conversation or self.conversation
        talk = self.talks.of(conversation)
        if talk.asking is not None:
            raise ConversationBusyError(
                f"The conversation {conversation.name!r} is still answering another question.",
                hint="Wait for it, or stop it.",
            )
        error: PremError | None = None
        try:
            move()
        except PremError as failure:
            error = failure
        with self.lock:
            self.put_back(conversation, talk.settle())
            talk.error = error
        self._tell()

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
        self.watcher.changed()

    def fork(self, conversation: Conversation, turn: Turn | None) -> None:
        """Go on from a turn in a conversation of its own."""
        self.do(lambda: self.switch(conversation.fork(at=turn).name), conversation)

    def heard(self, conversation: Conversation | None) -> None:
        """Take note that the notebook changed a conversation, or, with None, its settings."""
        current = self.notebook.conversation()
        if self.follows and current is not self.conversation:
            self.show(current)
        else:
            self.watcher.changed()
        if conversation is not None:
            self.watcher.moved(conversation, "elsewhere")

    def put_back(self, conversation: Conversation, text: str) -> None:
        """Put a question that has no answer where it can be sent again, before what is typed there now."""
        if not text.strip():
            return
        with self.lock:
            talk = self.talks.of(conversation)
            talk.draft = f"{text}\n\n{talk.draft}" if talk.draft.strip() else text
            self.talks.tell(lambda chat: chat.watcher.restored(conversation, text))

    def _tell(self) -> None:
        self.talks.tell(lambda chat: chat.watcher.changed())

    def _question(
        self, conversation: Conversation, asked: Asked, controls: Controls, system: str | None
    ) -> Question:
        names = self.magics.names()
        text = asked.text
        if controls.templates:
            text = expand(text, names, where="in the question")
        question = controls.question(text, names, afresh=asked.kind == "ask")
        before = asked.turn or conversation.head
        if before is not None and before.system_given and system == before.system:
            system = None  # it was given already
        return dataclasses.replace(question, kind=asked.kind, turn=asked.turn, system=system)

    def _done(self, asking: Asking, error: BaseException | None, system: str | None) -> None:
        conversation, outcome = asking.conversation, asking.outcome
        turn = outcome.turn if outcome is not None else None
        stopped = error is None or isinstance(error, Interrupted)
        try:
            arrived = outcome.response if outcome is not None and turn is None else None
            partial = (
                html_of_response(arrived) if arrived is not None and arrived.choices and not stopped else ""
            )
            with self.lock:
                talk = self.talks.of(conversation)
                talk.asking, talk.asked, talk.error, talk.partial = None, None, error, partial
                if turn is not None and talk.system == system:
                    talk.system = None
                if not stopped:
                    talk.asked = asking.asked if turn is None else Asked(kind="regenerate", turn=turn)
            self._tell()
            if stopped and turn is None:  # told after the state, so that it can be sent at once
                self.put_back(conversation, asking.asked.text)
            if turn is not None:
                self.talks.tell(lambda chat: chat.watcher.moved(conversation, "here"))
        finally:
            with self.lock:
                talk = self.talks.of(conversation)
                if talk.asking is asking:  # another may be on its way since this one's end was told
                    talk.asking = None
                self.talks.running.discard(asking)
