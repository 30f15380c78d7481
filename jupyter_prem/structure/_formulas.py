r"""Display formulas that span lines: inside them no line is a heading or an item."""

import re

ENVIRONMENTS = r"(?:equation|align|gather|multline|eqnarray|alignat|flalign)\*?"

_OPENED = re.compile(r"\\\[$")
_BEGUN = re.compile(rf"\$\$|\\\[|\\begin\{{(?P<name>{ENVIRONMENTS})\}}")


def opened(line: str) -> str:
    """The end of a display formula that a line begins, or opens last, and does not close.

    Args:
        line: A line of a paragraph.

    Returns:
        What closes the formula, or nothing; until then no line of it is a heading or an item.
    """
    last = line.rstrip()
    if last.endswith("$$") and line.count("$$") % 2:
        return "$$"
    found = _OPENED.search(last) or _BEGUN.match(line)
    if not found:
        return ""
    name = found.groupdict().get("name")
    end = "$$" if line.startswith("$$") else f"\\end{{{name}}}" if name else "\\]"
    return "" if end in line[found.end() :] else end
