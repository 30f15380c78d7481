"""What both wires share: timeouts, the key on a request, certificates, and httpx's errors as ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import httpx

from jupyter_prem.client._decode import quoted
from jupyter_prem.client._errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    Interrupted,
    PremError,
    StreamInterrupted,
)
from jupyter_prem.client._keys import scrub

if TYPE_CHECKING:
    import ssl
    from collections.abc import Generator

    from jupyter_prem.client._address import Address
    from jupyter_prem.client._cancel import Cancel

__all__ = ["Bearer", "Certificates", "timeouts", "translate"]

_ASK_AGAIN = "Ask again; what had arrived is kept."
_CHECK_ADDRESS = "Check the address (%prem status) and the network, or use --endpoint embedded."
_RAISE_LIMIT = "Raise the limit (%config PremMagics.timeout = seconds), or ask again."
_BEFORE_THE_ANSWER: tuple[tuple[type[Exception], type[APIConnectionError], str, str], ...] = (
    (httpx.ConnectTimeout, APITimeoutError, "The service took no connection in time.", _CHECK_ADDRESS),
    (
        httpx.TimeoutException,
        APITimeoutError,
        "The service did not answer in time; the question may have been billed.",
        _RAISE_LIMIT,
    ),
    (httpx.ConnectError, APIConnectionError, "The service cannot be reached.", _CHECK_ADDRESS),
)

CONNECT_TIMEOUT = 10.0


def timeouts(silence: float) -> httpx.Timeout:
    """Return the timeouts of a request whose service counts as lost after so many seconds of silence."""
    return httpx.Timeout(silence, connect=min(silence, CONNECT_TIMEOUT))


class Bearer(httpx.Auth):
    """Puts the key on a request where no frame of ours names it."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._address.api_key is not None:
            request.headers["Authorization"] = self._address.api_key.header()
        yield request


class Certificates:
    """How the certificates of services are checked.

    Args:
        verify: True, False, or an SSL context to check them with.
    """

    def __init__(self, verify: bool | ssl.SSLContext) -> None:  # noqa: FBT001 - as httpx has it
        self._verify = verify
        self._context: ssl.SSLContext | None = None

    def context(self, address: Address) -> ssl.SSLContext | Literal[False]:
        """Return the context for connections to `address`; none without TLS, since one costs 20 ms."""
        if self._context is None and address.base_url.startswith("https:"):
            self._context = (
                httpx.create_ssl_context(verify=self._verify)
                if isinstance(self._verify, bool)
                else self._verify
            )
        return self._context if self._context is not None else False


def translate(
    error: BaseException, address: Address, *, began: bool, cancel: Cancel | None = None
) -> BaseException:
    """Return our error for httpx's; what is not httpx's is returned as it is."""
    if not began and isinstance(error, ValueError | ImportError) and not isinstance(error, PremError):
        return ConfigurationError(
            f"No connection can be set up: {quoted(scrub(str(error), address.api_key))}",
            where=f"to {address.host}",
            hint="Check the address, and the proxy and certificate settings of the environment.",
        )
    if not isinstance(error, httpx.HTTPError | httpx.StreamError | httpx.InvalidURL | OSError):
        return error
    if cancel is not None and cancel.cancelled:
        return Interrupted("Stopped.")
    where = f"at {address.host}"
    words = quoted(scrub(str(error), address.api_key))
    if began:
        what = (
            "The service fell silent" if isinstance(error, httpx.TimeoutException) else "The connection broke"
        )
        return StreamInterrupted(
            f"{what} in the middle of its answer.", where=where, hint=_ASK_AGAIN, detail=words
        )
    for kind, ours, what, hint in _BEFORE_THE_ANSWER:
        if isinstance(error, kind):
            detail = "" if ours is APITimeoutError else words
            return ours(what, where=where, hint=hint, detail=detail)
    return APIConnectionError(
        "The connection failed before an answer began.", where=where, hint="Ask again.", detail=words
    )
