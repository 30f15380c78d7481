"""Answers so long that the page's server would drop them.

One output over 3 MB is never shown nor saved (see ``_rate``), so what nobody sees is left out first.
"""

import re
from collections.abc import Callable, Mapping

from ._rate import MOST, size_of

LARGE = MOST - 20_000  # bytes of one output, before it is made smaller
LARGEST = 2_800_000  # bytes of one output that the server still lets through

_SMALL = 200_000  # characters; no output of so few is large
_BEGINNING = 300_000  # characters of an answer that cannot be shown whole
_COLOUR = re.compile(r'<span class="pm-[a-z]">([^<]*)</span>')
_CUT = "\n\n[…] The answer is too long for the page. chat_response.text holds all of it."


def fit(bundle: Mapping[str, object], text: str, shorten: Callable[[str], str]) -> dict[str, object]:
    """Make an output small enough for the page's server.

    Args:
        bundle: MIME type to content.
        text: The answer as ``text/plain`` shows it.
        shorten: Makes HTML of the answer's beginning, where the whole is too long.

    Returns:
        The bundle as it is, if it is small; else one without ``text/markdown``, then without colours in
        code; for an answer near a megabyte ``text/plain`` is its beginning, then ``text/html``, and at last
        the data that a later session would need is left out.
    """
    result = dict(bundle)
    if sum(len(str(part)) for part in result.values()) <= _SMALL or size_of(result) <= LARGE:
        return result
    del result["text/markdown"]
    if size_of(result) > LARGE:
        result["text/html"] = _COLOUR.sub(r"\1", str(result["text/html"]))
    if size_of(result) > LARGEST:
        result["text/plain"] = text[:1000] + _CUT
    if size_of(result) > LARGEST:
        result["text/html"] = shorten(text[:_BEGINNING] + _CUT)
    if size_of(result) > LARGEST:
        result = {kind: part for kind, part in result.items() if kind.startswith("text/")}
    return result
