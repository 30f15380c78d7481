"""A request as the wire takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._timeouts import Pace, shortest

if TYPE_CHECKING:
    from ._address import Address
    from ._timeouts import Timeouts

__all__ = ["Outgoing"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it is to go out.

    Attributes:
        address: Where it goes.
        method: Of HTTP.
        path: Below the address.
        content: Its body, which is JSON.
        within: Seconds in which its reply is to be whole, beside the limits of all requests.
    """

    address: Address
    method: str
    path: str
    content: bytes | None = None
    within: float | None = None

    @property
    def url(self) -> str:
        """Where it goes, whole."""
        return self.address.url(self.path)

    def first(self, timeouts: Timeouts) -> float | None:
        """Return the seconds in which its reply is to begin; None is endless."""
        return shortest(timeouts.first_byte, timeouts.total, self.within)

    def pace(self, timeouts: Timeouts, started: float) -> Pace:
        """Return what ends its reply, of a request that went at `started`."""
        pace = Pace(timeouts, started)
        if self.within is not None:
            pace.hurry(self.within)
        return pace
