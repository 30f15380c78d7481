"""Hostile shapes cost no more than a small factor of plain prose of the same size."""

import json
import time

import pytest

from jupyter_prem.display import _markdown, inert_markdown, plain, render, terminal_text
from jupyter_prem.display._data import data_text

# Generous, for busy machines; on an idle one nothing takes 0.7 s, and one megabyte of nested lists 2 s.
SECONDS = 10.0

SHAPES = {
    "brackets": "[" * 20_000,
    "closing brackets": "]" * 20_000,
    "nested brackets": "[" * 10_000 + "]" * 10_000,
    "links begun": "[a](" * 20_000,
    "images begun": "![a](" * 20_000,
    "stars": "*a " * 20_000,
    "double stars": "**a " * 20_000,
    "stars and underscores": "a*_" * 20_000,
    "underscores": "_a " * 20_000,
    "tildes": "~~a " * 20_000,
    "quotes": ">" * 20_000,
    "quote then lazy lines": "> a\n" + "b\n" * 50_000,
    "ticks": "`a " * 20_000,
    "ticks of all lengths": " ".join("`" * n for n in range(1, 250)),
    "dollars": "$a " * 20_000,
    "double dollars": "$$a " * 20_000,
    "parentheses of TeX": "\\(a " * 20_000,
    "brackets of TeX": "\\[a " * 20_000,
    "environments": "\\begin{align}" * 8_000,
    "backslashes": "\\" * 20_000,
    "tags": "<a " * 20_000,
    "comments": "<!--" * 20_000,
    "entities": "&amp;" * 20_000,
    "urls": "http://a " * 20_000,
    "url with parentheses": "https://a.b/" + ")" * 50_000,
    "nested list": "\n".join("  " * n + "- a" for n in range(1000)),
    "bullets in a line": "- " * 20_000,
    "numbers in a line": "1. " * 20_000,
    "stars in a line": "* " * 10_000 + "x",
    "columns": "|a" * 10_000 + "\n" + "|-" * 10_000,
    "short rows": "|a" * 100 + "\n" + "|-" * 100 + "\n" + "|\n" * 20_000,
    "long table": "|a|b|\n|-|-|\n" + "|x **y**|`z`|\n" * 5_000,
    "one word": "a" * 1_000_000,
    "one line": "a " * 500_000,
    "references": "\n".join(f"[a{n}]: http://x.example/{n}" for n in range(20_000)),
    "uses of references": "".join(f"[a{n}]: http://x.example/{n}\n" for n in range(500))
    + "\n"
    + "[a1] [b\n\n" * 5_000,
    "a definition that fails": "[a]: b " + '"' + "c" * 100_000,
    "footnotes": "[^a]" * 10_000,
    "fences": "```\n" * 20_000,
    "a long info string": "```" + "a" * 100_000,
    "paragraphs of brackets": ("[" * 200 + "\n\n") * 200,
    "paragraphs of everything": ("*a _b [c `d ~~e $f \\( " * 10 + "\n\n") * 200,
    "tabs": "\t" * 20_000 + "a",
    "headings": "a\n=\n" * 10_000,
    "rules": "---\n" * 20_000,
    "formula never closed": "$$\n" + "- a\n" * 20_000,
    "tag characters": "\U000e0041" * 100_000,
    "escapes": "\x1b[31m" * 20_000,
    "escapes never closed": "\x1b]" * 20_000,
    "html code": "```html\n" + "<script>\n" * 4_000 + "```",
    "php code": '```php\n<?php "{$\n' + '"{$\n' * 8_000 + "```",
    "js code": "```js\n" + "/\n" * 15_000 + "```",
    "python code": "```python\n" + "'''\n\"\"\"\n" * 4_000 + "```",
    "c code and blank lines": "```c\nint x;" + "\n" * 30_000 + "```",
    "ipython code and blanks": "```ipython\nint x;" + " \n" * 15_000 + "```",
    "java code of words": "```java\n" + ("the quick brown fox " * 4 + "\n") * 450 + "```",
    "java code of dollars": "```java\n" + ("$ " * 40 + "\n") * 450 + "```",
    "c# code of words": "```cs\n" + "define a\n" * 4_000 + "```",
    "bash code": "```bash\n" + "$(( " * 9_000 + "\n```",
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES.keys())
def test_no_shape_is_slow(text, faults):
    began = time.perf_counter()
    html = render(text)
    inert_markdown(text)
    terminal_text(text)
    plain(text)
    assert time.perf_counter() - began < SECONDS
    assert len(html) <= 12 * len(text) + 2000
    if len(html) < 400_000:
        assert faults(html) == []


@pytest.mark.parametrize("size", [500, 2_000, 20_000])
@pytest.mark.parametrize("unit", ["[", "*a ", "![a](", "`", ">", "- ", "$a", "<", "\\("])
def test_depth_and_marks_are_capped(unit, size):
    html = render(unit * size)
    assert html.count("<blockquote>") <= 40
    assert html.count("<ul>") <= 20


def test_a_million_characters_are_cut_for_the_patterns(monkeypatch):
    seen = []
    engine = _markdown._renderer()._inline._engine
    original = engine._InlineProcessor__handleInline

    def watch(data, *rest):
        seen.append(len(data))
        return original(data, *rest)

    monkeypatch.setattr(engine, "_InlineProcessor__handleInline", watch)
    render("*a* " * 250_000)
    render("word *em* and more\n" * 20_000)
    assert max(seen) <= 4_100


def test_code_as_people_write_it_is_coloured():
    method = "class A {\n    /** The sum. */\n    public int add(int a, int b) {\n        return a + b;\n    }\n}\n"
    for name in ("java", "csharp", "c"):
        assert render(f"```{name}\n" + f"{method}\n\n\n" * 40 + "```").count("<span") > 100


def test_data_that_is_nested_deeply_is_no_larger_for_it():
    data = "[" * 450 + "0," * 60_000 + "0" + "]" * 450
    assert len(data_text(json.loads(data))) < 2 * len(data)
    assert data_text({"a": [[1]]}) == '{\n  "a": [\n    [\n      1\n    ]\n  ]\n}'


def test_text_over_the_cap_is_shown_as_it_is():
    text = "[<b>" * 2000
    assert render(text) == "<p>" + "[&lt;b&gt;" * 2000 + "</p>"
