"""What a conversation belongs to, and an answer on its way into it."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Protocol, Self

from jupyter_prem.client import ChatResponse, Interrupted, PremError

from ._exchange import Exchange
from ._question import asked_again
from ._tree import ConversationError
from ._watch import Outcome, Round, Watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from types import TracebackType

    from jupyter_prem.backends import Client
    from jupyter_prem.client import Backend, ChatRequest, Delta

    from ._conversation import Conversation
    from ._question import Question

__all__ = ["Alone", "ConversationStream", "Host"]


class Host(Protocol):
    """What a conversation belongs to: a notebook, or nothing but itself."""

    def backend(self, question: Question) -> Backend:
        """Return who answers a question now."""
        ...

    def completed(self, question: Question) -> Question:
        """Return the question with what the settings say where it says nothing."""
        ...

    def endpoint_of(self, conversation: Conversation, question: Question) -> str | None:
        """Return the endpoint that a question names, or that what it asks again was asked at."""
        ...

    def allow(self, request: ChatRequest) -> AbstractContextManager[None]:
        """Return what is held while a request is on its way; entering it raises what keeps it back."""
        ...

    def note(self, answered: Round) -> None:
        """Take note of an answer, whole or cut."""
        ...

    def changed(self, conversation: Conversation) -> None:
        """Tell whoever shows the conversation that it changed."""
        ...

    def adopt(self, conversation: Conversation, name: str | None) -> None:
        """Give a new conversation its name: this one, or a free one."""
        ...


class Alone:
    """The host of a conversation that belongs to no notebook."""

    def __init__(self, client: Backend | None) -> None:
        self._client = client
        self._named: dict[str, Client] = {}

    def backend(self, question: Question) -> Backend:
        from jupyter_prem.backends import Client

        if question.endpoint is not None:
            if question.endpoint not in self._named:
                self._named[question.endpoint] = Client(question.endpoint)
            return self._named[question.endpoint].recorded()
        if self._client is None:
            self._client = Client()
        return self._client.recorded() if isinstance(self._client, Client) else self._client

    def completed(self, question: Question) -> Question:
        return question

    def endpoint_of(self, conversation: Conversation, question: Question) -> str | None:
        """Return the one that was named here; what a file names is asked of the conversation's own client."""
        if question.endpoint is not None:
            return question.endpoint
        last = asked_again(conversation, question)
        return last.endpoint if last is not None and last.endpoint in self._named else None

    def allow(self, request: ChatRequest) -> AbstractContextManager[None]:  # noqa: ARG002 - the protocol's
        """Return nothing that is held: everything may be sent."""
        return nullcontext()

    def note(self, answered: Round) -> None:
        """Nobody else is told."""

    def changed(self, conversation: Conversation) -> None:
        """Nobody shows it."""

    def adopt(self, conversation: Conversation, name: str | None) -> None:
        """It is named already."""


class ConversationStream:
    """An answer on its way into a conversation: iterate it for deltas; `response` is it when done.

    A context manager. Leaving it early keeps what had arrived, marked as interrupted. Iterated again, it goes
    on where it was.
    """

    def __init__(self, conversation: Conversation, host: Host, question: Question) -> None:
        self._conversation = conversation
        self._host = host
        self._question = question
        self._exchange: Exchange | None = None
        self._error: PremError | None = None
        self._whole = False
        self._deltas: Iterator[Delta] | None = None
        self._held = ExitStack()
        self._outcome: Outcome | None = None

    def __enter__(self) -> Self:
        question = self._host.completed(self._question)
        with ExitStack() as held:
            if not question.once:
                held.enter_context(self._conversation.one_turn())
            watch = Watch(allow=self._host.allow, note=self._host.note)
            self._exchange = Exchange(self._conversation, self._host.backend(question), question, watch=watch)
            self._exchange.hold()
            self._held = held.pop_all()
        return self

    def __iter__(self) -> Iterator[Delta]:
        if self._exchange is None or self._outcome is not None:
            raise ConversationError("A stream is iterated inside its with block.")
        if self._deltas is None:
            self._deltas = self._received(self._exchange)
        return self._deltas

    def _received(self, exchange: Exchange) -> Iterator[Delta]:
        try:
            yield from exchange
        except PremError as error:
            self._error = error
            raise
        self._whole = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        with self._held:
            if self._exchange is not None:
                ended = self._error or (None if self._whole else Interrupted("Left early."))
                self._outcome = self._exchange.end(ended)
        self._host.changed(self._conversation)
        if kind is None and self._whole and self._outcome is not None and self._outcome.error is not None:
            raise self._outcome.error

    @property
    def response(self) -> ChatResponse:
        """The answer, once the block is left or the deltas are through.

        Raises:
            ConversationError: Nothing has arrived.
        """
        response = self._outcome.response if self._outcome is not None else None
        if response is None and self._exchange is not None:
            response = self._exchange.so_far
        if response is None:
            raise ConversationError("Nothing of an answer has arrived.")
        return response
