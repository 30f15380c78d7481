"""The notebook's side: magics, their options, and what a cell shows and saves."""

from ._extension import find_magics, load, unload
from ._magics import PremMagics
from ._options import OPTIONS
from ._state import Answerer, Notebook, Settings

__all__ = [
    "OPTIONS",
    "SUBCOMMANDS",
    "Answerer",
    "Notebook",
    "PremMagics",
    "Settings",
    "find_magics",
    "load",
    "unload",
]


def __getattr__(name: str) -> object:
    # The table names the functions that draw, so it comes with the display package, which loading must not.
    if name == "SUBCOMMANDS":
        from ._subcommands import SUBCOMMANDS

        return SUBCOMMANDS
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
