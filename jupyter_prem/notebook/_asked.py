"""What options name: a schema and functions among the notebook's variables, and whom to ask before a call."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import UNSET

from ._options import OptionError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from jupyter_prem.objects import Tool

__all__ = ["ask_before", "named_objects", "schema_names", "tool_names"]

_NOBODY = "nobody can be asked here, so the call is refused (--confirm-tools)."
_DECLINED = "the person at the notebook declined the call."


def named_objects(options: argparse.Namespace, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request fields that options name objects for, which `jupyter_prem.objects.wired` replaces.

    Raises:
        OptionError: There is no such variable, or options contradict each other.
    """
    fields: dict[str, Any] = {}
    if options.schema is not UNSET:
        if options.response_format is not UNSET:
            raise OptionError("--schema and --response-format contradict each other.", hint="Leave one out.")
        fields["response_format"] = _found("--schema", options.schema, names)
    if options.tools is not UNSET:
        fields["tools"] = [_found("--tools", name, names, tool=True) for name in options.tools]
    if options.tool_choice is not UNSET:
        fields["tool_choice"] = options.tool_choice
    needing = (
        ("--tool-choice", options.tool_choice is not UNSET),
        ("--max-tool-rounds", options.max_tool_rounds is not UNSET),
        ("--confirm-tools", options.confirm_tools),
    )
    wrong = next((flag for flag, given in needing if given and options.tools is UNSET), None)
    if wrong is not None:
        raise OptionError(f"{wrong} needs functions.", hint="Name them: --tools f,g")
    return fields


def _found(flag: str, name: str, names: Mapping[str, Any], *, tool: bool = False) -> Any:
    if name not in names:
        near = difflib.get_close_matches(name, [key for key in names if not key.startswith("_")], n=1)
        raise OptionError(
            f"{flag} {name}: there is no variable {name!r}.",
            hint=f"Did you mean {near[0]}?" if near else "Define it in a cell above.",
        )
    if not tool:
        return names[name]
    from jupyter_prem.objects import tool_of

    return tool_of(names[name], name)


def ask_before(tool: Tool, arguments: str) -> str:
    """Ask the person at the notebook before a call; return why it may not be made, or nothing."""
    from jupyter_prem.display import Call, call_line

    line = call_line(Call(tool.name, arguments))
    try:
        said = input(f"Call {line}? [y/n] ")
    except (EOFError, OSError, RuntimeError):  # ipykernel's StdinNotImplementedError is a RuntimeError
        return _NOBODY
    return "" if said.strip().lower() in {"y", "yes"} else _DECLINED


def schema_names(names: Mapping[str, Any]) -> list[str]:
    """Return the variables that look like schemas, for Tab."""
    marks = ("model_fields", "__dataclass_fields__", "__required_keys__")
    keys = {"type", "properties", "$ref", "anyOf", "enum", "json_schema"}
    return sorted(
        name
        for name, value in names.items()
        if (isinstance(value, type) and any(hasattr(value, mark) for mark in marks))
        or (isinstance(value, dict) and keys & value.keys())
    )


def tool_names(names: Mapping[str, Any]) -> list[str]:
    """Return the variables that are functions, for Tab."""
    return sorted(name for name, value in names.items() if callable(value) and hasattr(value, "__code__"))
