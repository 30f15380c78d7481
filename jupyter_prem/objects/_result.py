"""What a function returned, as the text that a model reads."""

from __future__ import annotations

import itertools
import json
import re
import types
from collections.abc import Mapping
from typing import Any

from jupyter_prem.client import whole

from ._values import as_text

__all__ = ["ITEMS", "result_text"]

ITEMS = 1_000
"""How many items of a generator are taken."""

_MOST = 50_000  # characters; a whole book in an answer would fill any context window
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # differs from run to run, and tells nothing


def result_text(value: Any) -> str:
    """Return strings as they are, data as JSON, DataFrames, arrays and figures shortly, the rest as `str`.

    A result of more than 50,000 characters, or a generator of more than 1,000 items, is cut, which its last
    line says.
    """
    note = ""
    if isinstance(value, types.GeneratorType):
        items = list(itertools.islice(value, ITEMS + 1))
        note = f"\n[cut: the first {ITEMS:,} items]" if len(items) > ITEMS else ""
        value = items[:ITEMS]
    text = whole(value if isinstance(value, str) else _as_json(value)) + note
    if len(text) <= _MOST:
        return text
    note = f"\n[cut: {len(text):,} characters in all]"
    return text[: _MOST - len(note)] + note


def _as_json(value: Any) -> str:
    short = as_text(value)
    if isinstance(short, str):
        return short
    try:
        return _dumped(value)
    except (ValueError, TypeError, RecursionError):
        if not isinstance(value, (Mapping, list, tuple, set, frozenset)):
            return _ADDRESS.sub("", str(value))
    try:
        return json.dumps(_parts(value, 0), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, TypeError, RecursionError):  # it holds itself
        return _ADDRESS.sub("", str(value))


def _dumped(value: Any) -> str:
    from pydantic import ConfigDict, TypeAdapter

    adapter: TypeAdapter[Any] = TypeAdapter(Any, config=ConfigDict(ser_json_inf_nan="strings"))
    return adapter.dump_json(value, fallback=_fallback).decode()


def _parts(value: Any, depth: int) -> Any:
    """Return containers whose parts are told one by one, where pydantic cannot tell the whole."""
    if depth > 50:  # noqa: PLR2004 - no data is so deep
        raise RecursionError
    if isinstance(value, Mapping):
        return {str(key): _parts(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_parts(item, depth + 1) for item in value]
    try:
        return json.loads(_dumped(value))
    except (ValueError, TypeError, RecursionError):
        return _ADDRESS.sub("", str(value))


def _fallback(value: Any) -> Any:
    short = as_text(value)
    if isinstance(short, str):
        return short
    if type(value).__module__ == "numpy":  # one number of an array
        return value.item()
    return _ADDRESS.sub("", str(value))
