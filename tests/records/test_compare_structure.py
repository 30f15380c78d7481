"""Two answers to one question whose structure, or whose JSON, is another."""

from __future__ import annotations

import pytest
from compared import CALLED, choice, compared, record_of, response

from jupyter_prem.client import response_of
from jupyter_prem.records import Change, compare

JSON = {"response_format": {"type": "json_object"}}


@pytest.mark.parametrize(
    ("then", "now", "detail"),
    [
        (choice(), choice(finish="length"), ('-"finish_reason": "stop",', '+"finish_reason": "length",')),
        (choice(), choice(content=""), ('-"says": true', '+"says": false')),
        (choice(content=None), choice(), ('-"says": false', '+"says": true')),
        (choice(), choice(refusal="No."), ('-"refuses": false,', '+"refuses": true,')),
        (
            choice(),
            CALLED,
            (
                '-"calls": [],',
                '+"calls": [',
                "+[",
                '+"weather",',
                "+{",
                '+"days": "number"',
                "+}",
                "+]",
                "+],",
            ),
        ),
        (CALLED, choice(calls=[("météo", '{"days": 9}')]), ('-"weather",', '+"météo",')),
        (CALLED, choice(calls=[("weather", '{"days": "1"}')]), ('-"days": "number"', '+"days": "str"')),
        (CALLED, choice(calls=[("weather", '{"days": ')]), ("-{", '-"days": "number"', "-}", '+"no JSON"')),
        (CALLED, choice(calls=[("weather", "[" * 100_000)]), ("-{", '-"days": "number"', "-}", '+"no JSON"')),
    ],
    ids=["end", "nothing", "something", "refusal", "first call", "name", "argument", "no JSON", "too deep"],
)
def test_a_change_of_structure_names_what_changed(then, now, detail):
    found = compared(then, now)
    assert (found.change, found.then, found.now) == (Change.STRUCTURE, "fp_1", "fp_2")
    assert tuple(line for line in found.detail if not line.startswith(" ")) == detail


def test_a_change_of_structure_shows_the_lines_beside_it():
    expected = (' "choice": 0,', '-"finish_reason": "stop",', '+"finish_reason": "length",', ' "json": null,')
    assert compared(choice(), choice(finish="length")).detail == expected


def test_another_choice_is_shown_with_its_number():
    found = compare(record_of(response(choice())), response(choice(), choice("no")))
    shown = ["calls", "choice", "finish_reason", "json", "refuses", "says"]
    assert [line.split('"')[1] for line in found.detail if line.startswith('+"')] == shown
    assert '+"choice": 1,' in found.detail


def test_answers_of_other_numbers_are_another_structure():
    first, second = (
        response_of({"id": "a", "model": "m", "choices": [{**choice(), "index": index}]}) for index in (0, 1)
    )
    assert compare(record_of(first), second).detail[1:3] == ('-"choice": 0,', '+"choice": 1,')


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
@pytest.mark.parametrize(
    ("then", "now"),
    [
        ('{"a": 1, "b": true}', '{"b": false, "a": 2.5}'),
        ('{"a": null}', '{"a": null }'),
        ('{"a": {"b": "x", "c": 1}}', '{"a": {"c": 2, "b": "y"}}'),
        ('[1, "x", 2]', '["y", 3]'),
        ('[{"a": 1, "b": "x"}, {"b": "y", "a": 2}]', '[{"b": "z", "a": 3}]'),
        ("[]", "[ ]"),
        ("no", "not yet"),
    ],
    ids=str,
)
def test_json_of_one_shape_is_no_change_of_structure(then, now, kind):
    assert (
        compared(choice(then), choice(now), response_format={"type": kind}).change is Change.OTHER_FINGERPRINT
    )


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
@pytest.mark.parametrize(
    ("then", "now", "detail"),
    [
        ('{"a": 1}', '{"b": 1}', ('-"a": "number"', '+"b": "number"')),
        ('{"a": 1}', '{"a": true}', ('-"a": "number"', '+"a": "bool"')),
        ('{"a": 1.5}', '{"a": null}', ('-"a": "number"', '+"a": "NoneType"')),
        ('{"a": "x"}', '{"a": 1.5}', ('-"a": "str"', '+"a": "number"')),
        ('{"a": true}', '{"a": null}', ('-"a": "bool"', '+"a": "NoneType"')),
        ('{"a": [1, "x"]}', '{"a": ["x"]}', ('-"number",',)),
        ('["x"]', '[{"a": ["x"]}]', ('-"str"', "+{", '+"a": [', '+"str"', "+]", "+}")),
        ('"x"', "x", ('-"json": "str",', '+"json": "no JSON",')),
    ],
    ids=str,
)
def test_json_of_another_shape_is_a_change_of_structure(then, now, detail, kind):
    found = compared(choice(then), choice(now), response_format={"type": kind})
    assert found.change is Change.STRUCTURE
    assert tuple(line for line in found.detail if not line.startswith(" ")) == detail


@pytest.mark.parametrize("wanted", [None, {"type": "text"}, {}])
def test_json_that_was_not_asked_for_is_text(wanted):
    assert (
        compared(choice('{"a": 1}'), choice("[]"), response_format=wanted).change is Change.OTHER_FINGERPRINT
    )


def test_no_answer_where_json_was_asked_for_is_no_json():
    called = choice(None, calls=[("f", "{}")])
    assert compared(called, called, **JSON).change is Change.SAME
    assert compared(choice(content=None), choice(content=""), **JSON).change is Change.SAME
    assert compared(choice(content=None, refusal="No."), choice("{}", refusal="No."), **JSON).detail[1:3] == (
        '-"json": "no JSON",',
        '+"json": {},',
    )


def nested(depth, inner, *, lists):
    return "[" * depth + inner + "]" * depth if lists else '{"a": ' * depth + inner + "}" * depth


@pytest.mark.parametrize("lists", [True, False], ids=["lists", "objects"])
@pytest.mark.parametrize("depth", [1, 99, 100, 101, 450, 990, 20_000])
def test_json_however_deep_is_compared(depth, lists):
    deep, other, deeper, named = (
        nested(depth, inner, lists=lists) for inner in ("1", "3", "[2]", '{"b": 2}')
    )
    assert compared(choice(deep), choice(deep), **JSON).change is Change.SAME
    assert compared(choice(deep), choice(other), **JSON).change is Change.OTHER_FINGERPRINT
    called, again = (choice(calls=[("f", arguments)]) for arguments in (deep, other))
    assert compared(called, called).change is Change.SAME
    assert compared(called, again).change is Change.OTHER_FINGERPRINT
    # Below a hundred levels a part is a part, whatever its shape.
    assert (compared(choice(deep), choice(deeper), **JSON).change is Change.STRUCTURE) == (depth <= 100)
    assert (compared(choice(deeper), choice(named), **JSON).change is Change.STRUCTURE) == (depth < 100)


def test_what_is_too_deep_to_compare_is_shown_as_left_out():
    then, now = (choice(nested(100, inner, lists=False)) for inner in ("1", "[1]"))
    assert compared(then, now, **JSON).detail[1:3] == ('-"a": "number"', '+"a": "…"')
