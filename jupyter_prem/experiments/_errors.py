"""What goes wrong with experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_prem.client import Interrupted, PremError

if TYPE_CHECKING:
    from ._runs import Runs

__all__ = ["PlanError", "RunsError", "SweepInterrupted", "not_installed"]


class PlanError(PremError, ValueError):
    """A plan that cannot be carried out; nothing was sent."""


class RunsError(PremError):
    """A file of results that cannot be read or written."""


class SweepInterrupted(Interrupted):
    """An experiment that was stopped.

    Attributes:
        runs: The rows that are done.
    """

    def __init__(self, runs: Runs, what: str, *, hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.runs = runs


def not_installed(what: str, package: str) -> PremError:
    """Return the error that says how to install a package of the extra `experiments`."""
    return PremError(
        f"{what} needs {package}, which is not installed.", hint='pip install "jupyter_prem[experiments]"'
    )
