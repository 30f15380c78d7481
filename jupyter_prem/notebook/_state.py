"""What the doors of one notebook share: conversations, clients, and who is told of a new turn."""

from __future__ import annotations

import contextlib
import dataclasses
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jupyter_prem.backends import Client, ClientPool
    from jupyter_prem.client import Cancel, ChatRequest, StreamUsage
    from jupyter_prem.conversation import Conversation, Outcome, Question, Sink

__all__ = ["Answerer", "Notebook", "Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds where a cell says nothing: `%config PremMagics`."""

    endpoint: str | None = None
    system: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    stream_usage: StreamUsage = "auto"
    allow_http_hosts: tuple[str, ...] = ()
    timeout: float = DEFAULT_TIMEOUT


@dataclass(frozen=True, slots=True)
class Answerer:
    """A client, and whether it is the embedded one because nobody named any."""

    client: Client
    implicit: bool


class Notebook:
    """The state behind the magics and every panel of one kernel.

    Args:
        settings: Called at each question for what holds now.
        bind: Called with the names and values that a question leaves in the notebook.
    """

    def __init__(self, settings: Callable[[], Settings], bind: Callable[[dict[str, Any]], None]) -> None:
        self.settings = settings
        self._bind = bind
        self.conversations: dict[str, Conversation] = {}
        self.current = "default"
        self._pool: ClientPool | None = None
        self._listeners: list[weakref.WeakMethod[Callable[[Conversation], None]]] = []

    def conversation(self, name: str | None = None) -> Conversation:
        """Return the conversation `name`, begun at the first call; None is the current one."""
        from jupyter_prem.conversation import Conversation

        name = name or self.current
        return self.conversations.setdefault(name, Conversation(name))

    def answerer(self, endpoint: str | None = None) -> Answerer:
        """Return who answers now.

        Raises:
            ConfigurationError: The endpoint is no address, or the key is none.
        """
        from jupyter_prem.backends import ClientPool, resolve

        settings = self.settings()
        resolved = resolve(endpoint or settings.endpoint, allow_http_hosts=settings.allow_http_hosts)
        self._pool = self._pool or ClientPool()
        client = self._pool.get(
            resolved.endpoint, timeout=settings.timeout, stream_usage=settings.stream_usage
        )
        return Answerer(client, resolved.implicit)

    def completed(self, question: Question) -> Question:
        """Return `question` with what the settings say where it says nothing."""
        settings = self.settings()
        return dataclasses.replace(
            question, fields={**settings.fields, **question.fields}, default_system=settings.system
        )

    def prepare(self, conversation: Conversation, client: Client, question: Question) -> ChatRequest:
        """Return the request that `ask` would send.

        Raises: As `jupyter_prem.conversation.prepare`.
        """
        from jupyter_prem.conversation import prepare

        return prepare(conversation, client, self.completed(question))

    def ask(
        self,
        conversation: Conversation,
        client: Client,
        question: Question,
        *,
        sink: Sink,
        cancel: Cancel | None = None,
        output: str | None = None,
    ) -> Outcome:
        """Ask, show and commit; bind what arrived to the notebook's names, and tell the listeners.

        `output` is one more name for the response.

        Raises: As `jupyter_prem.conversation.ask`.
        """
        from jupyter_prem.conversation import ask

        def bind(outcome: Outcome) -> None:
            if outcome.response is not None:
                names = {
                    "chat_response": outcome.response,
                    "chat_usage": outcome.response.usage,
                    "chat_conversation": conversation,
                }
                self._bind(names | ({output: outcome.response} if output else {}))

        try:
            return ask(conversation, client, self.completed(question), sink=sink, cancel=cancel, bind=bind)
        finally:
            self.changed(conversation)

    def listen(self, listener: Callable[[Conversation], None]) -> None:
        """Call the bound method `listener` after each change of a conversation, while its object lives."""
        self._listeners.append(weakref.WeakMethod(listener))

    def changed(self, conversation: Conversation) -> None:
        """Tell the listeners that a conversation changed; one that fails does not fail the question."""
        for reference in list(self._listeners):
            listener = reference()
            if listener is None:
                self._listeners.remove(reference)
                continue
            with contextlib.suppress(Exception):
                listener(conversation)
