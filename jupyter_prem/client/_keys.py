"""API keys: checked before the wire sees them, never shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ._errors import ConfigurationError

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
        ConfigurationError: It is empty, or holds what no HTTP header can carry
            (RFC 9110 section 5.5). The text shows no character of the key.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        cleaned = value.strip()
        if not cleaned:
            raise ConfigurationError("The API key is empty.", hint="Set PREMAI_API_KEY to the key.")
        bad = next((place for place, char in enumerate(cleaned) if not "!" <= char <= "~"), None)
        if bad is not None:
            raise ConfigurationError(
                f"The API key holds {_name(cleaned[bad])} at position {bad + 1} of {len(cleaned)}.",
                hint="Copy the key again, alone and on one line, and set PREMAI_API_KEY to it.",
            )
        self._value = cleaned

    def header(self) -> str:
        """Return the value of the Authorization header."""
        return f"Bearer {self._value}"

    def reveal(self) -> str:
        """Return the key itself, for the one place that must hand it on."""
        return self._value

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
