"""`%prem SUBCOMMAND`."""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import PremError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._magics import PremMagics

__all__ = ["SUBCOMMANDS", "run"]


def run(magics: PremMagics, line: str) -> None:
    """Run the subcommand that `line` names.

    Raises:
        PremError: There is no such subcommand, or it takes no arguments.
    """
    name, _, rest = line.strip().partition(" ")
    if name not in SUBCOMMANDS:
        near = difflib.get_close_matches(name, SUBCOMMANDS, n=1)
        what = f"%prem has no subcommand {name!r}." if name else "%prem needs a subcommand."
        raise PremError(
            what, hint=f"Did you mean %prem {near[0]}?" if near else f"There are: {', '.join(SUBCOMMANDS)}."
        )
    if rest.strip():
        raise PremError(f"%prem {name} takes nothing after it.", hint="A question goes into %chat or %%chat.")
    SUBCOMMANDS[name](magics)


def _status(magics: PremMagics) -> None:
    from importlib.metadata import version

    from jupyter_prem.backends import environment_key

    from ._sinks import draw_table, is_live

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
    rows += [
        ("streaming", "onto the page" if is_live(magics.shell, magics.live) else "drawn once, when whole"),
        ("version", version("jupyter_prem")),
    ]
    draw_table(magics.shell, ("setting", "now"), rows)


def _models(magics: PremMagics) -> None:
    from ._sinks import draw_table

    models = magics.notebook.answerer().client.models()
    ordered = sorted(models, key=lambda model: model.id)
    rows = [(place, model.id, model.owned_by) for place, model in enumerate(ordered, 1)]
    draw_table(magics.shell, ("", "model", "owned by"), rows)


SUBCOMMANDS: dict[str, Callable[[PremMagics], None]] = {"models": _models, "status": _status}
