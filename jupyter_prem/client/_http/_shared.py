"""What both wires share: timeouts, the key on a request, and certificates."""

from __future__ import annotations

import logging
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Literal

import httpx

from jupyter_prem.client._keys import scrub
from jupyter_prem.client._timeouts import shortest

if TYPE_CHECKING:
    import ssl
    from collections.abc import Generator

    from jupyter_prem.client._address import Address
    from jupyter_prem.client._timeouts import Timeouts

__all__ = ["Bearer", "Certificates", "http_timeouts", "no_cookies", "silence"]


class _WithoutKeys(logging.Filter):
    """Hides keys in what httpcore logs at DEBUG: a reply's headers as they came, which may hold one."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = scrub(record.getMessage(), None), ()
        return True


# A logger's filter is asked of its own records alone.
for _name in ("http11", "http2", "proxy", "socks", "connection"):
    logging.getLogger(f"httpcore.{_name}").addFilter(_WithoutKeys())


def http_timeouts(timeouts: Timeouts) -> httpx.Timeout:
    """Return the timeouts until the reply begins."""
    first = shortest(timeouts.first_byte, timeouts.total)
    return httpx.Timeout(first, connect=shortest(timeouts.connect, timeouts.total))


def silence(timeouts: Timeouts) -> float | None:
    """Return the longest time that may pass between two bytes of a reply."""
    if timeouts.first_byte is None or timeouts.progress is None:
        return timeouts.total
    return shortest(max(timeouts.first_byte, timeouts.progress), timeouts.total)


def no_cookies() -> CookieJar:
    """Return a jar that takes no cookie: none is part of the API, and one tells a service who asks."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


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
