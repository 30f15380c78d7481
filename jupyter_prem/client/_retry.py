"""When a question is asked again, and how long after: decided without I/O.

A question that may have been answered, and billed, is not asked again: neither one whose reply did not begin
in time, nor one whose answer broke.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from ._errors import (
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    ContextWindowExceededError,
    RateLimitError,
)

if TYPE_CHECKING:
    from ._errors import PremError

__all__ = ["MAX_RETRIES", "Retries", "check_retries", "spent"]

MAX_RETRIES: Final = 2
"""How often a question is asked again, unless it is said otherwise."""

LONGEST: Final = 30.0
"""Seconds that are waited in all."""

_FIRST, _MOST = 0.5, 8.0  # seconds of the first wait, and of the longest, where a service does not say
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 529})
_ONCE = frozenset({409, 504})  # another request won, or a gateway lost patience: twice is no accident
_BILLED = frozenset({504})
_SPENT = ("insufficient_quota", "billing", "quota exceeded", "exceeded your current quota")


def check_retries(value: int) -> int:
    """Return the number of times that a setting says.

    Raises:
        ConfigurationError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigurationError(f"max_retries is {value!r}: it must be a number, 0 or more.")
    return value


def spent(error: RateLimitError) -> bool:
    """Whether an error says that a quota is used up, not that a rate was passed."""
    words = f"{error.code} {error.detail}".lower()
    return any(word in words for word in _SPENT)


class Retries:
    """The further tries of one question.

    Args:
        most: How many.

    Attributes:
        note: What is to be known of the tries beside the answer.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._tries = 1
        self._waited = 0.0
        self.note = ""

    def after(self, error: PremError) -> float | None:
        """Return the seconds after which to ask again; None where the error is the last word, and says so."""
        if self._tries > min(self._most, _times(error)):
            self._last(error)
            return None
        wait = error.retry_after if isinstance(error, APIStatusError) else None
        if wait is None:  # full jitter, so that those who failed together do not come back together
            wait = random.uniform(0, min(_MOST, _FIRST * 2 ** (self._tries - 1)))  # noqa: S311 - no secret
        if self._waited + wait > LONGEST:
            self._last(error)
            return None
        self._tries += 1
        self._waited += wait
        if isinstance(error, APIStatusError) and error.status_code in _BILLED:
            self.note = (
                f"A gateway gave up before ({error.status_code}); that question may be billed as well."
            )
        return wait

    def _last(self, error: PremError) -> None:
        if self._tries > 1:
            error.where = f"{error.where}, asked {self._tries} times".removeprefix(", ")
        if not isinstance(error, APIStatusError):
            return
        if error.retry_after and not (isinstance(error, RateLimitError) and spent(error)):
            error.hint = f"The service asks for a pause of {_spoken(error.retry_after)}; ask again then."
        elif error.status_code in _BILLED:
            error.hint = "A gateway lost patience with the service; the question may have been billed."


def _times(error: PremError) -> int:
    """Return how often a question is asked again after an error, at most."""
    if isinstance(error, APIConnectionError):
        return 1_000 if error.again else 0
    if not isinstance(error, APIStatusError) or isinstance(error, ContextWindowExceededError):
        return 0
    if error.should_retry is not None:
        return 1_000 if error.should_retry else 0
    if error.status_code not in _AGAIN or (isinstance(error, RateLimitError) and spent(error)):
        return 0
    return 1 if error.status_code in _ONCE else 1_000


def _spoken(seconds: float) -> str:
    if seconds < 120:  # noqa: PLR2004 - two minutes are still counted in seconds
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"  # noqa: PLR2004
