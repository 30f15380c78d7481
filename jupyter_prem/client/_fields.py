"""The request fields of the API, each with what it takes.

Source: the chat completions reference of Prem Studio, and section "Body parameters" of its SDK's types.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ._errors import RequestError

__all__ = ["FIELDS", "NUMBER_RANGES", "UNSET", "Unset", "check_field"]


class Unset(enum.Enum):
    """A field that is left out; None is sent as null, which the API tells apart."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET

Check = Callable[[str, Any], Any]

NUMBER_RANGES: Final[dict[str, tuple[float, float]]] = {
    "frequency_penalty": (-2.0, 2.0),
    "presence_penalty": (-2.0, 2.0),
    "temperature": (0.0, 2.0),
    "top_p": (0.0, 1.0),
}
"""Lowest and highest value of each field that is a real number, both included."""


def _number(*, nullable: bool) -> Check:
    def check(field: str, value: Any) -> float | int | None:
        if value is None and nullable:
            return None
        low, high = NUMBER_RANGES[field]
        reason = f"must be a number between {low:g} and {high:g}{', or null' if nullable else ''}"
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise RequestError(field, value, reason)
        if not math.isfinite(value) or not low <= value <= high:
            raise RequestError(field, value, reason)
        return value

    return check


def _integer(field: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise RequestError(field, value, "must be an integer")
    return value


def _token_count(field: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise RequestError(field, value, "must be an integer greater than 0, or null for the model's maximum")
    return value


def _boolean(field: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise RequestError(field, value, "must be true or false")
    return value


def _stop(field: str, value: Any) -> str | list[str]:
    if isinstance(value, str):
        return value
    if not isinstance(value, Sequence) or not all(isinstance(item, str) for item in value):
        raise RequestError(field, value, "must be a string or a list of strings")
    return list(value)


def _response_format(field: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        if dict(value) == {"type": "text"}:
            return dict(value)
        if value.get("type") == "json_schema" and isinstance(value.get("json_schema"), Mapping):
            return dict(value)
    raise RequestError(
        field, value, 'must be {"type": "text"} or {"type": "json_schema", "json_schema": {...}}'
    )


def _tools(field: str, value: Any) -> list[dict[str, Any] | None]:
    good = isinstance(value, Sequence) and not isinstance(value, str)
    if not good or not all(item is None or isinstance(item, Mapping) for item in value):
        raise RequestError(field, value, "must be a list of tool objects")
    return [None if item is None else dict(item) for item in value]


def _tool_choice(field: str, value: Any) -> str | dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    if value in ("none", "auto", "required"):
        return str(value)
    raise RequestError(field, value, 'must be "none", "auto", "required" or a tool object')


def _stream_options(field: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not isinstance(value.get("include_usage", False), bool):
        raise RequestError(field, value, 'must be {"include_usage": true} or {"include_usage": false}')
    return dict(value)


FIELDS: Final[dict[str, Check]] = {
    "frequency_penalty": _number(nullable=False),
    "max_completion_tokens": _token_count,
    "presence_penalty": _number(nullable=False),
    "response_format": _response_format,
    "seed": _integer,
    "stop": _stop,
    "stream": _boolean,
    "stream_options": _stream_options,
    "temperature": _number(nullable=True),
    "tool_choice": _tool_choice,
    "tools": _tools,
    "top_p": _number(nullable=True),
}
"""Check of each optional field: takes its name and value, returns the value to send."""


def check_field(field: str, value: Any) -> Any:
    """Return `value` as it is sent.

    Raises:
        RequestError: The API has no such field, or the field does not take the value; the text
            names field, value and range.
    """
    check = FIELDS.get(field)
    if check is None:
        raise RequestError(field, value, f"no such field; there are {', '.join(FIELDS)}")
    return check(field, value)
