"""The block structure of CommonMark 0.31 and GFM tables, one line at a time.

The algorithm is the one in the appendix of the CommonMark specification: each line first continues the
open containers, then may open new ones, and what is left is text. HTML blocks do not exist here:
HTML is text. Each line costs a bounded number of containers, whatever came before.
"""

import re

from ._cursor import Cursor
from ._formulas import opened
from ._node import Node
from ._tables import cells, delimiters

MAX_OPEN, MAX_REFERENCES = 40, 500  # containers inside one another; what is deeper is text
_ATX = re.compile(r"(#{1,6})(?:[ \t]+|$)")
_ATX_END = re.compile(r"(?:^|[ \t]+)#+[ \t]*$")
_FENCE = re.compile(r"(`{3,})([^`]*)$|(~{3,})(.*)$")
_SETEXT = re.compile(r"(?:=+|-+)[ \t]*$")
_RULE = re.compile(r"(?:\*[ \t]*){3,}$|(?:-[ \t]*){3,}$|(?:_[ \t]*){3,}$")
_MARKER = re.compile(r"(?:([-+*])|([0-9]{1,9})([.)]))(?=[ \t]|$)")
_REFERENCE = re.compile(
    r" {0,3}\[(?!\^)((?:[^\[\]\\]|\\.){1,999})\]:[ \t]*\n?[ \t]*(<[^<>\n]*>|[^\s<]\S*)"
    r"(?:(?:[ \t]+|[ \t]*\n[ \t]*)"
    r"(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\((?:[^()\\]|\\.)*\)))?[ \t]*(?:\n|$)"
)


