"""API keys: checked before the wire sees them, never shown."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from ._errors import InvalidKeyError

if TYPE_CHECKING:
    from typing import NoReturn, SupportsIndex

__all__ = ["Key", "scrub"]

# Twelve leading characters name an account to whoever knows it; so the tail of a cut key is hidden too.
_SHORTEST_FRAGMENT = 8


class Key:
    """An API key that never prints, pickles or compares its value in the open.

    Args:
        value: The key as it was typed or read; white space around it is dropped.

    Raises:
        InvalidKeyError: It is empty, or holds what no HTTP header can carry
            (RFC 9110 section 5.5). The text shows no character of the key.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value.strip()
        # A traceback can show the names of a frame, so none holds the key when one is made.
        del value
        if not self._value:
            raise InvalidKeyError("The API key is empty.", hint="Set PREMAI_API_KEY to the key.")
        bad = next((place for place, char in enumerate(self._value) if not "!" <= char <= "~"), None)
        if bad is not None:
            raise InvalidKeyError(
                f"The API key holds {_name(self._value[bad])} at position {bad + 1} of {len(self._value)}.",
                hint="Copy the key again, alone and on one line, and set PREMAI_API_KEY to it.",
            )

    def header(self) -> str:
        """Return the value of the Authorization header."""
        return f"Bearer {self._value}"

    def reveal(self) -> str:
        """Return the key itself, for the one place that must hand it on."""
        return self._value

    def digest(self) -> str:
        """Return a SHA-256 that tells keys apart without holding one."""
        return hashlib.sha256(self._value.encode()).hexdigest()

    def __repr__(self) -> str:
        return "Key(hidden)"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("an API key is not pickled or copied")


def _name(char: str) -> str:
    names = {"\n": "a line break", "\r": "a line break", "\0": "a NUL", " ": "a space", "\t": "a tab"}
    return names.get(char, f"the character U+{ord(char):04X}")


def scrub(text: str, key: Key | None) -> str:
    """Return `text` with the key, and any run of at least 8 of its characters from either end, hidden."""
    if key is None:
        return text
    value = key.reveal()
    text = text.replace(value, "[key]")
    if len(value) <= _SHORTEST_FRAGMENT:
        return text
    head, tail = value[:_SHORTEST_FRAGMENT], value[-_SHORTEST_FRAGMENT:]
    pattern = rf"{re.escape(head)}[!-~]*|[!-~]*{re.escape(tail)}"
    return re.sub(pattern, "[key]", text)
