"""What a structured answer must be: a pydantic model, a dataclass, a TypedDict or a JSON Schema.

Sources: JSON Schema 2020-12 (its validators are jsonschema's), and pydantic's TypeAdapter.
"""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import SchemaError, StructuredOutputError
from jupyter_prem.structure import unfenced

from ._json_schema import Fault, Unfit, checker_of, plain_schema, short
from ._place import excerpt, line_and_column, offset_of, path_text, real_path

if TYPE_CHECKING:
    from jupyter_prem.client import ChatResponse

__all__ = ["Schema", "schema_of", "wire_schema"]

_NOT_NAMES = re.compile(r"[^a-zA-Z0-9_-]+")
_NAME_LENGTH = 64  # OpenAI's limit, which its peers keep
_TAKES = "a pydantic model, a dataclass, a TypedDict or a JSON Schema as a dict"
_MORE = 4  # further faults that an error names


@dataclass(frozen=True, slots=True)
class Schema:
    """What an answer must be.

    Attributes:
        name: What the API calls it: letters, digits, `_` and `-`, 64 characters at most.
        json_schema: The schema as it goes out.
        check: Returns the value of a JSON text, given with its data; raises `Unfit`.
        wire: The `response_format` that it was given as; None where it is made from the rest.
    """

    name: str
    json_schema: dict[str, Any]
    check: Callable[[str, Any], Any]
    wire: dict[str, Any] | None = None

    def response_format(self) -> dict[str, Any]:
        """Return the request field that asks for it."""
        if self.wire is not None:
            return self.wire
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
        json_text = unfenced(text)
        try:
            data = json.loads(json_text, parse_constant=_no_constant)
        except json.JSONDecodeError as error:
            raise _no_json(json_text, error.msg.removesuffix(" at"), error.pos) from None
        except RecursionError:
            raise _no_json(json_text, "nested too deeply", 0) from None
        except ValueError as error:  # such as a number of more digits than Python reads
            raise _no_json(json_text, str(error).partition(";")[0], 0) from None
        try:
            return self.check(json_text, data)
        except Unfit as error:
            raise _no_fit(json_text, data, error.faults) from None
        except RecursionError:
            raise _no_fit(json_text, data, [Fault((), "it is nested too deeply to be checked")]) from None
        except Exception as error:  # noqa: BLE001 - validators of a model are the user's code
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise _no_fit(json_text, data, [Fault((), short(reason))]) from None


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
    if not _is_type(value) and type(value).__name__ != "TypeAdapter":
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
    special = isinstance(value, getattr(typing, "TypeAliasType", ())) or hasattr(value, "__supertype__")
    return isinstance(value, type) or typing.get_origin(value) is not None or special


def _of_dict(value: Mapping[str, Any], name: str | None) -> Schema:
    if "schema" in value and "name" in value and not {"type", "properties", "$ref"} & value.keys():
        value = {"type": "json_schema", "json_schema": value}
    inner: Any = value.get("json_schema") if value.get("type") == "json_schema" else None
    wire = dict(value) if isinstance(inner, Mapping) else None
    if isinstance(inner, Mapping):
        value, name = inner.get("schema", {}), name or inner.get("name")
    if not isinstance(value, Mapping):
        raise SchemaError("The schema of a response_format is no dict.", hint=f"Give {_TAKES}.")
    schema = plain_schema(value)
    check = checker_of(schema)

    def checked(_: str, data: Any) -> Any:
        check(data)
        return data

    title = schema.get("title")
    label = name if isinstance(name, str) and name else title if isinstance(title, str) else "answer"
    return Schema(_as_name(label), schema, checked, wire)


def _of_type(value: Any, name: str | None) -> Schema:
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticUserError

    from ._typeddict import supported

    label = name or getattr(value, "__name__", "") or "answer"
    try:
        adapter: TypeAdapter[Any] = value if isinstance(value, TypeAdapter) else TypeAdapter(supported(value))
        schema = adapter.json_schema()
    except RecursionError:
        raise SchemaError(
            f"{label} holds itself, which pydantic cannot follow here.", hint="Make it a pydantic model."
        ) from None
    except (PydanticUserError, NameError, TypeError) as error:
        raise SchemaError(
            f"{label} cannot be a schema: {str(error).splitlines()[0]}", hint=f"Give {_TAKES}."
        ) from None
    fits = checker_of(schema)

    def check(text: str, data: Any) -> Any:
        try:
            return adapter.validate_json(text, strict=True)
        except ValidationError:
            # What goes out is the schema: pydantic alone would take "5" for 5, and true for 1.
            fits(data)
        try:
            return adapter.validate_json(text)
        except ValidationError as error:
            raise Unfit([_fault(data, item) for item in error.errors()]) from None

    return Schema(_as_name(label), schema, check)


def _fault(data: Any, error: Any) -> Fault:
    path = real_path(data, error["loc"])
    if error["type"] == "missing":
        path.append(error["loc"][-1])
    return Fault(tuple(path), short(error["msg"]))


def _as_name(label: str) -> str:
    return _NOT_NAMES.sub("_", label).strip("_")[:_NAME_LENGTH] or "answer"
