"""TypedDicts of the standard library, as pydantic takes them before Python 3.12.

There pydantic refuses `typing.TypedDict`, in which it cannot tell which keys a base class requires; the class
itself can.
"""

from __future__ import annotations

import functools
import operator
import sys
import types
import typing
from typing import Any

__all__ = ["supported"]

_NEEDED = sys.version_info < (3, 12)


def supported(hint: Any) -> Any:
    """Return a type in which every `typing.TypedDict` is one that pydantic takes.

    Raises:
        RecursionError: A TypedDict holds itself.
    """
    return _converted(hint) if _NEEDED else hint


def _converted(hint: Any) -> Any:
    if isinstance(hint, type) and type(hint).__module__ == "typing" and typing.is_typeddict(hint):
        return _twin(hint)
    arguments = typing.get_args(hint)
    if not arguments or typing.get_origin(hint) is typing.Literal:
        return hint
    if typing.get_origin(hint) is typing.Annotated:
        inner = _converted(arguments[0])
        return hint if inner is arguments[0] else typing.Annotated[(inner, *arguments[1:])]
    new = tuple(_converted(argument) for argument in arguments)
    if all(one is other for one, other in zip(new, arguments, strict=True)):
        return hint
    if isinstance(hint, types.UnionType):
        return functools.reduce(operator.or_, new)
    return hint.copy_with(new) if hasattr(hint, "copy_with") else typing.get_origin(hint)[new]


def _twin(cls: Any) -> Any:
    from typing import NotRequired, Required

    from typing_extensions import TypedDict

    fields = {}
    marks = {
        typing.Required: Required,
        typing.NotRequired: NotRequired,
        Required: Required,
        NotRequired: NotRequired,
    }
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        # The class cannot tell of marks in quoted annotations; those that are read here can.
        mark = marks.get(typing.get_origin(hint))
        if mark is not None:
            (hint,) = typing.get_args(hint)  # noqa: PLW2901 - what the mark holds
        mark = mark or (Required if name in cls.__required_keys__ else NotRequired)
        fields[name] = mark[_converted(hint)]
    twin: Any = TypedDict(cls.__name__, fields)  # type: ignore[misc]  # made from what the class says
    twin.__doc__ = cls.__doc__
    twin.__module__ = cls.__module__
    return twin
