"""What a request says: messages, tool calls and the fields beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field as dataclass_field, fields as dataclass_fields
from typing import Any, Final, Literal

from ._errors import RequestError
from ._fields import FIELDS, UNSET, Unset, check_field
from ._text import whole

__all__ = ["Body", "ChatRequest", "Message", "Messages", "ToolCall", "as_messages"]

Role = Literal["system", "user", "assistant", "tool"]
ROLES: Final = ("system", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that the model asks for; `arguments` is JSON as the model wrote it."""

    id: str
    name: str
    arguments: str

    def to_dict(self) -> dict[str, Any]:
        """Return the call as the API has it."""
        return {
            "id": self.id,
            "type": "function",
            "function": {"name": self.name, "arguments": self.arguments},
        }

    @classmethod
    def from_dict(cls, data: Any) -> ToolCall:
        """Return the call that `data` describes.

        Raises:
            RequestError: It is not of the API's shape.
        """
        try:
            function = data["function"]
            call = cls(data["id"], function["name"], function["arguments"])
        except (KeyError, TypeError):
            call = None
        if call is None or not all(isinstance(part, str) for part in (call.id, call.name, call.arguments)):
            raise RequestError(
                "messages.tool_calls", data, "must be {id, type, function {name, arguments}} of strings"
            )
        return call


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, of any role of the API.

    Raises:
        RequestError: A part is not of the API's shape. Lone surrogates, which no JSON of UTF-8 can
            carry, become U+FFFD.
    """

    role: Role
    content: str | None = None
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    _json: str | None = dataclass_field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise RequestError("messages.role", self.role, f"must be one of {', '.join(ROLES)}")
        for part in ("content", "name", "tool_call_id"):
            value = getattr(self, part)
            if value is not None and not isinstance(value, str):
                raise RequestError(f"messages.{part}", value, "must be a string or null")
            if value is not None:
                object.__setattr__(self, part, whole(value))
        if self.role == "tool" and not self.tool_call_id:
            raise RequestError(
                "messages.tool_call_id", self.tool_call_id, "a tool message must name its call"
            )

    def to_json(self) -> str:
        """Return the message as JSON with sorted keys; made once, since each later request repeats it."""
        if self._json is None:
            object.__setattr__(self, "_json", _dumps(self.to_dict()))
        return self._json or ""

    def to_dict(self) -> dict[str, Any]:
        """Return the message as the API has it, without what was not set."""
        body: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.name is not None:
            body["name"] = self.name
        if self.tool_calls:
            body["tool_calls"] = [call.to_dict() for call in self.tool_calls]
        if self.tool_call_id is not None:
            body["tool_call_id"] = self.tool_call_id
        return body

    @classmethod
    def from_dict(cls, data: Any) -> Message:
        """Return the message that `data` describes.

        Raises:
            RequestError: It is not of the API's shape.
        """
        if not isinstance(data, Mapping) or "role" not in data:
            raise RequestError("messages", data, "each must be an object with a role and content")
        calls = data.get("tool_calls") or ()
        if isinstance(calls, (str, Mapping)) or not isinstance(calls, Iterable):
            raise RequestError("messages.tool_calls", calls, "must be a list")
        return cls(
            role=data["role"],
            content=data.get("content"),
            name=data.get("name"),
            tool_calls=tuple(ToolCall.from_dict(call) for call in calls),
            tool_call_id=data.get("tool_call_id"),
        )


_SORTED, _IN_ORDER = (
    json.JSONEncoder(ensure_ascii=False, sort_keys=sort, separators=(",", ":"), allow_nan=False).encode
    for sort in (True, False)
)


def _dumps(value: Any, *, sort_keys: bool = True) -> str:
    if type(value) is int:  # a seed: an encoder takes ten times as long to begin
        return str(value)
    return whole((_SORTED if sort_keys else _IN_ORDER)(value))


_PLAIN: Final = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body: its messages, and the fields beside them.

    Calling it gives the body as Python has it.
    """

    messages: tuple[Message, ...]
    fields: Mapping[str, Any]
    _json: str | None = dataclass_field(default=None, init=False, repr=False, compare=False)

    def __call__(self) -> dict[str, Any]:
        if not self.messages and not self.fields:
            return {}
        return {"messages": [message.to_dict() for message in self.messages], **self.fields}

    def to_json(self, *, sort_keys: bool = True) -> str:
        """Return the body as JSON without spaces.

        Args:
            sort_keys: Whether the keys inside the fields are sorted, as a hash needs it. On the wire they
                keep their order: in it a model gives the members of a schema.
        """
        if self._json is not None:
            return self._json
        parts = {name: _dumps(value, sort_keys=sort_keys) for name, value in self.fields.items()}
        parts["messages"] = f"[{','.join([message.to_json() for message in self.messages])}]"
        text = "{" + ",".join(f'"{name}":{parts[name]}' for name in sorted(parts)) + "}"
        if _PLAIN.issuperset(map(type, self.fields.values())):  # nobody can change them, nor sort them
            object.__setattr__(self, "_json", text)
        return text


