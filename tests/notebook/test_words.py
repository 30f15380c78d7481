"""Splitting lines, and keeping %chat lines as typed."""

from __future__ import annotations

import pytest

from jupyter_prem.notebook._options import OPTIONS, OptionError
from jupyter_prem.notebook._transform import keep_cells, keep_lines
from jupyter_prem.notebook._words import split_line, split_options

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
]


@pytest.mark.parametrize(("line", "words", "prompt"), LINES)
def test_a_line_is_options_and_a_prompt_as_typed(line, words, prompt):
    def expand(word):
        return f"<{word}>" if "{{" in word else word

    assert split_line(line, expand) == (words, prompt)


@pytest.mark.parametrize("line", ["-s 'open", "-t", "--model"])
def test_an_open_quote_or_a_missing_value_is_an_error(line):
    with pytest.raises(OptionError):
        split_options(line, str)


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
