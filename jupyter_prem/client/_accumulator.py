"""From chunks to an answer.

A turn of the wire passes here in stages: `add` takes one decoded chunk and returns the deltas to show;
`complete` says whether the service said that it ended; `response` gives what there is, at any time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ._request import Body, Message, ToolCall
from ._response import ChatResponse, Choice, Delta, Usage, index_of
from ._text import paired, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._veil import Veil

__all__ = ["Accumulator", "response_of"]

_HALF = "The answer holds half a character, shown as U+FFFD."
_MOST_TOKENS = 2**53  # beyond it a table's numbers are no longer whole
_META = {"id": str, "model": str, "system_fingerprint": str, "created": int}


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    def shown(self, veil: Veil | None) -> tuple[str, str, str]:
        """Return its parts, each of which came in pieces."""
        id_, name, arguments = self.id, self.name, "".join(self.arguments)
        if veil is None:
            return id_, name, arguments
        return veil.hidden(id_), veil.hidden(name), veil.hidden(arguments)


@dataclass(slots=True)
class _Parts:
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    calls: dict[int, _Call] = field(default_factory=dict)
    moved: dict[int, int] = field(default_factory=dict)
    finish_reason: str | None = None
    has_text: bool = False

    def call(self, fragment: Mapping[str, Any], place: int | None, name: str) -> _Call:
        """Return the call that a fragment belongs to.

        Its index says so, but some services send none, or one index for several calls: then the id does.

        Args:
            fragment: The fragment.
            place: Its place among others that came with it; None if it came alone.
            name: The name in it, which only a call's first fragment has.
        """
        index, known = fragment.get("index"), _string(fragment.get("id"))
        if isinstance(index, float) and index.is_integer():
            index = int(index)
        if not isinstance(index, int) or isinstance(index, bool):
            same = (at for at, call in self.calls.items() if known and call.id == known)
            last = max(self.calls, default=-1)
            new = last + 1 if known or not self.calls else last
            index = next(same, new if place is None or known else place)
        index = self.moved.get(index, index)
        call = self.calls.get(index)
        if call is not None and known and call.id and known != call.id and name:
            self.moved[index] = index = max(self.calls) + 1
            call = None
        return call or self.calls.setdefault(index, _Call())

    @property
    def halves(self) -> dict[str, str]:
        """The texts with half a character in them, which no UTF-8 can carry: as JSON has them."""
        parts = {"content": self.text, "reasoning_content": self.reasoning, "refusal": self.refusal}
        texts = {name: paired("".join(said)) for name, said in parts.items() if said}
        return {name: json.dumps(text) for name, text in texts.items() if whole(text) != text}

    def choice(self, index: int, veil: Veil | None) -> Choice:
        calls = tuple(ToolCall(*map(whole, call.shown(veil))) for _, call in sorted(self.calls.items()))
        text, reasoning, refusal = "".join(self.text), "".join(self.reasoning), "".join(self.refusal)
        if veil is not None:
            text += veil.waiting(index, "content")
            reasoning += veil.waiting(index, "reasoning_content", "reasoning")
            refusal += veil.waiting(index, "refusal")
        content = text if text or self.has_text or not calls else None
        return Choice(
            index,
            self.finish_reason and whole(self.finish_reason),
            Message("assistant", content, tool_calls=calls),
            whole(reasoning),
            whole(refusal),
        )


class Accumulator:
    """Collects the chunks, or the one body, of an answer.

    Unknown fields and parts of another type than the API's are passed over: what a service adds does
    not lose what it answered.
    """

    def __init__(self) -> None:
        self._choices: dict[int, _Parts] = {}
        self._meta: dict[str, Any] = {}
        self._seen: tuple[Any, ...] = ()
        self._usage: Usage | None = None
        self.done = False
        self.notes: list[str] = []
        self.veil: Veil | None = None  # what hides a key in the answer

    @property
    def complete(self) -> bool:
        """Whether [DONE] came, or every answer that began has its finish reason."""
        reasons = [parts.finish_reason for parts in self._choices.values()]
        return self.done or (bool(reasons) and None not in reasons)

    @property
    def started(self) -> bool:
        """Whether anything of an answer has arrived."""
        return bool(self._choices)

    def add(self, chunk: Mapping[str, Any]) -> list[Delta]:
        """Take one chunk, or a whole completion, and return what is new in it."""
        get = chunk.get
        seen = (get("id"), get("model"), get("system_fingerprint"), get("created"))
        if seen != self._seen:  # nearly all chunks of an answer say the same
            self._seen = seen
            self._about(dict(zip(_META, seen, strict=True)))
        if usage := get("usage"):
            self._usage = _usage(usage) or self._usage
        choices = get("choices")
        if not isinstance(choices, list):
            return []
        return [
            delta
            for choice in choices
            if isinstance(choice, dict) and (delta := self._choice(choice)) is not None
        ]

    def take(self, delta: Delta) -> None:
        """Take a delta of an answer that was accumulated before."""
        parts = self._choices.get(delta.index) or self._choices.setdefault(delta.index, _Parts())
        if delta.text:
            parts.has_text = True
            parts.text.append(delta.text)
        if delta.reasoning:
            parts.reasoning.append(delta.reasoning)
        if delta.refusal:
            parts.refusal.append(delta.refusal)
        parts.finish_reason = delta.finish_reason or parts.finish_reason

    def response(self, body: Body, *, latency: float, interrupted: bool, **more: Any) -> ChatResponse:
        """Return what has arrived as a response to `body`; `more` are further fields of it."""
        choices = tuple(parts.choice(index, self.veil) for index, parts in sorted(self._choices.items()))
        notes = tuple(self.notes)
        if any("\ufffd" in said for choice in choices for said in _words(choice)):
            halves = {str(index): raw for index, parts in self._choices.items() if (raw := parts.halves)}
            if halves:
                notes += () if _HALF in notes else (_HALF,)
                more["about"] = {**more.get("about", {}), "raw": halves}
        return ChatResponse(
            choices=choices,
            id=self._meta.get("id", ""),
            model=self._meta.get("model", ""),
            created=self._meta.get("created"),
            system_fingerprint=self._meta.get("system_fingerprint"),
            usage=self._usage,
            latency=latency,
            interrupted=interrupted,
            notes=notes,
            body=body,
            **more,
        )

    def _about(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if isinstance(value, _META[name]) and value != self._meta.get(name):
                if name in self._meta and name in {"id", "model"}:
                    self.note(f"The service changed the answer's {name} in the middle.")
                self._meta[name] = whole(value) if isinstance(value, str) else value

    def note(self, text: str) -> None:
        """Note what is unusual about the answer, once."""
        if text not in self.notes:
            self.notes.append(text)

    def _choice(self, choice: Mapping[str, Any]) -> Delta | None:
        index = index_of(choice)
        parts = self._choices.get(index) or self._choices.setdefault(index, _Parts())
        body = choice.get("delta")
        body = body if isinstance(body, dict) else choice.get("message")
        body = body if isinstance(body, dict) else {}
        text = _string(body.get("content"))
        if text and len(body) == 1 and not choice.get("finish_reason"):  # nearly all deltas
            parts.has_text = True
            parts.text.append(text)
            return Delta(text, "", "", index, None)
        reasoning = _string(body.get("reasoning_content")) or _string(body.get("reasoning"))
        refusal = _string(body.get("refusal"))
        reason = choice.get("finish_reason")
        reason = reason if isinstance(reason, str) and reason else None
        if isinstance(body.get("content"), str):
            parts.has_text = parts.has_text or bool(text)
            parts.text.append(text)
        if reasoning:
            parts.reasoning.append(reasoning)
        if refusal:
            parts.refusal.append(refusal)
        parts.finish_reason = reason or parts.finish_reason
        self._calls(parts, body.get("tool_calls"))
        if text or reasoning or refusal or reason:
            return Delta(text, reasoning, refusal, index, reason)
        return None

    def _calls(self, parts: _Parts, fragments: Any) -> None:
        if not isinstance(fragments, list):
            return
        for place, fragment in enumerate(fragments):
            if not isinstance(fragment, dict):
                continue
            function = fragment.get("function")
            function = function if isinstance(function, dict) else {}
            call = parts.call(fragment, place if len(fragments) > 1 else None, _string(function.get("name")))
            call.id = _string(fragment.get("id")) or call.id
            name = _string(function.get("name"))
            if name != call.name:  # some services repeat it, some cut it in pieces
                call.name += name
            arguments = function.get("arguments")
            if isinstance(arguments, (dict, list)):  # some services forget that it is a string
                arguments = json.dumps(arguments, ensure_ascii=False)
            call.arguments.append(_string(arguments))


def response_of(data: Any, *, latency: float = 0.0, interrupted: bool = False) -> ChatResponse:
    """Return the response that a completion's JSON describes; parts of another type are passed over.

    Args:
        data: What `ChatResponse.to_dict` gave, from wherever it was kept.
        latency: Seconds it took.
        interrupted: Whether it was cut short.
    """
    answer = Accumulator()
    if isinstance(data, dict):
        answer.add(data)
    return answer.response(Body((), {}), latency=latency, interrupted=interrupted)


def _words(choice: Choice) -> tuple[str, ...]:
    return choice.message.content or "", choice.reasoning, choice.refusal


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, dict):
        return None
    counts: list[int] = []
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
        count = value.get(name)
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count < _MOST_TOKENS:
            return None
        counts.append(count)
    return Usage(*counts)
