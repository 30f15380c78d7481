"""What a hostile answer puts into the page: the output is made into HTML as JupyterLab makes it, and looked through.

JupyterLab sanitizes text/html and text/markdown of a notebook that it does not trust, and leaves both as they are
where the cell was just run (`renderHTML`: `if (!trusted) source = sanitizer.sanitize(source)`), which the last test
of tests/browser/test_hostile_page.py sees happen. So this looks at what the kernel sends. Text in a stream is text.
"""

from __future__ import annotations

import queue
import re
from collections.abc import Iterator
from typing import Any

import hostile
import html5lib
from loopback import Reply, Request, Service
from markdown_it import MarkdownIt
from peer import Place
from spoken import prompt_of, said
from widget import drawn

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
MARKDOWN.validateLink = lambda url: True  # type: ignore[method-assign] # noqa: ARG005 - as marked, which JupyterLab has
PROGRAMS = [
    "script",
    "iframe",
    "frame",
    "frameset",
    "object",
    "embed",
    "applet",
    "template",
    "noscript",
    "portal",
]
HEADS = ["link", "meta", "base", "style", "title", "plaintext", "xmp", "dialog"]
FIELDS = ["form", "input", "button", "textarea"]
ELEMENTS = frozenset([*PROGRAMS, *HEADS, *FIELDS])
LOADS = frozenset({"src", "srcset", "poster", "background", "data"})
LEADS = frozenset({"href", "action", "formaction", "src", "data", "{http://www.w3.org/1999/xlink}href"})
HARMLESS = re.compile(r"(?:https?|mailto):|#|/|\.|\?|[^:]*$")
STYLE = re.compile(r"url\(|position\s*:\s*fixed|@import", re.IGNORECASE)


def active(page: str) -> Iterator[str]:
    """Say what in a page's HTML acts, fetches from elsewhere, covers the page, or would if it were clicked."""
    tree = html5lib.parseFragment(page, treebuilder="etree", namespaceHTMLElements=False)
    for element in tree.iter():
        if not isinstance(element.tag, str):
            continue
        tag = element.tag.rpartition("}")[2]
        if tag in ELEMENTS and not _inert(element, tag):
            yield f"<{tag}> {(element.text or '')[:40]!r}"
        for name, value in element.items():
            yield from (f"<{tag} {name}={value[:60]!r}>" for _ in filter(None, [_acts(tag, name, value)]))


def _inert(element: Any, tag: str) -> bool:
    return tag == "input" and element.get("type") == "checkbox"


def _acts(tag: str, name: str, value: str) -> bool:
    bare = re.sub(r"[\x00-\x20]", "", value).lower()
    return (
        name.startswith(("on", "data-commandlinker"))
        or name == "srcdoc"
        or (name in LOADS and bool(re.search(r"[\\/]{2}", bare)))
        or (name in LEADS and not HARMLESS.match(bare) and not bare.startswith("data:image/"))
        or (name == "style" and bool(STYLE.search(value)))
        or (tag == "image" and name.endswith("href") and "//" in bare)
    )


def page_of(outputs: list[dict[str, Any]], messages: list[dict[str, Any]]) -> str | None:
    """Return the HTML that outputs become, or None if all of them are text."""
    parts = []
    for output in outputs:
        data = output.get("data", {})
        if "text/html" in data:
            parts.append("".join(data["text/html"]))
        elif "text/markdown" in data:
            parts.append(MARKDOWN.render("".join(data["text/markdown"])))
    parts += drawn(messages)
    return "\n".join(parts) if parts else None


def hostiles(place: Place, every: int = 1) -> dict[str, Any]:
    """How many hostile answers put something active into the page, beyond what a harmless one does."""
    texts = ["Hello.", *(text for _, text in hostile.ALL[::every])]
    service = Service()
    service.script = lambda request: _say(request, texts)
    kernel = place.ready(service.url)
    pages: list[str | None] = []
    try:
        for number in range(len(texts)):
            kernel.run(place.peer.fresh)
            try:
                ran = kernel.run(place.peer.cell(f"text {number}", "show"), "cell-1", timeout=20)
            except queue.Empty:  # what the kernel could not put into a message
                kernel.stop()
                kernel = place.ready(service.url)
                pages.append(None)
                continue
            pages.append(page_of(ran.outputs, ran.messages))
    finally:
        kernel.stop()
        service.stop()
    usual, *acts = (set(active(page or "")) for page in pages)
    bad = {
        text[:80]: sorted(more - usual) for text, more in zip(texts[1:], acts, strict=True) if more - usual
    }
    text_only = all(page is None for page in pages)
    return {"active": len(bad), "of": len(acts), "text": text_only, "found": bad}


def _say(request: Request, texts: list[str]) -> Reply:
    text = texts[int(prompt_of(request).split()[1])]
    return said(request, text[:1], text[1:])
