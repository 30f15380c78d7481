"""What is asked, and where in a conversation it goes."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from jupyter_prem.client import ChatRequest, Message, RequestError, whole_json
from jupyter_prem.objects import tool_name, wire_schema

from ._tree import ConversationError
from ._turn import Cell, SentBody, Turn, last_exchanges, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jupyter_prem.client import Backend, Cancel
    from jupyter_prem.objects import Schema, Tool

    from ._tree import Tree

__all__ = ["CONTINUE", "MAX_TOOL_ROUNDS", "Place", "Question", "asked_again", "place", "request_at"]

CONTINUE = "Continue exactly where your last answer was cut off. Repeat nothing of it."
"""What `continue` asks: a message of the user, since few services go on with one of the assistant's."""

MAX_TOOL_ROUNDS = 8
"""How many answers may ask for calls, unless the question says otherwise."""

_CALLS = ("tools", "tool_choice")
_NOT_FIELDS = frozenset({"stream", "stream_options"})


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, before it is a request.

    Attributes:
        text: The prompt, expanded; empty where the conversation itself says what is asked.
        fields: Request fields that were set, `model` among them or not.
        defaults: Request fields of the settings, which everything else overrides.
        name: Name of the speaker.
        system: A new system message from this turn on; None leaves the conversation's.
        default_system: The system message of a conversation that was given none.
        stream: Whether the answer is to arrive piece by piece.
        once: Neither read nor extend the conversation.
        new: Start the conversation afresh, once there is an answer.
        window: Send only so many exchanges before the question; None leaves it to what is asked again, or
            to `default_window`.
        default_window: The settings' window; None sends all.
        schema: What the answer must be; None for text, or for what is asked again's own.
        retries: How often an answer that does not fit is asked for again, with the error.
        tools: The functions that the model may call, by name; `fields` describes them.
        max_tool_rounds: How many answers may ask for calls.
        confirm: Called with a tool and its arguments before each call; a text says why it may not be made.
        endpoint: Who answers, where the question names an endpoint of its own.
        cell: The cell that asks; what an earlier execution of it asked is replaced.
        kind: "ask"; "regenerate" asks a question again, beside its answer, with `text` in its place if there
            is one; "continue" asks for the rest of an answer that was cut.
        turn: What is asked again; None for the cell's own, or the last.
    """

    text: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    system: str | None = None
    default_system: str = ""
    stream: bool = True
    once: bool = False
    new: bool = False
    window: int | None = None
    default_window: int | None = None
    schema: Schema | None = None
    retries: int = 0
    tools: Mapping[str, Tool] = field(default_factory=dict)
    max_tool_rounds: int = MAX_TOOL_ROUNDS
    confirm: Callable[[Tool, str], str] | None = None
    endpoint: str | None = None
    cell: Cell | None = None
    kind: Literal["ask", "regenerate", "continue"] = "ask"
    turn: Turn | None = None

    def __post_init__(self) -> None:
        for name in ("fields", "system"):
            object.__setattr__(self, name, whole_json(getattr(self, name)))
        if self.window is not None and not (type(self.window) is int and self.window >= 0):
            raise RequestError("window", self.window, "must be a number of exchanges, 0 or more")
        for name in ("retries", "max_tool_rounds"):
            count = getattr(self, name)
            if type(count) is not int or count < 0:
                raise RequestError(name, count, "must be a number, 0 or more")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a question goes in its conversation, and what goes out with it.

    Attributes:
        parent: The turn it follows.
        message: The question as a message.
        system: The system message in force.
        system_given: Whether a question of this branch gave it, rather than the settings.
        fields: The request's fields.
        cells: The cells that the exchange will stand in.
        window: How many exchanges before it go out; None for all.
        schema: What the answer must be; None for text.
        left_tools: Names of functions that what is asked again could call, and that this question may not.
    """

    parent: Turn | None
    message: Message
    system: str
    system_given: bool
    fields: Mapping[str, Any]
    cells: tuple[Cell, ...]
    window: int | None = None
    schema: Schema | None = None
    left_tools: tuple[str, ...] = ()

    @property
    def left_out(self) -> int:
        """How many exchanges the window leaves out."""
        if self.window is None:
            return 0
        sent = len(last_exchanges(self.parent, self.window))
        depth = self.parent.depth if self.parent is not None else 0
        if sent == depth:
            return 0
        *_, first = itertools.islice(walk(self.parent), sent + 1)
        return max(1, sum(turn.begins_exchange for turn in walk(first)))


