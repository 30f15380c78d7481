"""The words of a web page that answered in an API's place, in time linear in the page."""

from __future__ import annotations

import html

__all__ = ["is_page", "page_words"]

_UNSEEN = frozenset({"script", "style", "template", "noscript"})
_LONGEST = 100_000  # characters that are looked at


def is_page(text: str) -> bool:
    """Whether a text is one of HTML, or of XML."""
    return text.lstrip("\ufeff \t\r\n").startswith("<")


def page_words(text: str) -> str:
    """Return what a person would read on a page: its title and its words, no scripts and no styles."""
    words: list[str] = []
    unseen = ""
    first, *parts = text[:_LONGEST].split("<")
    for part in parts:
        tag, _, rest = part.partition(">")
        name = tag[:20].split(None, 1)[0].lower() if tag[:20].split() else ""
        if unseen:
            unseen = "" if name == f"/{unseen}" else unseen
        elif name in _UNSEEN:
            unseen = name
        if not unseen:
            words.append(rest)
    return " ".join(html.unescape(" ".join([first, *words])).split())
