from __future__ import annotations

import pytest

from jupyter_prem.conversation import Template, TemplateError, evaluate, expand
from jupyter_prem.conversation._template import _environment

NAMES = {"a": 1, "city": "Lyon", "evil": "{{ a }}", "d": {"k": [1, 2]}, "quote": "it's", "none": None}

UNTOUCHED = [
    r"\frac{1}{2} $x^{2}$ {x} { x } {} }} }",
    "{% for x in y %} {%- raw %} {# comment #} ## line\n# for",
    '{"json": {"nested": [1, {"a": "$b"}]}}',
    "f'{x}' and {x!r:>10} and ${HOME} $HOME",
    "tabs\tand\n\nblank lines\n\n",
    "",
]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_is_no_expression_is_text(text):
    assert expand(text, {}) == text
    assert expand(f"{text}{{{{ a }}}}", NAMES) == f"{text}1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ a }}", "1"),
        ("{{a}}{{ city }}", "1Lyon"),
        ("{{ evil }}", "{{ a }}"),
        ("{{ '{{ a }}' }}", "{{ a }}"),
        ("{{ d['k'][1] }} {{ d.k[0] }}", "2 1"),
        ("{{ len(city) + a }}", "5"),
        ("{{ city.upper() }}", "LYON"),
        ("{{ city | upper }}", "LYON"),
        ("{{ d | tojson }}", '{"k": [1, 2]}'),
        ("{{ quote }}", "it's"),
        ("{{ none }}", "None"),
        ("{{ a }}\n", "1\n"),
        ('{"k": "{{ city }}"}', '{"k": "Lyon"}'),
    ],
)
def test_an_expression_is_replaced_by_its_value_once(text, expected):
    assert expand(text, NAMES) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ nope }}", "'nope' is undefined"),
        ("{{ city.nope }}", "no attribute 'nope'"),
        ("{{ lipsum() }}", "'lipsum' is undefined"),
        ("line\n{{ a", "line 2"),
        ("{{ }}", "no expression"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ a | nofilter }}", "nofilter"),
    ],
)
def test_what_has_no_value_is_an_error_that_offers_raw(text, words):
    with pytest.raises(TemplateError) as caught:
        expand(text, NAMES)
    assert words in str(caught.value)
    assert "--raw" in str(caught.value)


def test_a_value_is_told_as_it_is_and_a_name_without_one_is_an_error():
    assert evaluate(" d['k'] ", NAMES) is NAMES["d"]["k"]
    assert evaluate("none", NAMES) is None
    with pytest.raises(TemplateError, match="'nope' is undefined"):
        evaluate("nope", NAMES)


def test_few_filters_are_there_and_nothing_else_of_jinja():
    filters = [
        "default",
        "indent",
        "join",
        "length",
        "lower",
        "replace('a', 'b')",
        "round",
        "tojson",
        "trim",
        "upper",
    ]
    for name in filters:
        value = "1.5" if name == "round" else "'a'"
        assert expand(f"{{{{ {value} | {name} }}}}", {})
    for name in ("pprint", "attr('upper')", "map('upper')", "random", "safe"):
        with pytest.raises(TemplateError, match="filter"):
            expand(f"{{{{ 'a' | {name} }}}}", {})
    for name in ("range", "lipsum", "cycler", "joiner", "namespace", "dict"):
        assert name not in _environment().globals


def test_the_names_that_a_template_uses_are_known():
    assert Template("{{ a + len(city) }} and {{ d.k }} of {x}").names == {"a", "len", "city", "d"}
    assert Template("{x} and $y").names == frozenset()
    assert Template("{x} and $y").expand(NAMES) == "{x} and $y"
    assert Template("x {{-a}}").expand({"a": 2}) == "x -2"


@pytest.mark.parametrize("name", ["id", "input", "type", "list", "Warning", "license", "open"])
@pytest.mark.parametrize("around", ["{}", "{} | upper", "'a' ~ {}", "{} if a else city", "{} | trim | lower"])
def test_a_function_of_pythons_is_no_value_unless_it_was_given(name, around):
    text = f"Item {{{{ {around.format(name)} }}}}."
    with pytest.raises(TemplateError, match=f"'{name}' is undefined, but for Python's own {name}") as caught:
        expand(text, NAMES)
    assert "--raw" in caught.value.hint
    assert "Given" in expand(text.replace("| upper", "").replace("| lower", ""), {**NAMES, name: "Given"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ len(city) }}{{ sum([a, 2]) }}{{ str(a) }}", "431"),
        ("{{ type(a) }} {{ type(a).__name__ }}", "<class 'int'> int"),
        ("{{ ', '.join(map(str, d.k)) }}", "1, 2"),
        ("{{ max(d.k) | round }}", "2"),
        ("{{ True }} {{ None }} {{ 2 if False else 1 }}", "True None 1"),
        ("{{ kind }}", "<class 'int'>"),
    ],
)
def test_functions_of_pythons_may_be_called(text, expected):
    assert expand(text, {**NAMES, "kind": int}) == expected


def test_only_the_names_that_are_used_are_looked_up():
    """A notebook's namespace can be large, and one of its values slow to make."""
    looked_up = []

    class Names(dict):
        def __getitem__(self, name):
            looked_up.append(name)
            return super().__getitem__(name)

    names = Names(NAMES, self="me", len=len)
    assert Template("{{ a }} {{ d.k | join }} {{ self }} {{ len(city) }}").expand(names) == "1 12 me 4"
    assert sorted(looked_up) == ["a", "city", "d", "len", "self"]
