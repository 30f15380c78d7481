"""Markdown made harmless, for whoever shows a bundle's ``text/markdown`` alone.

JupyterLab trusts the output of a cell that was run: its Markdown view runs scripts, loads images and
puts a fence's info string into an attribute. U+2060 (word joiner) is invisible and has no place in the
syntax of HTML or Markdown, so one of it disarms a construct wherever it stands, in code as well.
"""

import re

from jupyter_prem.structure import language

from ._math import DOLLARS, disarm, prose
from ._text import clean

_JOINER = "\u2060"
_TAG = re.compile(r"<(?=[A-Za-z!/?])")
_LINK = re.compile(r"\](?=[(\[:])|!(?=\[)")
_FENCE = re.compile(r"^([ \t>*+\-\d.)\[\]xX]*)(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
# The colon stands first, and what is before it is looked at where there is one.
_SCHEME = re.compile(
    r"(?i):(?:(?<=\bjavascript:)|(?<=\bvbscript:)|(?<=\bdata:)|(?<=\bfile:)|(?<=\bblob:)|(?<=\bfilesystem:)|(?<=\bftp:))"
)
_DOLLAR = re.compile(
    r"(?P<code>^[ >]{0,12}(?P<fence>`{3,}|~{3,})(?:[^`~]|(?!(?P=fence))[`~])*(?P=fence)?"
    r"|(?P<tick>`+)[^`]*(?P=tick))"
    rf"|(?P<math>{DOLLARS})|(?P<two>\$\$)|(?<!\\)(?P<one>\$)",
    re.MULTILINE,
)
_MAX_DOLLARS = 2_000
_DRAWN = frozenset({"mermaid"})  # JupyterLab draws these, links and labels included


def inert_markdown(text: str) -> str:
    """Take from Markdown what could act, and keep what it says.

    Args:
        text: Any text.

    Returns:
        Markdown that shows the same words, in which no HTML, image, link or drawing is left.
    """
    text = _FENCE.sub(_fence, clean(text))
    if "$" in text and text.count("$") <= _MAX_DOLLARS:
        text = _DOLLAR.sub(_dollar, text)
    text = _TAG.sub("<" + _JOINER, text)
    text = _LINK.sub(lambda found: found.group() + _JOINER, text)
    return _SCHEME.sub(_JOINER + ":", disarm(text, _JOINER))


def _fence(found: re.Match[str]) -> str:
    before, run, info = found.groups()
    if run[0] == "`" and "`" in info:
        return found.group().replace('"', "\u201d")  # code within a line, here; elsewhere perhaps a fence
    word = language(info)
    return before + run + ("" if word in _DRAWN else word)


def _dollar(found: re.Match[str]) -> str:
    text = found.group()
    if found.lastgroup == "one" or (found.group("math") and prose(text[1:-1])):
        return text.replace("$", "\\$")
    return text
