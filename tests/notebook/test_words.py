"""Splitting lines, and keeping %chat lines as typed."""

from __future__ import annotations

import random
import shlex

import pytest

from jupyter_prem.notebook._options import OPTIONS, OptionError
from jupyter_prem.notebook._transform import keep_cells, keep_lines
from jupyter_prem.notebook._words import expression_parts, split_line, split_options

LINES = [
    ("", [], ""),
    ("why", [], "why"),
    ('what\'s up, "doc"?', [], 'what\'s up, "doc"?'),
    ("-t 0.5 what's up?", ["--temperature=0.5"], "what's up?"),
    ("-t0.5 hi", ["--temperature=0.5"], "hi"),
    ("--temperature=0.5 hi", ["--temperature=0.5"], "hi"),
    ("-s 'be brief' hi", ["--system=be brief"], "hi"),
    ('-s "be \\"brief\\"" hi', ['--system=be "brief"'], "hi"),
    ("-s '' hi", ["--system="], "hi"),
    ("-s '-x' hi", ["--system=-x"], "hi"),
    ("-t -1 hi", ["--temperature=-1"], "hi"),
    ("--stop a --stop b hi", ["--stop=a", "--stop=b"], "hi"),
    ("--raw -- -t is an option", ["--raw"], "-t is an option"),
    ("--once  spaces   stay ", ["--once"], "spaces   stay"),
    ("--nonsense hi", ["--nonsense"], "hi"),
    ("-m {{ d['a b'] }} hi", ["--model=<{{ d['a b'] }}>"], "hi"),
    ("-s 'x {{ a }} y' hi {{ b }}", ["--system=<x {{ a }} y>"], "hi {{ b }}"),
    ('-s {{ f("}}") }} hi', ['--system=<{{ f("}}") }}>'], "hi"),
    ("- is a dash", ["-"], "is a dash"),
    ("-s {{ {'a':{'b':'z'}}['a']['b'] }} hi", ["--system=<{{ {'a':{'b':'z'}}['a']['b'] }}>"], "hi"),
    (r"-s {{ 'it\'s' }} it's", [r"--system=<{{ 'it\'s' }}>"], "it's"),
    ("--system={{ {'a':{}} }} -t 0 hi", ["--system=<{{ {'a':{}} }}>", "--temperature=0"], "hi"),
    ('-s "x {{ d["}}"] }} y" hi', ['--system=<x {{ d["}}"] }} y>'], "hi"),
    ("-t 0 hi {{ {'a': 1} }} {{ open", ["--temperature=0"], "hi {{ {'a': 1} }} {{ open"),
    (
        "--raw -s '{{ open' -t 0 it's {{ x }}",
        ["--raw", "--system={{ open", "--temperature=0"],
        "it's {{ x }}",
    ),
    ("-s \U000f0000{{ a }} \U000f0000", ["--system=<\U000f0000{{ a }}>"], "\U000f0000"),
    ('-s "\\{{ a }}" hi', ["--system=<\\{{ a }}>"], "hi"),
]


@pytest.mark.parametrize(("line", "words", "prompt"), LINES)
def test_a_line_is_options_and_a_prompt_as_typed(line, words, prompt):
    def expand(word):
        return f"<{word}>" if "{{" in word else word

    assert split_line(line, expand) == (words, prompt)


@pytest.mark.parametrize("line", ["-s 'open", "-t", "--model", "-s x\\"])
def test_an_open_quote_or_a_missing_value_is_an_error(line):
    with pytest.raises(OptionError):
        split_options(line, str)


def test_words_without_expressions_are_a_shells():
    chosen = random.Random(3)  # noqa: S311 - a sample, no secret
    for _ in range(5000):
        text = "-" + "".join(chosen.choice("ab '\"\\-=} \t#") for _ in range(chosen.randrange(12)))
        try:
            first = next(iter(shlex.split(text)))
        except ValueError:
            continue
        if first.startswith("-") and not first.startswith(
            tuple(flag for option in OPTIONS for flag in option.flags)
        ):
            assert split_line(text, str)[0][:1] == [first] or first == "--", text


