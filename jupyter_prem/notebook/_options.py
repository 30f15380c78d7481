"""The options of `%%chat` and `%chat`: one table, from which parser, help and README are made."""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from IPython.core.error import UsageError
from IPython.core.magic_arguments import argument, magic_arguments

from jupyter_prem.client import UNSET, PremError

from ._pasted import refuse_key_option

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

__all__ = [
    "FIELD_OPTIONS",
    "OPTIONS",
    "Option",
    "OptionError",
    "chat_arguments",
    "documented",
    "parse_words",
    "variable",
]


class OptionError(PremError):
    """An option that does not exist, lacks its value, or has one of another type."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        flags: As typed, the short one first.
        help: One line for people.
        metavar: Name of the value; empty for a switch.
        sets: The request field it sets; empty for none.
        convert: Turns the typed word into the value.
        repeatable: Whether it may be given more than once.
    """

    flags: tuple[str, ...]
    help: str
    metavar: str = ""
    sets: str = ""
    convert: Callable[[str], Any] = str
    repeatable: bool = False

    @property
    def dest(self) -> str:
        """Attribute of the parsed namespace."""
        return self.flags[-1].lstrip("-").replace("-", "_")


def _or_null(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    def value(word: str) -> Any:
        return None if word.lower() == "none" else convert(word)

    value.__name__ = convert.__name__
    return value


def _response_format(word: str) -> dict[str, str]:
    if word != "text":
        raise OptionError(
            f"--response-format {word}: it is text or nothing.",
            hint="For data, name what it must fit: --schema NAME",
        )
    return {"type": "text"}


def variable(flag: str, hint: str = "Use letters, digits and _.") -> Callable[[str], str]:
    """Return what takes the name of a variable as an option's value; its error names the option."""

    def convert(word: str) -> str:
        if not _is_name(word):
            raise OptionError(f"{flag} {word}: that is no name of a variable.", hint=hint)
        return word

    return convert


def _is_name(word: str) -> bool:
    return word.isidentifier() and not keyword.iskeyword(word)


def _count(flag: str, what: str) -> Callable[[str], int]:
    def convert(word: str) -> int:
        if not word.isdecimal():
            raise OptionError(f"{flag} {word}: that is no number of {what}.", hint="Use 0 or more.")
        return int(word)

    return convert


def _names(word: str) -> list[str]:
    names = [name.strip() for name in word.split(",") if name.strip()]
    wrong = next((name for name in names if not _is_name(name)), None)
    if wrong is not None or not names:
        raise OptionError(
            f"--tools {word}: {wrong or 'nothing'!r} is no name of a function.",
            hint="Name functions: --tools f,g",
        )
    return names


OPTIONS: Final = (
    Option(("-m", "--model"), "model to ask: an ID or an alias", "ID", "model"),
    Option(("-s", "--system"), "system message of the conversation from this turn on", "TEXT"),
    Option(("-t", "--temperature"), "0 to 2, or none", "F", "temperature", _or_null(float)),
    Option(("--top-p",), "0 to 1, or none", "F", "top_p", _or_null(float)),
    Option(
        ("--max-tokens",), "longest answer in tokens, or none", "N", "max_completion_tokens", _or_null(int)
    ),
    Option(("--seed",), "same seed and parameters, same answer", "N", "seed", int),
    Option(("--stop",), "end the answer before this text; repeatable", "S", "stop", str, repeatable=True),
    Option(("--frequency-penalty",), "-2 to 2", "F", "frequency_penalty", float),
    Option(("--presence-penalty",), "-2 to 2", "F", "presence_penalty", float),
    Option(("--name",), "name of the speaker", "NAME"),
    Option(
        ("--response-format",),
        "plain text; --schema asks for data",
        "text",
        "response_format",
        _response_format,
    ),
    Option(("--endpoint",), "prem, embedded or a base URL: who answers this cell", "E"),
    Option(
        ("--schema",),
        "what the answer must fit: a pydantic model, dataclass, TypedDict or dict",
        "NAME",
        "",
        variable("--schema", "Name what holds the schema."),
    ),
    Option(
        ("--retries",), "ask so often again for an answer that fits", "N", "", _count("--retries", "retries")
    ),
    Option(("--tools",), "functions of the notebook that the model may call", "F,G", "", _names),
    Option(("--tool-choice",), "none, auto, required, or the function to call", "CHOICE"),
    Option(
        ("--max-tool-rounds",),
        "how many answers may ask for calls (default: 8)",
        "N",
        "",
        _count("--max-tool-rounds", "rounds"),
    ),
    Option(("--confirm-tools",), "ask before each call"),
    Option(("-c", "--conversation"), "conversation of this cell (default: default)", "NAME"),
    Option(("--new",), "start the conversation afresh"),
    Option(("--once",), "neither read nor extend a conversation"),
    Option(("--window",), "send the last N exchanges only", "N", "", _count("--window", "exchanges")),
    Option(("-o", "--output"), "also bind the response to NAME", "NAME", "", variable("--output")),
    Option(("--code",), "put the answer's code blocks, joined, into one next cell"),
    Option(("--raw",), "send {{ }} as they are"),
    Option(("--no-stream",), "wait for the whole answer"),
    Option(("--dry-run",), "show exactly what would be sent, and send nothing"),
)
"""Every option, in the order of the documentation."""

FIELD_OPTIONS: Final = {option.sets: option for option in OPTIONS if option.sets}
"""The options that set a request field, by field."""


def documented(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a function its docstring."""

    def give(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__doc__ = text
        return function

    return give


def chat_arguments(
    name: str, options: Sequence[Option] = OPTIONS
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a magic, `name` in its help, its options, as `magic_arguments` documents and parses them."""

    def give(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            settings: dict[str, Any] = {"help": option.help}
            if not option.metavar:
                settings["action"] = "store_true"
            else:
                settings.update(type=option.convert, metavar=option.metavar, default=UNSET)
                if option.repeatable:
                    settings.update(action="append", default=None)
            function = argument(*option.flags, **settings)(function)
        function = magic_arguments(name)(function)
        function.parser.allow_abbrev = False  # type: ignore[attr-defined]  # what magic_arguments adds
        return function

    return give


def parse_words(
    parser: argparse.ArgumentParser,
    words: Sequence[str],
    known: Sequence[Option] = OPTIONS,
    magic: str = "%%chat",
) -> argparse.Namespace:
    """Return the options that `words` give.

    Raises:
        OptionError: One does not exist, lacks its value, or has one of another type.
        PastedKeyError: One would take a key.
    """
    help_line = f"{magic}? lists every option."
    try:
        options, rest = parser.parse_known_args(list(words))
    except UsageError as error:
        raise OptionError(f"{str(error).split(chr(10))[-1]}.", hint=help_line) from None
    unknown = next((word for word in rest if word.startswith("-")), None)
    if unknown is not None:
        refuse_key_option(unknown)
        raise OptionError(f"unknown option {unknown.split('=')[0]}.", hint=_near(unknown, known) or help_line)
    if rest:
        raise OptionError(f"{rest[0]!r} is no option; the prompt goes below the first line.", hint=help_line)
    return options


def _near(word: str, known: Sequence[Option]) -> str:
    import difflib

    flags = [flag for option in known for flag in option.flags]
    near = difflib.get_close_matches(word.split("=", maxsplit=1)[0], flags, n=2, cutoff=0.6)
    return f"Did you mean {' or '.join(near)}?" if near else ""
