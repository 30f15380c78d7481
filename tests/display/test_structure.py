"""The block structure of answers, compared with markdown-it-py (CommonMark and GFM)."""

import itertools
import random

import pytest
from structure import ORACLE, shape

from jupyter_prem.display import render


def same(text):
    return shape(render(text)), shape(ORACLE.render(text))


IDIOMS = {
    "list after a line": "Steps:\n- one\n- two\n",
    "ordered list after a line": "Steps:\n1. one\n2. two\n",
    "a number does not interrupt": "The year was\n1984. It was good.\n",
    "an empty item does not interrupt": "text\n-\n",
    "star does not interrupt if empty": "text\n*\nmore\n",
    "table after a line": "Results:\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    "table without outer bars": "a | b\n--|--\n1 | 2\n",
    "table ended by a blank line": "| a |\n|---|\n| 1 |\n\ntext\n",
    "table ended by a heading": "| a |\n|---|\n| 1 |\n# h\n",
    "table ended by a list": "| a |\n|---|\n| 1 |\n- h\n",
    "table continued by words": "| a |\n|---|\n| 1 |\nword\n",
    "table with short and long rows": "| a | b |\n|---|---|\n| 1 |\n| 1 | 2 | 3 |\n",
    "no table, columns differ": "| a | b |\n|---|\n| 1 | 2 |\n",
    "table with an escaped bar": "| a | b |\n|---|---|\n| `1 \\| 2` | 3 |\n",
    "table in an item": "- item\n\n  | a | b |\n  |---|---|\n  | 1 | 2 |\n",
    "table in an item, tight": "- item\n  | a | b |\n  |---|---|\n  | 1 | 2 |\n",
    "table in a quote": "> | a | b |\n> |---|---|\n> | 1 | 2 |\n",
    "table of a header only": "| a | b |\n|---|---|\n",
    "fence after a line": "Code:\n```python\nx = 1\n```\nDone.\n",
    "fence in a list": "1. Do\n   ```sh\n   ls\n   ```\n2. Done\n",
    "fence in a list after a blank": "1. Do\n\n   ```sh\n   ls -l\n\n   cd\n   ```\n\n2. Done\n",
    "fence under a two-space bullet": "- a\n  ```\n  x\n  ```\n- b\n",
    "fence not indented ends the list": "1. Do\n```sh\nls\n```\n2. Done\n",
    "nested fences": "````markdown\n```python\nx\n```\n````\nafter\n",
    "tilde around backticks": "~~~\n```\nx\n```\n~~~\n",
    "fence never closed": "```python\nx = 1\n\ny = 2\n",
    "fence with a longer end": "```\nx\n`````\nafter\n",
    "fence with text after the end": "```\nx\n``` y\nz\n```\n",
    "no fence with backticks in the info": "``` a`b\nx\n",
    "indented fence content": "  ```\n    x\n  y\n ```\n",
    "makefile keeps its tabs": "```make\nall:\n\tcc x.c\n```\n",
    "tab in an item's fence": "- a\n  ```\n  all:\n  \tcc\n  ```\n",
    "two-space nesting": "- a\n  - b\n    - c\n- d\n",
    "four-space nesting": "- a\n    - b\n        - c\n",
    "three-space under number": "1. a\n   - b\n   - c\n2. d\n",
    "two-space under number": "1. a\n  - b\n2. c\n",
    "four-space under number": "1. **a**\n    - b\n    - c\n2. **d**\n    - e\n",
    "loose list": "- a\n\n- b\n\n- c\n",
    "loose by one": "- a\n- b\n\n- c\n",
    "tight outside, loose inside": "- a\n  - b\n\n  - c\n- d\n",
    "item of two paragraphs": "- a\n\n  b\n- c\n",
    "list resumes after text": "1. a\n\ntext\n\n2. b\n",
    "list starting at 5": "5. a\n6. b\n",
    "list starting at 0": "0. a\n1. b\n",
    "markers change": "- a\n* b\n+ c\n",
    "paren list": "1) a\n2) b\n3. c\n",
    "lazy item": "- a\nb\n- c\n",
    "lazy quote": "> a\nb\n",
    "lazy nested quote": "> > a\n> b\nc\n",
    "quote ends": "> a\n\nb\n",
    "quote after a line": "He said:\n> wise words\n> go on\n",
    "two quotes": "> a\n\n> b\n",
    "list in a quote": "> - a\n> - b\n>   - c\n",
    "fence in a quote": "> ```\n> x\n> ```\n",
    "quote leaves an open fence": "> ```\n> x\ny\n",
    "quote in an item": "- a\n  > b\n  > c\n- d\n",
    "heading after a line": "text\n# h\ntext\n",
    "heading without blank": "text\n#h\n",
    "closed heading": "## h ##\n### h #x\n#\n",
    "seven hashes": "####### h\n",
    "setext": "h\n===\n\nk\n---\n",
    "setext of two lines": "a\nb\n===\n",
    "rule": "a\n\n---\n\nb\n***\nc\n_ _ _\n",
    "rule or list": "- - -\n* * *\n* a\n* * *\n",
    "definitions and a rule": "[1]: https://a.example\n---\nb\n",
    "definitions in a quote and a rule": "> [a]: http://x.example\n> ---\n",
    "definitions and what is no rule": "[1]: https://a.example\n===\nb\n",
    "no setext in a quote's lazy line": "> a\n---\n",
    "indented code": "text\n\n    code\n      more\n\n    end\n\ntext\n",
    "indented code does not interrupt": "text\n    more\n",
    "code in an item": "- a\n\n      code\n",
    "item that begins with code": "-     code\n",
    "item after a blank marker": "-\n  a\n",
    "blank marker then blank": "-\n\n  a\n",
    "html is text": "<div>\n# h\n</div>\n",
    "html comment is text": "a <!-- b --> c\n",
    "reference definitions vanish": "[a]: http://x.org\n[b]: <http://y.org> 'title'\n\nsee [a]\n",
    "reference definitions before text": "[a]: http://x.org\ntext [a]\n",
    "bold heading in item": "1. **Title**: text\n   more text\n\n   - sub\n\n2. **Next**\n",
    "trailing blanks": "a  \nb\\\nc\n",
    "deep quotes": "> > > a\n> > b\n",
    "tabs after markers": "-\ta\n\n\tb\n",
    "tab in a quote": ">\t\tcode\n",
    "emphasis over lines": "*a\nb* **c\nd**\n",
    "two lists, comment style": "- a\n- b\n\n\n- c\n",
    "definition style": "**Term**\n: meaning\n",
    "emoji headings": "## 🚀 Start\n- ✅ done\n- ❌ not\n",
    "chinese": "## 标题\n1. 第一\n2. 第二\n\n> 引用\n",
    "arabic": "# عنوان\n- واحد\n- اثنان\n",
    "crlf": "- a\r\n- b\r\n\r\ntext\r\n",
    "long answer": (
        "# Plan\nIntro:\n1. **First** step:\n   ```py\n   x = 1\n   ```\n   and so\n"
        "2. Second\n   - a\n   - b\n\n"
        "| k | v |\n|:--|--:|\n| a | 1 |\n\n> note\n\n---\nEnd.\n"
    ),
}