PARTS = {
    "city={{ {'a':{'b':['x','y']}}['a']['b'] }} -o runs": [
        "city={{ {'a':{'b':['x','y']}}['a']['b'] }}",
        "-o",
        "runs",
    ],
    r"a={{ 'it\'s' }} b='x y'": [r"a={{ 'it\'s' }}", "b='x y'"],
    "  a=1\t b=2 ": ["a=1", "b=2"],
}


@pytest.mark.parametrize("line", PARTS)
def test_a_line_is_split_outside_of_quotes_and_expressions(line):
    assert expression_parts(line, " \t\n") == PARTS[line]


@pytest.mark.parametrize("line", ["a={{ x", "a='x", "a={{ ( }} b", "it's"])
def test_what_is_left_open_is_an_error(line):
    with pytest.raises(OptionError, match="left open"):
        expression_parts(line, " ")


def test_every_option_has_a_name_of_its_own():
    flags = [flag for option in OPTIONS for flag in option.flags]
    assert len(flags) == len(set(flags))


KEPT = [
    ("%chat why?\n", "get_ipython().run_line_magic('chat', 'why?')\n"),
    ("%chat what's up??\n", "get_ipython().run_line_magic('chat', \"what's up??\")\n"),
    ("x = %chat why?\n", "x = get_ipython().run_line_magic('chat', 'why?')\n"),
    ("    y = %chat why?\n", "    y = get_ipython().run_line_magic('chat', 'why?')\n"),
    ("d['k'] = %chat why?", "d['k'] = get_ipython().run_line_magic('chat', 'why?')"),
    ("%chat?\n", "%chat?\n"),
    ("%chat??\n", "%chat??\n"),
    ("%chat\n", "%chat\n"),
    ("%chatter why?\n", "%chatter why?\n"),
    ("%prem switch what?\n", "get_ipython().run_line_magic('prem', 'switch what?')\n"),
    ("x = %prem regenerate --seed 3\n", "x = get_ipython().run_line_magic('prem', 'regenerate --seed 3')\n"),
    ("%prem?\n", "%prem?\n"),
    ("x == %chat\n", "x == %chat\n"),
    ("print('%chat why?')\n", "print('%chat why?')\n"),
]


@pytest.mark.parametrize(("line", "expected"), KEPT)
def test_a_chat_line_is_kept_as_typed(line, expected):
    assert keep_lines([line]) == [expected]


def test_strings_and_cell_magics_are_left_alone():
    text = ["x = '''\n", "%chat why?\n", "'''\n", "%chat it's\n", "%chat why?\n"]
    kept = keep_lines(text)
    assert kept[:3] == text[:3]
    assert kept[3] == "get_ipython().run_line_magic('chat', \"it's\")\n"
    assert kept[4] == "get_ipython().run_line_magic('chat', 'why?')\n"
    cell = ["%%bash\n", "%chat why?\n"]
    assert keep_lines(cell) == cell


def called(line, body, magic="chat"):
    return [f"get_ipython().run_cell_magic({magic!r}, {line!r}, {body!r})\n"]


CELLS = {
    "prompts": (["%%chat\n", ">>> 1/0\n", "In [3]: x\n", "... y"], called("", ">>> 1/0\nIn [3]: x\n... y")),
    "options": (["%%prem  -t 0 --raw \n", "{{ x }}\n"], called("-t 0 --raw", "{{ x }}\n", "prem")),
    "blank before": (["\n", "%%chat\n", "  hi"], called("", "  hi")),
    "indented": (["  %%chat\n", "  hi\n", "    you"], called("", "hi\n  you")),
    "no body": (["%%chat -s x"], called("-s x", "\n")),
    "help": (["%%chat?"], ["%%chat?"]),
    "another": (["%%chatter\n", "hi"], ["%%chatter\n", "hi"]),
    "code": (["x = 1\n", "%%chat\n"], ["x = 1\n", "%%chat\n"]),
    "nothing": (["\n"], ["\n"]),
}


@pytest.mark.parametrize("name", CELLS)
def test_the_body_of_a_cell_is_kept_as_typed(name):
    lines, expected = CELLS[name]
    assert keep_cells(lines) == expected
