"""One recorded answer, as a line of a cassette.

A line is one JSON object, its fields in a fixed order: `key` (SHA-256 of the question), `sha256` (of what
follows it in the line, and of the key), `n` (which of the identical questions, from 1), `endpoint`, `body`,
`answer`, then how it arrived: `cuts` and `ms`. Fields of a later version stay where they are.

`cuts` tells the deltas of an answer, in runs of the same kind: `[choice, kind, length, ...]`. The kind is the
sum of 1 (text), 2 (reasoning), 4 (refusal) and 8 (with the finish reason); a delta has a length, in UTF-16
units, for each of the first three. `ms` are the milliseconds before each delta.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from jupyter_prem.client import response_of, whole

from ._cuts import Arrival
from ._key import counted, key_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_prem.client import ChatResponse

__all__ = ["Damaged", "Record"]

_OURS = ("key", "sha256", "n", "endpoint", "body", "answer", "cuts", "ms")
_OTHER = "is not what was written: its hash differs"
_HEAD = re.compile(rb'{"key":"([0-9a-f]{64})","sha256":"([0-9a-f]{64})","n":([1-9][0-9]{0,17}),"endpoint":"')
_VARIES = ("id", "created")  # of an answer; recorded again, it is the same without them


class Damaged(ValueError):
    """A line that is no record, or not the one that was written."""


@dataclass(frozen=True, slots=True)
class Record:
    """One answer, and the question it belongs to.

    Attributes:
        key: The question's.
        n: Which of the identical questions it answers, from 1.
        endpoint: Who answered: "prem", "embedded" or a base URL.
        body: The request's body, less what does not count.
        answer: The completion as the API has it, with `notes`, `implied` and `shown` where they hold, and
            with `raw`, the JSON of texts that hold half a character, by choice.
        arrival: How it arrived.
        more: Fields that this version does not know.
    """

    key: str
    n: int
    endpoint: str
    body: Mapping[str, Any]
    answer: Mapping[str, Any]
    arrival: Arrival = field(default_factory=Arrival)
    more: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        endpoint: str,
        body: Mapping[str, Any],
        response: ChatResponse,
        arrival: Arrival,
        *,
        n: int = 1,
        implied: bool = False,
        shown: bool = False,
        key: str | None = None,
    ) -> Self:
        """Return the record of an answer.

        Args:
            endpoint: Who answered.
            body: What was sent.
            response: The whole answer.
            arrival: How it arrived.
            n: Which of the identical questions it answers, from 1.
            implied: Whether nobody named the endpoint.
            shown: Whether a cell saves the answer.
            key: The question's, where it is known.
        """
        answer = response.to_dict()
        del answer["object"]
        if response.notes:
            answer["notes"] = list(response.notes)
        if "raw" in response.about:
            answer["raw"] = response.about["raw"]
        if implied:
            answer["implied"] = True
        if shown:
            answer["shown"] = True
        return cls(key or key_of(endpoint, body), n, endpoint, counted(body), answer, arrival)

    def same(self, other: Record) -> bool:
        """Whether the other holds an equal answer, whatever its id, its date and its pace."""
        mine, others = dict(self.answer), dict(other.answer)
        for name in _VARIES:
            mine.pop(name, None)
            others.pop(name, None)
        return mine == others

    @property
    def response(self) -> ChatResponse:
        """The answer."""
        return response_of(self.whole)

    @property
    def whole(self) -> dict[str, Any]:
        """The answer as JSON, its calls with their places: some services give several calls one id."""
        choices = [_placed(choice) for choice in self.answer["choices"]]
        return {**self.answer, "choices": choices}

    @property
    def implied(self) -> bool:
        """Whether nobody had named the endpoint."""
        return self.answer.get("implied") is True

    @property
    def shown(self) -> bool:
        """Whether a cell saved the answer."""
        return self.answer.get("shown") is True

    @property
    def notes(self) -> tuple[str, ...]:
        """What was unusual about the answer."""
        notes = self.answer.get("notes")
        return tuple(note for note in notes if isinstance(note, str)) if isinstance(notes, list) else ()

    def line(self) -> bytes:
        """Return the line, with its end."""
        rest: dict[str, Any] = {
            "n": self.n,
            "endpoint": self.endpoint,
            "body": self.body,
            "answer": self.answer,
            **self.more,
            "cuts": self.arrival.cuts,
            "ms": self.arrival.ms,
        }
        tail = _dumps(rest)[1:]
        return f'{{"key":"{self.key}","sha256":"{_digest(self.key, tail)}",{tail}\n'.encode()

    @staticmethod
    def named(line: bytes) -> tuple[str, int] | None:
        """Return the key and the number that a line names, be it damaged or not; None where it names none."""
        head = _HEAD.match(line)
        return None if head is None else (head[1].decode(), int(head[3]))

    @classmethod
    def place(cls, line: bytes) -> tuple[str, int]:
        """Return the key and the number of the record that a line is, without reading the rest of it.

        Raises:
            Damaged: It is none, or not the one that was written.
        """
        head = _HEAD.match(line)
        if head is None:
            record = cls.parse(line)
            return record.key, record.n
        key, digest = head[1], head[2]
        if hashlib.sha256(key + line[head.end(2) + 2 :].rstrip(b"\r\n")).hexdigest().encode() != digest:
            raise Damaged(_OTHER)
        return key.decode(), int(head[3])

    @classmethod
    def parse(cls, line: bytes, body: Mapping[str, Any] | None = None) -> Self:
        """Return the record that a line is.

        Args:
            line: The line.
            body: What counts of a question with the record's key, if one is at hand: saves making the key.

        Raises:
            Damaged: It is none, or not the one that was written.
        """
        try:
            text = line.rstrip(b"\r\n").decode()
            data = json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise Damaged("is no JSON") from None
        if not isinstance(data, dict):
            raise Damaged("is no object")
        key, digest = data.get("key"), data.get("sha256")
        head = f'{{"key":"{key}","sha256":"{digest}",'
        if not text.startswith(head):
            raise Damaged("does not begin with its key and its hash")
        if _digest(str(key), text[len(head) :]) != digest:
            raise Damaged(_OTHER)
        return cls._checked(data, body)

    @classmethod
    def _checked(cls, data: Mapping[str, Any], asked: Mapping[str, Any] | None) -> Self:
        n, endpoint, body, answer = (data.get(name) for name in ("n", "endpoint", "body", "answer"))
        shaped = (
            type(n) is int and n > 0,
            isinstance(endpoint, str),
            isinstance(body, dict),
            isinstance(answer, dict) and isinstance(answer.get("choices"), list),
        )
        if not all(shaped):
            raise Damaged("is not of a record's shape")
        try:
            right = body == asked or data["key"] == key_of(data["endpoint"], data["body"])
        except (ValueError, RecursionError):
            right = False
        if not right:
            raise Damaged("does not have the key of its question")
        more = {name: value for name, value in data.items() if name not in _OURS}
        arrival = Arrival.parse(data.get("cuts"), data.get("ms"))
        return cls(data["key"], data["n"], data["endpoint"], data["body"], data["answer"], arrival, more)


def _placed(choice: Any) -> Any:
    message = choice.get("message") if isinstance(choice, dict) else None
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    if message is None or not isinstance(calls, list):
        return choice
    placed = [
        {**call, "index": place} if isinstance(call, dict) else call for place, call in enumerate(calls)
    ]
    return {**choice, "message": {**message, "tool_calls": placed}}


def _refuse(constant: str) -> None:
    raise ValueError(constant)


# One encoder for all: `json.dumps` makes another each time, which takes longer than a small answer.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def _dumps(value: Any) -> str:
    return whole(_encode(value))


def _digest(key: str, tail: str) -> str:
    return hashlib.sha256(f"{key}{tail}".encode()).hexdigest()
