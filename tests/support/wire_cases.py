"""The faults of streams and of HTTP that the client is held to: what is sent, and what must come of it.

S01 to S38 are streams that are whole, S39 to S65 those that are not, H01 to H50 are what happens around
them. A case is named by its number and, where a number has several, by a word.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from brotli import Compressor
from loopback import DONE, chunk, event
from wire_server import EVENTS, Act, Step, chunked

SECRET = "prem-0123456789abcdef"
STOP = event(chunk(finish_reason="stop"))
PAR = event(chunk("par"))
LAST = (b"0\r\n\r\n",)

ALL = [*(f"S{number:02}" for number in range(1, 66)), *(f"H{number:02}" for number in range(1, 51))]

_QUOTE = 201  # 200 characters and an ellipsis


@dataclass(frozen=True)
class Case:
    """A reply to a question for a stream, and what must come of it.

    Args:
        name: "S15-signed": its number, and a word.
        body: The body's bytes, which the tests cut.
        text: Of the first answer.
        has: Attributes of the response, or of the error, and their values.
        notes: A pattern for each note, in their order.
        error: Names of the class that must come; others that would do after a bar.
        partial: Text that the error carries.
        says: A pattern in what the error shows.
        strict: The error that `strict=True` makes of it, and its partial text.
        headers: Of the reply.
        end: Steps after the body, instead of the last chunk.
        limits: Of the client's time, in seconds; generous where they are not named.
        edges: Places to cut at in one more way.
        large: It is neither cut byte by byte nor often.
    """

    name: str
    body: bytes
    text: str = ""
    has: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: str = ""
    partial: str = ""
    says: str = ""
    strict: tuple[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: EVENTS)
    end: tuple[Step, ...] = LAST
    limits: Mapping[str, float] = field(default_factory=dict)
    edges: tuple[int, ...] = ()
    large: bool = False

    @property
    def id(self) -> str:
        return self.name[:3]

    def ways(self) -> Iterator[tuple[str, list[Step]]]:
        """Yield the body whole, byte by byte, and in five random cuts, each as the steps of a server."""
        chance = random.Random(self.name)  # noqa: S311 - tests are repeatable
        size = len(self.body)
        cuts: dict[str, list[int]] = {"whole": []}
        if self.edges:
            cuts["at its edges"] = list(self.edges)
        if size and not self.large:
            cuts["byte by byte"] = list(range(1, size))
        for number in range(min(size, 1 if self.large else 5)):
            some = min(chance.randint(1, 12), max(size - 1, 0))
            cuts[f"cut {number}"] = sorted(chance.sample(range(1, size), some)) if some else []
        for way, places in cuts.items():
            edges = [0, *places, size]
            pieces = [self.body[start:stop] for start, stop in itertools.pairwise(edges)]
            yield way, chunked(pieces, self.headers, self.end)


@dataclass(frozen=True)
class Exchange:
    """Replies to one question, and what must come of them.

    Args:
        name: As of a case.
        replies: Steps for each request, the last again and again; None is an answer.
        requests: How many come.
        naps: The least and the most seconds of each wait between them.
        error, says, has, notes, limits: As of a case; no error is the answer.
    """

    name: str
    replies: tuple[list[Step] | None, ...]
    requests: int = 1
    naps: tuple[tuple[float, float], ...] | None = None
    error: str = ""
    says: str = ""
    has: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.name[:3]


@dataclass
class Outcome:
    """What came: the pieces of text and the response, or an error."""

    deltas: list[str] = field(default_factory=list)
    response: Any = None
    error: BaseException | None = None


def timeouts(limits: Mapping[str, float]) -> Any:
    """Timeouts that end a test soon, whatever hangs; some of them shorter."""
    from jupyter_prem.client import Timeouts

    return Timeouts(**{"connect": 5.0, "first_byte": 5.0, "progress": 5.0, "total": 60.0, **limits})


def packed(*pieces: bytes, encoding: str = "gzip") -> list[bytes]:
    """Compress, and flush after each piece."""
    if encoding == "br":
        brotli = Compressor()
        return [*(brotli.process(piece) + brotli.flush() for piece in pieces), brotli.finish()]
    packer = zlib.compressobj(wbits={"gzip": 31, "deflate": 15, "raw deflate": -15}[encoding])
    parts = [packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH) for piece in pieces]
    return [*parts, packer.flush()]


def raw(data: Any) -> bytes:
    """An event whose JSON holds its characters as they are."""
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def whole_answer(*texts: str) -> bytes:
    return b"".join([*(raw(chunk(text)) for text in texts), STOP, DONE])


def problems(case: Case | Exchange, outcome: Outcome, text: str, partial: str = "") -> list[str]:
    """Say in which ways an outcome is not the case's; nothing where it is."""
    found = list(_shown(outcome))
    if not case.error:
        if outcome.error is not None:
            return [*found, _line(outcome.error)]
        return [*found, *_answer(case, outcome, text)]
    if outcome.error is None:
        return [*found, f"an answer: {outcome.response.text[:60]!r}"]
    return [*found, *_error(case, outcome.error, partial)]


def _answer(case: Case | Exchange, outcome: Outcome, text: str) -> Iterator[str]:
    response = outcome.response
    if response.text != text:
        yield f"text {response.text[:60]!r}"
    if (
        outcome.deltas
        and "".join(outcome.deltas) != text
        and not re.search("[\ud800-\udfff]", "".join(outcome.deltas))
    ):
        yield f"deltas {outcome.deltas[:9]!r}"
    if len(response.notes) != len(case.notes) or not all(map(_found, case.notes, response.notes)):
        yield f"notes {response.notes}"
    yield from _wrong(case, response)


def _error(case: Case | Exchange, error: Any, partial: str) -> Iterator[str]:
    if type(error).__name__ not in case.error.split("|"):
        yield _line(error)
        return
    if error.partial != partial:
        yield f"partial {error.partial[:60]!r}"
    if "127.0.0.1" not in error.where and "::1" not in error.where:
        yield f"where {error.where!r}"
    if not _found(case.says, str(error)):
        yield f"says {error}"
    yield from _wrong(case, error)


def _wrong(case: Case | Exchange, thing: Any) -> Iterator[str]:
    for name, value in case.has.items():
        came = getattr(thing, name, None)
        good = value(came) if isinstance(value, Callable) else came == value  # type: ignore[arg-type]
        if not good:
            yield f"{name} {str(came)[:80]!r}"


def _shown(outcome: Outcome) -> Iterator[str]:
    error: Any = outcome.error
    if error is None:
        return
    shown = f"{error} {error!r} {vars(error)} {error.__cause__!r} {error.__context__!r}"
    if SECRET[:8] in shown or SECRET[-8:] in shown:
        yield "the key is shown"
    detail = getattr(error, "detail", "")
    if len(detail) > _QUOTE or not detail.isprintable():
        yield f"detail of {len(detail)} characters: {detail[:60]!r}"


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"


def _found(pattern: str, text: str) -> bool:
    return bool(re.search(pattern, text, re.IGNORECASE | re.DOTALL))


__all__ = [
    "ALL",
    "DONE",
    "LAST",
    "PAR",
    "SECRET",
    "STOP",
    "Act",
    "Case",
    "Exchange",
    "Outcome",
    "packed",
    "problems",
    "raw",
    "timeouts",
    "whole_answer",
]
