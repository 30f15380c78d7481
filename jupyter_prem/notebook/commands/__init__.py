"""`%prem SUBCOMMAND`: the table of all, and what each does. Only the table is imported before one is run."""

from ._subcommands import SUBCOMMANDS, Subcommand, run, subcommand_help

__all__ = ["SUBCOMMANDS", "Subcommand", "run", "subcommand_help"]
