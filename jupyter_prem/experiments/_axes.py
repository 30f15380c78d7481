"""The axes of an experiment: what varies, and through which values."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_origin

from jupyter_prem.client import FIELDS, RequestError, check_field

from ._errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["NULLABLE", "Axis", "axes_of", "is_field", "plain"]

_LISTS = frozenset({"stop", "tools"})  # fields whose one value is a list
NULLABLE = frozenset({"temperature", "top_p", "max_completion_tokens"})
"""Fields to which null is sent; None leaves every other field out."""
_ONE = (str, bytes, Mapping, type)
_TIMES = ("datetime64", "timedelta64")
_FINE = ("[ns]", "[ps]", "[fs]", "[as]")  # Python's times are coarser
_NOT_VARIED = frozenset({"stream", "stream_options"})


@dataclass(frozen=True, slots=True)
class Axis:
    """What varies together: several names where the axis is zipped.

    Attributes:
        names: Fields of the request, `model`, or names in the template.
        values: One tuple for each step, a value for each name.
        varies: Whether it was given as values to go through, rather than as one that holds throughout.
    """

    names: tuple[str, ...]
    values: Sequence[tuple[Any, ...]]
    varies: bool = True


def is_field(name: str) -> bool:
    """Whether a name is that of a request field which an experiment can vary."""
    return name == "model" or (name in FIELDS and name not in _NOT_VARIED)


def axes_of(given: Mapping[str, Any], known: Collection[str]) -> list[Axis]:
    """Return the axes that are given as names and values, in their order.

    Args:
        given: By name the values, or one; by several names with commas between them a list of tuples.
        known: The names that the template uses.

    Raises:
        PlanError: A name is no field and not in the template, or an axis is empty.
        RequestError: A field does not take one of its values.
    """
    axes = [_axis(key, values, known) for key, values in given.items()]
    names = [name for axis in axes for name in axis.names]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise PlanError(f"{twice} is given twice.", hint="Vary it in one axis.")
    return axes


def _axis(key: str, given: Any, known: Collection[str]) -> Axis:
    names = tuple(name.strip() for name in key.split(","))
    for name in names:
        if not is_field(name) and name not in known:
            raise PlanError(_unknown(name, known), hint=_near(name, known))
    given = list(given) if isinstance(given, Iterator) else plain(given)  # looked at more than once
    varies = len(names) > 1 or _varies(names[0], given)
    steps = list(given) if varies else [given]
    if not steps:
        raise PlanError(f"The axis {key} is empty.", hint="Give it at least one value.")
    values = [_step(names, step) for step in steps]
    for place, name in enumerate(names):
        for number, value in enumerate(values):
            _check(name, value[place], number)
    return Axis(names, values, varies)


def _varies(name: str, given: Any) -> bool:
    if isinstance(given, _ONE) or get_origin(given) is not None or not isinstance(given, Iterable):
        return False  # list[int] is one type, though it is iterable
    if name not in _LISTS:
        return True
    items = list(given)
    return any(isinstance(item, (list, tuple)) or (item is None and name == "stop") for item in items)


def _step(names: tuple[str, ...], step: Any) -> tuple[Any, ...]:
    if len(names) == 1:
        return (plain(step),)
    if isinstance(step, Mapping):
        step = [step.get(name) for name in names]
    if isinstance(step, _ONE) or not isinstance(step, Iterable):
        raise PlanError(f"{','.join(names)} takes a list of tuples, not of {type(step).__name__}.")
    values = tuple(plain(value) for value in step)
    if len(values) != len(names):
        raise PlanError(
            f"{','.join(names)} takes tuples of {len(names)} values; one has {len(values)}.",
            hint="Give each step a value for each name.",
        )
    return values


def plain(value: Any) -> Any:
    """Return a value of numpy as Python has it, an array without a side too; others as they are."""
    item = getattr(value, "item", None)
    of_numpy = type(value).__module__.partition(".")[0] == "numpy"
    if not of_numpy or not callable(item) or value.shape:
        return value
    kind = value.dtype.name
    return _time(value, kind) if kind.startswith(_TIMES) else item()


def _time(value: Any, kind: str) -> Any:
    """Return the datetime or timedelta of a time of numpy's; its text where Python has no such one."""
    if kind.endswith(_FINE):
        near = value.astype(f"{kind.partition('[')[0]}[us]")
        if near != value and near == near:  # noqa: PLR0124 - NaT is not equal to itself
            return str(value)
        value = near
    item = value.item()
    return str(value) if isinstance(item, int) else item


def _check(name: str, value: Any, number: int) -> None:
    if value is None and name not in NULLABLE:
        return
    if name == "model":
        if not isinstance(value, str) or not value:
            error = RequestError("model", value, "must be the name of a model")
            error.where = f"value {number} of its axis"
            raise error
        return
    if name in FIELDS and name not in {"response_format", "tools", "tool_choice"}:
        try:
            check_field(name, value)
        except RequestError as error:
            error.where = error.where or f"value {number} of the axis {name}"
            raise
    if isinstance(value, float) and not math.isfinite(value):
        raise PlanError(f"{name} has the value {value}, which no file of results can hold.")


def _unknown(name: str, known: Collection[str]) -> str:
    in_template = f"the prompt uses {', '.join(sorted(known))}" if known else "the prompt has no {{ names }}"
    return f"{name!r} is neither a field of the request nor in the prompt; {in_template}."


def _near(name: str, known: Collection[str]) -> str:
    names = [*known, "model", *(field for field in FIELDS if is_field(field))]
    near = difflib.get_close_matches(name, names, 1)
    return f"Did you mean {near[0]}?" if near else f"Use it in the prompt: {{{{ {name} }}}}"
