"""What goes wrong on the way: httpx's errors, and aiohttp's behind them, as ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx

from jupyter_prem.client._decode import quoted
from jupyter_prem.client._errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    IdleTimeout,
    Interrupted,
    LimitExceeded,
    PremError,
    ProtocolError,
    StreamInterrupted,
)
from jupyter_prem.client._keys import scrub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jupyter_prem.client._address import Address
    from jupyter_prem.client._cancel import Cancel

__all__ = ["begun", "limit_headers", "meant", "translate"]

_ASK_AGAIN = "Ask again; what had arrived is kept."
_CHECK_ADDRESS = "Check the address (%prem status) and the network, or use --endpoint embedded."
_CERTIFICATE = (
    "Check the address and this machine's clock; for an authority of your own set SSL_CERT_FILE, or pass "
    "verify= an ssl.SSLContext that knows it."
)
_PROXY = (
    "Check HTTPS_PROXY and HTTP_PROXY (http://user:password@host:port), or name the host in NO_PROXY to pass "
    "it by."
)
_RAISE_LIMIT = "Raise the limit (%config PremMagics.timeout = seconds), or ask again."
_SIGNED = re.compile(r"(\w+://)[^/\s@]+@")
_LONG = "The headers of the service's reply are longer than any answer's."
_HEADERS_LIMIT = 64 * 2**10
_LONG_HEADERS = ("receive buffer too long", "got more than")  # as h11 and aiohttp say it


def translate(
    error: BaseException,
    address: Address,
    *,
    began: bool,
    sized: bool = False,
    cancel: Cancel | None = None,
) -> BaseException:
    """Return our error for httpx's; what is not httpx's is returned as it is.

    Args:
        error: What was raised.
        address: Who was asked.
        began: Whether the reply had begun.
        sized: Whether it says how long it is.
        cancel: What may have broken the connection on purpose.
    """
    if not began and isinstance(error, ValueError | ImportError) and not isinstance(error, PremError):
        return ConfigurationError(
            f"No connection can be set up: {quoted(scrub(str(error), address.api_key))}",
            where=f"to {address.host}",
            hint="Check the address, and the proxy and certificate settings of the environment.",
        )
    if isinstance(error, PremError):
        error.where = error.where or f"at {address.host}"
    if not isinstance(error, httpx.HTTPError | httpx.StreamError | httpx.InvalidURL | OSError):
        return error
    if cancel is not None and cancel.cancelled:
        return Interrupted("Stopped.")
    ours = _in_the_answer(error, sized=sized) if began else _before_the_answer(error, address)
    ours.where = ours.where or f"at {address.host}"
    ours.detail = quoted(scrub(_unsigned(ours.detail), address.api_key))
    return ours


def _in_the_answer(error: BaseException, *, sized: bool) -> PremError:
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return IdleTimeout("The service fell silent in the middle of its answer.", hint=_ASK_AGAIN)
    if sized and not isinstance(error, OSError):
        return ProtocolError(
            "The answer has another length than it says.", hint=_ASK_AGAIN, detail=str(error)
        )
    return StreamInterrupted(
        "The connection broke in the middle of its answer.", hint=_ASK_AGAIN, detail=str(error)
    )


def _before_the_answer(error: BaseException, address: Address) -> PremError:
    words = str(error)
    refused = _certificate_fault(error)
    if refused:
        what = f"The certificate of {address.host} is not trusted: {refused}."
        return APIConnectionError(what, hint=_CERTIFICATE)
    for kind, ours in _FAULTS:
        if isinstance(error, kind):
            return ours(words)
    if isinstance(error, httpx.ConnectError):
        return APIConnectionError(
            "The service cannot be reached.", hint=_CHECK_ADDRESS, detail=words, again=not _tls(error)
        )
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in words.lower():
        if any(mark in words.lower() for mark in _LONG_HEADERS):
            return LimitExceeded(_LONG)
        return ProtocolError("What answered does not speak HTTP.", hint=_CHECK_ADDRESS, detail=words)
    what = "The connection failed before an answer began."
    return APIConnectionError(what, hint="Ask again.", detail=words, again=True, dropped=True)


def begun(failure: BaseException) -> BaseException:
    """Return what a connection's failure is where the reply had begun: it may have been billed."""
    if not isinstance(failure, APIConnectionError) or not failure.dropped:
        return failure
    what = "What answered broke off in the head of its reply, or does not speak HTTP."
    ours = ProtocolError(what, hint=_CHECK_ADDRESS)
    ours.where = failure.where
    return ours


