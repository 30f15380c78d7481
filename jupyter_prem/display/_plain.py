"""The same text where no HTML is shown: terminals, ``text/plain`` and error messages."""

import re
from collections.abc import Iterable

from ._text import clean

MAX_LINES = 3
MAX_DETAIL = 20
MAX_WIDTH = 400

# ECMA-48: control sequences; strings (OSC, DCS, PM, APC, SOS) up to their end or the line's; short escapes.
ESCAPE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]*[0-~]"
)


# JupyterLab makes links of whatever looks like an address in text, javascript: and data: among it. U+2060
# (word joiner) before the colon is invisible, and no address has it.
_ADDRESS = re.compile(
    r"(?i):(?:(?=//)(?<!\bhttp:)(?<!\bhttps:)|(?<=\bjavascript:)|(?<=\bvbscript:)|(?<=\bdata:)|(?<=\bfile:)|(?<=\bblob:))"
)


def plain(text: str) -> str:
    """A text for ``text/plain``: encodable, every hidden character visible.

    Args:
        text: Any text.

    Returns:
        The text with tab and line feed as its only control characters.
    """
    return clean(text)


def terminal_text(text: str) -> str:
    """A text for a terminal: escape sequences taken out, what else could act made visible.

    Args:
        text: Any text.

    Returns:
        The text with tab and line feed as its only control characters.
    """
    return clean(ESCAPE.sub("", text))


def error_text(lines: Iterable[str], detail: str = "") -> str:
    """An error as the page shows it: what happened, where, what to do next, then what the service said.

    Args:
        lines: What to say; line feeds in them do not make more lines, and three are shown.
        detail: Words of others, shown quoted: 20 lines of 400 characters at most.

    Returns:
        The text, safe for a terminal and for the page.
    """
    shown = [_one_line(line) for line in lines][:MAX_LINES]
    quoted = [_cut(line) for line in terminal_text(detail).strip("\n").split("\n") if detail.strip()]
    if len(quoted) > MAX_DETAIL:
        left = len(quoted) - MAX_DETAIL + 1
        quoted = [*quoted[: MAX_DETAIL - 1], f"… and {left} more lines"]
    return unlinked("\n".join([*shown, *(f"  │ {line}" for line in quoted)]))


def unlinked(text: str) -> str:
    """Keep a page from making links of addresses that are not the web's.

    Args:
        text: A text that is shown without a bundle's HTML.

    Returns:
        The same text to the eye.
    """
    return _ADDRESS.sub("\u2060:", text)


def _one_line(text: str) -> str:
    return _cut(" ".join(terminal_text(text).split()), 3 * MAX_WIDTH)


def _cut(text: str, width: int = MAX_WIDTH) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
