"""The words of a web page that answered in an API's place."""

from __future__ import annotations

from html.parser import HTMLParser

__all__ = ["is_page", "page_words"]

_UNSEEN = frozenset({"head", "script", "style", "template", "noscript"})
_SHOWN_THERE = frozenset({"title"})  # of the head
_LONGEST = 100_000  # characters that are looked at


def is_page(text: str) -> bool:
    """Whether a text is one of HTML, or of XML."""
    return text.lstrip("\ufeff \t\r\n").startswith("<")


def page_words(text: str) -> str:
    """Return what a person would read on a page: its title and its words, no scripts and no styles."""
    words = _Words()
    words.feed(text[:_LONGEST])
    words.close()
    return " ".join(" ".join(words.found).split())


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the parser's signature
        if tag in _UNSEEN or tag in _SHOWN_THERE:
            self._open.append(tag)
        elif tag == "body":
            self._open.clear()  # whatever was left open before it

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            del self._open[self._open.index(tag) :]

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] in _SHOWN_THERE:
            self.found.append(data)
