"""Failures of the way to a service: each is its named error, in words that hold no password."""

from __future__ import annotations

import ssl
from types import SimpleNamespace

import aiohttp
import httpx
import pytest
from wire_asked import ask
from wire_server import Server

from jupyter_prem.client import (
    APIConnectionError,
    APITimeoutError,
    Cancel,
    ConfigurationError,
    IdleTimeout,
    Interrupted,
    Key,
    LimitExceeded,
    ProtocolError,
    StreamInterrupted,
)
from jupyter_prem.client._address import Address
from jupyter_prem.client._http._faults import begun, limit_headers, translate

KEY = "prem-zyxwvutsrqponmlk"
AT = Address("https://prem.example/v1", Key(KEY))


def kind_of(error):
    return type(error), error.what, getattr(error, "again", False)


def because(error, cause):
    error.__cause__ = cause
    return error


BEFORE = [
    (httpx.LocalProtocolError("x"), ConfigurationError, "The request cannot be sent as it is.", False),
    (httpx.UnsupportedProtocol("x"), ConfigurationError, "The request cannot be sent as it is.", False),
    (httpx.InvalidURL("x"), ConfigurationError, "The request cannot be sent as it is.", False),
    (
        httpx.PoolTimeout("x"),
        APIConnectionError,
        "No connection was free in time; nothing was sent.",
        True,
    ),
    (httpx.ConnectTimeout("x"), APITimeoutError, "The service took no connection in time.", True),
    (
        httpx.ReadTimeout("x"),
        APITimeoutError,
        "The service did not answer in time; the question may have been billed.",
        False,
    ),
    (
        TimeoutError("x"),
        APITimeoutError,
        "The service did not answer in time; the question may have been billed.",
        False,
    ),
    (httpx.ProxyError("x"), APIConnectionError, "The proxy gave no way to the service.", False),
    (httpx.ConnectError("x"), APIConnectionError, "The service cannot be reached.", True),
    (
        because(httpx.ConnectError("x"), ssl.SSLError("wrong version")),
        APIConnectionError,
        "The service cannot be reached.",
        False,
    ),
    (httpx.RemoteProtocolError("bad line"), ProtocolError, "What answered does not speak HTTP.", False),
    (
        httpx.RemoteProtocolError("Receive buffer too long"),
        LimitExceeded,
        "The headers of the service's reply are longer than any answer's.",
        False,
    ),
    (
        httpx.RemoteProtocolError("Got more than 8190 bytes"),
        LimitExceeded,
        "The headers of the service's reply are longer than any answer's.",
        False,
    ),
    (
        httpx.RemoteProtocolError("Server disconnected"),
        APIConnectionError,
        "The connection failed before an answer began.",
        True,
    ),
    (OSError("x"), APIConnectionError, "The connection failed before an answer began.", True),
    (ValueError("no port"), ConfigurationError, "No connection can be set up: no port", False),
]


@pytest.mark.parametrize(("error", "kind", "what", "again"), BEFORE, ids=lambda value: str(value)[:20])
def test_what_fails_before_an_answer_is_named(error, kind, what, again):
    ours = translate(error, AT, began=False)
    assert kind_of(ours) == (kind, what, again)
    assert ours.where == ("to prem.example" if isinstance(error, ValueError) else "at prem.example")
    assert ours.hint or kind in {LimitExceeded, APIConnectionError}


@pytest.mark.parametrize(
    ("error", "sized", "kind", "what"),
    [
        (httpx.ReadTimeout("x"), False, IdleTimeout, "The service fell silent in the middle of its answer."),
        (TimeoutError("x"), True, IdleTimeout, "The service fell silent in the middle of its answer."),
        (
            httpx.RemoteProtocolError("x"),
            True,
            ProtocolError,
            "The answer has another length than it says.",
        ),
        (
            httpx.RemoteProtocolError("x"),
            False,
            StreamInterrupted,
            "The connection broke in the middle of its answer.",
        ),
        (OSError("x"), True, StreamInterrupted, "The connection broke in the middle of its answer."),
    ],
)
def test_what_fails_in_an_answer_is_named(error, sized, kind, what):
    ours = translate(error, AT, began=True, sized=sized)
    assert (type(ours), ours.what, ours.where) == (kind, what, "at prem.example")
    assert ours.hint == "Ask again; what had arrived is kept."


def test_a_certificate_is_told_in_the_words_of_openssl():
    cause = ssl.SSLCertVerificationError("x")
    cause.verify_message = "certificate has expired."
    key = SimpleNamespace(host="x", port=1, is_ssl=True)
    of_aiohttp = aiohttp.ClientConnectorCertificateError(key, cause)
    for found in (cause, of_aiohttp):
        ours = translate(because(httpx.ConnectError("x"), found), AT, began=False)
        assert ours.what == "The certificate of prem.example is not trusted: certificate has expired."
        assert not ours.again
        assert "SSL_CERT_FILE" in ours.hint


def test_a_certificate_of_an_authority_that_nobody_knows_is_told_alike_by_each_client(clients, authority):
    server = Server(context=authority.server("localhost", "localhost"))
    with clients(f"https://localhost:{server.port}", max_retries=0) as client:
        error = ask(client).error
    server.stop()
    where = f"localhost:{server.port}"
    assert (type(error), error.where) == (APIConnectionError, f"at {where}")
    assert error.what == f"The certificate of {where} is not trusted: unable to get local issuer certificate."


def test_a_certificate_without_words_of_openssl_is_told_in_its_own():
    error = because(httpx.ConnectError("x"), ssl.SSLCertVerificationError("it is odd."))
    assert translate(error, AT, began=False).what.endswith("is not trusted: ('it is odd.',).")


def test_no_detail_holds_a_password_or_the_key():
    words = f"cannot use http://ada:open-sesame@proxy:3128/x or socks5://me@host, {KEY}"
    for began in (False, True):
        ours = translate(httpx.ReadError(words), AT, began=began)
        assert ours.detail == "cannot use http://proxy:3128/x or socks5://host, [key]"


def test_what_was_stopped_or_is_not_of_the_way_is_not_translated():
    cancel = Cancel()
    other, ours = KeyError("x"), IdleTimeout("Silent.")
    assert translate(other, AT, began=False, cancel=cancel) is other
    assert translate(ours, AT, began=False) is ours
    assert ours.where == "at prem.example"
    in_it = ValueError("x")
    assert translate(in_it, AT, began=True) is in_it
    assert isinstance(translate(OSError("x"), AT, began=True, cancel=cancel), StreamInterrupted)
    cancel.cancel()
    assert isinstance(translate(OSError("x"), AT, began=True, cancel=cancel), Interrupted)


def test_a_reply_that_had_begun_is_not_asked_for_again():
    dropped = translate(OSError("x"), AT, began=False)
    ours = begun(dropped)
    assert kind_of(ours) == (
        ProtocolError,
        "What answered broke off in the head of its reply, or does not speak HTTP.",
        False,
    )
    assert ours.where == "at prem.example"
    for other in (translate(httpx.ConnectError("x"), AT, began=False), KeyError("x")):
        assert begun(other) is other


def test_headers_may_be_64_kib():
    limit_headers([(b"a" * 4, b"b" * (64 * 2**10 - 4))])
    with pytest.raises(LimitExceeded, match="headers"):
        limit_headers([(b"a" * 4, b"b" * (64 * 2**10 - 4)), (b"", b"c")])
