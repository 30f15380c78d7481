"""Python-Markdown's inline patterns, without raw HTML and with ours beside them."""

import functools
import html
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.inlinepatterns import (
    AutolinkInlineProcessor,
    ImageInlineProcessor,
    ImageReferenceInlineProcessor,
    InlineProcessor,
    LinkInlineProcessor,
    ReferenceInlineProcessor,
    ShortImageReferenceInlineProcessor,
    ShortReferenceInlineProcessor,
)
from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString

from . import _links, _math
from ._stash import Stash
from ._text import clean

if TYPE_CHECKING:
    _Base = LinkInlineProcessor
else:
    _Base = object  # a mixin of Python-Markdown's link patterns

Match = tuple[Element | str | None, int | None, int | None]

_NOTHING: Match = (None, None, None)
_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_ESCAPE = re.compile("\x02(\\d+)\x03")
_CODE = r"(?<![\\`])(`+)(?!`)((?:[^`]|(?!\1(?!`))`+)+?)(?<!`)\1(?!`)"
_URL = r"(?<![\w@/.:=\"'])https?://[^\s<>`|\x00-\x1f]{1,2000}"
_ANGLES = r"<((?:[A-Za-z][A-Za-z0-9+.-]{1,31}://|(?i:mailto):)[^\s<>]*)>"
_MAIL = r"<([\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]+(?:\.[\w-]+)+)>"
_FOOTNOTE = r"(\n(?=\[\^[\w-]{1,32}\]:))|\[\^([\w-]{1,32})\](:[ \t]+)?"


_TRIGGERS = {
    "backtick": "`",
    "math": "$\\",
    "backslash_break": "\\",
    "escape": "\\",
    "br": "<",
    "footnote": "^",
    "reference": "[",
    "link": "[",
    "image_link": "!",
    "image_reference": "!",
    "short_reference": "[",
    "short_image_ref": "!",
    "autolink": "<",
    "mail": "@",
    "url": ":",
    "linebreak": "\n",
    "entity": "&",
}
_MARKS = frozenset("*_~").union(*_TRIGGERS.values())
_WORDY = frozenset({"dollars", "parentheses", "brackets"})  # what words may stand in as well
_NEED_REFERENCES = frozenset({"reference", "image_reference", "short_reference", "short_image_ref"})


class _Code(InlineProcessor):
    def handleMatch(self, m: re.Match[str], data: str) -> Match:  # type: ignore[override]  # noqa: ARG002, N802
        text = m.group(2).replace("\n", " ")
        if text.startswith(" ") and text.endswith(" ") and text.strip(" "):
            text = text[1:-1]  # CommonMark 6.1
        code = Element("code")
        code.text = AtomicString(text)
        return code, m.start(), m.end()


class _Math(InlineProcessor):
    def __init__(self, pattern: str, md: Markdown, stash: Stash) -> None:
        super().__init__(pattern, md)
        self._stash = stash

    def handleMatch(self, m: re.Match[str], data: str) -> Match:  # type: ignore[override]  # noqa: ARG002, N802
        source = m.group()
        kind = m.lastgroup or ""
        tex = source if kind == "environment" else m.group(kind)
        if kind in _WORDY and (_math.prose(tex) or (kind == "brackets" and _math.citation(tex))):
            return _NOTHING
        if _math.forbidden(tex) or not tex.strip():
            return AtomicString(source), m.start(), m.end()
        display = kind not in ("dollars", "parentheses")
        return self._stash.keep(_math.trusted(tex, display=display), source), m.start(), m.end()


class _Break(InlineProcessor):
    def handleMatch(self, m: re.Match[str], data: str) -> Match:  # type: ignore[override]  # noqa: ARG002, N802
        return Element("br"), m.start(), m.end()


class _Entity(InlineProcessor):
    def handleMatch(self, m: re.Match[str], data: str) -> Match:  # type: ignore[override]  # noqa: ARG002, N802
        return clean(html.unescape(m.group())), m.start(), m.end()


class _Footnote(InlineProcessor):
    def handleMatch(self, m: re.Match[str], data: str) -> Match:  # type: ignore[override]  # noqa: ARG002, N802
        if m.group(1):
            return Element("br"), m.start(), m.end()
        sup = Element("sup")
        sup.text = AtomicString(m.group(2))
        return sup, m.start(), m.end() - (1 if m.group(3) else 0)


class _Mail(InlineProcessor):
    def handleMatch(self, m: re.Match[str], data: str) -> Match:  # type: ignore[override]  # noqa: ARG002, N802
        href = _links.target(f"mailto:{m.group(1)}")
        if not href:
            return _NOTHING
        link = Element("a", href=href)
        link.text = AtomicString(m.group(1))
        return link, m.start(), m.end()


class _Url(InlineProcessor):
    ANCESTOR_EXCLUDES = ("a",)

    def handleMatch(self, m: re.Match[str], data: str) -> Match:  # type: ignore[override]  # noqa: ARG002, N802
        text = m.group().rstrip("?!.,:;*_~'\"")  # GFM 6.9
        while text.endswith(")") and text.count(")") > text.count("("):
            text = text[:-1].rstrip("?!.,:;*_~'\"")
        href = _links.target(text)
        if not href:
            return _NOTHING
        link = Element("a", href=href)
        link.text = AtomicString(text)
        return link, m.start(), m.start() + len(text)


