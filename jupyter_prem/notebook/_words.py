"""Splitting a magic's line: words as a shell has them, `{{ expressions }}` whole, a prompt as typed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ._options import OPTIONS, OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["expression_parts", "split_line", "split_options"]

_QUOTED = re.compile(r"""\"[^\"\n]*\"|'[^'\n]*'""")
_VALUED = {flag: option for option in OPTIONS if option.metavar for flag in option.flags}


def split_options(line: str, expand: Callable[[str], str]) -> list[str]:
    """Return the option words of a `%%chat` line, each value joined to its option.

    Args:
        line: What follows the magic's name.
        expand: Called with each option's value, unless `--raw` is among the options.

    Raises:
        OptionError: A quote or an expression is left open.
    """
    words, rest = split_line(line, expand)
    return words if not rest else [*words, rest]


def split_line(line: str, expand: Callable[[str], str]) -> tuple[list[str], str]:
    """Return the option words of a `%chat` line, and its prompt exactly as typed.

    The prompt starts at the first word that is no option, or after `--`.

    Args:
        line: What follows the magic's name.
        expand: As for `split_options`.

    Raises:
        OptionError: A quote or an expression among the options is left open.
    """
    words, rest = _split(line)
    if "--raw" not in words:
        words = [_expanded(word, expand) for word in words]
    return words, rest


def expression_parts(text: str, separators: str) -> list[str]:
    """Return a text in parts, as typed: split at separators outside of quotes and of `{{ expressions }}`.

    Raises:
        OptionError: A quote or an expression is left open.
    """
    from jupyter_prem.conversation import expression_end

    parts, begin, at = [], 0, 0
    while at < len(text):
        end: int | None = at + 1
        if text.startswith("{{", at):
            end = expression_end(text, at)
        elif text[at] in "'\"":
            quoted = _QUOTED.match(text, at)
            end = quoted.end() if quoted is not None else None
        elif text[at] in separators:
            parts.append(text[begin:at])
            begin = at + 1
        if end is None:
            raise OptionError(f"{text[at:]!r} is left open.", hint="Close the quote or the braces.")
        at = end
    return [part.strip() for part in (*parts, text[begin:]) if part.strip()]


def _expanded(word: str, expand: Callable[[str], str]) -> str:
    flag, equals, value = word.partition("=")
    return f"{flag}={expand(value)}" if equals and flag in _VALUED else word


def _split(line: str) -> tuple[list[str], str]:
    words: list[str] = []
    typed = _Line(line.lstrip())
    while typed.rest.startswith("-"):
        word = typed.word()
        if word == "--":
            break
        flag, equals, value = word.partition("=")
        option = _VALUED.get(flag) or _VALUED.get(word[:2] if not word.startswith("--") else "")
        if option is None:
            words.append(word)
        elif equals and flag in _VALUED:
            words.append(f"{option.flags[-1]}={value}")
        elif word in _VALUED:
            if not typed.rest.strip():
                raise OptionError(f"{word} needs a value.", hint=f"{word} {option.metavar}: {option.help}.")
            words.append(f"{option.flags[-1]}={typed.word()}")
        else:
            words.append(f"{option.flags[-1]}={word[2:]}")
    return words, typed.rest.rstrip()


class _Line:
    """A line whose words are taken off its beginning, as a POSIX shell reads them.

    Attributes:
        rest: What is left, as typed.
    """

    def __init__(self, text: str) -> None:
        self.rest = text
        self._expressions = "{{" in text

    def word(self) -> str:
        """Return the next word, unquoted, with its expressions as typed.

        Raises:
            OptionError: A quote is left open.
        """
        text, at, quote = self.rest, 0, ""
        kept: list[str] = []
        while at < len(text):
            end = self._expression_end(text, at)
            if end is not None:
                kept.append(text[at:end])
                at = end
                continue
            char, at = text[at], at + 1
            if char == quote:
                quote = ""
            elif not quote and char in " \t\r\n":
                break
            elif not quote and char in "'\"":
                quote = char
            elif char == "\\" and quote != "'":
                if at == len(text):
                    raise OptionError(f"{text!r}: no escaped character.", hint="Write \\\\ for a backslash.")
                plain = bool(quote) and text[at] not in {quote, "\\"}
                kept.append(char if plain else "")
                if text[at] != "{":
                    kept.append(text[at])
                    at += 1
            else:
                kept.append(char)
        if quote:
            raise OptionError(f"{text!r}: no closing quotation.", hint="Close the quote.")
        self.rest = text[at:].lstrip()
        return "".join(kept)

    def _expression_end(self, text: str, at: int) -> int | None:
        from jupyter_prem.conversation import expression_end

        if not (self._expressions and text.startswith("{{", at)):
            return None
        end = expression_end(text, at)
        self._expressions = end is not None  # where one is left open, none can be told after it
        return end
