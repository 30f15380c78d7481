"""What the doors of one notebook share: conversations, clients, usage, and who is told of a new turn."""

from __future__ import annotations

import contextlib
import dataclasses
import weakref
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import whole

from ._ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from jupyter_prem.backends import Client, ClientPool, Resolved
    from jupyter_prem.client import Backend, Cancel, ChatRequest, Key, Model
    from jupyter_prem.conversation import Cell, Conversation, Outcome, Question, Round, Sink
    from jupyter_prem.records import Tape, Taped

    from ._recordings import Recordings
    from ._settings import Settings

__all__ = ["Answerer", "Notebook"]


@dataclass(frozen=True, slots=True)
class Answerer:
    """A client, how it came to be chosen, and the recordings that hold."""

    client: Client
    chosen: Resolved
    tape: Tape | None = None

    @property
    def implicit(self) -> bool:
        """Whether it is the embedded model because nobody named any."""
        return self.chosen.implicit

    @property
    def replays(self) -> bool:
        """Whether nobody is asked."""
        return self.tape is not None and not self.tape.asks

    @property
    def at_once(self) -> bool:
        """Whether answers are there at once, so that a page need not show how they arrive."""
        return self.tape is not None and not self.tape.asks and not self.tape.pace

    def models(self) -> list[Model]:
        """Return the models of the service; where nobody is asked, those in the recordings.

        Raises:
            APIError: The service, or the way to it, failed.
        """
        return self.client.models() if self.tape is None or self.tape.asks else self.tape.models()


