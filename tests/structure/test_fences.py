from __future__ import annotations

import pickle

import pytest
from markdown_it import MarkdownIt

from jupyter_prem.structure import CodeBlock, code_blocks

TEXTS = {
    "none": "no code, `inline` only",
    "one": "Try:\n```python\nprint(1)\n```\nDone.",
    "tildes": "~~~ r\nx <- 1\n~~~",
    "in_a_list": "1. First\n   ```py\n   def f():\n       return 1\n   ```\n2. Then\n\n   ~~~\n   b\n   ~~~",
    "in_a_quote": "> ```sh\n> ls\n> ```",
    "fence_in_a_fence": "````md\n```python\nx\n```\n````",
    "open": "```python\nwhile True:\n    pass",
    "empty": "```\n```",
    "blank_lines_stay": "```\n\na\n\n\n```",
    "tabs_and_carriage_returns": "```py\r\n\tx = 1\r\n```\r\n",
    "hostile_info": '```" onmouseover=x\ncode\n```',
    "straight_after_text": "Look:\n```js\na\n```\n```css\nb\n```",
}


@pytest.mark.parametrize("name", TEXTS)
def test_blocks_are_those_of_commonmark(name):
    theirs = [token for token in MarkdownIt().parse(TEXTS[name]) if token.type == "fence"]
    assert code_blocks(TEXTS[name]) == [token.content.removesuffix("\n") for token in theirs]


def test_a_block_is_a_string_that_knows_its_language():
    first, second = code_blocks("```Python title=x\na\n```\n\n```\nb\n```")
    assert (first, first.language, second, second.language) == ("a", "python", "b", "")
    again = pickle.loads(pickle.dumps(first))  # noqa: S301 - our own bytes
    assert (again, again.language, type(again)) == ("a", "python", CodeBlock)


def test_a_hostile_info_string_is_no_language():
    (block,) = code_blocks(TEXTS["hostile_info"])
    assert block.language == ""
