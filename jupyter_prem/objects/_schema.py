"""What a structured answer must be: a pydantic model, a dataclass, a TypedDict or a JSON Schema.

Sources: JSON Schema 2020-12 (its validators are jsonschema's), and pydantic's TypeAdapter.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from jupyter_prem.client import SchemaError, StructuredOutputError

from ._place import excerpt, line_and_column, offset_of, path_text, real_path

if TYPE_CHECKING:
    from jupyter_prem.client import ChatResponse

__all__ = ["Schema", "schema_of", "wire_schema"]

_FENCED = re.compile(
    r"\A\s*(`{3,}|~{3,})[ \t]*[A-Za-z0-9_+-]*[ \t]*\n(?P<body>.*?)\n?[ \t]*\1\s*\Z", re.DOTALL
)
_NOT_NAMES = re.compile(r"[^a-zA-Z0-9_-]+")
_NAME_LENGTH = 64  # OpenAI's limit, which its peers keep
_TAKES = "a pydantic model, a dataclass, a TypedDict or a JSON Schema as a dict"
_MORE = 4  # further faults that an error names


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why data does not fit a schema: where, as keys and indices, and what is wrong there."""

    path: tuple[str | int, ...]
    reason: str


class _Unfit(Exception):
    """The data does not fit; the faults say why, the first one first."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults)
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Schema:
    """What an answer must be.

    Attributes:
        name: What the API calls it: letters, digits, `_` and `-`, 64 characters at most.
        json_schema: The schema as it goes out.
        check: Returns the value of a JSON text, given with its data; raises `_Unfit`.
    """

    name: str
    json_schema: dict[str, Any]
    check: Callable[[str, Any], Any]

    def response_format(self) -> dict[str, Any]:
        """Return the request field that asks for it."""
        return {"type": "json_schema", "json_schema": {"name": self.name, "schema": self.json_schema}}

    def parse_answer(self, response: ChatResponse) -> Any:
        """Return the value that a whole answer is; see `parse`.

        Raises:
            StructuredOutputError: As `parse`; it says so where the answer was cut or refused, and carries it.
        """
        try:
            return self.parse(response.text)
        except StructuredOutputError as error:
            error.response = response
            if response.refusal and not response.text.strip():
                error.what, error.detail = "The model refused to answer.", response.refusal
            elif response.finish_reason == "length":
                error.what = f"The answer was cut at the token limit. {error.what}"
                error.hint = "Let it be longer: --max-tokens N."
            raise

    def parse(self, text: str) -> Any:
        """Return the value that an answer is: an instance of the model, or JSON data for a dict.

        A code fence around the whole answer is passed over.

        Raises:
            StructuredOutputError: The answer is no JSON, or does not fit; the error says where.
        """
        fenced = _FENCED.match(text)
        json_text = fenced["body"] if fenced else text
        try:
            data = json.loads(json_text, parse_constant=_no_constant)
        except json.JSONDecodeError as error:
            raise _no_json(json_text, error.msg, error.pos) from None
        except RecursionError:
            raise _no_json(json_text, "nested too deeply", 0) from None
        except ValueError as error:
            raise _no_json(json_text, str(error), 0) from None
        try:
            return self.check(json_text, data)
        except _Unfit as error:
            raise _no_fit(json_text, data, error.faults) from None
        except RecursionError:
            raise _no_json(json_text, "nested too deeply", 0) from None


def _no_json(text: str, reason: str, offset: int) -> StructuredOutputError:
    line, column = line_and_column(text, offset)
    what = "The answer is empty" if not text.strip() else "The answer is no JSON"
    return StructuredOutputError(
        f"{what}: {reason[:1].lower()}{reason[1:]} at line {line}, column {column}.",
        detail=excerpt(text, offset) if text.strip() else "",
        line=line,
        column=column,
    )


def _no_fit(text: str, data: Any, faults: list[Fault]) -> StructuredOutputError:
    path = real_path(data, faults[0].path)
    offset = offset_of(text, path)
    line, column = line_and_column(text, offset)
    more = [f"{path_text(fault.path)}: {fault.reason}" for fault in faults[1 : _MORE + 1]]
    left = len(faults) - 1 - len(more)
    more += [f"and {left} more"] if left > 0 else []
    return StructuredOutputError(
        f"The answer does not fit the schema: {path_text(faults[0].path)}: {faults[0].reason} "
        f"(line {line}, column {column}).",
        detail="\n".join([excerpt(text, offset), *more]),
        path=path_text(faults[0].path),
        line=line,
        column=column,
    )


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def wire_schema(response_format: Any) -> Schema | None:
    """Return the schema of a `response_format` as the API has it; None of one that holds none.

    Raises:
        SchemaError: Its schema is no JSON Schema.
    """
    if isinstance(response_format, Mapping) and response_format.get("type") == "json_schema":
        return schema_of(response_format)
    return None


def schema_of(value: Any, name: str | None = None) -> Schema:
    """Return the schema that an object of a notebook is.

    Args:
        value: A pydantic model, a dataclass, a TypedDict, any other type that pydantic knows
            (`list[Person]`), or a JSON Schema as a dict, alone or in the API's `response_format`.
        name: What to call it; None takes its own name.

    Raises:
        SchemaError: It is no such thing, or pydantic or jsonschema refuses it.
    """
    if isinstance(value, Mapping):
        return _of_dict(value, name)
    if not _is_type(value):
        kind = type(value)
        instance = hasattr(kind, "model_fields") or hasattr(kind, "__dataclass_fields__")
        raise SchemaError(
            f"A {kind.__name__} is no schema.",
            hint=f"Give the class {kind.__name__}, not an instance of it." if instance else f"Give {_TAKES}.",
        )
    return _of_type(value, name)


def _is_type(value: Any) -> bool:
    if inspect.isroutine(value) or isinstance(value, str):
        return False
    special = isinstance(value, getattr(typing, "TypeAliasType", ()))
    return isinstance(value, type) or typing.get_origin(value) is not None or special


def _of_dict(value: Mapping[str, Any], name: str | None) -> Schema:
    inner: Any = value.get("json_schema") if value.get("type") == "json_schema" else None
    if isinstance(inner, Mapping):
        value, name = inner.get("schema", {}), name or inner.get("name")
    if not isinstance(value, Mapping):
        raise SchemaError("The schema of a response_format is no dict.", hint=f"Give {_TAKES}.")
    try:
        schema = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise SchemaError(
            f"The schema is no JSON: {error}.", hint="A JSON Schema holds strings, numbers, lists and dicts."
        ) from None
    from jsonschema.exceptions import SchemaError as NoSchema
    from jsonschema.validators import Draft202012Validator, validator_for

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except NoSchema as error:
        path = path_text(list(error.absolute_path))
        raise SchemaError(
            f"The schema is no JSON Schema: {path}: {error.message[:200]}.", hint=f"Give {_TAKES}."
        ) from None
    _check_parts(schema)
    validator = kind(schema)
    title = schema.get("title")
    label = name or (title if isinstance(title, str) else "") or "answer"
    return Schema(_as_name(label), schema, lambda _, data: _checked(validator, data))


def _checked(validator: Any, data: Any) -> Any:
    from jsonschema.exceptions import best_match, relevance

    errors = sorted(validator.iter_errors(data), key=relevance, reverse=True)
    if not errors:
        return data
    first = best_match(errors) or errors[0]
    others = [error for error in errors if error is not first and error not in first.context]
    raise _Unfit([Fault(tuple(error.absolute_path), _short(error.message)) for error in (first, *others)])


def _check_parts(schema: dict[str, Any]) -> None:
    """Refuse what jsonschema would stumble over later, and what leads out of the schema.

    Nothing is fetched to check an answer.
    """
    parts = list(_parts(schema))
    own = not any("$id" in part for part in parts[1:])  # else a fragment is another part's
    for part in parts:
        for target in (part.get("$ref"), part.get("$dynamicRef")):
            if isinstance(target, str) and not (
                target.startswith("#") and (not own or _leads_somewhere(schema, target))
            ):
                raise SchemaError(
                    f"The schema refers to {target[:100]!r}, which is not in it.",
                    hint="Only references within the schema, such as #/$defs/NAME, are followed.",
                )
        names = part.get("patternProperties")
        for pattern in (part.get("pattern"), *(names if isinstance(names, dict) else ())):
            try:
                re.compile(pattern) if isinstance(pattern, str) else None
            except re.error as error:
                raise SchemaError(
                    f"The schema's pattern {pattern!r} is no regular expression: {error}."
                ) from None


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _leads_somewhere(schema: Any, target: str) -> bool:
    """Whether a JSON Pointer (RFC 6901) in a fragment leads to a part; an anchor's name is not looked up."""
    if target != "#" and not target.startswith("#/"):
        return True
    for step in unquote(target).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list) and name.isdecimal() and int(name) < len(schema):
            schema = schema[int(name)]
        elif isinstance(schema, dict) and name in schema:
            schema = schema[name]
        else:
            return False
    return True


