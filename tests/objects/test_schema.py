"""Types and JSON Schemas as what an answer must be."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import types
from typing import Literal, NewType

import pydantic
import pytest

from jupyter_prem.client import SchemaError, StructuredOutputError
from jupyter_prem.objects import schema_of

QUOTED = """
from __future__ import annotations
from typing import NotRequired, Required, TypedDict
class Inner(TypedDict):
    a: int
    b: NotRequired[str]
class Outer(TypedDict, total=False):
    inner: Required[Inner]
    more: list[Inner] | None
"""


def test_marks_in_quoted_annotations_of_a_typed_dict_are_read():
    module = types.ModuleType("quoted")
    sys.modules["quoted"] = module
    exec(QUOTED, vars(module))  # noqa: S102 - our own text
    schema = schema_of(module.Outer)
    assert schema.parse('{"inner": {"a": 1}, "more": [{"a": 2, "b": "x"}]}') == {
        "inner": {"a": 1},
        "more": [{"a": 2, "b": "x"}],
    }
    for text in ('{"more": null}', '{"inner": {"b": "x"}}'):
        with pytest.raises(StructuredOutputError, match="required"):
            schema.parse(text)
    del sys.modules["quoted"]


FINE = {
    "data_in_const": {"const": {"pattern": "("}},
    "data_in_examples": {"type": "object", "examples": [{"$ref": "#/nope"}]},
    "own_id": {
        "$id": "http://x.example/s",
        "$defs": {"a": {"type": "integer"}},
        "$ref": "http://x.example/s#/$defs/a",
    },
    "anchor": {"$defs": {"a": {"$anchor": "here", "type": "integer"}}, "$ref": "#here"},
    "ecma": {"type": "string", "pattern": "^\\p{L}+$"},
    "recursion": {"type": "object", "properties": {"next": {"$ref": "#"}}},
    "draft4": {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": True},
    "mapping": types.MappingProxyType({"type": "object", "properties": types.MappingProxyType({})}),
    "property_names": {"properties": {"pattern": {"type": "string"}, "$ref": {"type": "string"}}},
}


@pytest.mark.parametrize("name", FINE)
def test_schemas_of_every_kind_are_taken(name):
    schema_of(FINE[name])


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://x.example/other"},
        {"$ref": "#nope"},
        {"$ref": "#/$defs/a"},
        {"type": 3},
        {"properties": {"a": 3}},
        {"a": {1}},
    ],
)
def test_what_cannot_be_one_is_refused_before_anything_is_asked(schema):
    with pytest.raises(SchemaError):
        schema_of(schema)


def test_other_things_of_pydantics():
    Age = NewType("Age", int)
    assert schema_of(Age).parse("3") == 3
    assert schema_of(pydantic.TypeAdapter(list[int])).parse("[1]") == [1]
    assert schema_of(Literal["a", "b"]).parse('"a"') == "a"


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]
    name: str = pydantic.Field(alias="dogName")


class Home(pydantic.BaseModel):
    pets: list[Cat | Dog]

    @pydantic.field_validator("pets")
    @classmethod
    def some(cls, pets):
        if not pets:
            raise ValueError("there are none")
        return pets


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        ('{"pets":\n [{"kind": "cat", "lives": "x"}]}', r"$.pets[0]", (2, 3)),
        ('{"pets": []}', "$.pets", (1, 10)),
        ("{}", "$", (1, 1)),
        ('{"pets": 3}', "$.pets", (1, 10)),
    ],
)
def test_a_fault_points_at_its_place(text, path, place):
    with pytest.raises(StructuredOutputError) as caught:
        schema_of(Home).parse(text)
    assert caught.value.path.startswith(path)
    assert "Cat" not in caught.value.path
    assert (caught.value.line, caught.value.column) >= place


MULTIPLES = {
    # multipleOf, what fits, what does not
    "hundredths": (
        0.01,
        ["0.07", "0.29", "81.91", "-0.07", "0", "-0.0", "1e2", "7e-2", "3"],
        ["0.071", "1e-3"],
    ),
    "tenths": (0.1, ["0.3", "99.8", "1" + "0" * 400, "1e308"], ["0.35", "0.30000000000000004"]),
    "thirds of ten": (2.5, ["5", "7.5", "1e1"], ["6", "2.4"]),
    "whole": (3, ["9", "9.0", "-3", str(3 * 10**4000)], ["10", "9.5", str(3 * 10**4000 + 1)]),
    "beyond what a float counts": (1, [str(2**53 + 1), "1e300"], ["0.5"]),
    "small": (1e-300, ["1e-299", "1e308"], ["1e-301", "15e-301"]),
    "infinite": (0.1, ["0.1"], ["1e400", "-1e400", "1e999999", "1" + "0" * 400 + ".5"]),
    "no numbers": (0.1, ["true", "false", "null", '"0.35"', "[0.35]"], []),
}


@pytest.mark.parametrize(("wanted", "fits", "faults"), MULTIPLES.values(), ids=MULTIPLES)
@pytest.mark.parametrize(
    "draft", ["https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-04/schema#"]
)
def test_multiples_are_counted_in_decimals(draft, wanted, fits, faults):
    schema = schema_of({"$schema": draft, "multipleOf": wanted})
    for text in fits:
        schema.parse(text)
    for text in faults:
        with pytest.raises(StructuredOutputError, match=rf"is not a multiple of {wanted}|…"):
            schema.parse(text)


def test_every_price_in_hundredths_is_one():
    schema = schema_of({"properties": {"price": {"multipleOf": 0.01}}})
    for cents in range(0, 10_000, 7):
        schema.parse(f'{{"price": {cents // 100}.{cents % 100:02}}}')
        with pytest.raises(StructuredOutputError, match=r"\$\.price"):
            schema.parse(f'{{"price": {cents // 100}.{cents % 100:02}1}}')


IRIS = """
import sys
sys.modules["rfc3987"] = None  # which jsonschema would take instead
from jupyter_prem.objects import schema_of
schema_of({"type": "object", "properties": {"at": {"type": "string", "format": "iri"}}}).parse('{"at": "x"}')
from jsonschema import Draft202012Validator as Validator
print("rfc3987_syntax" in sys.modules)
at = Validator({"format": "iri"}, format_checker=Validator.FORMAT_CHECKER)
print(at.is_valid("http://\u00fc.de/\u00e4"), at.is_valid("no <iri>"), "rfc3987_syntax" in sys.modules)
"""


def test_the_grammar_of_iris_is_compiled_when_one_is_checked_and_not_before():
    run = subprocess.run([sys.executable, "-c", IRIS], capture_output=True, text=True, check=True, timeout=60)
    installed = importlib.util.find_spec("rfc3987_syntax") is not None  # JupyterLab brings it
    checked = "True False True" if installed else "True True False"
    assert run.stdout.split("\n") == ["False", checked, ""]


def test_a_grammar_that_was_ruled_out_stays_so():
    absent = f"import sys\nsys.modules['rfc3987_syntax'] = None\n{IRIS}"
    run = subprocess.run(
        [sys.executable, "-c", absent], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.split("\n") == ["True", "True True True", ""]  # without one, nothing is checked
