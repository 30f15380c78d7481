r"""Which dollars are mathematics, and which TeX a page may typeset.

A formula is TeX inside an element of MathJax's own class; commands that make links, load things, set
styles, name elements or redefine other commands are not typeset: such a formula is shown as text.
"""

import html
import re

from jupyter_prem.structure import ENVIRONMENTS

# Pandoc's rule (Extension: tex_math_dollars): no blank inside the dollars, no digit after the closing one.
# Letters around them are shell variables and currencies (US$5).
DOLLARS = (
    r"(?<![\\$0-9A-Za-z])\$(?![\s$])(?P<dollars>(?:[^$\\\n]|\\.|\n(?!\n)){1,1000}?)"
    r"(?<![\s\\])\$(?![0-9A-Za-z$])"
)
ANY = (
    r"(?<!\\)\$\$(?!\$)(?P<two>(?:[^$]|(?<=\\)\$){1,4000}?)(?<!\\)\$\$"
    r"|(?<!\\)\\\((?P<parentheses>(?:[^\\]|\\[^()\[\]]){1,2000}?)\\\)"
    r"|(?<![\\A-Za-z0-9_])\\\[(?P<brackets>(?:[^\\]|\\(?!\]).){1,4000}?)\\\]"
    rf"|\\begin\{{(?P<name>{ENVIRONMENTS})\}}"
    r"(?P<environment>(?:[^\\]|\\(?!end\{)){1,4000}?)\\end\{(?P=name)\}"
    rf"|{DOLLARS}"
)

_FORBIDDEN = re.compile(
    r"\\(?:href|url|style|class|css|cssId|data|require|unicode|U|bbox|html\w*|include\w*|mmlToken|toggle|mathtip|texttip"
    r"|def|gdef|edef|xdef|let|futurelet|global|csname|(?:re|provide)?newcommand|renewcommand|providecommand"
    r"|(?:re)?newenvironment|DeclareMathOperator|Declare\w*|new\w*|input|write|openin|openout|read|catcode"
    r"|ref|eqref|tooltip|special|javascript|texHTML|setOptions?|setoptions|enclose|verb|fcolorbox|refeq)(?![a-zA-Z])",
    re.IGNORECASE,
)
_LABEL = re.compile(r"\\label\s*\{[^{}]*\}")
_CITATION = re.compile(r"[\d\s,;\u2013-]+")
_WORDS = re.compile(r"[^\W\d_]{3,}[,;:.]?\s+(?:[^\W\d_]{2,}|a)\b")
_FORMULA = re.compile(r"[\\^_={}<>]")
_PROCESS = "mathjax_process tex2jax_process"  # MathJax 3 and later; MathJax 2, which nbconvert's pages use


def forbidden(tex: str) -> bool:
    """Whether a formula holds a command that a page must not run.

    Args:
        tex: The formula without its delimiters.

    Returns:
        True if it has to be shown as text.
    """
    return bool(_FORBIDDEN.search(tex)) or tex.count("{") > 400  # noqa: PLR2004 - MathJax recurses


def disarm(text: str, joiner: str) -> str:
    """Break the commands that a page must not run.

    Args:
        text: Any text.
        joiner: What goes between such a command's backslash and its name.

    Returns:
        The text in which none of them is a command.
    """
    return _FORBIDDEN.sub(lambda found: "\\" + joiner + found.group()[1:], text)


def prose(tex: str) -> bool:
    r"""Whether what stands between two dollars, or ``\(`` and ``\)``, reads like words.

    Args:
        tex: The text between them.

    Returns:
        True for ``5 per month or pay 6`` and its like.
    """
    return not _FORMULA.search(tex) and bool(_WORDS.search(tex))


def citation(tex: str) -> bool:
    r"""Whether what stands between ``\[`` and ``\]`` is a number in escaped brackets.

    Args:
        tex: The text between them.

    Returns:
        True for ``1`` and ``2, 3``.
    """
    return bool(_CITATION.fullmatch(tex))


def trusted(tex: str, *, display: bool) -> str:
    """The element that MathJax finds.

    Args:
        tex: A formula that is not forbidden.
        display: Whether it stands on a line of its own.

    Returns:
        HTML that is safe: the formula in it is escaped.
    """
    body = html.escape(_LABEL.sub("", tex).strip(), quote=False)
    if display:
        return f'<span class="{_PROCESS} pm-display">\\[{body}\\]</span>'
    return f'<span class="{_PROCESS}">\\({body}\\)</span>'
