"""What a page may hold: the allow-list again, on purpose, as an oracle."""

import html5lib

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
        "div",
        "span",
        "details",
        "summary",
        "style",
    ]
)
CLASSES = frozenset(
    [
        "jupyter-prem",
        "mathjax_ignore",
        "tex2jax_ignore",
        "mathjax_process",
        "tex2jax_process",
        "pm-body",
        "pm-plain",
        "pm-open",
        "pm-code",
        "pm-lang",
        "pm-table",
        "pm-box",
        "pm-display",
        "pm-note",
        "pm-foot",
        "pm-badge",
        "pm-refusal",
        "pm-wait",
        "pm-bar",
        "pm-dots",
        "pm-c",
        "pm-k",
        "pm-t",
        "pm-b",
        "pm-f",
        "pm-s",
        "pm-n",
        "pm-m",
        "pm-p",
        "pm-d",
        "pm-i",
        "pm-call",
        "pm-time",
        "pm-data",
        "pm-transcript",
    ]
)
OURS = {
    "div": {"class", "dir"},
    "details": {"class", "open"},
    "span": {"class", "role", "aria-checked", "aria-disabled"},
}
THEIRS = {
    "a": {"href", "title", "target", "rel"},
    "ol": {"start"},
    "td": {"align"},
    "th": {"align"},
}


def find_faults(html):
    """What in a fragment breaks the allow-list; empty if it is safe."""
    tree = html5lib.parseFragment(html, treebuilder="etree", namespaceHTMLElements=False)
    return [fault for element in tree.iter() for fault in _faults(element)]


def _faults(element):
    tag = element.tag
    if tag == "DOCUMENT_FRAGMENT":
        return
    if not isinstance(tag, str) or tag not in TAGS:
        yield f"<{tag}>"
        return
    for name, value in element.items():
        if name not in OURS.get(tag, ()) and name not in THEIRS.get(tag, ()):
            yield f"<{tag} {name}={value!r}>"
        if name == "class" and not set(value.split()) <= CLASSES:
            yield f"class {value!r}"
        if name == "href" and not value.lower().startswith(("http://", "https://", "mailto:")):
            yield f"href {value!r}"
        if name == "target" and element.get("rel") != "noopener noreferrer":
            yield f"rel {element.get('rel')!r}"
    if tag == "a" and element.get("target") != "_blank":
        yield "a link that replaces the page"
