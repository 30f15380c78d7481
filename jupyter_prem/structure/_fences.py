"""The code that a text holds."""

import re
from typing import Self

from ._blocks import Blocks

_WORD = re.compile(r"[A-Za-z0-9_+#.-]{1,24}")


class CodeBlock(str):
    """The exact code of a fenced block, and the language that its fence names.

    Attributes:
        language: First word of the info string in lower case; empty where that is no plain word.
    """

    __slots__ = ("language",)
    language: str

    def __new__(cls, code: str, language: str = "") -> Self:
        """Return `code` as a block."""
        block = super().__new__(cls, code)
        block.language = language
        return block


def code_blocks(text: str) -> list[CodeBlock]:
    """The fenced code blocks of a Markdown text, in its order, wherever they are nested.

    Args:
        text: The text; a fence left open ends with it.

    Returns:
        Each block's code without its fences and without the line feed before the closing one.
    """
    if "```" not in text and "~~~" not in text:
        return []
    blocks = Blocks()
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        blocks.feed(line)
    found: list[CodeBlock] = []
    waiting = [blocks.close()]
    while waiting:
        node = waiting.pop()
        if node.kind == "fence":
            found.append(CodeBlock("\n".join(node.lines), language(node.info)))
        waiting.extend(reversed(node.children))
    return found


def language(info: str) -> str:
    """The bare word of a fence's info string.

    Args:
        info: What stands after the fence; models are told it by strangers.

    Returns:
        Its first word in lower case if that is a plain word, else nothing.
    """
    first = info.split(None, 1)[0].strip("{}.") if info.strip() else ""
    return first.lower() if _WORD.fullmatch(first) else ""
