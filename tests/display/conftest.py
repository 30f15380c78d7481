"""What a page may hold, for every test that makes one."""

import json

import html5lib
import pytest

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
    ]
)
OURS = {"div": {"class", "dir"}, "span": {"class", "role", "aria-checked", "aria-disabled"}}
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


@pytest.fixture(scope="session")
def faults():
    return find_faults


class Recorder:
    """A page that keeps its outputs, and counts what was sent."""

    def __init__(self, clock=lambda: 0.0):
        self.clock = clock
        self.times = []
        self.outputs = {}
        self.order = []
        self.log = []
        self.cleared = False

    def display(self, data, display_id=None, metadata=None):
        if self.cleared:
            self.outputs.clear()
            self.order.clear()
            self.cleared = False
        key = display_id or f"anonymous-{len(self.log)}"
        self.order.append(key)
        self.outputs[key] = dict(data)
        self.times.append(self.clock())
        self.log.append(("display", key, dict(data), metadata))

    def update(self, data, display_id, metadata=None):
        assert display_id in self.outputs
        self.outputs[display_id] = dict(data)
        self.times.append(self.clock())
        self.log.append(("update", display_id, dict(data), metadata))

    def clear(self, *, wait):
        self.cleared = wait
        if not wait:
            self.outputs.clear()
            self.order.clear()
        self.times.append(self.clock())
        self.log.append(("clear", None, {}, None))

    @property
    def sent(self):
        return sum(self.sizes)

    @property
    def sizes(self):
        return [
            len(json.dumps(data, ensure_ascii=False).encode()) if data else 0 for _, _, data, _ in self.log
        ]

    def busiest(self, seconds=3):
        """Bytes in the busiest three seconds."""
        sent = list(zip(self.times, self.sizes, strict=True))
        return max(sum(size for at, size in sent if start <= at < start + seconds) for start, _ in sent)

    @property
    def html(self):
        return [self.outputs[key].get("text/html", "") for key in self.order]


class Clock:
    """A clock that a test turns, and the calls that wait for it."""

    def __init__(self):
        self.now = 0.0
        self.waiting = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.turn(seconds)

    def later(self, seconds, call):
        entry = [self.now + seconds, call]
        self.waiting.append(entry)

        class Handle:
            def cancel(handle):  # noqa: N805 - a handle inside a method
                if entry in self.waiting:
                    self.waiting.remove(entry)

        return Handle()

    def turn(self, seconds):
        end = self.now + seconds
        while due := [entry for entry in self.waiting if entry[0] <= end]:
            entry = min(due, key=lambda entry: entry[0])
            self.waiting.remove(entry)
            self.now = max(self.now, entry[0])
            entry[1]()
        self.now = end


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recorder(clock):
    return Recorder(clock)
