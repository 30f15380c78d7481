"""How long a service may take."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from ._errors import ConfigurationError, DeadlineExceeded, IdleTimeout

__all__ = ["DEFAULT_TIMEOUT", "Pace", "Timeouts", "shortest"]

DEFAULT_TIMEOUT = 300.0
"""Seconds of silence after which a service counts as lost."""


def shortest(*seconds: float | None) -> float | None:
    """Return the shortest of several times in seconds; None is endless."""
    return min((some for some in seconds if some is not None), default=None)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each part of a request may take, in seconds; None for as long as it likes.

    Args:
        connect: Until there is a connection.
        first_byte: From the question to the first byte of the reply.
        progress: Between one piece of the answer and the next. Comments that keep a connection alive,
            and events that say nothing, are no pieces of it.
        total: From the question to the end of its answer.

    Raises:
        ConfigurationError: One is no number of seconds over 0.
    """

    connect: float | None = 5.0
    first_byte: float | None = DEFAULT_TIMEOUT
    progress: float | None = DEFAULT_TIMEOUT
    total: float | None = 3600.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if value is not None and not (number and math.isfinite(value) and value > 0):
                raise ConfigurationError(
                    f"The timeout {field.name} is {value!r}: it must be seconds over 0, or None for no end."
                )

    @classmethod
    def of(cls, value: float | Timeouts | Mapping[str, Any]) -> Timeouts:
        """Return the timeouts that a setting says.

        Args:
            value: They themselves, their names with seconds, or the seconds of silence after which a service
                counts as lost: before its reply as in the middle of it.

        Raises:
            ConfigurationError: It says none.
        """
        if isinstance(value, Timeouts):
            return value
        if isinstance(value, Mapping):
            names = [field.name for field in fields(cls)]
            wrong = next((name for name in value if name not in names), None)
            if wrong is not None:
                raise ConfigurationError(
                    f"There is no timeout {wrong!r}.", hint=f"There are {', '.join(names)}."
                )
            return cls(**value)
        return cls._silence(value)

    @classmethod
    def _silence(cls, seconds: float) -> Self:
        checked = cls(first_byte=seconds, progress=seconds)
        connect = checked.connect if seconds is None else min(seconds, checked.connect or seconds)
        return cls(connect=connect, first_byte=seconds, progress=seconds)


class Pace:
    """Whether an answer arrives in its time; what its reader does between two pieces is no silence.

    Args:
        timeouts: How long it may take.
        started: When the question went, as `time.perf_counter` has it.

    Attributes:
        said: Set once a piece of the answer came.
    """

    def __init__(self, timeouts: Timeouts, started: float) -> None:
        self._timeouts = timeouts
        self._until = None if timeouts.total is None else started + timeouts.total
        self._silence = self._since = 0.0
        self.said = False

    def begin(self) -> float | None:
        """Begin to wait; return the seconds until the time is over.

        Raises:
            IdleTimeout: It is over already: what came were no pieces of an answer.
            DeadlineExceeded: The answer takes too long in all.
        """
        now = self._since = time.perf_counter()
        if self.said:
            self.said, self._silence = False, 0.0
        left = None if self._timeouts.progress is None else self._timeouts.progress - self._silence
        if self._until is not None:
            left = self._until - now if left is None else min(left, self._until - now)
        if left is not None and left <= 0:
            raise self.fault()
        return left

    def hurry(self, seconds: float) -> None:
        """Have the time be over in so many seconds at the latest."""
        until = time.perf_counter() + seconds
        self._until = until if self._until is None else min(self._until, until)

    @property
    def left(self) -> float | None:
        """Seconds that may pass from now on until the next bytes."""
        now = time.perf_counter()
        left = None if self._until is None else self._until - now
        if self._timeouts.progress is not None:
            quiet = self._timeouts.progress - self._silence - (now - self._since)
            left = quiet if left is None else min(left, quiet)
        return left

    def end(self) -> None:
        """Take note that bytes came."""
        self._silence += time.perf_counter() - self._since

    def fault(self) -> IdleTimeout | DeadlineExceeded:
        """Return the error of the limit that was passed."""
        hint = "What had arrived is kept; ask again, or raise the limit: %config PremMagics.timeout"
        total = self._timeouts.total
        if total is not None and self._until is not None and time.perf_counter() >= self._until:
            return DeadlineExceeded(
                f"The answer was not whole after {total:g} s, which is its limit.", hint=hint
            )
        return IdleTimeout("The service fell silent in the middle of its answer.", hint=hint)
