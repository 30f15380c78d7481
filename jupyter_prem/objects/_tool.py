"""Functions of a notebook that a model may call: what the API is told of them, and how they are called.

Source: the API reference, `tools[].function {name, description, parameters}`; `parameters` is JSON Schema.
"""

from __future__ import annotations

import functools
import inspect
import re
import traceback
import typing
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jupyter_prem.client import SchemaError, StructuredOutputError

from ._awaiting import outcome_of
from ._docs import docs_of
from ._result import result_text
from ._schema import Schema, schema_of
from ._typeddict import supported

if TYPE_CHECKING:
    from jupyter_prem.client import Cancel

__all__ = ["ERROR", "ArgumentsError", "Tool", "tool_name", "tool_of", "tools_of"]

ERROR: Final = "Error: "
"""How the text of a call that failed begins."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_GIVEN: Final = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)


class ArgumentsError(Exception):
    """What a model gave a function does not fit its parameters."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One function that a model may call.

    Attributes:
        name: What the model calls it.
        description: What its docstring says it does.
        function: The function.
        parameters: The schema of its arguments, which are validated before a call.
    """

    name: str
    description: str
    function: Callable[..., Any]
    parameters: Schema

    def to_dict(self) -> dict[str, Any]:
        """Return the tool as the API has it."""
        about = {"name": self.name, "parameters": self.parameters.json_schema}
        if self.description:
            about["description"] = self.description
        return {"type": "function", "function": about}

    def call(self, arguments: str, cancel: Cancel | None = None) -> str:
        """Call the function with what a model gave, and return what came of it as text; see `outcome_of`.

        An exception is told as text as well: the model may mend what it gave.

        Raises:
            KeyboardInterrupt: It was interrupted or given up.
        """
        try:
            return result_text(outcome_of(self.bind(arguments), cancel))
        except ArgumentsError as error:
            return f"{ERROR}{error}"
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - SystemExit and the like are the function's own too
            return result_text(f"{ERROR}{_told(error, self.function)}")

    def bind(self, arguments: str) -> Callable[[], Any]:
        """Return the call with what a model gave as arguments; it has not happened yet.

        Raises:
            ArgumentsError: They are no JSON object, or do not fit the parameters.
        """
        try:
            values = self.parameters.parse(arguments if arguments.strip() else "{}")
        except StructuredOutputError as error:
            raise ArgumentsError(str(error.what).replace("The answer", "What was given")) from None
        positional, named = [], {}
        for parameter in _parameters(self.function):
            name, default = parameter.name, parameter.default
            if name not in values and _is_field(default):
                default = values[name] = default.get_default(call_default_factory=True)
            if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
                positional.append(values.get(name, default))  # a later one needs its place
            elif name in values:
                named[name] = values[name]
        return functools.partial(self.function, *positional, **named)


def tools_of(values: Iterable[Any]) -> list[Tool | dict[str, Any] | None]:
    """Return each function as a `Tool`; a tool that is a dict already is left to whoever gave it.

    Raises:
        SchemaError: One can be no tool, or two have the same name.
    """
    tools: list[Tool | dict[str, Any] | None] = []
    seen: set[str] = set()
    for value in values:
        tool = value if value is None or isinstance(value, Tool) else _tool(value)
        name = tool_name(tool)
        if name in seen:
            raise SchemaError(f"Two tools are called {name!r}.", hint="Give one of them another name.")
        seen |= {name} if name else set()
        tools.append(tool)
    return tools


def tool_name(tool: Tool | Mapping[str, Any] | None) -> str:
    """Return what a tool is called; empty for one that is null or has no name."""
    if isinstance(tool, Tool):
        return tool.name
    function = tool.get("function") if isinstance(tool, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    return name if isinstance(name, str) else ""


def _tool(value: Any) -> Tool | dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else tool_of(value)


def tool_of(function: Any, name: str | None = None) -> Tool:
    """Return the tool that a function is.

    Its parameters' types come from the annotations, or where there are none from the docstring; what a
    default is need not be given. `*args` and `**kwargs` are never given.

    Args:
        function: A function, sync or async, a method, or anything else that can be called.
        name: What to call it; None takes its own name.

    Raises:
        SchemaError: It cannot be called, or its parameters cannot be described.
    """
    if not callable(function):
        raise SchemaError(f"{_shown(function)} is no function.", hint="Give functions: tools=[f, g].")
    inner = getattr(function, "func", None)  # a partial's function
    name = name or getattr(function, "__name__", None) or getattr(inner, "__name__", None)
    name = name or type(function).__name__
    if not _NAME.match(name):
        raise SchemaError(
            f"{name!r} can be no tool's name.", hint="The API takes up to 64 letters, digits, _ and -."
        )
    docs = docs_of(function)
    return Tool(name, docs.summary, function, schema_of(_arguments(function, name, docs), name))


def _arguments(function: Any, name: str, docs: Any) -> Any:
    """Return a TypedDict of the function's parameters: what is not given stays the function's own affair."""
    from typing import NotRequired

    from pydantic import ConfigDict, Field, with_config
    from typing_extensions import TypedDict

    hints = _hints(function, name)
    fields = {}
    for parameter in _parameters(function):
        hint = supported(hints.get(parameter.name, docs.types.get(parameter.name, Any)))
        settings: dict[str, Any] = {}
        description = _annotated_text(hint) or docs.parameters.get(parameter.name)
        if description:
            settings["description"] = description
        default = parameter.default
        optional = default is not inspect.Parameter.empty
        if _is_field(default):  # x: int = Field(ge=1), as pydantic's validate_call has it
            optional, hint = not default.is_required(), typing.Annotated[hint, default]
            default = default.default
        if default is None:
            hint = typing.Optional[hint]  # noqa: UP045 - of a value
        if optional and _is_json(default):
            settings["json_schema_extra"] = {"default": default}
        hint = typing.Annotated[hint, Field(**settings)] if settings else hint
        fields[parameter.name] = NotRequired[hint] if optional else hint
    arguments: Any = TypedDict(name, fields)  # type: ignore[misc]  # made from the signature
    return with_config(ConfigDict(extra="forbid", arbitrary_types_allowed=False))(arguments)


def _parameters(function: Any) -> list[inspect.Parameter]:
    return [item for item in inspect.signature(function).parameters.values() if item.kind in _GIVEN]


def _hints(function: Any, name: str) -> dict[str, Any]:
    try:
        inspect.signature(function)
    except (TypeError, ValueError):
        raise SchemaError(
            f"Nothing tells which parameters {name} has.", hint="Wrap it in a function with annotations."
        ) from None
    target: Any = inspect.unwrap(getattr(function, "func", function))
    if isinstance(target, type):
        target = vars(target).get("__init__", target)
    elif not inspect.isroutine(target):
        target = type(target).__call__
    try:
        hints = typing.get_type_hints(target, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        raise SchemaError(
            f"An annotation of {name} cannot be read: {error}.", hint="Define its types in a cell above."
        ) from None
    return hints


def _annotated_text(hint: Any) -> str:
    """Return the text in `Annotated[int, "how many"]`; empty where there is none."""
    if typing.get_origin(hint) is not typing.Annotated:
        return ""
    return next((item for item in typing.get_args(hint)[1:] if isinstance(item, str)), "")


def _is_field(default: Any) -> bool:
    return type(default).__name__ == "FieldInfo" and hasattr(default, "get_default")


def _is_json(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return isinstance(value, list) and all(map(_is_json, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    if isinstance(value, float):
        return value - value == 0
    return value is None or type(value) in {str, int, bool}


def _told(error: BaseException, call: Callable[[], Any]) -> str:
    """Return what an exception says, and where in the function it arose."""
    try:
        text = "".join(traceback.format_exception_only(error)).strip()
    except Exception:  # noqa: BLE001 - an exception's own code may fail when it is told
        text = type(error).__name__
    code = getattr(inspect.unwrap(getattr(call, "func", call)), "__code__", None)
    lines = [frame for frame in traceback.walk_tb(error.__traceback__) if frame[0].f_code is code]
    return f"{text} (in {code.co_name}, line {lines[-1][1]})" if code is not None and lines else text


def _shown(value: Any) -> str:
    with warnings.catch_warnings(action="ignore"):
        text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - an error line stays a line
