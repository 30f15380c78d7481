"""The subcommands that tell: who answers, what there is, what was used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from jupyter_prem.client import PremError
from jupyter_prem.notebook._draw import as_cell, draw_table, say
from jupyter_prem.notebook._sinks import is_live

if TYPE_CHECKING:
    from jupyter_prem.backends import KeySource
    from jupyter_prem.notebook._magics import PremMagics
    from jupyter_prem.notebook._state import Answerer

_KEY_SOURCES: Final[dict[KeySource, str]] = {
    "": "none",
    "argument": "given",
    "login": "from %prem login, in this kernel",
    "environment": "PREMAI_API_KEY is set",
    "keyring": "from the system's keyring",
    "unanswered": "none yet: the system's keyring did not answer; its answer is taken when it comes",
}

__all__ = ["budget", "models", "status", "usage"]


def status(magics: PremMagics) -> None:
    """Draw who answers and with what."""
    from importlib.metadata import version

    from jupyter_prem.notebook._identity import notebook_path

    answerer = magics.notebook.answerer()
    endpoint = answerer.client.endpoint
    settings = magics.notebook.settings()
    fixed = getattr(endpoint, "fixed", None)
    model = settings.fields.get("model") or os.environ.get("PREM_MODEL") or getattr(endpoint, "model", None)
    conversation = magics.notebook.conversation()
    rows: list[tuple[str, Any]] = [
        ("endpoint", endpoint.name + _why(answerer)),
        ("address", fixed.base_url if fixed is not None else "on this machine"),
        ("key", _key(magics, answerer.chosen.key_source)),
        ("model", model or "the service's only one"),
        ("conversation", f"{conversation.name}, {len(conversation)} turns"),
        ("system", magics.notebook.system_of(conversation) or "none"),
    ]
    rows += [(name, value) for name, value in settings.fields.items() if name != "model"]
    rows += [(name, value) for name in ("window", "budget") if (value := getattr(settings, name)) is not None]
    tape = answerer.tape
    recorded = "none" if tape is None else f"{tape.cassette.path.name}, mode {tape.mode.value}"
    rows += [
        ("recordings", recorded),
        ("streaming", "onto the page" if is_live(magics.shell, magics.live) else "drawn once, when whole"),
        ("notebook", notebook_path(magics.shell) or "this front end does not say"),
        ("version", version("jupyter_prem")),
    ]
    draw_table(magics.shell, ("setting", "now"), rows)


def _why(answerer: Answerer) -> str:
    if not answerer.implicit:
        return ""
    if answerer.chosen.unanswered:
        return " (the system's keyring did not answer)"
    return " (no key and no endpoint is set)"


def _key(magics: PremMagics, source: KeySource) -> str:
    logins = magics.notebook.logins
    if not source and logins:
        return f"none; %prem login has one for {', '.join(logins)}"
    return _KEY_SOURCES[source]


def models(magics: PremMagics) -> None:
    """Draw the models of the service."""
    listed = magics.notebook.answerer().models()
    ordered = sorted(listed, key=lambda model: model.id)
    rows = [(place, model.id, model.owned_by) for place, model in enumerate(ordered, 1)]
    draw_table(magics.shell, ("", "model", "owned by"), rows)


def usage(magics: PremMagics) -> None:
    """Draw what was used."""
    from jupyter_prem.notebook._ledger import rows

    ledger = magics.notebook.ledger
    count = ledger.replayed
    replayed = (
        [f"{count} answer{'s were' if count > 1 else ' was'} replayed, and used nothing."] if count else []
    )
    if not ledger.entries:
        say(magics.shell, *(replayed or ["Nothing was asked in this kernel."]))
        return
    header = ("", "answers", "prompt", "completion", "total tokens", "seconds", "cost")
    draw_table(magics.shell, header, rows(ledger, magics.prices, as_cell), ours=True)
    if replayed:
        say(magics.shell, *replayed)
    if magics.budget is not None:
        budget(magics)


def budget(magics: PremMagics, amount: str | None = None) -> None:
    """Set, or tell, what may be used."""
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