def _no_connection(_: str) -> PremError:
    return APITimeoutError("The service took no connection in time.", hint=_CHECK_ADDRESS, again=True)


def _no_reply(_: str) -> PremError:
    what = "The service did not answer in time; the question may have been billed."
    return APITimeoutError(what, hint=_RAISE_LIMIT)


def _no_way(words: str) -> PremError:
    return APIConnectionError("The proxy gave no way to the service.", hint=_PROXY, detail=words)


def _not_sent(_: str) -> PremError:
    hint = "Check the address, and the headers that you gave."
    return ConfigurationError("The request cannot be sent as it is.", hint=hint)


def _no_turn(_: str) -> PremError:
    return APIConnectionError("No connection was free in time; nothing was sent.", again=True)


_FAULTS: tuple[tuple[type[BaseException], Callable[[str], PremError]], ...] = (
    (httpx.LocalProtocolError, _not_sent),
    (httpx.UnsupportedProtocol, _not_sent),
    (httpx.InvalidURL, _not_sent),
    (httpx.PoolTimeout, _no_turn),
    (httpx.ConnectTimeout, _no_connection),
    (httpx.TimeoutException, _no_reply),
    (TimeoutError, _no_reply),
    (httpx.ProxyError, _no_way),
)


def _certificate_fault(error: BaseException | None) -> str:
    """Return what is wrong with a service's certificate, in the words of OpenSSL; empty where nothing is."""
    import ssl

    found = [cause for cause in _causes(error) if isinstance(cause, ssl.SSLCertVerificationError)]
    if not found:
        return ""
    # aiohttp's own is one too, in other words; OpenSSL's stands behind it.
    words = next((words for cause in found if (words := getattr(cause, "verify_message", ""))), str(found[0]))
    return quoted(words).rstrip(".")


def _tls(error: BaseException) -> bool:
    import ssl

    return any(isinstance(cause, ssl.SSLError) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        yield from filter(None, [getattr(error, "certificate_error", None)])
        error = error.__cause__ or error.__context__


def _unsigned(text: str) -> str:
    """Return `text` without the user names and passwords of addresses, such as a proxy's."""
    return _SIGNED.sub(r"\1", text)


def limit_headers(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse a reply whose headers are longer than any.

    Raises:
        LimitExceeded: They are over 64 KiB.
    """
    if sum([len(name) + len(value) for name, value in headers]) > _HEADERS_LIMIT:
        raise LimitExceeded(_LONG)


def meant(error: BaseException) -> BaseException:
    """Return httpx's error for aiohttp's: to httpx-aiohttp most that is lost is a timeout while connecting.

    aiohttp's errors of the way to a service, refused connections and certificates, know the `os_error` or the
    `certificate_error`; those of a reply that is no HTTP have a `status`.
    """
    cause = error.__cause__ if isinstance(error, httpx.ConnectTimeout) else error
    if isinstance(cause, RuntimeError) and str(cause) == "Connection closed.":  # its reader says so
        return httpx.ReadError(str(cause))
    if not type(cause).__module__.startswith("aiohttp.") or isinstance(cause, TimeoutError):
        return error
    kind: type[httpx.TransportError] = httpx.ReadError
    if hasattr(cause, "os_error") or hasattr(cause, "certificate_error"):
        kind = httpx.ConnectError
    elif hasattr(cause, "status"):
        kind = httpx.RemoteProtocolError
    ours = kind(str(cause))
    ours.__cause__ = cause
    return ours
