"""The notebook's side: magics, their options, and what a cell shows and saves."""

from ._extension import find_magics, load, unload
from ._magics import PremMagics
from ._options import OPTIONS
from ._state import Answerer, Notebook, Settings
from .commands import SUBCOMMANDS

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
