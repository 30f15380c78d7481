"""What makes two questions the same: the endpoint and the body, less what does not change the answer."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import rfc8785

from jupyter_prem.client import whole

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["NEUTRAL", "canonical", "counted", "key_of"]

NEUTRAL: Final = frozenset({"stream", "stream_options"})
"""Fields that say how an answer travels, not what it is. The list is closed: an unknown field counts."""

_LARGEST = 2**53 - 1  # RFC 8785 section 3.2.2.3: beyond it, numbers of JSON are not exact
_MARK = "\0"
_LEAST, _MOST = 1e-4, 1e16  # between which Python writes a number that is not whole as ECMAScript does

# What Python's own encoder writes as RFC 8785 has it, many times as fast: all but names and numbers of a rare
# kind. What may hold one, in a text as well, is gone through piece by piece.
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode
_RARE = re.compile(r"\d\.0(?=[,}\]]|$)|\de[+-]\d|\d{16}|\\u0000|^$")
_SIGNS = (".0,", ".0}", ".0]", "e+", "e-", "\\u0000")
"""One of these is in any object that holds something rare, but for a long number."""

_LONG = re.compile("[0-9]{16}")


def key_of(endpoint: str, body: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hexadecimal, of the canonical JSON of a question.

    A field that is absent, one that is null and one at its default differ; the order of keys, white space and
    1.0 for 1 do not matter.

    Args:
        endpoint: "prem", "embedded" or a base URL; never a key.
        body: The request's body.
    """
    return hashlib.sha256(canonical({"endpoint": endpoint, "body": counted(body)})).hexdigest()


def counted(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part of a body that counts: the body itself where all of it does."""
    if NEUTRAL.isdisjoint(body):
        return body
    return {name: value for name, value in body.items() if name not in NEUTRAL}


def canonical(value: Any) -> bytes:
    """Return JSON data as RFC 8785 has it; whole numbers that it cannot hold keep all their digits."""
    try:
        plain = _encode(value)
    except (TypeError, ValueError, RecursionError):  # not of json's types, or no number of JSON
        plain = ""
    if plain.isascii() and not _is_rare(plain):
        return plain.encode()
    rare: list[Any] = []
    exact = _exact(value, rare)
    return rfc8785.dumps(exact) if rare else _encode(exact).encode()


def _is_rare(plain: str) -> bool:
    """Whether JSON may hold what RFC 8785 writes otherwise; a long text is gone through by C alone."""
    suspect = not plain.endswith("}") or any(map(plain.__contains__, _SIGNS)) or _LONG.search(plain)
    return bool(suspect) and _RARE.search(plain) is not None


def _exact(value: Any, rare: list[Any]) -> Any:
    """Return JSON data whose numbers RFC 8785 can hold, such that no two unequal values become equal.

    A larger number becomes an object that none of a body can be: one that holds its key is marked itself.

    Args:
        value: The data.
        rare: Is given what Python writes otherwise, or sorts otherwise.
    """
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return _number(value, rare)
    if isinstance(value, Mapping):
        items: Iterable[tuple[Any, Any]] = value.items()
        exact = {whole(key): _exact(item, rare) for key, item in items}
        rare.extend(key for key in exact if not key.isascii())
        return {_MARK: [exact]} if _MARK in exact else exact
    return [_exact(item, rare) for item in value]


def _number(value: float, rare: list[Any]) -> Any:
    whole_number = isinstance(value, int) or value.is_integer()
    if whole_number and abs(value) > _LARGEST:
        return {_MARK: str(int(value))}
    if isinstance(value, float) and (whole_number or not _LEAST <= abs(value) < _MOST):
        rare.append(value)
    return value
