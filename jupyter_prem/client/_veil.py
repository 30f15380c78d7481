"""A key that a service tells back in its answer, hidden before anybody sees it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ._response import index_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._keys import Key

__all__ = ["Veil", "veil_of"]

_HIDDEN: Final = "[key]"
_SHORTEST: Final = 8  # characters of a key's beginning that are hidden; a shorter key is a word
_PUBLIC: Final = re.compile(r"(?:[A-Za-z]+[0-9]{0,3}[-_])*")  # sk-proj-, with which every such key begins
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
_NOTE = "The answer held the key it was asked with, which is hidden."


def veil_of(key: Key | None, note: Callable[[str], None]) -> Veil | None:
    """Return what hides a key; None where there is none, or only a word, as services without keys take."""
    value = "" if key is None else key.reveal()
    return Veil(value, note) if len(value) > _SHORTEST else None


class Veil:
    """Hides a key, and what begins with 8 or more of its characters, in the chunks of one answer.

    A text may be cut anywhere, so what may begin the key waits for the next piece.

    Args:
        value: The key.
        note: Called when it was found.
    """

    def __init__(self, value: str, note: Callable[[str], None]) -> None:
        self._value = value
        self._note = note
        self._shortest = _shortest(value)
        self._texts: dict[tuple[int, str], _Text] = {}

    def chunk(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """Return a chunk, or a whole completion, without the key; it is changed in place."""
        for name in ("id", "model", "system_fingerprint"):
            if isinstance(chunk.get(name), str):
                chunk[name] = self.hidden(chunk[name])
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                self._choice(choice)
        return chunk

    def rest(self) -> dict[str, Any]:
        """Return what still waits, as a chunk: it did not become the key."""
        waiting = [(place, text.end()) for place, text in self._texts.items()]
        return {
            "choices": [{"index": index, "delta": {name: words}} for (index, name), words in waiting if words]
        }

    def waiting(self, index: int, *names: str) -> str:
        """Return what waits of a text."""
        texts = (self._texts.get((index, name)) for name in names)
        return "".join(text.waiting for text in texts if text is not None)

    def hidden(self, text: str) -> str:
        """Return a whole text without the key."""
        if self._value[: self._shortest] not in text:
            return text
        whole = _Text(self._value, self._shortest, self._note)
        return whole.feed(text) + whole.end()

    def _choice(self, choice: dict[str, Any]) -> None:
        reason, index = choice.get("finish_reason"), index_of(choice)
        kind = "delta" if isinstance(choice.get("delta"), dict) else "message"
        body = choice.get(kind)
        body = body if isinstance(body, dict) else {}
        for name in _TEXTS:
            piece = body.get(name)
            if isinstance(piece, str) and piece:
                text = self._texts.get((index, name))
                if text is None:
                    text = self._texts[index, name] = _Text(self._value, self._shortest, self._note)
                body[name] = text.feed(piece)
        if isinstance(reason, str) and reason:
            choice["finish_reason"] = self.hidden(reason)
            for (place, name), text in self._texts.items():
                if place == index and (rest := text.end()):
                    said = body.get(name)
                    body[name] = said + rest if isinstance(said, str) else rest
            if body:
                choice[kind] = body


def _shortest(value: str) -> int:
    """Return how much of a key's beginning tells something of it."""
    public = _PUBLIC.match(value)
    size = public.end() if public is not None else 0
    return _SHORTEST if size < _SHORTEST else min(len(value), size + _SHORTEST // 2)


class _Text:
    """One text as it arrives."""

    def __init__(self, value: str, shortest: int, note: Callable[[str], None]) -> None:
        self._value = value
        self._shortest = shortest
        self._note = note
        self._met = 0  # characters of the key that the end of the text is

    def feed(self, piece: str) -> str:
        """Return what may be seen."""
        if not self._met and self._value[0] not in piece:
            return piece
        seen: list[str] = []
        for char in piece:
            self._take(char, seen)
        return "".join(seen)

    @property
    def waiting(self) -> str:
        """What waits for the next piece."""
        return self._value[: self._met] if self._met < self._shortest else ""

    def end(self) -> str:
        """Return what waited, at the end of the text."""
        waited, self._met = self.waiting, 0
        return waited

    def _take(self, char: str, seen: list[str]) -> None:
        while self._met == len(self._value) or char != self._value[self._met]:
            if not self._met:
                seen.append(char)
                return
            if self._met >= self._shortest:
                self._met = 0
                continue
            # The longest other beginning of the key that its end may be.
            waits = self._value[: self._met]
            kept = next(size for size in range(self._met - 1, -1, -1) if waits.endswith(waits[:size]))
            seen.append(waits[: self._met - kept])
            self._met = kept
        self._met += 1
        if self._met == self._shortest:
            seen.append(_HIDDEN)
            self._note(_NOTE)