def place(tree: Tree, question: Question) -> Place:
    """Return where `question` goes.

    Raises:
        ConversationError: There is no answer to regenerate, or none that was cut.
        RequestError: The prompt is no text, or empty.
    """
    if question.kind == "ask" and not (isinstance(question.text, str) and question.text.strip()):
        raise RequestError("prompt", question.text, "must be a text that is not empty")
    window, schema = question.default_window, question.schema
    parent, fields = None, {**question.defaults, **question.fields}
    left_tools: tuple[str, ...] = ()
    message: Message | None = None
    cells = (question.cell,) if question.cell is not None else ()
    if question.kind == "regenerate":
        last = asked_again(tree, question)
        if last is None or last.question is None:
            raise ConversationError(
                f"There is no answer to regenerate in the conversation {tree.name!r}.",
                hint="Ask a question first." if last is None else "The last message was appended by hand.",
            )
        parent, message, fields = last.parent, _edited(last.question, question), _again(last, question)
        window = _window(last, window)
        if "response_format" not in question.fields:
            schema = schema or last.schema
        left_tools = _left_tools(last, question)
        if message is last.question:
            others = (cell for cell in last.cells if question.cell is None or cell.id != question.cell.id)
            cells = (*others, *cells)
        if question.system is None and last.system_given:
            question = dataclasses.replace(question, system=last.system)
    elif question.kind == "continue":
        parent = asked_again(tree, question)
        _check_cut(tree, parent)
        message = Message("user", CONTINUE)
        if parent is not None:
            fields, window = _again(parent, question), _window(parent, window)
            fields.pop("response_format", None)  # the rest of a text that was to be JSON is none
        window = window if question.window is None else question.window
        # What is continued goes out too.
        question = dataclasses.replace(question, window=window if window is None else window + 1)
    elif not (question.once or question.new):
        parent = tree.base(question.cell)
    system, given = _system(parent, question)
    message = message or Message("user", question.text, name=question.name)
    window = window if question.window is None else question.window
    schema = schema or wire_schema(fields.get("response_format"))
    return Place(parent, message, system, given, fields, cells, window, schema, left_tools)


def asked_again(tree: Tree, question: Question) -> Turn | None:
    """Return the turn that `question` asks again or continues; None where it asks for itself."""
    if question.kind == "regenerate":
        return question.turn or tree.earlier(question.cell) or tree.head
    return tree.base(question.cell) if question.kind == "continue" else None


def request_at(
    where: Place, backend: Backend, question: Question, cancel: Cancel | None = None
) -> tuple[ChatRequest, SentBody]:
    """Return the checked request, and the body it is as the conversation holds it.

    Raises:
        RequestError: A field is out of its range.
        ConfigurationError: No model is named and the service has not exactly one.
    """
    fields = dict(where.fields) | ({"stream": True} if question.stream else {})
    # Fields are checked before the service is asked for its model, and before a long past is copied.
    draft = ChatRequest.from_body({"model": "-", **fields, "messages": [where.message]})
    model = draft.model if "model" in fields else backend.default_model(cancel)
    body = SentBody(where.parent, (where.message,), where.system, where.window, fields)
    return dataclasses.replace(draft, model=model, messages=tuple(body.messages())), body


def _edited(asked: Message, question: Question) -> Message:
    if not question.text.strip() or question.text == asked.content:
        return asked
    return dataclasses.replace(asked, content=question.text)


def _again(last: Turn, question: Question) -> dict[str, Any]:
    # Only functions that the cell itself names can run.
    sent = {name: value for name, value in last.fields.items() if name not in {*_NOT_FIELDS, *_CALLS}}
    return {**question.defaults, **sent, **question.fields}


def _left_tools(last: Turn, question: Question) -> tuple[str, ...]:
    if "tools" in question.fields:
        return ()
    return tuple(name for tool in last.fields.get("tools") or () if (name := tool_name(tool)))


def _window(last: Turn, default: int | None) -> int | None:
    """Return the window that a turn was asked with."""
    sent = last.response.body if last.response is not None else None
    return sent.window if isinstance(sent, SentBody) else default


def _check_cut(tree: Tree, last: Turn | None) -> None:
    response = last.response if last is not None else None
    if response is None or not (response.interrupted or response.finish_reason == "length"):
        raise ConversationError(
            f"The last answer of the conversation {tree.name!r} was not cut off: nothing to continue.",
            hint="An answer can be continued after the finish reason length, or after it was stopped.",
        )


def _system(parent: Turn | None, question: Question) -> tuple[str, bool]:
    if question.system is not None:
        return question.system, True
    if parent is not None and parent.system_given:
        return parent.system, True
    return question.default_system, False
