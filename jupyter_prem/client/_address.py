"""Where a service is: base addresses, the paths under them, and where a key may go."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from ._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ._keys import Key

__all__ = ["PREM_STUDIO", "Address", "Endpoint", "FixedEndpoint", "check_base_url", "is_loopback"]

PREM_STUDIO = "https://studio.premai.io"


@dataclass(frozen=True, slots=True)
class Address:
    """One service: its base URL and the key it is asked with.

    Args:
        base_url: As `check_base_url` returns it.
        api_key: Sent as a bearer token; None sends no Authorization header.
        label: What people call it, where that is not its host.
    """

    base_url: str
    api_key: Key | None = None
    label: str = ""

    def url(self, path: str) -> str:
        """Return the URL of `path` ("chat/completions" or "models").

        A base that ends in `/v1` is an OpenAI-compatible root (vLLM, Ollama, llama.cpp); any other
        base is Prem Studio's, whose API starts at `/api/v1` (https://docs.premai.io).
        """
        root = self.base_url if self.base_url.endswith("/v1") else f"{self.base_url}/api/v1"
        return f"{root}/{path}"

    @property
    def takes_required(self) -> bool:
        """Whether it is known to take the tool choice "required", which Prem Studio's API has not."""
        return self.base_url.endswith("/v1")

    @property
    def host(self) -> str:
        """Its label, else host and port: for people."""
        return self.label or urlsplit(self.base_url).netloc

    @property
    def loopback(self) -> bool:
        """Whether the service is on this machine."""
        return is_loopback(urlsplit(self.base_url).hostname or "")


class Endpoint(Protocol):
    """Who answers. `address` is asked before each request, so that a local service can start."""

    @property
    def name(self) -> str:
        """What people call it: "prem", "embedded" or a base URL."""
        ...

    @property
    def takes_required(self) -> bool:
        """Whether it is known to take the tool choice "required"."""
        ...

    def address(self, progress: Callable[[int, int], None] | None = None) -> Address:
        """Return where to send a request now; `progress` is told (bytes, of bytes) of a download."""
        ...


@dataclass(frozen=True, slots=True)
class FixedEndpoint:
    """An endpoint whose address is known and does not change."""

    name: str
    fixed: Address

    @property
    def takes_required(self) -> bool:
        """Whether it is known to take the tool choice "required"."""
        return self.fixed.takes_required

    def address(self, progress: Callable[[int, int], None] | None = None) -> Address:  # noqa: ARG002 - Endpoint's signature
        """Return the address."""
        return self.fixed


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine (RFC 6761 section 6.3, RFC 1122 section 3.2.1.3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_base_url(url: str, *, keyed: bool, allow_http_hosts: Collection[str] = ()) -> str:
    """Return `url` as a base that requests can be sent under.

    Args:
        url: An absolute http or https URL; a slash at its end is dropped.
        keyed: Whether a key will be sent along.
        allow_http_hosts: Hosts to which a key may go over plain http, besides loopback.

    Raises:
        ConfigurationError: It has no scheme or host, holds a user name or a query, or would
            send a key over plain http. The text offers the address that would work.
    """
    base = url.strip().rstrip("/")
    if "@" in _authority(base):
        raise ConfigurationError("The endpoint holds a user name or password.", hint=_NO_LOGIN)
    if "?" in base or "#" in base:
        raise ConfigurationError(
            "The endpoint holds a query or a fragment.", hint="Give the base address alone."
        )
    try:
        parts = urlsplit(base)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        if _may_hold_login(base):
            raise ConfigurationError("The endpoint is no URL.", hint=_NO_LOGIN) from None
        raise ConfigurationError(f"The endpoint {base!r} is no URL: {error}.") from None
    if parts.scheme not in {"http", "https"} or not host:
        if _may_hold_login(base):
            raise ConfigurationError(
                "The endpoint is no http or https address.", hint=f"Begin it with https:// . {_NO_LOGIN}"
            )
        offer = f"https://{base.split('://')[-1].lstrip('/')}" if base else PREM_STUDIO
        raise ConfigurationError(
            f"The endpoint {base!r} is no http or https address.",
            hint=f'Write the whole address, such as {offer} , or "prem" or "embedded".',
        )
    if keyed and parts.scheme == "http" and not is_loopback(host) and host not in allow_http_hosts:
        netloc = host if port is None else f"{host}:{port}"
        raise ConfigurationError(
            f"The key would go to {host} over plain http, where anyone on the way can read it.",
            hint=(
                f"Use https://{netloc}{parts.path} , or trust that network: "
                f'%config PremMagics.allow_http_hosts = ["{host}"]'
            ),
        )
    return base


_NO_LOGIN = "Leave a user name or password out of the address, and set PREMAI_API_KEY instead."


def _authority(base: str) -> str:
    """Return what stands before the path, where a user name would be: as it is read, and as it looks."""
    with contextlib.suppress(ValueError):
        read = urlsplit(base).netloc
        looks = re.split("[/?#]", base.partition("://")[2] or base, maxsplit=1)[0]
        return read + looks
    return base


def _may_hold_login(base: str) -> bool:
    """Whether an address that is none may hold a user name or password, so that no error shows it."""
    return "@" in base or "%40" in base
