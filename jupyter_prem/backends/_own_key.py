"""The key of requests that are given none: of a login, of the environment, of the keyring."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from jupyter_prem.client import Key

from ._keyring import kept_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["API_KEY_VARIABLE", "KeySource", "environment_key", "own_key", "set_login"]

API_KEY_VARIABLE = "PREMAI_API_KEY"

KeySource = Literal["", "argument", "login", "environment", "keyring", "unanswered"]
"""Where a key is from; empty where there is none, "unanswered" where the keyring did not say yet."""


@dataclass(slots=True)
class _Holder:
    login: Callable[[str], Key | None] | None = field(default=None)


_holder = _Holder()


def set_login(login: Callable[[str], Key | None] | None) -> None:
    """Have requests of this process that are given no key take that of a login; None takes that back.

    Args:
        login: Called with the host of a request, with its port, for the key that was given for that host.
    """
    _holder.login = login


def environment_key(environ: Mapping[str, str] = os.environ) -> Key | None:
    """Return the key that the environment holds; an empty variable counts as none.

    Raises:
        ConfigurationError: It is no key; the text shows none of it.
    """
    return Key(environ[API_KEY_VARIABLE]) if environ.get(API_KEY_VARIABLE) else None


def own_key(host: str, environ: Mapping[str, str] = os.environ) -> tuple[Key | None, KeySource]:
    """Return the key for requests to `host`, and where it is from; the keyring is asked last.

    A login's and the keyring's are for the host they were given for; the environment's is for any.

    Raises:
        ConfigurationError: The environment's is no key; the text shows none of it.
    """
    key = _holder.login(host) if _holder.login is not None and host else None
    if key is not None:
        return key, "login"
    if (key := environment_key(environ)) is not None:
        return key, "environment"
    key, answered = kept_key(host)
    if not answered:
        return None, "unanswered"
    return key, "keyring" if key is not None else ""