class _Safe(_Base):
    """Turns what a pattern of Python-Markdown found into a link that a page may offer, or leaves the text."""

    def __init__(self, pattern: str, md: Markdown, stash: Stash) -> None:
        super().__init__(pattern, md)
        self._stash = stash

    def handleMatch(self, m: re.Match[str], data: str) -> Match:  # type: ignore[override]  # noqa: N802
        element, start, end = super().handleMatch(m, data)
        if element is None or isinstance(element, str):
            return _NOTHING
        if element.tag == "img":
            return self._image(element), start, end
        href = _links.target(self._plain(element.get("href", "")))
        if not href:
            return _NOTHING
        element.set("href", href)
        if title := element.get("title"):
            element.set("title", clean(html.unescape(self._plain(title))))
        return element, start, end

    def _image(self, image: Element) -> Element | str:
        alt = clean(html.unescape(self._plain(image.get("alt", "")))).replace("\n", " ").strip()
        text = f"[image: {alt}]" if alt else "[image]"
        href = _links.target(self._plain(image.get("src", "")), image=True)
        if not href or "a" in self.md.treeprocessors["inline"].ancestors:  # type: ignore[attr-defined]  # Markdown's
            return AtomicString(text)
        link = Element("a", href=href)
        link.text = AtomicString(f"{text} ({_links.host(href)})")
        return link

    def _plain(self, text: str) -> str:
        return self._stash.source(_ESCAPE.sub(lambda found: chr(int(found.group(1))), text))


class _Link(_Safe, LinkInlineProcessor):
    pass


class _Image(_Safe, ImageInlineProcessor):
    pass


class _Reference(_Safe, ReferenceInlineProcessor):
    pass


class _ShortReference(_Safe, ShortReferenceInlineProcessor):
    pass


class _ImageReference(_Safe, ImageReferenceInlineProcessor):
    pass


class _ShortImageReference(_Safe, ShortImageReferenceInlineProcessor):
    pass


class _Autolink(_Safe, AutolinkInlineProcessor):
    pass


class _Hosts(Treeprocessor):
    """Adds the real host to links that hide it."""

    def run(self, root: Element) -> None:
        for link in root.iter("a"):
            note = _links.note("".join(link.itertext()), link.get("href", ""))
            if not note:
                continue
            if len(link):
                link[-1].tail = f"{link[-1].tail or ''} ({note})"
            elif not (link.text or "").endswith(f"({note})"):
                link.text = f"{link.text or ''} ({note})"


class Inline:
    """Python-Markdown's inline engine, given only the patterns whose first character a text has.

    The engine tries every pattern on every text; most paragraphs have a use for two or three.

    Args:
        stash: Where formulas wait.
    """

    def __init__(self, stash: Stash) -> None:
        self._md = Markdown(
            extensions=["pymdownx.betterem", "pymdownx.tilde"],
            extension_configs={"pymdownx.tilde": {"subscript": False}},
        )
        _install(self._md, stash)
        known = {id(self._md.inlinePatterns[name]): name for name in _TRIGGERS}
        named = [(known.get(id(pattern), ""), pattern) for pattern in self._md.inlinePatterns]
        self._patterns = [(name, _TRIGGERS.get(name, "*_~"), pattern) for name, pattern in named]
        self._engine: Any = self._md.treeprocessors["inline"]
        self._chosen = functools.lru_cache(maxsize=512)(self._choose)

    def run(self, root: Element, source: str, references: Iterable[tuple[str, tuple[str, str]]]) -> None:
        """Replace the texts in a tree by what they mean.

        Args:
            root: The tree of a block.
            source: The block's source.
            references: Link targets by label.
        """
        has = _MARKS.intersection(source)
        if not has:
            return
        self._md.references = dict(references)
        self._engine.inlinePatterns = self._chosen(has, bool(self._md.references))
        for processor in self._md.treeprocessors:
            processor.run(root)

    def _choose(self, has: frozenset[str], references: bool) -> list[Any]:  # noqa: FBT001 - a part of a key
        return [
            pattern
            for name, triggers, pattern in self._patterns
            if not has.isdisjoint(triggers) and (references or name not in _NEED_REFERENCES)
        ]


def _install(md: Markdown, stash: Stash) -> None:
    """Put our patterns into a Markdown instance, and take out those that pass HTML.

    Args:
        md: The instance.
        stash: Where formulas wait.
    """
    md.ESCAPED_CHARS = list(_PUNCTUATION)
    patterns = md.inlinePatterns
    for name in ("html", "entity", "automail"):
        patterns.deregister(name)
    found = {name: patterns[name].pattern for name in ("link", "image_link")}
    link, image = found["link"], found["image_link"]
    patterns.register(_Code(_CODE), "backtick", 190)
    patterns.register(_Math(_math.ANY, md, stash), "math", 189)
    patterns.register(_Break(r"\\\n"), "backslash_break", 185)
    patterns.register(_Break(r"(?i)<br[ \t]{0,4}/?>"), "br", 184)
    patterns.register(_Footnote(_FOOTNOTE), "footnote", 175)
    patterns.register(_Reference(link, md, stash), "reference", 170)
    patterns.register(_Link(link, md, stash), "link", 160)
    patterns.register(_Image(image, md, stash), "image_link", 150)
    patterns.register(_ImageReference(image, md, stash), "image_reference", 140)
    patterns.register(_ShortReference(link, md, stash), "short_reference", 130)
    patterns.register(_ShortImageReference(image, md, stash), "short_image_ref", 125)
    patterns.register(_Autolink(_ANGLES, md, stash), "autolink", 120)
    patterns.register(_Mail(_MAIL), "mail", 118)
    patterns.register(_Url(_URL), "url", 115)
    patterns.register(
        _Entity(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});"), "entity", 80
    )
    md.treeprocessors.deregister("prettify")
    md.treeprocessors.register(_Hosts(md), "hosts", -10)
