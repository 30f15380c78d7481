"""A body, gathered as it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ._errors import LimitExceeded

if TYPE_CHECKING:
    from ._address import Address

__all__ = ["Gathered"]

BODY_LIMIT: Final = 64 * 2**20


class Gathered:
    """The bytes of a body; more than 64 MiB are no answer.

    Args:
        address: Who sends it.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            LimitExceeded: It is too large.
        """
        self._size += len(chunk)
        if self._size > BODY_LIMIT:
            raise LimitExceeded(
                f"The body is over {BODY_LIMIT // 2**20} MiB.", where=f"at {self._address.host}"
            )
        self._parts.append(chunk)

    def whole(self) -> bytes:
        """Return all of it."""
        return b"".join(self._parts)
