"""Errors of a cell: at most three lines and 20 of quoted detail, no traceback, and the cell fails."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from jupyter_prem.client import Interrupted, PremError
from jupyter_prem.display import error_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["short_errors"]


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
    title = f"{type(error).__name__}: {error.what}"
    place = " ".join(part for part in (error.where,) if part)
    head = f"{title} ({place})" if place and len(title) + len(place) < 160 else title  # noqa: PLR2004 - one line
    lines = [head]
    if place and head == title:
        lines.append(place)
    if error.hint:
        lines.append(error.hint)
    shown = error_lines(lines, error.detail.splitlines())
    error._render_traceback_ = lambda: shown  # type: ignore[attr-defined]  # noqa: SLF001 - IPython's protocol
    return error
