"""A conversation: immutable turns that each know what they follow, and a head."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jupyter_prem.client import ChatResponse, Message, PremError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Conversation", "ConversationBusyError", "Turn", "body_hash", "branch"]


class ConversationBusyError(PremError):
    """A second question while the first is being answered."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange: the question, the answer, and the turn that they follow.

    Attributes:
        question: The user's message.
        response: What was answered, whole or as far as it came.
        parent: The turn before; None for the first.
        system: The system message in force at this turn; empty for none.
        system_given: Whether a question of this branch gave it, rather than the settings.
        hash: SHA-256, hexadecimal, over the parent's hash and this turn's messages.
    """

    question: Message
    response: ChatResponse
    parent: Turn | None = field(default=None, repr=False)
    system: str = ""
    system_given: bool = field(default=False, kw_only=True)
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        said = {
            "parent": self.parent.hash if self.parent is not None else None,
            "system": self.system,
            "messages": [message.to_dict() for message in self.messages],
        }
        object.__setattr__(self, "hash", body_hash(said))

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages this turn added; of a cut answer, what an API accepts: its text without calls."""
        answer = self.response.message
        if self.response.interrupted:
            answer = Message("assistant", self.response.text)
        return (self.question, answer)


class Conversation:
    """What was said so far, for whoever asks next.

    One question at a time; a second meanwhile is an error, not a mixed-up history.
    """

    def __init__(self, name: str = "default") -> None:
        self.name = name
        self.head: Turn | None = None
        self._turn = threading.Lock()

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns from the first to the head."""
        return branch(self.head)

    @property
    def system(self) -> str | None:
        """The system message in force; None where no turn has set one yet."""
        return self.head.system if self.head is not None else None

    @property
    def messages(self) -> tuple[Message, ...]:
        """Everything said on this branch, the system message first."""
        said = [message for turn in self.turns for message in turn.messages]
        return (Message("system", self.system), *said) if self.system else tuple(said)

    @property
    def busy(self) -> bool:
        """Whether a question is being answered now."""
        return self._turn.locked()

    @contextmanager
    def one_turn(self) -> Iterator[None]:
        """Hold the conversation for one question.

        Raises:
            ConversationBusyError: Another question is being answered.
        """
        if not self._turn.acquire(blocking=False):
            raise ConversationBusyError(
                f"The conversation {self.name!r} is still answering another question.",
                hint="Wait for it, stop it (■), or ask in another conversation: -c NAME.",
            )
        try:
            yield
        finally:
            self._turn.release()

    def reset(self) -> None:
        """Start afresh; turns already taken stay valid for whoever holds them."""
        self.head = None

    def __len__(self) -> int:
        return len(self.turns)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        count = len(self)
        return f"Conversation({self.name!r}, {count} turn{'' if count == 1 else 's'})"


def branch(head: Turn | None) -> tuple[Turn, ...]:
    """Return the turns from the first to `head`."""
    path: list[Turn] = []
    while head is not None:
        path.append(head)
        head = head.parent
    return tuple(reversed(path))


def body_hash(body: object) -> str:
    """Return the SHA-256, hexadecimal, of JSON with sorted keys and no spaces."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
