"""From events to chunks: JSON of the contract, the end mark, and errors in the stream."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ._errors import APIStreamError, MalformedStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._sse import Event

__all__ = ["DONE", "Reader", "names_of", "parse_json", "quoted", "stream_error", "words_of"]

DONE: dict[str, Any] = {}
"""What `Reader.chunk` returns for the end mark `[DONE]`."""

_QUOTE_LIMIT = 200
_DEEPEST = 20  # levels of an error's body in which words are looked for; a hostile one may have thousands
_TWICE = "The service named a field twice; the later one counts."
_NUMBERS = "The service sent a number that JSON has not (NaN or Infinity), taken as null."
_BYTES = "The service sent bytes that are no UTF-8, shown as U+FFFD."


class Reader:
    """Reads what a service sends as JSON; what was unusual about it is noted.

    Args:
        note: Called with what was unusual; more than once with the same.
        strict: Whether bytes that are no UTF-8 are an error.
    """

    def __init__(self, note: Callable[[str], None] = lambda _: None, *, strict: bool = False) -> None:
        self._note = note
        self._strict = strict

        def fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            named = dict(pairs)
            if len(named) != len(pairs):
                note(_TWICE)
            return named

        # What `note` returns is None: null.
        self._json = json.JSONDecoder(parse_constant=lambda _: note(_NUMBERS), object_pairs_hook=fields)

    def chunk(self, event: Event) -> dict[str, Any]:
        """Return the chunk that `event` carries; `DONE` itself for the end mark.

        Raises:
            APIStreamError: The event reports an error.
            MalformedStream: It is no JSON object.
        """
        if event.type == "error":
            raise stream_error(_lenient(event.data))
        data = event.data
        if data[:1] != b"{" and data.strip() == b"[DONE]":
            return DONE
        chunk = self.parse(data)
        if not isinstance(chunk, dict):
            raise MalformedStream(
                "The stream holds an event that is no JSON object.",
                detail=quoted(data.decode("utf-8", "replace")),
            )
        if chunk.get("error"):
            raise stream_error(chunk)
        return chunk

    def parse(self, data: bytes) -> Any:
        """Return what JSON says; NaN and infinities become null, bytes that are no UTF-8 become U+FFFD.

        Raises:
            MalformedStream: It is no JSON, or nested too deeply.
        """
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = data.decode("utf-8", "replace")
            if self._strict:
                raise MalformedStream(
                    "The service sent bytes that are no UTF-8.", detail=quoted(text)
                ) from None
            self._note(_BYTES)
        try:
            if text.startswith("{"):  # nearly all
                value, end = self._json.raw_decode(text)
                if end == len(text):
                    return value
            return self._json.decode(text)
        except (ValueError, RecursionError) as error:
            reason = "nested too deeply" if isinstance(error, RecursionError) else "no JSON"
            raise MalformedStream(
                f"The service sent an event that is {reason}.", detail=quoted(text)
            ) from None


def parse_json(data: bytes) -> Any:
    """Return what JSON says; see `Reader.parse`."""
    return Reader().parse(data)


def stream_error(body: Any) -> APIStreamError:
    """Return the error that an event's body describes, in the service's own words."""
    kind, code = names_of(body)
    return APIStreamError(
        "The service reported an error in the middle of its answer.",
        detail=quoted(words_of(body)),
        type=kind,
        code=code,
    )


def names_of(body: Any) -> tuple[str, str]:
    """Return the type and the code that an error body names; empty where it names none."""
    inner = body.get("error") if isinstance(body, dict) else None
    source = inner if isinstance(inner, dict) else body if isinstance(body, dict) else {}
    return str(source.get("type") or ""), str(source.get("code") or "")


def words_of(body: Any, levels: int = _DEEPEST) -> str:
    """Return what an error body says: its message wherever services put one, else all of it.

    Args:
        body: JSON data.
        levels: How deep a message is looked for.
    """
    if isinstance(body, dict) and levels:
        for name in ("error", "message", "detail", "title"):
            if body.get(name):
                return words_of(body[name], levels - 1)
    if isinstance(body, list) and body and levels:
        return "; ".join(_place(item, levels - 1) for item in body[:5])
    try:
        return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    except RecursionError:
        return "an error that is nested too deeply"


def quoted(text: str) -> str:
    """Return `text` fit to be quoted: one line, no control characters, at most 200 characters."""
    text = text[: 20 * _QUOTE_LIMIT]  # of megabytes, the beginning is enough
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _QUOTE_LIMIT else f"{line[:_QUOTE_LIMIT]}…"


def _place(item: Any, levels: int) -> str:
    # FastAPI's validation errors: {"loc": ["body", "temperature"], "msg": "..."}
    if isinstance(item, dict) and isinstance(item.get("loc"), list):
        where = ".".join(part if isinstance(part, str) else words_of(part, levels) for part in item["loc"])
        return f"{where}: {words_of(item.get('msg', ''), levels)}"
    return words_of(item, levels)


def _lenient(data: bytes) -> Any:
    try:
        return parse_json(data)
    except MalformedStream:
        return data.decode("utf-8", "replace")
