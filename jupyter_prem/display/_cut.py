"""Cutting an unfinished text into what is final and what may still change."""

from dataclasses import dataclass

from jupyter_prem.structure import Blocks, Node

from ._markdown import References, draw, draw_blocks

_LARGE = 1.5  # a block of so many pieces is cut within


@dataclass(slots=True)
class Cut:
    """A text that grows.

    Attributes:
        rest: What is not frozen yet.
        references: The link targets seen so far.
    """

    rest: str = ""
    references: References = ()

    def add(self, text: str) -> None:
        """Let it grow.

        Args:
            text: More, as :func:`clean` gave it.
        """
        self.rest += text


def cut(text: Cut, least: int) -> list[str]:
    """Take finished pieces off the head of a text.

    Args:
        text: The text; what is returned is taken off it.
        least: How long a piece's source must be, in characters.

    Returns:
        The pieces' HTML, in order; usually none or one.
    """
    pieces = []
    while len(text.rest) > least:
        lines = text.rest.split("\n")
        parser = Blocks()
        for line in lines:
            parser.feed(line)
        children = parser.close().children
        known = dict(text.references)
        text.references = tuple((parser.references | known).items())
        last = children[-1] if children else None
        if last is None:
            break
        if sum(map(len, lines[: last.first])) >= least:
            pieces.append(draw_blocks(lines[: last.first], children[:-1], text.references))
            text.rest = "\n".join(lines[last.first :])
            continue
        if len(text.rest) <= _LARGE * least:
            break
        head, rest = _within(lines, last, least)
        if len(rest) >= len(text.rest):
            break
        pieces.append(draw(head, text.references))
        text.rest = rest
    return pieces


def _within(lines: list[str], node: Node, least: int) -> tuple[str, str]:
    """Cut inside a long block; what follows gets the head it needs to read alike."""
    at = _line(lines, least, node)
    again: list[str] = []
    if node.kind == "fence" and at > node.first:
        again = [lines[node.first]]
    elif node.kind == "table" and at > node.first + 1:
        again = ["|" + " |" * len(node.aligns), lines[node.first + 1]]
    elif node.kind == "list":
        starts = [item.first for item in node.children if item.first > node.first]
        at = next((start for start in starts if start >= at), starts[-1] if starts else at)
    if at <= 0 or at >= len(lines) - 1:
        return _words("\n".join(lines), least)
    return "\n".join(lines[:at]), "\n".join([*again, *lines[at:]])


def _line(lines: list[str], least: int, node: Node) -> int:
    """The first line past so many characters, at the block's second at the earliest."""
    size = 0
    for index, line in enumerate(lines):
        size += len(line) + 1
        if size >= least and index > node.first:
            return index + 1
    return len(lines)


def _words(text: str, least: int) -> tuple[str, str]:
    at = text.rfind(" ", least, 2 * least) + 1 or 2 * least
    return text[:at], text[at:]
