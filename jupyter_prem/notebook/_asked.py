"""From the options of a cell to a question, with the notebook's variables that they name."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import UNSET, check_field

from ._options import FIELD_OPTIONS, OptionError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from jupyter_prem.conversation import Question
    from jupyter_prem.objects import Tool

__all__ = ["found_variable", "named_objects", "question_of", "schema_names", "tool_names"]

_NOBODY = "nobody can be asked here, so the call is refused (--confirm-tools)."
_DECLINED = "the person at the notebook declined the call."


def question_of(options: argparse.Namespace, text: str, names: Mapping[str, Any]) -> Question:
    """Return the question that options and a prompt are.

    Args:
        options: What `parse_words` gave.
        text: The prompt, expanded.
        names: The notebook's variables.

    Raises:
        OptionError: An option names what is not there, or contradicts another.
        RequestError: A field is out of its range.
        SchemaError: A variable can be no schema, or no function.
    """
    from jupyter_prem.conversation import MAX_TOOL_ROUNDS, Question
    from jupyter_prem.objects import wired

    given = {field: getattr(options, option.dest) for field, option in FIELD_OPTIONS.items()}
    fields = {
        field: value
        for field, value in given.items()
        if value is not UNSET and not (value is None and FIELD_OPTIONS[field].repeatable)
    }
    for field, value in fields.items():
        if field != "model":
            check_field(field, value)
    wire = wired(fields | named_objects(options, names))
    return Question(
        text,
        wire.fields,
        name=None if options.name is UNSET else options.name,
        system=None if options.system is UNSET else options.system,
        stream=not options.no_stream,
        once=options.once,
        new=options.new,
        window=None if options.window is UNSET else options.window,
        schema=wire.schema,
        retries=0 if options.retries is UNSET else options.retries,
        tools=wire.tools,
        max_tool_rounds=MAX_TOOL_ROUNDS if options.max_tool_rounds is UNSET else options.max_tool_rounds,
        confirm=ask_before if options.confirm_tools else None,
        endpoint=None if options.endpoint is UNSET else options.endpoint,
    )


def named_objects(options: argparse.Namespace, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request fields that options name objects for, which `jupyter_prem.objects.wired` replaces.

    Raises:
        OptionError: There is no such variable, or options contradict each other.
    """
    fields: dict[str, Any] = {}
    if options.schema is not UNSET:
        if options.response_format is not UNSET:
            raise OptionError("--schema and --response-format contradict each other.", hint="Leave one out.")
        fields["response_format"] = found_variable("--schema", options.schema, names)
    if options.tools is not UNSET:
        from jupyter_prem.objects import tool_of

        fields["tools"] = [tool_of(found_variable("--tools", name, names), name) for name in options.tools]
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


def found_variable(flag: str, name: str, names: Mapping[str, Any]) -> Any:
    """Return the value of the notebook's variable that an option names.

    Raises:
        OptionError: There is none of that name.
    """
    if name not in names:
        near = difflib.get_close_matches(name, [key for key in names if not key.startswith("_")], n=1)
        raise OptionError(
            f"{flag} {name}: there is no variable {name!r}.",
            hint=f"Did you mean {near[0]}?" if near else "Define it in a cell above.",
        )
    return names[name]


def ask_before(tool: Tool, arguments: str) -> str:
    """Ask the person at the notebook before a call; return why it may not be made, or nothing."""
    from jupyter_prem.display import Call, call_whole

    try:
        said = input(f"Call {call_whole(Call(tool.name, arguments))}? [y/n] ")
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
