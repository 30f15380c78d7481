"""What is recorded and what is replayed."""

from __future__ import annotations

import difflib
import enum
from typing import Self

from ._errors import ModeError

__all__ = ["Mode"]


class Mode(enum.Enum):
    """Modes, named as in vcrpy."""

    NONE = "none"
    """Replay only; a question without a recording is an error, and nobody is asked."""
    ONCE = "once"
    """Record into a file that is not there yet; replay only from one that is."""
    NEW_EPISODES = "new_episodes"
    """Replay what is recorded, record what is not."""
    ALL = "all"
    """Ask every question again, and record every answer."""

    @classmethod
    def of(cls, name: str | Mode) -> Self:
        """Return the mode of a name.

        Raises:
            ModeError: There is none.
        """
        word = str(name.value if isinstance(name, Mode) else name).strip().lower().replace("-", "_")
        for mode in cls:
            if mode.value == word:
                return mode
        names = [mode.value for mode in cls]
        near = difflib.get_close_matches(word, names, 1)
        raise ModeError(
            f"There is no record mode {str(name)!r}; there are {', '.join(names)}.",
            hint=f"Did you mean {near[0]}?" if near else "",
        )
