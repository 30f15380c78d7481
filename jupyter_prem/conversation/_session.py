"""One turn, from question to commit: the one hot loop, for every door.

Stages: `prepare` checks and builds the request without sending anything; `ask` holds the conversation,
sends, hands each delta to the sink, and commits the turn. A person's stop commits what had arrived; a
fault commits nothing, but its outcome carries what had arrived.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from jupyter_prem.client import ChatRequest, ChatResponse, Interrupted, Message, PremError

from ._conversation import Conversation, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jupyter_prem.client import Cancel, ChatStream, Delta

__all__ = ["Backend", "Outcome", "Question", "Sink", "ask", "prepare"]


class Backend(Protocol):
    """Who answers, as a turn sees it."""

    def default_model(self) -> str:
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
        default_system: The system message of a conversation that has none yet.
        stream: Whether the answer is to arrive piece by piece.
        once: Neither read nor extend the conversation.
    """

    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    system: str | None = None
    default_system: str = ""
    stream: bool = True
    once: bool = False


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


def prepare(conversation: Conversation, backend: Backend, question: Question) -> ChatRequest:
    """Return the checked request for `question` in `conversation`; nothing is sent.

    Raises:
        RequestError: The prompt is empty or a field is out of its range.
        ConfigurationError: No model is named and the service has not exactly one.
    """
    system = _system(conversation, question)
    messages = [] if question.once else [message for turn in conversation.turns for message in turn.messages]
    if system:
        messages.insert(0, Message("system", system))
    messages.append(Message("user", question.text, name=question.name))
    body = {**question.fields, "messages": messages}
    # Fields are checked before the service is asked for its model.
    draft = ChatRequest.from_body({"model": "-", **body} | ({"stream": True} if question.stream else {}))
    if "model" in body:
        return draft
    body["model"] = backend.default_model()
    return ChatRequest.from_body(body | ({"stream": True} if question.stream else {}))


def ask(
    conversation: Conversation,
    backend: Backend,
    question: Question,
    *,
    sink: Sink,
    cancel: Cancel | None = None,
) -> Outcome:
    """Ask, show, commit; return how it ended. Errors of the answer are in the outcome, not raised.

    Raises:
        ConversationBusyError: Another question is being answered in this conversation.
        RequestError: A field is out of its range; nothing was sent.
        ConfigurationError: No model could be chosen; nothing was sent.
    """
    with conversation.one_turn():
        request = prepare(conversation, backend, question)
        parent = None if question.once else conversation.head
        response, error = _receive(backend, request, sink, cancel)
        system = _system(conversation, question)
        turn = None
        if response is not None and (error is None or (isinstance(error, Interrupted) and response.text)):
            turn = Turn(request.messages[-1], response, parent, system)
            if not question.once:
                conversation.head = turn
        name = "" if question.once else conversation.name
        outcome = Outcome(request, response, turn, parent, system, name, error)
    sink.finish(outcome)
    return outcome


def _system(conversation: Conversation, question: Question) -> str:
    if question.system is not None:
        return question.system
    held = None if question.once else conversation.system
    return question.default_system if held is None else held


def _receive(
    backend: Backend, request: ChatRequest, sink: Sink, cancel: Cancel | None
) -> tuple[ChatResponse | None, PremError | None]:
    """Return what arrived and why it ended early, if it did."""
    stream: ChatStream | None = None

    def progress(done: int, total: int) -> None:
        share = done / total if total else None
        sink.status(f"Fetching the embedded model, once ({total / 1e6:.0f} MB)", share)

    try:
        sink.status("")
        stream = backend.send(request, cancel=cancel, progress=progress)
        for delta in stream:
            sink.delta(delta)
    except KeyboardInterrupt:
        error: PremError | None = Interrupted("Stopped.")
    except PremError as failure:
        error = failure
    else:
        error = None
    finally:
        if stream is not None:
            stream.close()
    arrived = stream.response if stream is not None else None
    if arrived is not None and error is not None:
        arrived = arrived if arrived.choices else None
        if isinstance(error, Interrupted):
            kept = (
                "what had arrived is kept in the conversation."
                if arrived and arrived.text
                else "nothing had arrived."
            )
            error = Interrupted(f"Stopped; {kept}", response=arrived)
    return arrived, error
