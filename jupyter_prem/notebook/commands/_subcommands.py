"""`%prem SUBCOMMAND`: one table, from which dispatch, help, completion and the README are made."""

from __future__ import annotations

import difflib
import os
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from jupyter_prem.client import PremError
from jupyter_prem.notebook._pasted import refuse_key_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_prem.notebook._magics import PremMagics

__all__ = ["SUBCOMMANDS", "Subcommand", "run", "subcommand_help"]


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One subcommand.

    Attributes:
        name: As typed.
        words: Names of the words after it; those in brackets may be left out.
        help: One line for people.
    """

    name: str
    words: str
    help: str

    @property
    def fewest(self) -> int:
        """How many words it needs."""
        return sum(not word.startswith("[") for word in re.sub(r"\[.*?\]", "[]", self.words).split())

    @property
    def most(self) -> int:
        """How many words it takes."""
        return len(self.words.split())


def run(magics: PremMagics, line: str) -> object:
    """Run the subcommand that `line` names.

    Raises:
        PremError: There is no such subcommand, or it takes other words.
        PastedKeyError: A key stands after `login`.
    """
    refuse_key_words(line)
    name, rest = [*line.split(None, 1), "", ""][:2]
    command = next((command for command in SUBCOMMANDS if command.name == name), None)
    if command is None:
        names = [command.name for command in SUBCOMMANDS]
        near = difflib.get_close_matches(name, names, n=1)
        what = f"%prem has no subcommand {name!r}." if name else "%prem needs a subcommand."
        raise PremError(
            what, hint=f"Did you mean %prem {near[0]}?" if near else f"There are: {', '.join(names)}."
        )
    if command.words == "[options]":
        return _function(name)(magics, rest.strip())
    words = _words(rest)
    if not command.fewest <= len(words) <= command.most:
        usage = f"%prem {name} {command.words}".strip()
        takes = f"takes {command.words}" if command.words else "takes nothing after it"
        raise PremError(f"%prem {name} {takes}.", hint=f"{usage}: {command.help}.")
    return _function(name)(magics, *words)


SUBCOMMANDS: Final = (
    Subcommand("status", "", "who answers, with what settings, in which conversation"),
    Subcommand(
        "login", "[--keyring]", "ask for a key, hidden, for this kernel; --keyring: for later ones too"
    ),
    Subcommand("models", "", "the models of the service"),
    Subcommand("usage", "", "tokens, seconds and money by cell, by conversation, in this kernel"),
    Subcommand("budget", "[N]", "the most tokens this kernel may use, or none; without N, what is used"),
    Subcommand("history", "", "this conversation as a tree, with the cells that fell out of it"),
    Subcommand("conversations", "", "all conversations of this kernel"),
    Subcommand("switch", "NAME", "make this the conversation of the cells that name none"),
    Subcommand("fork", "NAME [TURN]", "go on from here, or from a turn of the history, in a new one"),
    Subcommand("undo", "", "put the conversation back to before its last change"),
    Subcommand("redo", "", "take the last undo back"),
    Subcommand("regenerate", "[options]", "ask the last question again; the old answer is kept"),
    Subcommand("continue", "[options]", "go on with an answer that was cut"),
    Subcommand("reset", "", "start the conversation afresh; undo takes it back"),
    Subcommand(
        "resume",
        "[FILE]",
        "take the conversations up that a saved notebook or an export holds",
    ),
    Subcommand("export", "FILE", "save the conversation: .md, .json, or .ipynb that runs"),
    Subcommand(
        "record",
        "[MODE] [FILE] [--pace]",
        "record and replay: none, once, new_episodes, all or off; without a mode, what holds now",
    ),
    Subcommand(
        "verify", "[FILE] [--repeats N]", "ask recorded questions again, live, and report what changed"
    ),
    Subcommand("panel", "[NAME]", "the conversation as a panel: this one, or the one of that name"),
)
"""Every subcommand, in the order of the documentation."""


def subcommand_help() -> str:
    """Return what `%prem?` shows."""
    names = [f"%prem {command.name} {command.words}".strip() for command in SUBCOMMANDS]
    width = max(map(len, names))
    lines = [f"  {name:<{width}}  {command.help}" for name, command in zip(names, SUBCOMMANDS, strict=True)]
    return "\n".join(
        ["Look after jupyter_prem and its conversations; %%chat? documents [options].", "", *lines]
    )


def _words(text: str) -> list[str]:
    """Return words as a shell has them, unquoted; on Windows a backslash is a part of a path."""
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    if os.name == "nt":
        lexer.escape = ""
    try:
        return list(lexer)
    except ValueError:  # an apostrophe in a name, for one
        return text.split()


def _function(name: str) -> Callable[..., object]:
    # Drawing is imported when something is drawn, so that %load_ext stays quick.
    from . import _branches, _login, _record, _status

    name = "continue_" if name == "continue" else name
    room = next(room for room in (_status, _branches, _record, _login) if hasattr(room, name))
    function: Callable[..., object] = getattr(room, name)
    return function
