"""What the panels of one notebook share: in each conversation what is asked, what failed, what is typed."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_prem.conversation import Conversation
    from jupyter_prem.notebook import Notebook

    from ._asking import Asked, Asking
    from ._chat import Chat

__all__ = ["Talk", "Talks", "talks_of"]


@dataclass(slots=True)
class Talk:
    """What is known of one conversation beside what it says.

    Attributes:
        asking: The question that is on its way.
        asked: What failed, to be asked again.
        error: What went wrong last.
        partial: HTML of what had arrived of an answer that is not kept.
        draft: What is typed and not sent.
        system: A system message from the next question on; None leaves the conversation's.
    """

    asking: Asking | None = None
    asked: Asked | None = None
    error: BaseException | None = None
    partial: str = ""
    draft: str = ""
    system: str | None = None

    def settle(self) -> str:
        """Forget what failed; return the question that it was, which nobody has an answer to."""
        text = self.asked.text if self.asked is not None and self.error is not None else ""
        self.asked, self.error, self.partial = None, None, ""
        return text


class Talks:
    """The talks of a notebook's conversations: a panel that takes another's place finds them as they are.

    Attributes:
        lock: Held while a talk, or what a page knows of it, is changed. Whoever holds it takes no other lock;
            those of `LiveHtml` and `Transcript` are taken before it.
        used: The conversations that were asked in here.
        running: The questions on their way, until everybody was told how they ended.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.used: list[Conversation] = []
        self.running: set[Asking] = set()
        self._talks: dict[Conversation, Talk] = {}
        self._chats: WeakSet[Chat] = WeakSet()

    def of(self, conversation: Conversation) -> Talk:
        """Return the talk of a conversation."""
        with self.lock:
            return self._talks.setdefault(conversation, Talk())

    def join(self, chat: Chat) -> None:
        """Tell a chat of changes, while it lives."""
        with self.lock:
            self._chats.add(chat)

    def tell(self, call: Callable[[Chat], None]) -> None:
        """Call a function with each chat; one that fails does not keep the others from hearing."""
        with self.lock:
            chats = list(self._chats)  # one that joins meanwhile, in another thread, would end the walk
        for chat in chats:
            with suppress(Exception):
                call(chat)


def talks_of(notebook: Notebook) -> Talks:
    """Return the talks of a notebook, begun at the first call."""
    talks = notebook.panels
    if not isinstance(talks, Talks):
        notebook.panels = talks = Talks()
    return talks
