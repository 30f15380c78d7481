"""What a docstring says of a function and its parameters, in Google's, NumPy's or reST's form."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Docs", "docs_of"]

_TYPES: Final[dict[str, Any]] = {
    "bool": bool,
    "boolean": bool,
    "dict": dict,
    "float": float,
    "int": int,
    "integer": int,
    "list": list,
    "number": float,
    "str": str,
    "string": str,
}


@dataclass(frozen=True, slots=True)
class Docs:
    """What a docstring says.

    Attributes:
        summary: What the function does.
        parameters: What each parameter is.
        types: Types of the parameters, where the docstring names a plain one.
    """

    summary: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    types: dict[str, Any] = field(default_factory=dict)


def docs_of(function: Callable[..., Any]) -> Docs:
    """Return what the docstring of `function` says; nothing where it has none."""
    text = _own_doc(function)
    if not text:
        return Docs()
    import docstring_parser

    try:
        parsed = docstring_parser.parse(text)
    except docstring_parser.ParseError:
        return Docs(summary=text)
    summary = parsed.description or ""
    parameters, types = {}, {}
    for item in parsed.params:
        for name in item.arg_name.split(","):  # NumPy's "x, y : float"
            name = name.strip().lstrip("*")  # noqa: PLW2901 - without its stars
            if item.description:
                parameters[name] = " ".join(item.description.split())
            words = (item.type_name or "").removesuffix("optional").strip(" ,")
            if words in _TYPES:
                types[name] = _TYPES[words]
    return Docs(summary.strip() or text.partition("\n")[0], parameters, types)


def _own_doc(function: Any) -> str:
    doc = inspect.getdoc(function)
    kind = type(function)
    inherited = not inspect.isroutine(function) and not isinstance(function, type)
    if inherited and doc == inspect.getdoc(kind):
        doc = inspect.getdoc(getattr(function, "func", None) or kind.__call__) or doc
    return doc or ""
