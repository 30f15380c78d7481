"""What holds where no `record` block does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._numbers import Asker
    from ._tape import Tape

__all__ = ["Base", "base", "set_base"]


class Base(Protocol):
    """What holds where no `record` block does: a notebook."""

    def tape(self) -> Tape | None:
        """Return the recordings that hold; None for none."""
        ...

    def asker(self) -> Asker:
        """Return who asks now."""
        ...


class _Holder:
    base: Callable[[], Base] | None = None


_holder = _Holder()


def set_base(base: Callable[[], Base] | None) -> None:
    """Have a notebook say what holds outside of `record` blocks; None takes that back.

    Args:
        base: Called when it is first needed, so that a notebook that asks nothing loads nothing.
    """
    _holder.base = base


def base() -> Base | None:
    """Return what holds outside of blocks."""
    return _holder.base() if _holder.base is not None else None
