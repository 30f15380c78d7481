"""Errors of a cell: at most three lines and 20 of quoted detail, no traceback, and the cell fails."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from traitlets import TraitError

from jupyter_prem.client import Interrupted, PremError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["checked_trait", "short_errors"]

_Value = TypeVar("_Value")


@contextmanager
def short_errors() -> Iterator[None]:
    """Make the errors of this package short where IPython shows them, and a stop one of them.

    IPython takes the lines of an exception from its `_render_traceback_`, and the front end still gets
    an error, so that nbclient, papermill and Run All stop.
    """
    try:
        yield
    except PremError as error:
        raise _shortened(error) from None
    except KeyboardInterrupt:
        raise _shortened(Interrupted("Stopped.")) from None


def _shortened(error: PremError) -> PremError:
    from jupyter_prem.client import scrub
    from jupyter_prem.display import error_text

    # What was typed is told back in errors; a key may be typed, or pasted, anywhere.
    for part in ("what", "where", "hint", "detail"):
        setattr(error, part, scrub(getattr(error, part), None))
    error.args = tuple(scrub(arg, None) if isinstance(arg, str) else arg for arg in error.args)
    lines = [f"{type(error).__name__}: {error.what}", error.where, error.hint]
    shown = error_text([line for line in lines if line], error.detail).split("\n")
    error._render_traceback_ = lambda: shown  # type: ignore[attr-defined]  # IPython's protocol
    return error


def checked_trait(check: Callable[[], _Value]) -> _Value:
    """Return what `check` does; what it refuses is the error of a trait."""
    try:
        return check()
    except (PremError, ValueError) as error:
        raise TraitError(str(error)) from None
