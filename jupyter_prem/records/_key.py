"""What makes two questions the same: the endpoint and the body, less what does not change the answer."""

from __future__ import annotations

import hashlib
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


def key_of(endpoint: str, body: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hexadecimal, of the canonical JSON of a question.

    A field that is absent, one that is null and one at its default differ; the order of keys, white space and
    1.0 for 1 do not matter.

    Args:
        endpoint: "prem", "embedded" or a base URL; never a key.
        body: The request's body.
    """
    return hashlib.sha256(canonical({"endpoint": endpoint, "body": counted(body)})).hexdigest()


def counted(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a body that counts."""
    return {name: value for name, value in body.items() if name not in NEUTRAL}


def canonical(value: Any) -> bytes:
    """Return JSON data as RFC 8785 has it; whole numbers that it cannot hold keep all their digits."""
    return rfc8785.dumps(_exact(value))


def _exact(value: Any) -> Any:
    """Return JSON data whose numbers RFC 8785 can hold, such that no two unequal values become equal.

    A larger number becomes an object that none of a body can be: one that holds its key is marked itself.
    """
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -_LARGEST <= value <= _LARGEST else {_MARK: str(value)}
    if isinstance(value, float):
        return _exact(int(value)) if value.is_integer() and abs(value) > _LARGEST else value
    if isinstance(value, Mapping):
        items: Iterable[tuple[Any, Any]] = value.items()
        exact = {whole(key): _exact(item) for key, item in items}
        return {_MARK: [exact]} if _MARK in exact else exact
    return [_exact(item) for item in value]
