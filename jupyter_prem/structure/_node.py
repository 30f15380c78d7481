"""What the block parser finds."""

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Node:
    """A block: its kind (doc, quote, list, item, para, heading, fence, code, rule, table) and what it holds.

    Attributes:
        first, last: Its lines in the source, from 0; the last has content.
        lines: The text of a leaf, a line each.
        mark: The list's marker character, the fence's run, or the end of an open display formula.
        number: The heading's level, the list's first number (-1: bullets), the item's or fence's indent.
    """

    kind: str
    first: int
    last: int
    lines: list[str] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)
    mark: str = ""
    info: str = ""
    number: int = 0
    aligns: list[str] = field(default_factory=list)
