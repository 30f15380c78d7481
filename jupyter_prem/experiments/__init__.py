"""Experiments: grids of seeds and parameters, from a prompt to a table and a figure.

Each name is imported when it is first used: a notebook without experiments loads nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_prem._lazy import names_of

if TYPE_CHECKING:
    from ._errors import PlanError, RunsError, SweepInterrupted
    from ._executor import WorkerError, WorkersLost, ask_one
    from ._host import Bar, Host, NoBar, has_bars, postfix, set_host, terminal_bar
    from ._runs import Runs
    from ._sweep import SweepOptions, run_sweep, sweep

__all__ = [
    "Bar",
    "Host",
    "NoBar",
    "PlanError",
    "Runs",
    "RunsError",
    "SweepInterrupted",
    "SweepOptions",
    "WorkerError",
    "WorkersLost",
    "ask_one",
    "has_bars",
    "postfix",
    "run_sweep",
    "set_host",
    "sweep",
    "terminal_bar",
]

_PARTS = {
    "Bar": "_host",
    "Host": "_host",
    "NoBar": "_host",
    "PlanError": "_errors",
    "Runs": "_runs",
    "RunsError": "_errors",
    "SweepOptions": "_sweep",
    "SweepInterrupted": "_errors",
    "WorkerError": "_executor",
    "WorkersLost": "_executor",
    "ask_one": "_executor",
    "has_bars": "_host",
    "postfix": "_host",
    "run_sweep": "_sweep",
    "set_host": "_host",
    "sweep": "_sweep",
    "terminal_bar": "_host",
}

__getattr__ = names_of(__name__, _PARTS)
