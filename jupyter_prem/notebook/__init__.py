"""The notebook's side: magics, their options, and what a cell shows and saves."""

from ._asked import question_of
from ._completion import Models, option_values
from ._extension import find_magics, load, unload
from ._magics import PremMagics
from ._options import OPTIONS, OptionError, parse_words
from ._settings import Settings
from ._state import Answerer, Notebook
from .commands import SUBCOMMANDS

__all__ = [
    "OPTIONS",
    "SUBCOMMANDS",
    "Answerer",
    "Models",
    "Notebook",
    "OptionError",
    "PremMagics",
    "Settings",
    "find_magics",
    "load",
    "option_values",
    "parse_words",
    "question_of",
    "unload",
]