Messages = str | Iterable[Message | Mapping[str, Any]]


def as_messages(messages: Messages) -> tuple[Message, ...]:
    """Return `messages` as a tuple; a string is one message of the user.

    Raises:
        RequestError: There is none, one is not of the API's shape, or a system message is not the first.
    """
    if isinstance(messages, str):
        return (Message("user", messages),)
    if isinstance(messages, Mapping) or not isinstance(messages, Iterable):
        raise RequestError("messages", messages, "must be a string or a list of messages")
    result = tuple([item if type(item) is Message else _as_message(item) for item in messages])
    if not result:
        raise RequestError("messages", [], "must hold at least one message")
    if "system" in [item.role for item in result[1:]]:
        late = next(place for place, item in enumerate(result) if place and item.role == "system")
        raise RequestError("messages", f"system message at {late}", "only the first may be a system message")
    return result


def _as_message(item: Message | Mapping[str, Any]) -> Message:
    return item if isinstance(item, Message) else Message.from_dict(item)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A request to `chat/completions`, checked; a field that is UNSET is not sent.

    Ranges are those of `FIELDS`.

    Raises:
        RequestError: A field is out of its range.
    """

    messages: tuple[Message, ...]
    model: str
    frequency_penalty: float | Unset = UNSET
    max_completion_tokens: int | Unset | None = UNSET
    presence_penalty: float | Unset = UNSET
    response_format: Mapping[str, Any] | Unset = UNSET
    seed: int | Unset = UNSET
    stop: str | list[str] | Unset = UNSET
    stream: bool | Unset = UNSET
    stream_options: Mapping[str, Any] | Unset = UNSET
    temperature: float | Unset | None = UNSET
    tool_choice: str | Mapping[str, Any] | Unset = UNSET
    tools: list[Mapping[str, Any] | None] | Unset = UNSET
    top_p: float | Unset | None = UNSET
    _json: str | None = dataclass_field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not self.model:
            raise RequestError("model", self.model, "must be the name of a model")
        object.__setattr__(self, "messages", as_messages(self.messages))
        for field in FIELDS:
            value = getattr(self, field)
            if value is not UNSET:
                object.__setattr__(self, field, check_field(field, value))

    def body(self, **more: Any) -> Body:
        """Return the body as it goes out: only what was set, in the order of this class, then `more`."""
        fields: dict[str, Any] = {"model": self.model}
        for field in FIELDS:
            value = getattr(self, field)
            if value is not UNSET:
                fields[field] = value
        body = Body(self.messages, fields | more if more else fields)
        if not more:
            object.__setattr__(body, "_json", self._json)
        return body

    def to_json(self) -> str:
        """Return the body as JSON with sorted keys; made once where nobody can change a part of it."""
        body = self.body()
        text = body.to_json()
        object.__setattr__(self, "_json", body._json)  # noqa: SLF001 - of the same request
        return text

    def to_body(self) -> dict[str, Any]:
        """Return the body as it goes out, as Python has it."""
        return self.body()()

    @classmethod
    def from_body(cls, body: Any, *, ignore_unknown: bool = False) -> ChatRequest:
        """Return the request that a JSON body describes.

        Raises:
            RequestError: It is no object, lacks messages or model, holds an unknown field (unless
                `ignore_unknown`) or a field out of its range.
        """
        if not isinstance(body, Mapping):
            raise RequestError("body", body, "must be an object")
        unknown = [name for name in body if name not in _KNOWN]
        if unknown and not ignore_unknown:
            check_field(str(unknown[0]), body[unknown[0]])
        for name in ("messages", "model"):
            if name not in body:
                raise RequestError(name, None, "is required")
        if isinstance(body["messages"], str):
            raise RequestError("messages", body["messages"], "must be a list of messages")
        return cls(**{name: value for name, value in body.items() if name in _KNOWN})


_KNOWN: Final = frozenset(field.name for field in dataclass_fields(ChatRequest) if field.init)
