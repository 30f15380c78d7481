"""Where expressions end, and that everything outside of them goes out as typed."""

from __future__ import annotations

import random

import pytest

from jupyter_prem.conversation import Template, TemplateError, evaluate, expand, expression_end, expressions

ENDS = {
    "{{ x }}": "rest }}",
    "{{ {'a': {'b': 1}} }}": "",
    "{{ {'a':{'b':'z'}}['a']['b'] }}": " {{ y }}",
    "{{ 'it\\'s' }}": "'",
    '{{ "}}" }}': '"',
    "{{ '}}\\\\' }}": "}}",
    "{{ f([1, (2, {3: {}})]) }}": "}",
    "{{{}}}": "x",
    "{{}}": "}}",
    "{{ a\n'b\nc' }}": "\n",
    "{{x-}}": "}",
}
OPEN = ["{{", "{{ x }", "{{ ( }}", "{{ 'x }}", "{{ it's }}", "{{ {'a': 1 }}", '{{ "\\"}}']


@pytest.mark.parametrize("expression", ENDS)
def test_an_expression_ends_outside_of_quotes_and_brackets(expression):
    text = f"before {expression}{ENDS[expression]}"
    assert expression_end(text, 7) == 7 + len(expression)
    assert next(expressions(text)) == (7, 7 + len(expression))


@pytest.mark.parametrize("text", OPEN)
def test_one_that_is_left_open_has_no_end(text):
    assert expression_end(text, 0) is None
    assert list(expressions(f"{{{{ a }}}} {text}")) == [(0, 7)]
    with pytest.raises(TemplateError):
        expand(text, {"x": 1, "it": 1})


def test_long_texts_are_read_once():
    for part in ("{{ ", "{{'", "\\'", "{", "{{ ( }} ", "}}", "{{ {'a': {}} }}"):
        list(expressions("{{ '" + part * 100_000))
        list(expressions(part * 100_000))


OUTSIDE = [
    r"Fe $\mathrm{Ca^{2+}}$ in ",
    r"$e^{-{x-}}$ ",
    "a\r\nb\rc\n",
    "}} }} {% raw %} {# #} ",
    "\x00<% %>\x00 \x00<# x #>\x00",
    "- + ",
    "'\" ",
    "\u2028\x0b\x0c",
    "  \n\n",
]
INSIDE = {
    "{{-x}}": "-3",
    "{{ +x }}": "3",
    "{{ {'a':{'b':'z'}}['a']['b'] }}": "z",
    "{{ 'it\\'s' }}": "it's",
    "{{ '2+}}' }}": "2+}}",
    "{{ [x, {'k': (x,)}]\n }}": "[3, {'k': (3,)}]",
    "{{x}}": "3",
}


def test_what_is_outside_goes_out_as_typed():
    chosen = random.Random(7)  # noqa: S311 - a sample, no secret
    for _ in range(300):
        text = expected = ""
        for _ in range(chosen.randrange(1, 6)):
            outside, inside = chosen.choice(OUTSIDE), chosen.choice(list(INSIDE))
            text += outside + inside
            expected += outside + INSIDE[inside]
        end = chosen.choice(OUTSIDE)
        assert expand(text + end, {"x": 3}) == expected + end, text


def test_a_fault_is_told_with_its_line():
    with pytest.raises(TemplateError, match="line 4"):
        expand("a\n{{ x }}\r\nb\n{{ x x }}", {"x": 1})


class Topic:
    topic = "cells"

    def asked(self, **names):
        return expand(
            "{{ self.topic }} {{ f(self=1) }} {{ d.self }} {{ self is defined }}", {**names, "self": self}
        )


def test_self_is_a_name_like_others():
    assert Topic().asked(f=lambda self: self, d={"self": 2}) == "cells 1 2 True"
    assert evaluate("self.topic + str(result)", {"self": Topic(), "result": 3}) == "cells3"
    assert Template("{{ self.topic }} {{ a.self }} {{ f(self=b) }} self").names == {"self", "a", "f", "b"}
    for of in (expand, lambda text, names: evaluate(text[2:-2], names)):
        with pytest.raises(TemplateError, match="'self' is undefined"):
            of("{{ self }}", {})
