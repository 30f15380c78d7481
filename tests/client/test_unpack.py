"""Packed bodies, unpacked in small pieces."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest

from jupyter_prem.client import ProtocolError
from jupyter_prem.client._unpack import accepted, unpacker

TEXT = bytes(range(256)) * 4_000
PACKED = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("size", [1_000, 10**9])
def test_a_body_comes_whole_and_in_pieces_that_stay_small(coding, size):
    packed = PACKED[coding](TEXT)
    unpacks = unpacker(f" {coding.upper()} ,identity,")
    pieces = [piece for at in range(0, len(packed), size) for piece in unpacks.feed(packed[at : at + size])]
    assert b"".join(pieces) == TEXT
    assert max(map(len, pieces)) <= 128 * 2**10


def test_what_is_not_packed_needs_no_unpacking():
    assert unpacker("") is unpacker("identity") is None
    assert accepted() == "gzip, deflate, br"


@pytest.mark.parametrize("codings", ["zstd", "gzip, gzip", "gzip, br"])
def test_what_was_not_asked_for_is_refused_with_what_was(codings):
    with pytest.raises(ProtocolError) as caught:
        unpacker(codings)
    assert f"({codings})" in str(caught.value)
    assert "It may send these: gzip, deflate, br." in str(caught.value)
