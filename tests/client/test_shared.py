"""What every client's way to a service has in common."""

from __future__ import annotations

import ssl

import pytest

from jupyter_prem.client import Timeouts
from jupyter_prem.client._address import Address
from jupyter_prem.client._http._shared import Certificates, http_timeouts, shortest, silence


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        (Timeouts(first_byte=2, progress=3, total=9), 3),
        (Timeouts(first_byte=4, progress=3, total=9), 4),
        (Timeouts(first_byte=4, progress=3, total=1), 1),
        (Timeouts(first_byte=4, progress=3, total=None), 4),
        (Timeouts(first_byte=None, progress=3, total=9), 9),
        (Timeouts(first_byte=4, progress=None, total=9), 9),
        (Timeouts(first_byte=None, progress=None, total=None), None),
    ],
)
def test_between_two_bytes_the_longest_silence_may_pass(limits, seconds):
    assert silence(limits) == seconds


@pytest.mark.parametrize(
    ("limits", "first", "connect"),
    [
        (Timeouts(connect=1, first_byte=2, total=3), 2, 1),
        (Timeouts(connect=5, first_byte=4, total=3), 3, 3),
        (Timeouts(connect=None, first_byte=None, total=3), 3, 3),
        (Timeouts(connect=None, first_byte=None, total=None), None, None),
    ],
)
def test_no_part_takes_longer_than_the_whole(limits, first, connect):
    timeout = http_timeouts(limits)
    assert (timeout.read, timeout.write, timeout.pool, timeout.connect) == (first, first, first, connect)
    assert shortest(None, 2, 1) == 1
    assert shortest() is None


def test_a_context_is_made_once_and_only_where_there_is_tls():
    plain, safe = Address("http://127.0.0.1:9"), Address("https://prem.example")
    certificates = Certificates(True)  # noqa: FBT003 - as httpx has it
    assert certificates.context(plain) is False
    context = certificates.context(safe)
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert certificates.context(safe) is context
    assert Certificates(False).context(safe).verify_mode is ssl.CERT_NONE  # noqa: FBT003 - as httpx has it
    own = ssl.create_default_context()
    assert Certificates(own).context(safe) is own
    assert Certificates(own).context(plain) is False


def test_what_has_a_body_says_of_what_kind_it_is_and_nothing_else_does(service, clients):
    with clients(service.url, "prem-zyxwvutsrqponmlk", headers={"X-A": "b"}) as client:
        client.models()
        client.chat("hi", model="m")
    listed, asked = [request.headers for request in service.requests]
    assert "content-type" not in listed
    assert asked["content-type"] == "application/json"
    for headers in (listed, asked):
        assert headers["authorization"] == "Bearer prem-zyxwvutsrqponmlk"
        assert headers["accept"] == "text/event-stream, application/json"
        assert headers["accept-encoding"] == "gzip, deflate, br"
        assert headers["x-a"] == "b"
