"""Rows of GFM tables (GitHub Flavored Markdown 4.10)."""

import re

MAX_COLUMNS = 100
MAX_FILLED = 2000  # empty cells one table is given for rows that are too short

_DELIMITER = re.compile(r"(:?)-+(:?)$")
_BAR = re.compile(r"(?<!\\)\|")


def cells(row: str) -> list[str]:
    r"""Split a row at its bars.

    Args:
        row: A line of the source; ``\|`` is a bar inside a cell.

    Returns:
        The cells, trimmed, without the empty ones outside the outer bars.
    """
    parts = _BAR.split(row.strip(" \t"))
    if parts and not parts[0].strip(" \t"):
        parts = parts[1:]
    if parts and not parts[-1].strip(" \t"):
        parts = parts[:-1]
    return [part.strip(" \t").replace("\\|", "|") for part in parts]


def delimiters(row: str) -> list[str] | None:
    """Read a delimiter row.

    Args:
        row: The line under a possible header.

    Returns:
        left, right, center or nothing for each column, or None if the line is no delimiter row.
    """
    row = row.rstrip(" \t")
    if len(row) < 2 or row[:2] in ("- ", "-\t"):  # noqa: PLR2004 - a heading's underline, an item
        return None
    parts = row.split("|")
    aligns: list[str] = []
    for index, part in enumerate(parts):
        cell = part.strip(" \t")
        if not cell:
            if index in (0, len(parts) - 1):
                continue
            return None
        found = _DELIMITER.match(cell)
        if not found or len(aligns) >= MAX_COLUMNS:
            return None
        left, right = found.groups()
        aligns.append("center" if left and right else "right" if right else "left" if left else "")
    return aligns or None