def _of_type(value: Any, name: str | None) -> Schema:
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticUserError

    from ._typeddict import supported

    label = name or getattr(value, "__name__", "") or "answer"
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(supported(value))
        schema = adapter.json_schema()
    except RecursionError:
        raise SchemaError(
            f"{label} holds itself, which pydantic cannot follow here.", hint="Make it a pydantic model."
        ) from None
    except (PydanticUserError, NameError, TypeError) as error:
        raise SchemaError(
            f"{label} cannot be a schema: {str(error).splitlines()[0]}", hint=f"Give {_TAKES}."
        ) from None

    from jsonschema.validators import Draft202012Validator

    validator = Draft202012Validator(schema)

    def check(text: str, data: Any) -> Any:
        # What goes out is the schema: without it pydantic would take "5" for 5, and true for 1.
        with contextlib.suppress(re.error):  # pydantic's patterns may be Rust's
            _checked(validator, data)
        try:
            return adapter.validate_json(text)
        except ValidationError as error:
            raise _Unfit(
                [Fault(tuple(item["loc"]), _short(item["msg"])) for item in error.errors()]
            ) from None

    return Schema(_as_name(label), schema, check)


def _as_name(label: str) -> str:
    return _NOT_NAMES.sub("_", label).strip("_")[:_NAME_LENGTH] or "answer"


def _short(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:299]}…"  # noqa: PLR2004 - an error line stays a line
