"""Splitting a magic's line: words as a shell has them, `{{ expressions }}` whole, a prompt as typed."""

from __future__ import annotations

import re
import shlex
from io import StringIO
from typing import TYPE_CHECKING

from ._options import OPTIONS, OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["expression_parts", "split_line", "split_options"]

_EXPRESSION = re.compile(r"""\{\{(?:"[^"\n]*"|'[^'\n]*'|(?!\}\})[^"'])*\}\}""")
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
    parts, at = [""], 0
    while at < len(text):
        rest = text[at:]
        whole = _EXPRESSION.match(rest) or _QUOTED.match(rest)
        if whole is None and (rest.startswith("{{") or rest[0] in "'\""):
            raise OptionError(f"{rest!r} is left open.", hint="Close the quote or the braces.")
        piece = whole.group() if whole is not None else rest[0]
        if whole is None and piece in separators:
            parts.append("")
        else:
            parts[-1] += piece
        at += len(piece)
    return [part.strip() for part in parts if part.strip()]


def _expanded(word: str, expand: Callable[[str], str]) -> str:
    flag, equals, value = word.partition("=")
    return f"{flag}={expand(value)}" if equals and flag in _VALUED else word


def _split(line: str) -> tuple[list[str], str]:
    words: list[str] = []
    rest = line.lstrip()
    while rest.startswith("-"):
        word, after = _word(rest)
        if word == "--":
            return words, after.strip()
        flag, equals, value = word.partition("=")
        option = _VALUED.get(flag) or _VALUED.get(word[:2] if not word.startswith("--") else "")
        if option is None:
            words.append(word)
        elif equals and flag in _VALUED:
            words.append(f"{option.flags[-1]}={value}")
        elif word in _VALUED:
            if not after.strip():
                raise OptionError(f"{word} needs a value.", hint=f"{word} {option.metavar}: {option.help}.")
            value, after = _word(after.lstrip())
            words.append(f"{option.flags[-1]}={value}")
        else:
            words.append(f"{option.flags[-1]}={word[2:]}")
        rest = after.lstrip()
    return words, rest.rstrip()


def _word(text: str) -> tuple[str, str]:
    """Return the first word of `text`, unquoted, and what follows it."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match.group())
        # A private-use character stands for the expression, so that the shell's rules see one letter.
        return chr(0xF0000 + len(kept) - 1)

    masked = _EXPRESSION.sub(keep, text)
    source = StringIO(masked)
    lexer = shlex.shlex(source, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        word = lexer.get_token() or ""
    except ValueError as error:
        raise OptionError(f"{text!r}: {str(error).lower()}.", hint="Close the quote.") from None

    def restore(part: str) -> str:
        return re.sub(
            "[\U000f0000-\U000ffffd]",
            lambda match: (
                kept[place] if (place := ord(match.group()) - 0xF0000) < len(kept) else match.group()
            ),
            part,
        )

    return restore(word), restore(masked[source.tell() :])
