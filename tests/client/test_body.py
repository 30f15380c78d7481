"""What is larger than any answer is not gathered."""

from __future__ import annotations

import pytest

from jupyter_prem.client import LimitExceeded
from jupyter_prem.client._address import Address
from jupyter_prem.client._body import Gathered


def test_a_body_is_gathered_up_to_64_mib():
    body = Gathered(Address("http://127.0.0.1:9"))
    mebibyte = bytes(2**20)
    for _ in range(64):
        body.add(mebibyte)
    assert len(body.whole()) == 64 * 2**20
    with pytest.raises(LimitExceeded, match="The body is over 64 MiB") as caught:
        body.add(b"x")
    assert caught.value.where == "at 127.0.0.1:9"
