"""Which notebook this is, and which cell runs: each front end says it elsewhere, some do not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_prem.conversation import Cell

__all__ = ["current_cell", "in_colab", "named_notebook", "notebook_path", "notebook_paths", "of_nbclassic"]


def notebook_path(shell: InteractiveShell, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the notebook's file; None where no front end says which, or what it says is no file.

    VS Code puts it into the namespace (`__vsc_ipynb_file__`), papermill too when it is told to
    (`--inject-paths`); Jupyter Server names it in the kernel's environment (`JPY_SESSION_NAME`: JupyterLab,
    Notebook 7), pytest in its own (`PYTEST_CURRENT_TEST`: nbval). nbclient, nbconvert and a terminal
    say nothing.
    """
    return next(_files(_names(shell.user_ns, environ), Path.cwd()), None)


def notebook_paths(
    shell: InteractiveShell, environ: Mapping[str, str] = os.environ, folder: Path | None = None
) -> list[Path]:
    """Return what the notebook's file may be, the likeliest first: papermill runs a copy of one.

    A name without a file, such as that of a notebook which was not saved yet, is one in `folder`: the working
    folder, or where the kernel began.
    """
    folder = folder or Path.cwd()
    names = list(_names(shell.user_ns, environ))
    source = shell.user_ns.get("PAPERMILL_INPUT_PATH")
    if isinstance(source, str):
        names.insert(0, source)
    paths = list(dict.fromkeys(_files(names, folder)))
    return paths or [folder / Path(name).name for name in names if name.endswith(".ipynb")]


def _files(names: Iterable[str], folder: Path) -> Iterator[Path]:
    for name in names:
        # A path of pytest's is relative to its root, which is the working folder or above it.
        for above in (folder, *folder.parents):
            path = above / name
            if path.suffix == ".ipynb" and path.is_file():
                yield path.resolve()
                break


def named_notebook(shell: InteractiveShell, environ: Mapping[str, str] = os.environ) -> str:
    """Return what the front end calls the notebook, be there such a file or not; empty for nothing."""
    return next((name for name in _names(shell.user_ns, environ) if name.endswith(".ipynb")), "")


def _names(namespace: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[str]:
    for name in ("__vsc_ipynb_file__", "PAPERMILL_OUTPUT_PATH", "PAPERMILL_INPUT_PATH"):
        if isinstance(namespace.get(name), str):
            yield namespace[name]
    if environ.get("JPY_SESSION_NAME"):
        yield environ["JPY_SESSION_NAME"]
    test = environ.get("PYTEST_CURRENT_TEST", "").partition("::")[0]
    if test:
        yield test
        yield Path(test).name


def current_cell(shell: InteractiveShell) -> Cell | None:
    """Return the cell that runs now; None where a click in a panel asks.

    JupyterLab and VS Code send the cell's id with the request; nbclient, papermill and terminals do not.
    """
    from jupyter_prem.conversation import Cell

    # execution_count is one more while a cell runs, since IPython 9.
    number: int | None = shell.displayhook.prompt_count
    if not hasattr(shell, "get_parent"):
        return Cell(None, "", number)
    parent: dict[str, Any] = shell.get_parent() or {}
    header = parent.get("header", {})
    if header.get("msg_type") != "execute_request":
        return None
    if not parent.get("content", {}).get("store_history", True):  # nbval's cells have no number
        number = None
    cell_id = parent.get("metadata", {}).get("cellId")
    return Cell(cell_id if isinstance(cell_id, str) else None, str(header.get("msg_id", "")), number)


def in_colab(shell: InteractiveShell) -> bool:
    """Whether this is Colab: it makes no cell of what a kernel puts forward (googlecolab/colabtools#1619)."""
    return type(shell).__module__.startswith("google.colab")


def of_nbclassic(parent: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a cell's request comes from a page of nbclassic, which sends no id of the cell.

    Jupyter Server started the kernel, and the protocol is older than that of any client in Python: nbclient,
    which Voilà too runs cells with, speaks 5.3 or later.
    """
    return "JPY_SESSION_NAME" in environ and parent.get("header", {}).get("version") == "5.2"
