"""Keys: what makes two questions the same, and what does not."""

from __future__ import annotations

import json
import math
import random
import struct
from pathlib import Path
from types import MappingProxyType

import pytest
import rfc8785
from hypothesis import given, settings, strategies as st

from jupyter_prem.records import NEUTRAL, canonical, key_of

GOLDEN = json.loads((Path(__file__).parent / "keys.json").read_text(encoding="utf-8"))
BODY = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 2 + 2?", "name": "ada"},
    ],
    "temperature": 0.7,
    "top_p": 0.9,
    "seed": 7,
    "stop": ["\n"],
    "max_completion_tokens": 16,
    "frequency_penalty": 0.5,
    "presence_penalty": -0.5,
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    "tools": [
        {
            "type": "function",
            "function": {"name": "f", "parameters": {"properties": {"a": {"type": "string"}}}},
        }
    ],
    "tool_choice": "auto",
    "unknown": {"nested": [1, {"deep": True}]},
}


@pytest.mark.parametrize("place", range(len(GOLDEN)))
def test_a_key_is_what_it_was(place):
    golden = GOLDEN[place]
    assert key_of(golden["endpoint"], golden["body"]) == golden["key"]


def test_the_golden_keys_are_many_and_differ():
    assert len(GOLDEN) >= 60
    assert len({golden["key"] for golden in GOLDEN}) == len(GOLDEN)


# RFC 8785 appendix B: IEEE 754 doubles, and their text.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_numbers_are_those_of_the_rfc(bits, text):
    number = struct.unpack(">d", bytes.fromhex(bits))[0]
    if number.is_integer() and abs(number) > 2**53 - 1:
        # Beyond what is exact the digits are kept, so that no two whole numbers are the same.
        assert canonical(number) == canonical(int(number)) != canonical(math.nextafter(number, 0))
    else:
        assert canonical(number).decode() == text


def test_names_are_sorted_as_in_the_rfc():
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "\xf6"]
    order = ["\r", "1", "\x80", "\xf6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(json.loads(canonical(dict.fromkeys(names, 0)))) == order


def leaves(value, path=()):
    if isinstance(value, dict):
        for name, item in value.items():
            yield (*path, name)
            yield from leaves(item, (*path, name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield (*path, place)
            yield from leaves(item, (*path, place))


def changed(path, value):
    body = json.loads(json.dumps(BODY))
    inner = body
    for name in path[:-1]:
        inner = inner[name]
    if value is KeyError:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return body


@pytest.mark.parametrize("path", list(leaves(BODY)), ids=str)
def test_every_part_of_a_body_counts(path):
    keys = {key_of("prem", changed(path, value)) for value in (KeyError, None, "another", 123.25, ["x"])}
    assert len(keys) == 5
    assert key_of("prem", BODY) not in keys


@pytest.mark.parametrize("field", sorted(NEUTRAL))
def test_how_an_answer_travels_does_not_count(field):
    for value in (True, False, None, {"include_usage": True}):
        assert key_of("prem", {**BODY, field: value}) == key_of("prem", BODY)


def test_the_neutral_fields_are_few():
    assert {"stream", "stream_options"} == NEUTRAL


def test_absent_null_and_default_differ():
    bodies = [{**BODY, "temperature": 1}, {**BODY, "temperature": None}, BODY.copy()]
    del bodies[2]["temperature"]
    assert len({key_of("prem", body) for body in bodies}) == 3


# The wrong hits of vcrpy (matches without the body), lm-eval (without the model) and DSPy (without the endpoint).
def test_another_prompt_model_or_endpoint_is_another_question():
    other = {**BODY, "messages": [{"role": "user", "content": "What is 2 + 3?"}]}
    keys = {key_of("prem", BODY), key_of("prem", other)}
    keys |= {key_of("prem", {**BODY, "model": "n"}), key_of("https://a.example/v1", BODY)}
    assert len(keys) == 4


TEXT = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), inner, max_size=4),
    ),
    max_leaves=12,
)


