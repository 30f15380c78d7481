"""What a function returned, as the text that a model reads."""

from __future__ import annotations

import itertools
import types
from typing import Any

from jupyter_prem.client import whole

from ._values import as_text

__all__ = ["result_text"]

_MOST = 50_000  # characters; a whole book in an answer would fill any context window
_ITEMS = 1_000  # of a generator


def result_text(value: Any) -> str:
    """Return strings as they are, data as JSON, DataFrames, arrays and figures shortly, the rest as `str`.

    A result of more than 50,000 characters is cut, which its last line says.
    """
    if isinstance(value, types.GeneratorType):
        value = list(itertools.islice(value, _ITEMS))
    text = whole(value if isinstance(value, str) else _as_json(value))
    if len(text) <= _MOST:
        return text
    note = f"\n[cut: {len(text):,} characters in all]"
    return text[: _MOST - len(note)] + note


def _as_json(value: Any) -> str:
    short = as_text(value)
    if isinstance(short, str):
        return short
    from pydantic import ConfigDict, TypeAdapter

    adapter: TypeAdapter[Any] = TypeAdapter(Any, config=ConfigDict(ser_json_inf_nan="strings"))
    try:
        return adapter.dump_json(value, fallback=_fallback).decode()
    except (ValueError, TypeError, RecursionError):  # it holds itself, or bytes that are no text
        return str(value)


def _fallback(value: Any) -> Any:
    short = as_text(value)
    if isinstance(short, str):
        return short
    if type(value).__module__ == "numpy":  # one number of an array
        return value.item()
    return str(value)
