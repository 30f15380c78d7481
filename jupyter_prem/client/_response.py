"""What a service answered."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from ._request import Body, Message, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jupyter_prem.structure import CodeBlock

__all__ = ["ChatResponse", "Choice", "Delta", "Model", "Usage", "index_of"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a service says it used; never a guess of ours."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    def to_dict(self) -> dict[str, int]:
        """Return the usage as the API has it."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.total_tokens,
        }


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer as it arrives; `str()` is its text."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    index: int = 0
    finish_reason: str | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers to a request; there is one unless a service was asked for more.

    `finish_reason` is stop, length, tool_calls, content_filter or function_call; None where the
    stream was stopped, or ended without one.
    """

    index: int
    finish_reason: str | None
    message: Message
    reasoning: str = ""
    refusal: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as the API has it."""
        message = self.message.to_dict()
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        if self.refusal:
            message["refusal"] = self.refusal
        return {"index": self.index, "finish_reason": self.finish_reason, "message": message}


def index_of(choice: Mapping[str, Any]) -> int:
    """Return which of several answers a choice belongs to; 0 where it does not say."""
    index = choice.get("index", 0)
    return index if isinstance(index, int) and not isinstance(index, bool) else 0


@dataclass(frozen=True, slots=True)
class Model:
    """A model that a service lists."""

    id: str
    owned_by: str = ""
    created: int | None = None


class Sent(Protocol):
    """What was sent: calling it gives the body."""

    @property
    def fields(self) -> Mapping[str, Any]:
        """The body without its messages."""
        ...

    def __call__(self) -> dict[str, Any]: ...


_NOTHING: Final = Body((), {})


@dataclass(frozen=True, slots=True, weakref_slot=True)
class ChatResponse:
    """An answer, whole or as far as it came; `str()` is its text.

    Attributes:
        choices: The answers; empty only where nothing arrived.
        usage: Tokens as the service counted them, or None where it did not say.
        latency: Seconds from sending the request to its last byte; of a replay, those that it took then.
        body: Gives the exact body that was sent, as `request` does.
        interrupted: Whether it was cut short, by a person or by a fault.
        notes: What was unusual on the way, for people.
        replayed: Whether it was recorded earlier, and nobody was asked now.
        about: What is known of where it came from beside that, such as the endpoint and the recording.
        parsed: The structured answer that was asked for, checked: an instance of the model, or JSON data.
    """

    choices: tuple[Choice, ...] = ()
    id: str = ""
    model: str = ""
    created: int | None = None
    object: str = "chat.completion"
    system_fingerprint: str | None = None
    usage: Usage | None = None
    latency: float = 0.0
    interrupted: bool = False
    notes: tuple[str, ...] = ()
    parsed: Any = None
    replayed: bool = field(default=False, compare=False)
    about: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    body: Sent = field(default=_NOTHING, repr=False, compare=False)
    _provenance: Callable[[], dict[str, Any]] | dict[str, Any] | None = field(
        default=None, repr=False, compare=False
    )

    @property
    def provenance(self) -> dict[str, Any]:
        """Where it came from: what a replay says alike, and under `metadata` what varies; never a key.

        In a notebook it is all that the cell saves; elsewhere the endpoint, and the recording if any.
        """
        made = self._provenance() if callable(self._provenance) else self._provenance
        return dict(made) if made is not None else {**self.about, "metadata": {"replayed": self.replayed}}

    def made_by(self, provenance: Callable[[], dict[str, Any]]) -> None:
        """Have `provenance` tell more, when it is asked for."""
        object.__setattr__(self, "_provenance", provenance)

    @property
    def request(self) -> dict[str, Any]:
        """The exact body that was sent."""
        return self.body()

    @property
    def message(self) -> Message:
        """The first answer as a message of the conversation."""
        return self.choices[0].message if self.choices else Message("assistant", "")

    @property
    def text(self) -> str:
        """Text of the first answer; empty where it has none."""
        return self.message.content or ""

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Calls that the first answer asks for."""
        return self.message.tool_calls

    @property
    def reasoning(self) -> str:
        """What the model thought before the first answer, where the service tells."""
        return self.choices[0].reasoning if self.choices else ""

    @property
    def refusal(self) -> str:
        """Why the model would not answer, where it says so apart from the text."""
        return self.choices[0].refusal if self.choices else ""

    @property
    def code_blocks(self) -> list[CodeBlock]:
        """The fenced code of the first answer, in its order: strings with a `language`."""
        from jupyter_prem.structure import code_blocks

        return code_blocks(self.text)

    @property
    def finish_reason(self) -> str | None:
        """Why the first answer ended; None where it was stopped, or no reason came."""
        return self.choices[0].finish_reason if self.choices else None

    def to_dict(self) -> dict[str, Any]:
        """Return the response as the API has it (JSON types only)."""
        return {
            "id": self.id,
            "object": self.object,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.system_fingerprint,
            "choices": [choice.to_dict() for choice in self.choices],
            "usage": None if self.usage is None else self.usage.to_dict(),
        }

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[Any, ...]:
        sent = self.request
        messages = tuple(Message.from_dict(message) for message in sent.get("messages", ()))
        rest = {name: value for name, value in sent.items() if name != "messages"}
        whole = replace(self, body=Body(messages, rest), about=dict(self.about), _provenance=self.provenance)
        return ChatResponse, tuple(getattr(whole, field.name) for field in fields(whole))