def plain(value):
    """A value such that two are equal exactly where their JSON says the same."""
    if isinstance(value, dict):
        return ("object", frozenset((name, plain(item)) for name, item in value.items()))
    if isinstance(value, list):
        return ("list", tuple(map(plain, value)))
    if isinstance(value, bool) or value is None:
        return (type(value).__name__, value)
    return ("text" if isinstance(value, str) else "number", value)


def shuffled(value, random):
    if isinstance(value, dict):
        names = list(value)
        random.shuffle(names)
        return {name: shuffled(value[name], random) for name in names}
    if isinstance(value, list):
        return [shuffled(item, random) for item in value]
    if type(value) is int and abs(value) < 2**53:
        return float(value)
    return value


def check(one, other, seed):
    assert canonical(one) == canonical(shuffled(one, random.Random(seed)))  # noqa: S311 - no secret
    assert canonical(one) == canonical(json.loads(json.dumps(one, indent=3)))
    assert (canonical(one) == canonical(other)) == (plain(one) == plain(other))


FLOATS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: abs(number) < 2**53)
EXACT = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(1 - 2**53, 2**53 - 1), FLOATS, st.floats(-20, 20), st.text(TEXT)
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(TEXT, min_size=1), inner)),
    max_leaves=20,
)


@pytest.mark.parametrize("number", [1.0, 1e-5, 1234567890123456, 0.5, 1, "\0", "1.0", "e-5", "1e-5"])
@pytest.mark.parametrize(
    "place", ["{0}", '{{"a":{0}}}', '{{"a":[{0}]}}', '{{"a":{0},"b":[{0},{0}]}}', '{{"a":{{"b":{0}}}}}']
)
def test_it_does_wherever_a_rare_number_stands(number, place):
    value = json.loads(place.format(json.dumps(number)))
    assert canonical(value) == rfc8785.dumps(value)


@given(EXACT)
@settings(max_examples=600, deadline=None)
def test_the_shorter_way_writes_what_the_library_does(value):
    assert canonical(value) == rfc8785.dumps(value)


@given(JSON, JSON, st.integers(0, 2**16))
@settings(max_examples=400, deadline=None)
def test_equal_questions_and_no_others_have_one_key(one, other, seed):
    check(one, other, seed)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@given(JSON, JSON, st.integers(0, 2**16))
@settings(max_examples=100_000, deadline=None)
def test_equal_questions_and_no_others_have_one_key_in_a_hundred_thousand(one, other, seed):
    check(one, other, seed)


def test_what_stands_for_a_large_number_is_no_number():
    big = 2**53
    marked = {"\0": str(big)}
    assert len({canonical(value) for value in (big, str(big), marked, {"\0": [marked]}, [big], -big)}) == 6


@pytest.mark.parametrize("number", [2**52 + 1, 2**53 - 1, 1 - 2**53])
def test_the_largest_exact_numbers_are_written_as_numbers(number):
    assert canonical(number) == canonical(float(number)) == str(number).encode()


@pytest.mark.parametrize("number", [2**53, -(2**53), float(2**53), -float(2**53)])
def test_the_first_inexact_numbers_are_not(number):
    assert not isinstance(json.loads(canonical(number)), (int, float))


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_what_json_has_no_number_for_has_no_key(number):
    with pytest.raises(ValueError, match=r"inf|nan"):
        key_of("prem", {**BODY, "temperature": number})


def test_a_lone_surrogate_is_the_character_that_is_sent_for_it():
    assert canonical({"\ud800": "a\udc00"}) == canonical({"\ufffd": "a\ufffd"})
    assert canonical("\ud83d\ude00") == canonical("\U0001f600")


def test_a_name_that_marks_numbers_is_marked_itself_and_any_mapping_is_an_object():
    assert canonical({"\0": 1}) == b'{"\\u0000":[{"\\u0000":1}]}'
    assert canonical(MappingProxyType({"b": MappingProxyType({}), "a": 1})) == b'{"a":1,"b":{}}'
