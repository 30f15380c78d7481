"""`%%sweep`: the words of its line, and the experiment that they are."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import FIELDS, UNSET, PremError

from ._asked import found_variable, named_objects
from ._options import OPTIONS, Option, OptionError, parse_words, variable
from ._words import expression_parts

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["AXES", "SWEEP_OPTIONS", "Experiment", "experiment_of", "prompt_of"]

_RANGE = re.compile(r"(-?\d+):(-?\d+)(?::(-?\d+))?")
_WHOLE = re.compile(r"0|-?[1-9]\d*")
_WORDS = {"true": True, "false": False, "none": None, "null": None}
_TEXTS = frozenset({"model", "stop", "tool_choice"})  # fields whose bare words are text


def _count(flag: str) -> Callable[[str], int]:
    def convert(word: str) -> int:
        if not word.isdecimal() or int(word) < 1:
            raise OptionError(f"{flag} {word}: that is no number.", hint="Use 1 or more.")
        return int(word)

    return convert


_SHARED = ("--system", "--endpoint", "--schema", "--tools", "--tool-choice", "--raw")
SWEEP_OPTIONS = (
    Option(
        ("-o", "--output"),
        "the variable for the results (default: runs)",
        "NAME",
        "",
        variable("--output"),
    ),
    Option(("--repeats",), "how often each is asked", "N", "", _count("--repeats")),
    Option(("--data",), "a DataFrame whose rows fill the prompt", "NAME", "", variable("--data")),
    Option(("--record",), "a file of recordings: what it holds is not asked again", "FILE"),
    Option(
        ("--max-concurrency",),
        "how many are asked at once (default: 8)",
        "N",
        "",
        _count("--max-concurrency"),
    ),
    Option(("--max-requests",), "refuse a larger grid (default: 1000)", "N", "", _count("--max-requests")),
    *(
        dataclasses.replace(option, help=option.help.replace(" of the conversation from this turn on", ""))
        for option in OPTIONS
        if option.flags[-1] in _SHARED
    ),
    Option(("--no-progress",), "show no bar"),
)
"""Every option of `%%sweep`, in the order of the documentation."""

AXES = tuple(
    sorted({"model", *FIELDS} - {"stream", "stream_options", "tools", "tool_choice", "response_format"})
)
"""The fields whose values can be words."""

_SYSTEM = ("-s", "--system")
_FLAGS = {flag for option in SWEEP_OPTIONS for flag in option.flags}
_FIELDS = {flag: option.sets for option in OPTIONS if option.sets for flag in option.flags}
_VALUED = {flag for option in SWEEP_OPTIONS if option.metavar for flag in option.flags}


@dataclasses.dataclass(frozen=True, slots=True)
class Experiment:
    """What a `%%sweep` cell asks for.

    Attributes:
        axes: As `sweep` takes them.
        settings: Its other arguments.
        output: The variable for the results.
        endpoint: Who answers; None is the notebook's.
    """

    axes: dict[str, Any]
    settings: dict[str, Any]
    output: str
    endpoint: str | None


def experiment_of(
    line: str,
    parser: argparse.ArgumentParser,
    names: Mapping[str, Any],
    evaluate: Callable[[str], Any],
    expand: Callable[[str], str],
) -> Experiment:
    """Return what the words of a line ask for.

    Args:
        line: What follows the magic's name.
        parser: Of its options.
        names: The notebook's variables.
        evaluate: Returns the value of an expression.
        expand: Returns a text with its expressions filled.

    Raises:
        OptionError: A word is neither an axis nor an option.
    """
    axes: dict[str, Any] = {}
    words: list[str] = []
    for word in expression_parts(line, " \t\n"):
        name, equals, values = word.partition("=")
        if word.startswith("-") and name not in _FLAGS:
            if name in _FIELDS:
                raise OptionError(f"{name} is an axis here.", hint=f"{_FIELDS[name]}=VALUE,VALUE")
            parse_words(parser, [word], SWEEP_OPTIONS, "%%sweep")  # says which it may have been
        if word.startswith("-") or (words and words[-1] in _VALUED):
            words.append(word)
        elif equals and name and values:
            if name in axes:
                raise OptionError(f"The axis {name} is given twice.")
            axes[name] = _values(name, values, evaluate)
        else:
            hint = (
                f"{name}=VALUE,VALUE"
                if equals
                else "An axis is NAME=VALUES; the prompt goes below the first line."
            )
            raise OptionError(f"{word!r} is neither an axis nor an option.", hint=hint)
    options = parse_words(parser, _expanded(words, expand), SWEEP_OPTIONS, "%%sweep")
    return Experiment(
        axes | _objects(options, names),
        _settings(options, names),
        "runs" if options.output is UNSET else options.output,
        None if options.endpoint is UNSET else options.endpoint,
    )


def _expanded(words: Sequence[str], expand: Callable[[str], str]) -> list[str]:
    """Return option words with their expressions filled; a system message is filled for each request."""
    filled: list[str] = []
    for before, word in zip(["", *words], words, strict=False):
        plain = _unquoted(word)
        keep = before in _SYSTEM or plain.partition("=")[0] in _SYSTEM
        filled.append(plain if keep else expand(plain))
    return filled


def _settings(options: argparse.Namespace, names: Mapping[str, Any]) -> dict[str, Any]:
    given = {
        name: getattr(options, name)
        for name in ("repeats", "max_concurrency", "max_requests", "record", "system")
        if getattr(options, name) is not UNSET
    }
    if options.data is not UNSET:
        given["data"] = found_variable("--data", options.data, names)
    return {**given, "raw": options.raw, "progress": not options.no_progress}


def _objects(options: argparse.Namespace, names: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in (("response_format", UNSET), ("max_tool_rounds", UNSET), ("confirm_tools", False)):
        setattr(options, name, value)
    return named_objects(options, names)


def _values(name: str, text: str, evaluate: Callable[[str], Any]) -> Any:
    """Return the values of an axis: those of an expression, of a range, or words with commas between them."""
    found = _RANGE.fullmatch(text)
    if found:
        step = int(found[3] or 1)
        if not step:
            raise OptionError(f"{name}={text}: a range of step 0 never ends.")
        return range(int(found[1]), int(found[2]), step)
    items = expression_parts(text, ",")
    if len(items) == 1 and items[0].startswith("{{"):
        return evaluate(_inner(items[0]))
    values = [evaluate(_inner(item)) if _is_expression(item) else _value(name, item) for item in items]
    # A list of stops is one value of that field; words with commas between them are several, as everywhere.
    return [[value] for value in values] if name == "stop" and len(values) > 1 else values


def _is_expression(item: str) -> bool:
    return "{{" in item and item[0] not in "'\""


def _inner(item: str) -> str:
    if not (item.startswith("{{") and item.endswith("}}")):
        raise OptionError(
            f"{item!r} is no expression.", hint="Write {{ expression }}, with nothing beside it."
        )
    return item[2:-2]


def _value(name: str, word: str) -> Any:
    """Return what a word means: a number where it is one and stays as it is written, else text."""
    if word[:1] in {"'", '"'} or name in _TEXTS:
        return _unquoted(word)
    if name in FIELDS and word.lower() in _WORDS:
        return _WORDS[word.lower()]
    if _WHOLE.fullmatch(word):
        return int(word)
    try:
        number = float(word)
    except ValueError:
        return word
    return number if name in FIELDS or repr(number) == word else word


def _unquoted(word: str) -> str:
    quote = word[:1]
    if quote in {"'", '"'} and word.endswith(quote) and len(word) > 1:
        return word[1:-1]
    flag, equals, value = word.partition("=")
    return (
        f"{flag}={_unquoted(value)}" if equals and word.startswith("-") and value[:1] in {"'", '"'} else word
    )


def prompt_of(cell: str) -> str:
    """Return the prompt of a cell.

    Raises:
        PremError: There is none.
    """
    if not cell.strip():
        raise PremError("There is no prompt.", hint="Write it below %%sweep.")
    return cell.removesuffix("\n")
