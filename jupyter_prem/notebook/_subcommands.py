"""`%prem SUBCOMMAND`: one table, from which dispatch, help, completion and the README are made."""

from __future__ import annotations

import difflib
import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jupyter_prem.client import PremError

from . import _branches
from ._draw import draw_table, say
from ._sinks import is_live

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_prem.client import ChatResponse

    from ._magics import PremMagics

__all__ = ["SUBCOMMANDS", "Subcommand", "run"]


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One subcommand.

    Attributes:
        name: As typed.
        words: Names of the words after it; those in brackets may be left out.
        help: One line for people.
        run: Called with the magics and the words; with the rest of the line where `words` is `[options]`.
    """

    name: str
    words: str
    help: str
    run: Callable[..., ChatResponse | None]

    @property
    def fewest(self) -> int:
        """How many words it needs."""
        return sum(not word.startswith("[") for word in self.words.split())

    @property
    def most(self) -> int:
        """How many words it takes."""
        return len(self.words.split())


def run(magics: PremMagics, line: str) -> ChatResponse | None:
    """Run the subcommand that `line` names.

    Raises:
        PremError: There is no such subcommand, or it takes other words.
    """
    name, _, rest = line.strip().partition(" ")
    command = next((command for command in SUBCOMMANDS if command.name == name), None)
    if command is None:
        names = [command.name for command in SUBCOMMANDS]
        near = difflib.get_close_matches(name, names, n=1)
        what = f"%prem has no subcommand {name!r}." if name else "%prem needs a subcommand."
        raise PremError(
            what, hint=f"Did you mean %prem {near[0]}?" if near else f"There are: {', '.join(names)}."
        )
    if command.words == "[options]":
        return command.run(magics, rest.strip())
    try:
        words = shlex.split(rest, posix=os.name != "nt")
    except ValueError:
        words = rest.split()
    if not command.fewest <= len(words) <= command.most:
        usage = f"%prem {name} {command.words}".strip()
        takes = f"takes {command.words}" if command.words else "takes nothing after it"
        raise PremError(f"%prem {name} {takes}.", hint=f"{usage}: {command.help}.")
    return command.run(magics, *words)


def _status(magics: PremMagics) -> None:
    from importlib.metadata import version

    from jupyter_prem.backends import environment_key

    from ._identity import notebook_path

    answerer = magics.notebook.answerer()
    endpoint = answerer.client.endpoint
    settings = magics.notebook.settings()
    fixed = getattr(endpoint, "fixed", None)
    model = settings.fields.get("model") or os.environ.get("PREM_MODEL") or getattr(endpoint, "model", None)
    conversation = magics.notebook.conversation()
    rows: list[tuple[str, Any]] = [
        ("endpoint", endpoint.name + (" (no key and no endpoint is set)" if answerer.implicit else "")),
        ("address", fixed.base_url if fixed is not None else "on this machine"),
        ("key", "PREMAI_API_KEY is set" if environment_key() is not None else "none"),
        ("model", model or "the service's only one"),
        ("conversation", f"{conversation.name}, {len(conversation)} turns"),
        ("system", conversation.system or settings.system or "none"),
    ]
    rows += [(name, value) for name, value in settings.fields.items() if name != "model"]
    rows += [(name, value) for name in ("window", "budget") if (value := getattr(settings, name)) is not None]
    rows += [
        ("streaming", "onto the page" if is_live(magics.shell, magics.live) else "drawn once, when whole"),
        ("notebook", notebook_path(magics.shell) or "this front end does not say"),
        ("version", version("jupyter_prem")),
    ]
    draw_table(magics.shell, ("setting", "now"), rows)


def _models(magics: PremMagics) -> None:
    models = magics.notebook.answerer().client.models()
    ordered = sorted(models, key=lambda model: model.id)
    rows = [(place, model.id, model.owned_by) for place, model in enumerate(ordered, 1)]
    draw_table(magics.shell, ("", "model", "owned by"), rows)


def _usage(magics: PremMagics) -> None:
    from ._ledger import rows

    ledger = magics.notebook.ledger
    if not ledger.entries:
        say(magics.shell, "Nothing was asked in this kernel.")
        return
    header = ("", "answers", "prompt tokens", "completion tokens", "total tokens", "seconds", "cost")
    draw_table(magics.shell, header, rows(ledger, magics.prices))
    if magics.budget is not None:
        _budget(magics)


def _budget(magics: PremMagics, amount: str | None = None) -> None:
    ledger = magics.notebook.ledger
    if amount is not None:
        word = amount.replace(",", "").replace("_", "")
        if word.lower() != "none" and not word.isdecimal():
            raise PremError(
                f"{amount!r} is no number of tokens.", hint="%prem budget 10000, or %prem budget none."
            )
        magics.budget = None if word.lower() == "none" else int(word)
    unknown = f" The usage of {ledger.unknown} more is unknown and not counted." if ledger.unknown else ""
    limit = f"of {magics.budget:,} " if magics.budget is not None else ""
    end = "" if magics.budget is not None else " There is no budget."
    say(magics.shell, f"{ledger.used:,} {limit}tokens are used in this kernel.{unknown}{end}")


SUBCOMMANDS: Final = (
    Subcommand("status", "", "who answers, with what settings, in which conversation", _status),
    Subcommand("models", "", "the models of the service", _models),
    Subcommand("usage", "", "tokens, seconds and money by cell, by conversation, in this kernel", _usage),
    Subcommand(
        "budget", "[N]", "the most tokens this kernel may use, or none; without N, what is used", _budget
    ),
    Subcommand(
        "history", "", "this conversation as a tree, with the cells that fell out of it", _branches.history
    ),
    Subcommand("conversations", "", "all conversations of this kernel", _branches.conversations),
    Subcommand("switch", "NAME", "make this the conversation of the cells that name none", _branches.switch),
    Subcommand(
        "fork", "NAME [TURN]", "go on from here, or from a turn of the history, in a new one", _branches.fork
    ),
    Subcommand("undo", "", "put the conversation back to before its last change", _branches.undo),
    Subcommand("redo", "", "take the last undo back", _branches.redo),
    Subcommand(
        "regenerate", "[options]", "ask the last question again; the old answer is kept", _branches.regenerate
    ),
    Subcommand("continue", "[options]", "go on with an answer that was cut", _branches.continue_),
    Subcommand("reset", "", "start the conversation afresh; undo takes it back", _branches.reset),
    Subcommand(
        "resume",
        "[FILE]",
        "take the conversations up that a saved notebook or an export holds",
        _branches.resume,
    ),
    Subcommand("export", "FILE", "save the conversation: .md, .json, or .ipynb that runs", _branches.export),
)
"""Every subcommand, in the order of the documentation."""
