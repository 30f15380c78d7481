"""Request fields in which an object of the notebook stands for what the API has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyter_prem.client import SchemaError

from ._schema import Schema, schema_of, wire_schema
from ._tool import Tool, tool_name, tools_of

__all__ = ["Wired", "wired"]

_CHOICES = ("none", "auto", "required")


@dataclass(frozen=True, slots=True)
class Wired:
    """Request fields as the API has them, and the objects that they stand for.

    Attributes:
        fields: The fields.
        schema: What the answer must be; None for text.
        tools: The functions that the model may call, by name.
    """

    fields: dict[str, Any]
    schema: Schema | None = None
    tools: dict[str, Tool] = field(default_factory=dict)


def wired(fields: Mapping[str, Any]) -> Wired:
    """Return `fields` with what stands in `response_format`, `tools` and `tool_choice` replaced.

    Raises:
        SchemaError: One can be no schema or tool, or `tool_choice` names none of the tools.
    """
    sent, schema = dict(fields), None
    wanted = sent.get("response_format")
    if wanted is not None:
        as_api = isinstance(wanted, Mapping) and wanted.get("type") in ("text", "json_schema")
        schema = wire_schema(wanted) if as_api else schema_of(wanted)
        sent["response_format"] = wanted if schema is None else schema.response_format()
    given = sent.get("tools")
    tools: list[Any] = []
    if given is not None and not isinstance(given, (str, Mapping)):
        tools = tools_of([given] if callable(given) else given)
        sent["tools"] = [tool.to_dict() if isinstance(tool, Tool) else tool for tool in tools]
    if "tool_choice" in sent:
        sent["tool_choice"] = _choice(
            sent["tool_choice"], [name for tool in tools if (name := tool_name(tool))]
        )
    return Wired(sent, schema, {tool.name: tool for tool in tools if isinstance(tool, Tool)})


def _choice(choice: Any, names: list[str]) -> Any:
    name = getattr(choice, "__name__", choice) if callable(choice) else choice
    if not isinstance(name, str) or name in {"none", "auto"}:
        return name
    if name == "required":
        return _named(names[0]) if len(names) == 1 else name
    if name not in names:
        raise SchemaError(
            f"The tool choice {name!r} is none of the tools.",
            hint=f"Take one of {', '.join([*_CHOICES, *names])}.",
        )
    return _named(name)


def _named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}