class Notebook:
    """The state behind the magics and every panel of one kernel; the host of its conversations.

    Args:
        settings: Called at each question for what holds now.
        bind: Called with the names and values that a question leaves in the notebook.
        cell: Called at each question for the cell that asks.
        notebooks: Called for what the notebook's file may be, the likeliest first.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        bind: Callable[[dict[str, Any]], None],
        cell: Callable[[], Cell | None],
        notebooks: Callable[[], Sequence[Path]] = tuple,
    ) -> None:
        self.settings = settings
        self._bind = bind
        self._cell = cell
        self.conversations: dict[str, Conversation] = {}
        self.current = "default"
        self.forks: dict[str, str | None] = {}  # the cell that made each
        self.resumed: set[str] = set()  # taken from a file, and not yet made again by a cell of its page
        self.panels: object = None  # what its panels share
        self.logins: dict[str, Key] = {}  # by the host they are for
        self.read_endpoints: set[str] = set()  # that a file named: no key goes there until a person does
        self._named_endpoints: set[str] = set()
        self.ledger = Ledger()
        self._notebooks = notebooks
        self._folder = Path.cwd()
        self._pool: ClientPool | None = None
        self._listeners: list[weakref.WeakMethod[Callable[[Conversation | None], None]]] = []

    def cell(self) -> Cell | None:
        """Return the cell that runs now."""
        return self._cell()

    def conversation(self, name: str | None = None) -> Conversation:
        """Return the conversation `name`, begun at the first call; None is the current one."""
        from jupyter_prem.conversation import Conversation

        name = whole(name or self.current)
        found = self.conversations.get(name)
        # A cell and a panel may begin it at once: both go on in one.
        return found or self.conversations.setdefault(name, Conversation(name, host=self))

    def known(self, name: str | None = None) -> Conversation:
        """Return the conversation `name`; one that is not there yet is empty, and is not begun by this."""
        from jupyter_prem.conversation import Conversation

        name = whole(name or self.current)
        return self.conversations.get(name) or Conversation(name, host=self)

    def switch(self, name: str) -> Conversation:
        """Make the conversation `name` the current one, begun if there is none, and return it."""
        conversation = self.conversation(name)
        self.current = conversation.name
        self.bind_conversation(conversation)
        self.changed(conversation)
        return conversation

    def bind_conversation(self, conversation: Conversation) -> None:
        """Leave the conversation in the notebook as `chat_conversation`."""
        self._bind({"chat_conversation": conversation})

    def answerer(self, endpoint: str | None = None) -> Answerer:
        """Return who answers now.

        Raises:
            ConfigurationError: The endpoint is no address, or the key is none.
        """
        from jupyter_prem.backends import ClientPool, resolve

        settings = self.settings()
        resolved = resolve(
            endpoint or settings.endpoint,
            allow_http_hosts=settings.allow_http_hosts,
            keyless=endpoint is not None and not self.trusts(endpoint),
        )
        self._pool = self._pool or ClientPool()
        client = self._pool.get(resolved.endpoint, settings.options)
        return Answerer(client, resolved, self.recordings.held())

    def trusts(self, endpoint: str) -> bool:
        """Whether a key may go to an endpoint: not to one that a file alone names, unless it is set."""
        from jupyter_prem.backends import resolve
        from jupyter_prem.records import endpoint_name

        if endpoint not in self.read_endpoints - self._named_endpoints:
            return True
        own = endpoint_name(resolve(self.settings().endpoint, keyless=True).endpoint)
        return endpoint_name(resolve(endpoint, keyless=True).endpoint) in {own, "prem", "embedded"}

    @cached_property
    def recordings(self) -> Recordings:
        """The recordings that hold here."""
        from ._recordings import Recordings

        return Recordings(self._notebooks, self._cell, self._folder)

    def backend(self, question: Question) -> Client | Taped:
        """Return who answers a question now; see `answerer`."""
        return self._backend(self.answerer(question.endpoint), question)

    def _backend(self, answerer: Answerer, question: Question, *, shown: bool = False) -> Client | Taped:
        if answerer.tape is None:
            return answerer.client
        asker = self.recordings.asker(question.cell, shown=shown)
        return answerer.client.taped(answerer.tape, asker, answerer.chosen)

    def completed(self, question: Question) -> Question:
        """Return `question` with the cell that asks, and what the settings say where it says nothing."""
        settings = self.settings()
        return dataclasses.replace(
            question,
            defaults=settings.fields,
            default_system=settings.system,
            default_window=settings.window,
            cell=question.cell or self._cell(),
        )

    def system_of(self, conversation: Conversation) -> str:
        """Return the system message of the next question: what the branch was given, else the settings'."""
        head = conversation.head
        return head.system if head is not None and head.system_given else self.settings().system

    def allow(self, request: ChatRequest) -> AbstractContextManager[None]:
        """Hold what a request may use of the budget; raise a BudgetError where it could pass it."""
        return self.ledger.reserved(self.settings().budget, request)

    def adopt(self, conversation: Conversation, name: str | None) -> None:
        """Take a new conversation in, under `name` or a free one.

        Raises:
            ConversationError: The name is taken.
        """
        from jupyter_prem.conversation import ConversationError

        stem, count = conversation.name, 1
        while self.conversations.setdefault(conversation.name, conversation) is not conversation:
            if name is not None:
                raise ConversationError(
                    f"There is a conversation {name!r} already.",
                    hint="Choose another name: %prem conversations.",
                )
            count += 1
            conversation.name = f"{stem}-{count}"

    def prepare(self, conversation: Conversation, backend: Backend, question: Question) -> ChatRequest:
        """Return the request that `ask` would send.

        Raises: As `jupyter_prem.conversation.prepare`.
        """
        from jupyter_prem.conversation import prepare

        return prepare(conversation, backend, self.completed(question))

    def ask(
        self,
        conversation: Conversation,
        answerer: Answerer,
        question: Question,
        *,
        sink: Sink,
        cancel: Cancel | None = None,
        output: str | None = None,
        shown: bool = False,
    ) -> Outcome:
        """Ask, show and commit; bind what arrived to the notebook's names, and tell the listeners.

        `output` is one more name for the response; `shown` says that the cell saves it.

        Raises: As `jupyter_prem.conversation.ask`; BudgetError if the answer could pass the budget.
        """
        from jupyter_prem.conversation import ask

        from ._outcome import provenance_of

        def bind(outcome: Outcome) -> None:
            if outcome.response is not None:
                outcome.response.made_by(lambda: provenance_of(outcome))
                names = {
                    "chat_response": outcome.response,
                    "chat_usage": outcome.response.usage,
                    "chat_conversation": conversation,
                }
                self._bind(names | ({output: outcome.response} if output else {}))

        try:
            question = self.completed(question)
            return ask(
                conversation,
                self._backend(answerer, question, shown=shown),
                question,
                sink=sink,
                cancel=cancel,
                allow=self.allow,
                note=self.note,
                bind=bind,
            )
        finally:
            self.changed(conversation)

    def note(self, answered: Round) -> None:
        """Take note of an answer, whole or cut."""
        self.ledger.note(answered)

    def endpoint_of(self, conversation: Conversation, question: Question) -> str | None:
        """Return the endpoint that `question` names, or that what it asks again was asked at."""
        from jupyter_prem.conversation import asked_again

        if question.endpoint is not None:
            self._named_endpoints.add(question.endpoint)
            return question.endpoint
        last = asked_again(conversation, self.completed(question))
        return last.endpoint if last is not None else None

    def listen(self, listener: Callable[[Conversation | None], None]) -> None:
        """Call the bound method `listener` after each change of a conversation, while its object lives.

        It is called with the conversation, or with None when the settings changed.
        """
        # It leaves by itself: a list made anew without the dead could lose one that listens meanwhile.
        self._listeners.append(weakref.WeakMethod(listener, self._listeners.remove))

    def changed(self, conversation: Conversation | None) -> None:
        """Tell the listeners that a conversation changed; one that fails does not fail the question.

        None stands for the settings.
        """
        for listener in filter(None, [reference() for reference in list(self._listeners)]):
            with contextlib.suppress(Exception):
                listener(conversation)
