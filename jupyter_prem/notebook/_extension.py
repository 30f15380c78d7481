"""Loading into IPython, and out of it again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from jupyter_prem.experiments import set_host
from jupyter_prem.records import set_base

from ._completion import add_matcher, remove_matcher
from ._magics import PremMagics
from ._transform import keep_cells, keep_lines, refuse_keys

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_prem.experiments import Host

__all__ = ["find_magics", "load", "unload"]

_RESPONSE = ("jupyter_prem.client._response", "ChatResponse")  # by name: nothing is loaded until there is one
_NAMES = (("cell", "chat"), ("cell", "prem"), ("cell", "sweep"), ("line", "chat"), ("line", "prem"))


def load(shell: InteractiveShell) -> None:
    """Register the magics, the input transformers and how a response is drawn.

    A name that another extension holds is taken over, with one line that says so; `%%prem` is ours alone.
    """
    magics = find_magics(shell)
    if magics is not None:
        return
    taken = _taken(shell)
    magics = PremMagics(shell)
    shell.register_magics(magics)
    shell.register_magic_function(magics.chat, "cell", "prem")
    shell.input_transformers_cleanup.insert(0, keep_cells)
    shell.input_transformers_cleanup.append(keep_lines)
    shell.input_transformers_cleanup.append(refuse_keys)
    displayed = shell.display_formatter.ipython_display_formatter
    displayed.for_type_by_name(*_RESPONSE, magics.draw_response)
    magics.displayed, displayed.enabled = displayed.enabled, True  # off in a terminal before IPython 8
    shell.events.register("post_run_cell", magics.last_error.note)
    add_matcher(shell, magics)
    set_base(lambda: magics.notebook.recordings)
    set_host(lambda: host_of(magics))
    if taken:
        print(  # noqa: T201 - the one line that loading may print
            f"jupyter_prem: {', '.join(taken)} now belong here; %%prem does the same as %%chat.",
            file=sys.stderr,
        )


def unload(shell: InteractiveShell) -> None:
    """Take back what `load` registered."""
    from jupyter_prem.backends import set_login

    magics = find_magics(shell)
    if magics is None:
        return
    for kind, name in _NAMES:
        if _owner(shell, kind, name) is magics:
            del shell.magics_manager.magics[kind][name]
    for transform in (keep_cells, keep_lines, refuse_keys):
        if transform in shell.input_transformers_cleanup:
            shell.input_transformers_cleanup.remove(transform)
    displayed = shell.display_formatter.ipython_display_formatter
    displayed.pop(".".join(_RESPONSE), None)
    displayed.enabled = magics.displayed
    shell.events.unregister("post_run_cell", magics.last_error.note)
    remove_matcher(shell)
    set_base(None)
    set_host(None)
    set_login(None)
    shell.magics_manager.registry.pop("PremMagics", None)
    shell.configurables.remove(magics)


def host_of(magics: PremMagics) -> Host:
    """Return where the experiments of a notebook run."""
    from ._experiments import NotebookHost

    return NotebookHost(magics)


def find_magics(shell: InteractiveShell) -> PremMagics | None:
    """Return the magics of a shell that has loaded the extension."""
    found = shell.magics_manager.registry.get("PremMagics")
    return found if isinstance(found, PremMagics) else None


def _taken(shell: InteractiveShell) -> list[str]:
    marks = {"cell": "%%", "line": "%"}
    taken = []
    for kind, name in _NAMES:
        owner = _owner(shell, kind, name)
        if owner is not None:
            taken.append(f"{marks[kind]}{name} (was {getattr(owner, '__module__', 'another extension')}'s)")
    return taken


def _owner(shell: InteractiveShell, kind: str, name: str) -> object | None:
    function: object | None = shell.magics_manager.magics[kind].get(name)
    owner: object | None = getattr(function, "__self__", function)
    return owner
