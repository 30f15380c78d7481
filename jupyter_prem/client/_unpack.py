"""Compressed bodies, unpacked without I/O and in pieces that stay small, whatever they unpack to.

Codings are those of RFC 9110 section 8.4.1, and `br` (RFC 7932) where the library for it is installed.
"""

from __future__ import annotations

import zlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Protocol

from ._errors import LimitExceeded, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["accepted", "unpacker"]

_PIECE: Final = 64 * 2**10
_FREE: Final = 8 * 2**20  # bytes that may come out, whatever went in
_RATIO: Final = 500  # the same short event ten thousand times packs 300:1; a bomb 1000:1
_GZIP, _ZLIB = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS
_DAMAGED = "The service's answer cannot be unpacked: its compression is damaged."
_DEFLATE = 8  # the method of RFC 1950, in the low half of its first byte


class Unpacker(Protocol):
    """Unpacks a body as it arrives."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next bytes unpack to.

        Raises:
            ProtocolError: They are not of this coding.
            LimitExceeded: They unpack to more than any answer.
        """
        ...


@cache
def accepted() -> str:
    """Return the value of Accept-Encoding."""
    return "gzip, deflate" + (", br" if _brotli() else "")


def _brotli() -> bool:
    """Whether the library is there, in a version that unpacks in small pieces."""
    try:
        major, minor, *_ = version("brotli").split(".")
        return find_spec("brotli") is not None and (int(major), int(minor)) >= (1, 2)
    except (PackageNotFoundError, ValueError):
        return False


def unpacker(codings: str) -> Unpacker | None:
    """Return what unpacks a body with this Content-Encoding; None where there is nothing to unpack.

    Raises:
        ProtocolError: It was packed in a way that nobody asked for.
    """
    names = [name for part in codings.split(",") if (name := part.strip().lower()) not in {"", "identity"}]
    if not names:
        return None
    known: dict[str, Any] = {"gzip": _Zlib, "x-gzip": _Zlib, "deflate": _Zlib}
    if "br" in accepted():
        known["br"] = _Brotli
    if len(names) > 1 or names[0] not in known:
        raise ProtocolError(
            f"The service packed its answer in a way that was not asked for ({codings[:40]}).",
            hint=f"It may send these: {accepted()}.",
        )
    unpacks: Unpacker = known[names[0]]()
    return unpacks


class _Bounded:
    def __init__(self) -> None:
        self._taken = self._given = 0

    def _count(self, piece: bytes) -> bytes:
        self._given += len(piece)
        if self._given > max(_FREE, _RATIO * self._taken):
            raise LimitExceeded(f"The answer unpacks to more than {_RATIO} times what was sent.")
        return piece


class _Zlib(_Bounded):
    """gzip, also several one after the other, and deflate with or without its header, as servers send it."""

    def __init__(self) -> None:
        super().__init__()
        self._stream: Any = None
        self._wbits = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._taken += len(data)
        more = False
        try:
            while data or more:
                if self._stream is None:
                    self._stream = zlib.decompressobj(self._kind(data[0]))
                piece = self._stream.decompress(data, _PIECE)
                if piece:
                    yield self._count(piece)
                data, more = self._stream.unconsumed_tail, len(piece) == _PIECE
                if self._stream.eof:
                    data, more, self._stream = self._stream.unused_data.lstrip(b"\0"), False, None
        except zlib.error:
            raise ProtocolError(_DAMAGED) from None

    def _kind(self, first: int) -> int:
        if not self._wbits:
            if first == 0x1F:  # noqa: PLR2004 - the first byte of gzip, RFC 1952 section 2.3.1
                self._wbits = _GZIP
            else:
                self._wbits = _ZLIB if first & 0x0F == _DEFLATE else -zlib.MAX_WBITS
        return self._wbits


class _Brotli(_Bounded):
    def __init__(self) -> None:
        super().__init__()
        import brotli

        self._stream = brotli.Decompressor()
        self._error = brotli.error

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._taken += len(data)
        try:
            piece = self._stream.process(data, output_buffer_limit=_PIECE)
            while piece:
                yield self._count(piece)
                piece = self._stream.process(b"", output_buffer_limit=_PIECE)
        except self._error:
            raise ProtocolError(_DAMAGED) from None
