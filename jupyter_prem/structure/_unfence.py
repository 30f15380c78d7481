"""Data that a model put into a code fence, although it was asked for data alone."""

import re

_OPENING = re.compile(r"[ \t]{0,3}(?P<fence>`{3,}|~{3,})[^\n`]*(?:\n|\Z)")


def unfenced(text: str) -> str:
    """The inside of a text that is one fenced block, whole or still open; any other text as it is.

    Args:
        text: An answer, or its beginning.

    Returns:
        The text without a byte order mark, without the fences and what the first one says of itself.
    """
    body = text.removeprefix("\ufeff").replace("\r\n", "\n").strip()
    opening = _OPENING.match(body)
    if opening is None:
        return text.removeprefix("\ufeff")
    inside = body[opening.end() :]
    mark = opening["fence"]
    before, _, last = inside.rpartition("\n")
    closing = last.strip()
    closed = len(closing) >= len(mark) and closing == mark[0] * len(closing)
    return before if closed else inside
