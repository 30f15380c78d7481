"""A turn of a conversation: immutable, and knowing what it follows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import Body, ChatResponse, Message, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jupyter_prem.objects import Schema

__all__ = ["Cell", "SentBody", "Turn", "answer_place", "body_hash", "branch", "last_exchanges", "walk"]


@dataclass(frozen=True, slots=True)
class Cell:
    """The cell that a question was asked in, and which of its executions asked it.

    Attributes:
        id: What the front end calls the cell; None where it says nothing.
        run: Tells one execution from another; empty for one of an earlier kernel.
        number: Execution count, for people.
    """

    id: str | None = None
    run: str = ""
    number: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """One exchange: what it said, what was answered, and the turn that it follows.

    Attributes:
        messages: The messages it added: a question and its answer; or one that was appended by hand.
        response: What was answered, whole or as far as it came; None of what was appended.
        parent: The turn before; None for the first.
        system: The system message in force at this turn; empty for none.
        system_given: Whether a question of this branch gave it, rather than the settings.
        fields: The request fields that were sent, without the messages.
        cells: The cells that it stands in.
        schema: What the answer was to be, as long as the kernel lives; None for text.
        endpoint: Who was to answer, where the question named an endpoint of its own.
        depth: How many turns there are up to this one.
        hash: SHA-256, hexadecimal, over the parent's hash and this turn's messages.
    """

    messages: tuple[Message, ...]
    response: ChatResponse | None = None
    parent: Turn | None = field(default=None, repr=False)
    system: str = ""
    system_given: bool = field(default=False, kw_only=True)
    fields: Mapping[str, Any] = field(default_factory=dict, kw_only=True, repr=False)
    cells: tuple[Cell, ...] = field(default=(), kw_only=True, repr=False)
    endpoint: str | None = field(default=None, kw_only=True, repr=False)
    schema: Schema | None = field(default=None, kw_only=True, repr=False)
    depth: int = field(init=False)
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "system", whole(self.system))
        said = {
            "parent": self.parent.hash if self.parent is not None else None,
            "system": self.system,
            "messages": [message.to_dict() for message in self.messages],
        }
        object.__setattr__(self, "depth", 1 + (self.parent.depth if self.parent is not None else 0))
        object.__setattr__(self, "hash", body_hash(said))

    @property
    def question(self) -> Message | None:
        """The user's message that was answered; None of a turn that was appended by hand."""
        return self.messages[0] if self.response is not None and self.messages else None

    @property
    def begins_exchange(self) -> bool:
        """Whether its first message is the user's."""
        return bool(self.messages) and self.messages[0].role == "user"

    @property
    def title(self) -> str:
        """The text that people know the turn by: its first message's, else the system message."""
        return next((message.content for message in self.messages if message.content), self.system)


@dataclass(frozen=True, slots=True)
class SentBody:
    """The body a turn was asked with, made again from what the conversation holds once.

    Attributes:
        parent: The turn it follows.
        said: The turn's own messages that went out: the question, and what came before its last answer.
        system, window, fields: As the turn has them.
    """

    parent: Turn | None
    said: tuple[Message, ...]
    system: str
    window: int | None
    fields: Mapping[str, Any]

    def messages(self) -> list[Message]:
        """Return the messages as they went out."""
        turns = branch(self.parent) if self.window is None else last_exchanges(self.parent, self.window)
        sent = [message for turn in turns for message in turn.messages]
        if self.system:
            sent.insert(0, Message("system", self.system))
        sent += self.said
        return sent

    def whole(self) -> Body:
        """Return the body with its messages in it."""
        return Body(tuple(self.messages()), self.fields)

    def __call__(self) -> dict[str, Any]:
        return self.whole()()


def answer_place(messages: Sequence[Message]) -> int:
    """Return where in a turn's messages its last answer is: the last of the assistant's."""
    places = [place for place, message in enumerate(messages) if message.role == "assistant"]
    return places[-1] if places else len(messages) - 1


def walk(head: Turn | None) -> Iterator[Turn]:
    """Yield the turns from `head` back to the first."""
    while head is not None:
        yield head
        head = head.parent


def branch(head: Turn | None) -> tuple[Turn, ...]:
    """Return the turns from the first to `head`."""
    path = list(walk(head))
    path.reverse()
    return tuple(path)


def last_exchanges(head: Turn | None, count: int) -> tuple[Turn, ...]:
    """Return the turns of the last `count` exchanges.

    An exchange begins with a message of the user: what was appended by hand after it is part of it.
    """
    path: list[Turn] = []
    for turn in walk(head):
        if count <= 0:
            break
        path.append(turn)
        count -= turn.begins_exchange
    path.reverse()
    return tuple(path)


def body_hash(body: object) -> str:
    """Return the SHA-256, hexadecimal, of JSON with sorted keys and no spaces."""
    text = (
        body.to_json()
        if isinstance(body, Body)
        else json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    )
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
