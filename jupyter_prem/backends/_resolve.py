"""Who answers: names, addresses and the environment, in the order of their strength."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from jupyter_prem.client import PREM_STUDIO, Address, FixedEndpoint, Key, check_base_url
from jupyter_prem.records import endpoint_name

from ._embedded import EmbeddedEndpoint

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from jupyter_prem.client import Endpoint

__all__ = ["API_KEY_VARIABLE", "Known", "Resolved", "environment_key", "resolve", "shared_embedded"]

API_KEY_VARIABLE = "PREMAI_API_KEY"
BASE_URL_VARIABLE = "PREM_AI_BASE_URL"
ENDPOINT_VARIABLE = "PREM_ENDPOINT"


@dataclass(frozen=True, slots=True)
class Resolved:
    """An endpoint, and how it came to be chosen.

    Attributes:
        endpoint: Who answers.
        implicit: Whether no endpoint, no address and no key were set.
        named: Whether an endpoint or an address was set.
    """

    endpoint: Endpoint
    implicit: bool = False
    named: bool = True


@functools.cache
def shared_embedded() -> EmbeddedEndpoint:
    """Return the endpoint of the embedded model; a process starts it once, for whoever asks."""
    return EmbeddedEndpoint()


def environment_key(environ: Mapping[str, str] = os.environ) -> Key | None:
    """Return the key that the environment holds; an empty variable counts as none.

    Raises:
        ConfigurationError: It is no key; the text shows none of it.
    """
    return Key(environ[API_KEY_VARIABLE]) if environ.get(API_KEY_VARIABLE) else None


def resolve(
    endpoint: str | None = None,
    api_key: str | Key | None = None,
    *,
    allow_http_hosts: Collection[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> Resolved:
    """Return who answers.

    Args:
        endpoint: "prem", "embedded", a URL, or None: what `PREM_ENDPOINT` says; else Prem Studio
            where a key or `PREM_AI_BASE_URL` is set; else the embedded model.
        api_key: The key; None takes `PREMAI_API_KEY`.
        allow_http_hosts: Hosts to which the key may go over plain http, besides loopback.
        environ: The environment.

    Raises:
        ConfigurationError: The endpoint is no address, or the key is none; nothing was sent.
    """
    name = (endpoint or environ.get(ENDPOINT_VARIABLE) or "").strip()
    if name == "embedded":
        return Resolved(shared_embedded())
    key = Key(api_key) if isinstance(api_key, str) else api_key or environment_key(environ)
    base_url = environ.get(BASE_URL_VARIABLE)
    if not name and key is None and not base_url:
        return Resolved(shared_embedded(), implicit=True, named=False)
    studio = name in {"", "prem"}
    checked = check_base_url(
        (base_url or PREM_STUDIO) if studio else name,
        keyed=key is not None,
        allow_http_hosts=allow_http_hosts,
    )
    named = bool(name or base_url)
    return Resolved(FixedEndpoint("prem" if studio else checked, Address(checked, key)), named=named)


@dataclass(frozen=True, slots=True)
class Known:
    """What recordings need to know of a client.

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
        """Return it of a client; `asks` says whether anybody is asked."""
        name = endpoint_name(chosen.endpoint) if chosen.named or asks else None
        return cls(name, os.environ.get("PREM_MODEL"), likely, chosen.implicit)
