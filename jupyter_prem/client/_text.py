"""Text that UTF-8 can carry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["paired", "whole", "whole_json"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def whole(text: str) -> str:
    """Return `text` with surrogates paired, and lone ones, which no UTF-8 can carry, as U+FFFD."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def paired(text: str) -> str:
    """Return `text` with surrogates paired; lone ones stay."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def whole_json(value: Any) -> Any:
    """Return JSON data, or a part of it, with every string whole; other objects as they are."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, Mapping):
        return {whole_json(key): whole_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole_json(item) for item in value]
    return value
