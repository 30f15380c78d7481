"""Who answers: names, addresses and the environment, in the order of their strength."""

from __future__ import annotations

import functools
import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from jupyter_prem.client import PREM_STUDIO, Address, FixedEndpoint, Key, check_base_url
from jupyter_prem.records import endpoint_name

from ._embedded import EmbeddedEndpoint
from ._own_key import own_key

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from jupyter_prem.client import Endpoint

    from ._own_key import KeySource

__all__ = ["Identity", "Resolved", "keyed_host", "resolve", "resolve_once", "shared_embedded"]

BASE_URL_VARIABLE = "PREM_AI_BASE_URL"
ENDPOINT_VARIABLE = "PREM_ENDPOINT"


@dataclass(frozen=True, slots=True)
class Resolved:
    """An endpoint, and how it came to be chosen.

    Attributes:
        endpoint: Who answers.
        implicit: Whether no endpoint, no address and no key were set.
        named: Whether an endpoint or an address was set.
        key_source: Where its key is from; "unanswered" if the system's keyring may have one, and did not say.
    """

    endpoint: Endpoint
    implicit: bool = False
    named: bool = True
    key_source: KeySource = ""

    @property
    def unanswered(self) -> bool:
        """Whether the system's keyring was asked for the key and did not answer yet."""
        return self.key_source == "unanswered"


@functools.cache
def shared_embedded() -> EmbeddedEndpoint:
    """Return the endpoint of the embedded model; a process starts it once, for whoever asks."""
    return EmbeddedEndpoint()


def resolve(
    endpoint: str | None = None,
    api_key: str | Key | None = None,
    *,
    allow_http_hosts: Collection[str] = (),
    environ: Mapping[str, str] = os.environ,
    keyless: bool = False,
) -> Resolved:
    """Return who answers.

    Args:
        endpoint: "prem", "embedded", a URL, or None: what `PREM_ENDPOINT` says; else Prem Studio
            where a key or `PREM_AI_BASE_URL` is set; else the embedded model.
        api_key: The key; None takes what `%prem login` was given for its host, else `PREMAI_API_KEY`, else
            what the keyring has for its host.
        allow_http_hosts: Hosts to which the key may go over plain http, besides loopback.
        environ: The environment.
        keyless: Whether to take none but `api_key`.

    Raises:
        ConfigurationError: The endpoint is no address, or the key is none; nothing was sent.
    """
    name = _named(endpoint, environ)
    if name == "embedded":
        return Resolved(shared_embedded())
    base_url = environ.get(BASE_URL_VARIABLE)
    studio = name in {"", "prem"}
    base = (base_url or PREM_STUDIO) if studio else name
    key: Key | None
    source: KeySource
    if api_key is not None:
        key, source = Key(api_key) if isinstance(api_key, str) else api_key, "argument"
    else:
        key, source = (None, "") if keyless else own_key(_host(base), environ)
    if not name and key is None and not base_url:
        return Resolved(shared_embedded(), implicit=True, named=False, key_source=source)
    checked = check_base_url(base, keyed=key is not None, allow_http_hosts=allow_http_hosts)
    fixed = FixedEndpoint("prem" if studio else checked, Address(checked, key))
    return Resolved(fixed, named=bool(name or base_url), key_source=source)


def resolve_once(
    endpoint: str | None, api_key: str | Key | None, *, allow_http_hosts: Collection[str]
) -> Resolved:
    """Return who answers a client that keeps to it, and warn if the keyring did not say which key it has.

    Raises: As `resolve`.
    """
    chosen = resolve(endpoint, api_key, allow_http_hosts=allow_http_hosts)
    if chosen.unanswered:
        warnings.warn(
            "The system's keyring did not answer, so this client has no key"
            f"{' and asks the embedded model' if chosen.implicit else ''}. Make it again once the keyring is "
            "unlocked, or run %prem login first.",
            stacklevel=3,
        )
    return chosen


def keyed_host(
    endpoint: str | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    allow_http_hosts: Collection[str] = (),
) -> str:
    """Return the host that a key for `endpoint` is for, with its port; the embedded model needs none.

    It is Prem Studio's, or `PREM_AI_BASE_URL`'s, where no other is named.

    Raises:
        ConfigurationError: The endpoint is no address, or no key may go there.
    """
    name = _named(endpoint, environ)
    studio = name in {"", "prem", "embedded"}
    base = (environ.get(BASE_URL_VARIABLE) or PREM_STUDIO) if studio else name
    return _host(check_base_url(base, keyed=True, allow_http_hosts=allow_http_hosts))


def _named(endpoint: str | None, environ: Mapping[str, str]) -> str:
    return (endpoint or environ.get(ENDPOINT_VARIABLE) or "").strip()


def _host(base: str) -> str:
    try:
        return urlsplit(base.strip()).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom recordings know a client.

    Attributes:
        endpoint: What they call it; None for whichever was recorded, where nobody named any.
        model: The model that is set for it.
        likely: The one that it likely is.
        implied: Whether nobody named the endpoint.
    """

    endpoint: str | None
    model: str | None
    likely: str | None
    implied: bool

    @classmethod
    def of(cls, chosen: Resolved, likely: str | None, *, asks: bool) -> Self:
        """Return that of a client, which likely has the model `likely`; `asks`: whether anybody is asked."""
        name = endpoint_name(chosen.endpoint) if chosen.named or asks else None
        return cls(name, os.environ.get("PREM_MODEL"), likely, chosen.implicit)
