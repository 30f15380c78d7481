"""One turn, from question to commit: the one hot loop, for every door.

Stages: `prepare` checks and builds the request without sending it; `ask` holds the conversation, sends,
hands each delta to the sink, commits the turn, and binds and shows how it ended. A person's stop commits
what had arrived; a fault commits nothing, but its outcome carries what had arrived.
"""

from __future__ import annotations

import dataclasses
import signal
import threading
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from jupyter_prem.client import ChatRequest, ChatResponse, Interrupted, Message, PremError

from ._conversation import Conversation, Turn, branch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jupyter_prem.client import Cancel, ChatStream, Delta

__all__ = ["Backend", "Outcome", "Question", "Sink", "ask", "prepare"]


class Backend(Protocol):
    """Who answers, as a turn sees it."""

    def default_model(self, cancel: Cancel | None = None) -> str:
        """Return the model that a request without one goes to."""
        ...

    def body_of(self, request: ChatRequest) -> dict[str, Any]:
        """Return the body that a request goes out with."""
        ...

    def send(
        self,
        request: ChatRequest,
        *,
        cancel: Cancel | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> ChatStream:
        """Send a request and return its answer on the way."""
        ...


class Sink(Protocol):
    """Where an answer goes as it arrives."""

    def status(self, text: str, fraction: float | None = None) -> None:
        """Say what is waited for, until the first delta."""
        ...

    def delta(self, delta: Delta) -> None:
        """Show a piece of the answer."""
        ...

    def finish(self, outcome: Outcome) -> None:
        """Show how it ended; called once, whatever happened."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, before it is a request.

    Attributes:
        text: The prompt, expanded.
        fields: Request fields that were set, `model` among them or not.
        name: Name of the speaker.
        system: A new system message from this turn on; None leaves the conversation's.
        default_system: The system message of a conversation that was given none.
        stream: Whether the answer is to arrive piece by piece.
        once: Neither read nor extend the conversation.
        new: Start the conversation afresh, once there is an answer.
    """

    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    system: str | None = None
    default_system: str = ""
    stream: bool = True
    once: bool = False
    new: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended.

    Attributes:
        response: What arrived; None if nothing did.
        turn: The turn as committed; None where nothing was.
        parent: The turn that was asked after.
        system: The system message that was sent.
        conversation: Name of the conversation; empty for a question asked once.
        error: Why it is not a whole answer, if it is not.
    """

    request: ChatRequest
    response: ChatResponse | None
    turn: Turn | None
    parent: Turn | None
    system: str
    conversation: str
    error: PremError | None = None


def prepare(
    conversation: Conversation, backend: Backend, question: Question, cancel: Cancel | None = None
) -> ChatRequest:
    """Return the checked request for `question` in `conversation`; the question is not sent.

    Raises:
        RequestError: The prompt is empty or a field is out of its range.
        ConfigurationError: No model is named and the service has not exactly one.
    """
    return _request(_parent(conversation, question), backend, question, cancel)


def ask(
    conversation: Conversation,
    backend: Backend,
    question: Question,
    *,
    sink: Sink,
    cancel: Cancel | None = None,
    bind: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """Ask, commit, bind, show; return how it ended. Errors of the answer are in the outcome, not raised.

    Args:
        conversation: Where the question belongs.
        backend: Who answers.
        question: What is asked.
        sink: Where the answer is shown.
        cancel: Stops it from another thread.
        bind: Called with the outcome before the last frame is drawn, so that no interrupt loses it.

    Raises:
        ConversationBusyError: Another question is being answered in this conversation.
        RequestError: A field is out of its range; nothing was sent.
        ConfigurationError: No model could be chosen; nothing was sent.
    """
    with nullcontext() if question.once else conversation.one_turn():
        parent = _parent(conversation, question)
        request = _request(parent, backend, question, cancel)
        stream, error = _receive(backend, request, sink, cancel)
        with uninterrupted():
            response, error = _arrived(stream, error)
            system = _system(parent, question)
            turn = None
            if response is not None and (error is None or (isinstance(error, Interrupted) and response.text)):
                given = question.system is not None or (parent is not None and parent.system_given)
                turn = Turn(request.messages[-1], response, parent, system, system_given=given)
                if not question.once:
                    conversation.head = turn
            name = "" if question.once else conversation.name
            outcome = Outcome(request, response, turn, parent, system, name, error)
            bind(outcome)
    sink.finish(outcome)
    return outcome


def _parent(conversation: Conversation, question: Question) -> Turn | None:
    return None if question.once or question.new else conversation.head


def _system(parent: Turn | None, question: Question) -> str:
    if question.system is not None:
        return question.system
    return parent.system if parent is not None and parent.system_given else question.default_system


def _request(parent: Turn | None, backend: Backend, question: Question, cancel: Cancel | None) -> ChatRequest:
    messages = [message for turn in branch(parent) for message in turn.messages]
    system = _system(parent, question)
    if system:
        messages.insert(0, Message("system", system))
    messages.append(Message("user", question.text, name=question.name))
    body = {**question.fields, "messages": messages} | ({"stream": True} if question.stream else {})
    # Fields are checked before the service is asked for its model.
    draft = ChatRequest.from_body({"model": "-", **body})
    return draft if "model" in body else dataclasses.replace(draft, model=backend.default_model(cancel))


def _receive(
    backend: Backend, request: ChatRequest, sink: Sink, cancel: Cancel | None
) -> tuple[ChatStream | None, PremError | None]:
    """Read the answer to its end; return the stream, and why it ended early, if it did."""
    stream: ChatStream | None = None

    def progress(done: int, total: int) -> None:
        if cancel is not None and cancel.cancelled:
            raise Interrupted("Stopped.")
        share = done / total if total else None
        sink.status(f"Fetching the embedded model, once ({total / 1e6:.0f} MB)", share)

    try:
        sink.status("")
        stream = backend.send(request, cancel=cancel, progress=progress)
        for delta in stream:
            sink.delta(delta)
    except KeyboardInterrupt:
        return stream, Interrupted("Stopped.")
    except PremError as failure:
        return stream, failure
    except BaseException:
        if stream is not None:
            stream.close()
        raise
    return stream, None


def _arrived(
    stream: ChatStream | None, error: PremError | None
) -> tuple[ChatResponse | None, PremError | None]:
    """Close the stream; return what had arrived, and the error as it is told."""
    response: ChatResponse | None = None
    if stream is not None:
        stream.close()
        response = stream.response if stream.response.choices or error is None else None
    if isinstance(error, Interrupted):
        kept = response is not None and response.text
        words = "what had arrived is kept in the conversation." if kept else "nothing had arrived."
        error = Interrupted(f"Stopped; {words}", response=response)
    return response, error


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold a keyboard interrupt back until the block is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        raise KeyboardInterrupt
