"""From blocks to the element tree that Python-Markdown works on, and from there to HTML."""

import itertools
import re
from xml.etree.ElementTree import Element, SubElement

from markdown.util import AtomicString

from jupyter_prem.structure import MAX_FILLED, Node, cells

from . import _code
from ._stash import Stash

MAX_INLINE = 4_000  # characters of one text that inline patterns see at a time
MAX_MARKS = 240  # of them, how many may be marks: patterns are quadratic in those

_MARKS = str.maketrans("", "", "[]!*_`~$<&\\:")
_PIECE = re.compile(r"(?s).{1,4000}(?:(?<=\s)|$)|\S{1,4000}")
_TASK = re.compile(r"\[([ xX])\](?=[ \t\n])[ \t]*")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f]")
_BOX = '<span class="pm-box" role="checkbox" aria-disabled="true" aria-checked="{}">{}</span> '
_WRAP = ('<div class="pm-table">', "</div>")


class Builder:
    """Turns blocks into elements whose texts wait for the inline patterns.

    Args:
        stash: Where code blocks wait.
    """

    def __init__(self, stash: Stash) -> None:
        self._stash = stash

    def build(self, node: Node) -> Element:
        """Build the tree of one block.

        Args:
            node: The block; it is used up.

        Returns:
            An element that holds it.
        """
        root = Element("div")
        self._add(root, node)
        return root

    def _add(self, parent: Element, node: Node) -> None:
        if node.kind == "para":
            _inline(SubElement(parent, "p"), node.lines)
        elif node.kind == "heading":
            _inline(SubElement(parent, f"h{node.number}"), node.lines)
        elif node.kind in ("fence", "code"):
            self._code(parent, node)
        elif node.kind == "quote":
            quote = SubElement(parent, "blockquote")
            for child in node.children:
                self._add(quote, child)
        elif node.kind == "list":
            self._list(parent, node)
        elif node.kind == "table":
            self._table(parent, node)
        else:
            SubElement(parent, "hr")

    def _code(self, parent: Element, node: Node) -> None:
        lines = node.lines
        if node.kind == "code":
            while lines and not lines[-1].strip():
                lines.pop()
        html = _code.block("\n".join(lines), node.info)
        SubElement(parent, "pre").text = AtomicString(self._stash.keep(html))

    def _list(self, parent: Element, node: Node) -> None:
        loose = _loose(node)
        outer = SubElement(parent, "ul" if node.number < 0 else "ol")
        if node.number > 1 or node.number == 0:
            outer.set("start", str(node.number))
        for item in node.children:
            li = SubElement(outer, "li")
            box = self._task(item)
            if box:
                li.text = AtomicString(box)
            for child in item.children:
                if child.kind == "para" and not loose:
                    # No pattern sees two tight paragraphs at once: the allow-list unwraps the span.
                    _inline(SubElement(li, "span"), child.lines)
                else:
                    self._add(li, child)

    def _task(self, item: Node) -> str:
        first = item.children[0] if item.children else None
        if first is None or first.kind != "para" or not (found := _TASK.match("\n".join(first.lines))):
            return ""
        first.lines[0] = first.lines[0][found.end() :]
        done = found.group(1) != " "
        return self._stash.keep(_BOX.format("true" if done else "false", "\u2611" if done else "\u2610"))

    def _table(self, parent: Element, node: Node) -> None:
        SubElement(parent, "span").text = AtomicString(self._stash.keep(_WRAP[0]))
        table = SubElement(parent, "table")
        _row(SubElement(SubElement(table, "thead"), "tr"), "th", cells(node.lines[0]), node.aligns)
        body = SubElement(table, "tbody") if len(node.lines) > 1 else table
        filled = 0
        for line in node.lines[1:]:
            row = cells(line)[: len(node.aligns)]
            missing = len(node.aligns) - len(row)
            filled += missing
            if filled <= MAX_FILLED:
                row += [""] * missing
            _row(SubElement(body, "tr"), "td", row, node.aligns)
        SubElement(parent, "span").text = AtomicString(self._stash.keep(_WRAP[1]))


def serialise(root: Element) -> str:
    """Write a tree as HTML, every text and attribute escaped.

    Args:
        root: The tree.

    Returns:
        HTML, the root's own tags included.
    """
    parts: list[str] = []
    _write(root, parts)
    return "".join(parts)


def _write(element: Element, parts: list[str]) -> None:
    attributes = "".join(f' {key}="{_escape(_CONTROL.sub("", value))}"' for key, value in element.items())
    parts.append(f"<{element.tag}{attributes}>")
    if element.tag not in ("br", "hr"):
        if element.text:
            parts.append(_escape(element.text))
        for child in element:
            _write(child, parts)
        parts.append(f"</{element.tag}>")
    if element.tail:
        parts.append(_escape(element.tail))


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _inline(element: Element, lines: list[str]) -> None:
    """Give a text to the inline patterns, in pieces that keep them quick."""
    text = "\n".join(lines).strip(" \t")
    if len(text) <= MAX_INLINE and len(text) - len(text.translate(_MARKS)) <= MAX_MARKS:
        element.text = text
        return
    for piece in _PIECE.findall(text):
        marks = len(piece) - len(piece.translate(_MARKS))
        SubElement(element, "span").text = piece if marks <= MAX_MARKS else AtomicString(piece)


def _row(row: Element, tag: str, texts: list[str], aligns: list[str]) -> None:
    for text, align in zip(texts, aligns, strict=False):
        cell = SubElement(row, tag)
        if align:
            cell.set("align", align)
        _inline(cell, [text])


def _loose(node: Node) -> bool:
    """Whether blank lines stand between a list's items or between the blocks of one (CommonMark 5.3)."""
    _extend(node)
    rows = [node.children, *(item.children for item in node.children)]
    return any(after.first > before.last + 1 for row in rows for before, after in itertools.pairwise(row))


def _extend(node: Node) -> None:
    for child in node.children:
        _extend(child)
        node.last = max(node.last, child.last)
