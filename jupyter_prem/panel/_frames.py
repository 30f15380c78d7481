"""An answer on its way to the page: what changed in each of its pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["FramePage", "common"]


class FramePage:
    """The output area of an answer in a panel, for `LiveHtml`.

    Each update of a piece goes out as what it has in common with its last form, and what is new.

    Args:
        send: Called with each change: `{"n": number, "slot": place, "keep": UTF-16 units, "add": HTML}`.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self._send = send
        self._places: dict[str | None, int] = {}
        self.number = 0
        self.slots: list[str] = []

    def display(
        self,
        data: Mapping[str, object],
        display_id: str | None = None,
        metadata: Mapping[str, object] | None = None,  # noqa: ARG002 - a panel saves none
    ) -> None:
        """Add a piece."""
        self._places[display_id] = len(self.slots)
        self.slots.append("")
        self._put(len(self.slots) - 1, str(data.get("text/html", "")))

    def update(
        self,
        data: Mapping[str, object],
        display_id: str,
        metadata: Mapping[str, object] | None = None,  # noqa: ARG002 - a panel saves none
    ) -> None:
        """Replace a piece."""
        self._put(self._places[display_id], str(data.get("text/html", "")))

    def clear(self, *, wait: bool) -> None:
        """Take the pieces away; what takes their place says so itself."""

    def watch(self, cleared: Callable[[], None]) -> Callable[[], None]:  # noqa: ARG002 - nobody else can
        """Nobody else empties a panel."""
        return lambda: None

    def _put(self, slot: int, html: str) -> None:
        same = common(self.slots[slot], html)
        self.slots[slot] = html
        self.number += 1
        keep = len(html[:same].encode("utf-16-le")) // 2
        self._send({"n": self.number, "slot": slot, "keep": keep, "add": html[same:]})


def common(one: Sequence[object], other: Sequence[object]) -> int:
    """Return how many items two sequences begin with alike."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