class Blocks:
    """Reads lines, grows a tree.

    Attributes:
        doc: The root; all but the last of its children are final.
        references: Link targets by normalised label, as (target, title).
    """

    def __init__(self) -> None:
        self.doc = Node("doc", 0, 0)
        self.references: dict[str, tuple[str, str]] = {}
        self._stack = [self.doc]
        self._leaf: Node | None = None
        self._line = 0

    def feed(self, text: str) -> None:
        """Take the next line.

        Args:
            text: The line without its line feed.
        """
        if len(self._stack) > 1 or not self._plain(text):
            cursor = Cursor(text)
            depth = self._descend(cursor)
            if not (depth == len(self._stack) and self._verbatim(cursor)):
                self._place(cursor, depth)
        self._line += 1

    def close(self) -> Node:
        """End the document.

        Returns:
            The root of the tree.
        """
        self._close(1)
        self._close_leaf()
        return self.doc

    def _plain(self, text: str) -> bool:
        """Take a line outside all containers whose first character decides; nearly every line is one."""
        leaf, first = self._leaf, text[:1]
        kind = leaf.kind if leaf else ""
        if leaf is None or kind == "para":
            if first.isalpha():
                self._continue(leaf or self._open("para", 1), text)
                return True
            if not first:
                self._close_leaf()
                return True
            return False
        if kind == "fence":
            take = leaf.mark[0] not in text and (leaf.number == 0 or first not in (" ", "\t"))
        else:
            take = kind == "table" and first == "|"
        if take:
            leaf.lines.append(text)
            leaf.last = self._line
        return take

    def _descend(self, cursor: Cursor) -> int:
        """Continue open containers; returns how many of the stack go on."""
        depth = 1
        for node in self._stack[1:]:
            if node.kind == "quote":
                cursor.look()
                if not (cursor.indent < 4 and cursor.char == ">"):  # noqa: PLR2004 - code begins there
                    break
                cursor.marker(1)
            elif node.kind == "item":
                cursor.look()
                if cursor.blank:
                    if not node.children:
                        break
                    cursor.enter()
                elif cursor.indent >= node.number:
                    cursor.skip(node.number)
                else:
                    break
            depth += 1
        return depth

    def _verbatim(self, cursor: Cursor) -> bool:
        """Add the line to an open code block or formula, if it belongs there."""
        leaf = self._leaf
        if leaf is None:
            return False
        cursor.look()
        if leaf.kind == "fence":
            leaf.last = self._line
            found = _FENCE.match(cursor.text, cursor.next) if cursor.indent < 4 else None  # noqa: PLR2004 - idem
            run = (found.group(1) or found.group(3)) if found else ""
            if found and run.startswith(leaf.mark) and not (found.group(2) or found.group(4) or "").strip():
                self._leaf = None
            else:
                cursor.skip(min(cursor.indent, leaf.number))
                leaf.lines.append(cursor.rest())
            return True
        if leaf.kind == "code" and (cursor.blank or cursor.indent >= 4):  # noqa: PLR2004 - code
            cursor.skip(4)
            leaf.lines.append(cursor.rest())
            leaf.last = leaf.last if cursor.blank else self._line
            return True
        if leaf.kind == "para" and leaf.mark and not cursor.blank:
            self._continue(leaf, cursor.text[cursor.next :])
            return True
        return False

    def _place(self, cursor: Cursor, depth: int) -> None:
        """Open what the line opens, then give the rest to a leaf."""
        while True:
            cursor.look()
            if cursor.blank:
                break
            if cursor.indent >= 4:  # noqa: PLR2004 - the specification's indented code
                if self._leaf is None or self._leaf.kind != "para":
                    code = self._open("code", depth)
                    cursor.skip(4)
                    code.lines.append(cursor.rest())
                    return
                break
            if self._leaf_start(cursor, depth):
                return
            if len(self._stack) >= MAX_OPEN or not self._container_start(cursor, depth):
                break
            depth = len(self._stack)
        self._text(cursor, depth)

    def _text(self, cursor: Cursor, depth: int) -> None:
        leaf = self._leaf
        if cursor.blank:
            if depth < len(self._stack):
                self._close(depth)
            elif leaf is not None:
                self._close_leaf()
        elif leaf is not None and leaf.kind == "para":
            self._continue(leaf, cursor.text[cursor.next :])
        elif leaf is not None and leaf.kind == "table" and depth == len(self._stack):
            leaf.lines.append(cursor.text[cursor.next :])
            leaf.last = self._line
        else:
            self._continue(self._open("para", depth), cursor.text[cursor.next :])

    def _continue(self, leaf: Node, line: str) -> None:
        leaf.lines.append(line)
        leaf.last = self._line
        if leaf.mark:
            if leaf.mark in line:
                leaf.mark = ""
        elif "$$" in line or "\\" in line:
            leaf.mark = opened(line)

    def _leaf_start(self, cursor: Cursor, depth: int) -> bool:
        text, at = cursor.text, cursor.next
        char = cursor.char
        para = self._leaf if self._leaf and self._leaf.kind == "para" and depth == len(self._stack) else None
        if para and char in "|-:" and self._table(para, text[at:]):
            return True
        if para and char in "=-" and _SETEXT.match(text, at) and self._references(para):
            para.kind, para.number, para.last = "heading", 1 if char == "=" else 2, self._line
            self._leaf = None
            return True
        if char == "#" and (found := _ATX.match(text, at)):
            heading = self._open("heading", depth)
            heading.number = len(found.group(1))
            heading.lines.append(_ATX_END.sub("", text[found.end() :].rstrip(" \t")))
            self._leaf = None
        elif char in "`~" and (found := _FENCE.match(text, at)):
            fence = self._open("fence", depth)
            fence.mark = found.group(1) or found.group(3)
            fence.info = (found.group(2) or found.group(4) or "").strip()
            fence.number = cursor.indent
        elif char in "*-_" and _RULE.match(text, at):
            self._open("rule", depth)
            self._leaf = None
        else:
            return False
        return True

    def _container_start(self, cursor: Cursor, depth: int) -> bool:
        if cursor.char == ">":
            self._push("quote", depth)
            cursor.marker(1)
            return True
        found = _MARKER.match(cursor.text, cursor.next)
        if not found:
            return False
        bullet, number, delimiter = found.groups()
        if self._leaf and self._leaf.kind == "para" and depth == len(self._stack):
            # CommonMark 5.2: only a list that starts with 1 and with text may interrupt a paragraph.
            starts_low = bullet or int(number) == 1
            if not starts_low or not cursor.text[found.end() :].strip(" \t"):
                return False
        mark = bullet or delimiter
        around = self._stack[depth - 1]
        if around.kind == "list" and around.mark == mark:
            self._close(depth)
        else:
            new = self._push("list", depth)
            new.mark, new.number = mark, -1 if bullet else int(number)
        indent = cursor.indent
        item = self._push("item", len(self._stack))
        item.number = indent + cursor.item(found.end() - found.start())
        return True

    def _table(self, para: Node, text: str) -> bool:
        aligns = delimiters(text)
        if aligns is None or "|" not in para.lines[-1] or len(cells(para.lines[-1])) != len(aligns):
            return False
        header = para.lines.pop()
        if para.lines:
            para.last -= 1
        else:
            self._stack[-1].children.pop()
            self._leaf = None
        table = self._open("table", len(self._stack))
        table.first, table.last, table.aligns = self._line - 1, self._line, aligns
        table.lines.append(header)
        return True

    def _push(self, kind: str, depth: int) -> Node:
        node = self._open(kind, depth)
        self._leaf = None
        self._stack.append(node)
        return node

    def _open(self, kind: str, depth: int) -> Node:
        self._close(depth)
        self._close_leaf()
        if kind != "item":
            while self._stack[-1].kind == "list":
                self._stack.pop()
        node = Node(kind, self._line, self._line)
        self._stack[-1].children.append(node)
        self._leaf = node
        return node

    def _close(self, depth: int) -> None:
        if depth < len(self._stack):
            self._close_leaf()
            del self._stack[depth:]

    def _close_leaf(self) -> None:
        leaf, self._leaf = self._leaf, None
        if leaf is not None and leaf.kind == "para" and not self._references(leaf):
            for parent in reversed(self._stack):
                if parent.children and parent.children[-1] is leaf:
                    parent.children.pop()
                    break

    def _references(self, para: Node) -> bool:
        """Take link reference definitions off the head of a paragraph; is anything left?"""
        if not para.lines:  # they were taken when an underline was looked for, and it was a rule
            return False
        if not para.lines[0].startswith("["):
            return True
        text, at = "\n".join(para.lines), 0
        while text.startswith("[", at) and (found := _REFERENCE.match(text, at)):
            label, target, title = found.groups()
            if len(self.references) < MAX_REFERENCES:
                key = " ".join(label.lower().split())
                self.references.setdefault(key, (target.strip("<>"), title[1:-1] if title else ""))
            at = found.end()
        if at:
            para.lines = text[at:].split("\n") if text[at:] else []
        return bool(para.lines)
