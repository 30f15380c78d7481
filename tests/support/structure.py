"""The block structure of HTML, and CommonMark with GFM beside it: markdown-it-py."""

import re

import html5lib
from markdown_it import MarkdownIt

ORACLE = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
BLOCKS = frozenset(
    [
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "blockquote",
        "pre",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "hr",
    ]
)


def words(element):
    text = "".join(element.itertext())
    return re.sub(r"[\s*_~`\[\]()]+|⟨.*?⟩|[☐☑]|\bx\b", "", text)


def shape(html, words=words):
    """The block elements of a fragment, nested, with what `words` makes of each leaf."""
    tree = html5lib.parseFragment(html, treebuilder="etree", namespaceHTMLElements=False)

    def walk(element):
        for child in element:
            if child.tag == "div" and child.get("class") == "pm-lang":
                continue
            if child.tag not in BLOCKS:
                yield from walk(child)
            elif child.tag in ("pre", "hr"):
                yield child.tag, "".join(child.itertext()).rstrip("\n")
            else:
                start = child.get("start", "") if child.tag == "ol" else ""
                yield child.tag + start, tuple(walk(child)) or words(child)

    return tuple(walk(tree))