@pytest.mark.parametrize("text", IDIOMS.values(), ids=IDIOMS.keys())
def test_idioms_have_the_structure_of_commonmark(text):
    ours, theirs = same(text)
    assert ours == theirs


PARTS = [
    "text here\n",
    "more text\n",
    "- one\n- two\n",
    "1. one\n2. two\n",
    "  - nested\n",
    "    - deeper\n",
    "   more\n",
    "```python\nx = 1\n```\n",
    "  ```\n  y\n  ```\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n",
    "> quote\n",
    "> - in\n",
    "# head\n",
    "\n",
    "\n",
    "---\n",
    "    code\n",
    "* star\n",
    "+ plus\n\n",
    "3) paren\n",
    "```\nopen\n",
    "\tx\n",
    "- \n",
    "===\n",
    "> ```\n",
]


def test_mixtures_have_the_structure_of_commonmark():
    for text in map("".join, itertools.product(PARTS, PARTS)):
        ours, theirs = same(text)
        assert ours == theirs, text
    dice = random.Random(1)  # noqa: S311 - no secret
    for _ in range(1500):
        text = "".join(dice.choices(PARTS, k=dice.randint(3, 8)))
        ours, theirs = same(text)
        assert ours == theirs, text


def test_task_lists_have_boxes():
    html = render("- [x] done\n- [ ] open\n1. [X] also\n- [y] no\n- [x]no\n")
    assert html.count('aria-checked="true"') == 2
    assert html.count('aria-checked="false"') == 1
