"""JSON Schemas: whether one is one, and whether data fits it. The validators are jsonschema's.

Nothing is fetched: a reference that leads out of the schema is refused beforehand.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final
from urllib.parse import unquote

from jupyter_prem.client import SchemaError

from ._jsonschema import load
from ._place import path_text

__all__ = ["Fault", "Unfit", "checker_of", "plain_schema", "short"]

_DATA: Final = frozenset({"const", "default", "enum", "examples"})  # their values are data, not schemas
_MOST: Final = 20  # faults that are looked for


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why data does not fit a schema: where, as keys and indices, and what is wrong there."""

    path: tuple[str | int, ...]
    reason: str


class Unfit(Exception):
    """The data does not fit; the faults say why, the first one first."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults)
        self.faults = faults


def plain_schema(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a JSON Schema, checked.

    Raises:
        SchemaError: It is no JSON, no JSON Schema, or refers to something that is not in it.
    """
    try:
        schema: dict[str, Any] = json.loads(json.dumps(value, allow_nan=False, default=_as_dict))
    except (TypeError, ValueError, RecursionError) as error:
        raise SchemaError(
            f"The schema is no JSON: {error}.", hint="A JSON Schema holds strings, numbers, lists and dicts."
        ) from None
    load()
    from jsonschema.exceptions import SchemaError as NoSchema
    from jsonschema.validators import Draft202012Validator, validator_for

    try:
        validator_for(schema, default=Draft202012Validator).check_schema(_python_patterns(schema))
    except NoSchema as error:
        path = path_text(list(error.absolute_path))
        raise SchemaError(f"The schema is no JSON Schema: {path}: {short(error.message)}.") from None
    _check_references(schema)
    return schema


def _as_dict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def checker_of(schema: Mapping[str, Any]) -> Callable[[Any], None]:
    """Return what raises `Unfit` for data that does not fit; of many faults it finds the first ones."""
    load()
    from jsonschema.exceptions import best_match
    from jsonschema.validators import Draft202012Validator, extend, validator_for

    known = _python_patterns(schema)
    kind = validator_for(known, default=Draft202012Validator)
    validator = extend(kind, _OWN)(known)  # type: ignore[no-untyped-call]  # untyped there

    def check(data: Any) -> None:
        errors = list(itertools.islice(validator.iter_errors(data), _MOST))
        if not errors:
            return
        first = best_match(errors) or errors[0]
        others = [error for error in errors if error is not first and error not in first.context]
        raise Unfit([Fault(tuple(error.absolute_path), short(error.message)) for error in (first, *others)])

    return check


def _unique_items(_: Any, wanted: Any, items: Any, __: Any) -> Iterator[Any]:
    """Find equal items by their text: jsonschema compares each with each."""
    from jsonschema.exceptions import ValidationError

    if wanted is True and isinstance(items, list):
        texts = {json.dumps(_same_numbers(item), sort_keys=True) for item in items}
        if len(texts) < len(items):
            yield ValidationError("the items are not unique")


def _multiple_of(validator: Any, wanted: Any, item: Any, _: Any) -> Iterator[Any]:
    """Decide by the decimals that are written: as binary fractions, 0.07 is no multiple of 0.01."""
    from jsonschema.exceptions import ValidationError

    if not validator.is_type(item, "number"):
        return
    finite = not isinstance(item, float) or math.isfinite(item)  # 1e999 is infinite by now
    if not finite or _exact(item) % _exact(wanted):
        yield ValidationError(f"{item!r} is not a multiple of {wanted!r}")


def _exact(number: float) -> Fraction:
    return Fraction(str(number)) if isinstance(number, float) else Fraction(number)


_OWN: Final = {"multipleOf": _multiple_of, "uniqueItems": _unique_items}


def _same_numbers(value: Any) -> Any:
    """Return data in which 1.0 is 1, as JSON Schema has it."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _same_numbers(item) for name, item in value.items()}
    return [_same_numbers(item) for item in value] if isinstance(value, list) else value


def _python_patterns(schema: Any) -> Any:
    """Return a schema without the patterns that Python cannot read: ECMA's, or Rust's."""
    if isinstance(schema, list):
        return [_python_patterns(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept = {name: part if name in _DATA else _python_patterns(part) for name, part in schema.items()}
    if isinstance(kept.get("pattern"), str) and not _compiles(kept["pattern"]):
        del kept["pattern"]
    named = kept.get("patternProperties")
    if isinstance(named, dict):
        kept["patternProperties"] = {name: part for name, part in named.items() if _compiles(name)}
    return kept


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _check_references(schema: dict[str, Any]) -> None:
    parts = list(_parts(schema))
    names = {str(part[key]) for part in parts for key in ("$anchor", "$dynamicAnchor") if key in part}
    ids = {str(part["$id"]).rstrip("#") for part in parts if "$id" in part}
    embedded = any("$id" in part for part in parts[1:])  # a fragment may then be another part's
    for part in parts:
        for target in (part.get("$ref"), part.get("$dynamicRef")):
            if not isinstance(target, str):
                continue
            base, _, fragment = target.partition("#")
            here = not base or base in ids or any(known.endswith(f"/{base}") for known in ids)
            if here and (embedded or bool(base) or _leads_somewhere(schema, fragment, names)):
                continue
            raise SchemaError(
                f"The schema refers to {target[:100]!r}, which is not in it.",
                hint="Only references within the schema, such as #/$defs/NAME, are followed.",
            )


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += [value for name, value in part.items() if name not in _DATA]
        elif isinstance(part, list):
            waiting += part


def _leads_somewhere(schema: Any, fragment: str, anchors: set[str]) -> bool:
    """Whether a JSON Pointer (RFC 6901), or an anchor, in a fragment leads to a part of the schema."""
    if fragment and not fragment.startswith("/"):
        return fragment in anchors
    for step in unquote(fragment).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list) and name.isdecimal() and int(name) < len(schema):
            schema = schema[int(name)]
        elif isinstance(schema, dict) and name in schema:
            schema = schema[name]
        else:
            return False
    return True


def short(message: str) -> str:
    """Return a message as an error line holds it."""
    return message if len(message) <= 300 else f"{message[:299]}…"  # noqa: PLR2004 - an error line stays a line
