"""An answer of any length, as models write them: the benchmarks' text."""

from __future__ import annotations

PARAGRAPH = (
    "Paragraph {0} says **something** about `thing_{0}` and [a page](https://site{0}.example/x), then goes "
    "on for a while as answers do, with a second and a third one that is no shorter than the first.\n\n"
)
SECTION = (
    "## Part {0}\n\nSome words:\n- one {0}\n  - two\n- three\n\n"
    "```python\nfor i in range({0}):\n    print(i, 'x')\n```\n\n"
    "| a | b |\n|---|--:|\n| {0} | 1 |\n\nMath $x_{0}^2$ costs $5.\n\n"
)


def answer_of(size: int, number: int = 0) -> str:
    """Return `size` characters of Markdown, no two sections of which are alike, numbered from `number`."""
    text = ""
    while len(text) < size:
        text += SECTION.format(number) + PARAGRAPH.format(number) * 2
        number += 1
    return text[:size]
