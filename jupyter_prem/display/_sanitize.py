"""The allow-list: what HTML of a model's making may hold.

Narrower than nh3's defaults, which let through images, classes by name and relative links. The HTML it
gets is made by us from escaped text; it is the second of two walls, and it closes what is left open.
"""

import functools
from collections.abc import Callable

from jupyter_prem.client import whole

from . import _links

_PASSES = 8  # one is enough for HTML of ours, two were for all of 100,000 random documents

TAGS = frozenset(
    [
        "a",
        "blockquote",
        "br",
        "code",
        "del",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
VALUES = {tag: {"align": {"left", "center", "right"}} for tag in ("td", "th")}


def sanitize(html: str) -> str:
    """Let through what the allow-list names, and nothing else.

    Args:
        html: Any HTML.

    Returns:
        A fragment of well-formed HTML; the function is idempotent.
    """
    clean = _cleaner()
    html = clean(whole(html))
    for _ in range(_PASSES):  # what is taken out of broken HTML can leave HTML that is read otherwise
        before, html = html, clean(html)
        if html == before:
            break
    return html


@functools.cache
def _cleaner() -> Callable[[str], str]:
    import nh3

    cleaner = nh3.Cleaner(
        tags=set(TAGS),
        attributes=ATTRIBUTES,
        attribute_filter=_filter,
        url_schemes=set(_links.SCHEMES),
        link_rel="noopener noreferrer",
        tag_attribute_values=VALUES,
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return cleaner.clean


def _filter(tag: str, name: str, value: str) -> str | None:
    if name == "href":
        return _links.target(value) or None
    if tag == "ol":
        return value if value.isascii() and value.isdigit() and len(value) < 10 else None  # noqa: PLR2004 - CommonMark: 9 digits
    return value
