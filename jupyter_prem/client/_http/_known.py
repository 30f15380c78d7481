"""What an error tells of the connection that it is of."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Known", "known_of"]


class Known(NamedTuple):
    """What is known of a connection that failed: whether a byte came, and whether it was used before."""

    heard: bool
    used: bool


def known_of(error: BaseException | None) -> Known | None:
    """Return what is known of the connection that an error is of; None where it is of none of ours."""
    for _ in range(8):  # links of a chain
        if error is None:
            break
        known = getattr(error, "known", None)
        if isinstance(known, Known):
            return known
        error = error.__cause__ or error.__context__
    return None
