"""Markdown of a model's making to HTML that a page may show."""

import functools
import html
import threading
from collections.abc import Iterable, Iterator

from jupyter_prem.structure import Blocks, Node

from ._stash import Stash
from ._text import clean

References = tuple[tuple[str, tuple[str, str]], ...]

_BATCH = 4_000  # characters that pass the allow-list at a time
_MAX_REMEMBERED = 16_000  # characters of one block
_MAX_MEMORY = 3_000_000  # characters of all blocks, source and HTML
_BETWEEN = "\x13"  # stands between blocks; no text from outside holds it, see _stash


Key = tuple[str, References]  # a block's source, and the link targets if it may use any


def render(text: str) -> str:
    r"""Turn Markdown into a safe HTML fragment.

    The structure is that of CommonMark 0.31 with GFM's tables, task lists and strike-through; mathematics
    stands in ``$…$``, ``$$…$$``, ``\(…\)`` and ``\[…\]``. No HTML of the text's own passes: it is shown
    as text. Images become links that name their host. Only absolute http, https and mailto links work.

    Args:
        text: Any text, hostile ones included.

    Returns:
        HTML for inside an element of class ``jupyter-prem``; the same text gives the same bytes.
    """
    return draw(clean(text), ())


def draw(text: str, references: References) -> str:
    """Render a clean text that may use link targets defined elsewhere.

    Args:
        text: A text that :func:`clean` has seen.
        references: Link targets besides its own.

    Returns:
        HTML, as :func:`render` gives it.
    """
    lines = text.split("\n")
    parser = Blocks()
    for line in lines:
        parser.feed(line)
    children = parser.close().children
    return draw_blocks(lines, children, tuple((dict(references) | parser.references).items()))


def draw_blocks(lines: list[str], children: list[Node], references: References) -> str:
    """Render blocks that were found already.

    Args:
        lines: The lines that hold them.
        children: Blocks of the outermost level.
        references: All link targets they may use.

    Returns:
        HTML, as :func:`render` gives it.
    """
    ends = [child.first for child in children[1:]] + [len(lines)]
    blocks: list[tuple[Key, Node]] = []
    for child, end in zip(children, ends, strict=False):  # no child, but an end
        source = "\n".join(lines[child.first : end]).rstrip("\n")
        blocks.append(((source, references if "[" in source else ()), child))
    with _lock:
        return "\n".join(_renderer().render(blocks))


class _Renderer:
    """Renders blocks, and remembers them: the last frame of a stream costs only what is new in it."""

    def __init__(self) -> None:
        from ._inline import Inline
        from ._tree import Builder

        self._stash = Stash()
        self._inline = Inline(self._stash)
        self._builder = Builder(self._stash)
        self._known: dict[Key, str] = {}  # the oldest first
        self._size = 0

    def render(self, blocks: list[tuple[Key, Node]]) -> list[str]:
        """Return each block's HTML."""
        known = self._known
        fresh = {key: node for key, node in blocks if key not in known}
        made: dict[Key, str] = {}
        for batch in _batches(fresh.items()):
            made.update(zip(dict(batch), self._make(batch), strict=True))
        parts = [known[key] if key in known else made[key] for key, _ in blocks]
        for key, made_of_it in made.items():
            self._remember(key, made_of_it)
        return parts

    def _make(self, batch: list[tuple[Key, Node]]) -> list[str]:
        from ._sanitize import sanitize
        from ._tree import serialise

        self._stash.clear()
        parts = []
        for (source, references), node in batch:
            root = self._builder.build(node)
            self._inline.run(root, source, references)
            parts.append(serialise(root))
        safe = sanitize(_BETWEEN.join(parts)).split(_BETWEEN)
        return [self._stash.restore(part) for part in safe]

    def _remember(self, key: Key, html: str) -> None:
        if len(key[0]) > _MAX_REMEMBERED:
            return
        self._known[key] = html
        self._size += len(key[0]) + len(html)
        while self._size > _MAX_MEMORY:
            old = next(iter(self._known))
            self._size -= len(old[0]) + len(self._known.pop(old))


def _batches(blocks: Iterable[tuple[Key, Node]]) -> Iterator[list[tuple[Key, Node]]]:
    """Blocks in groups small enough for the allow-list to leave the kernel interruptible."""
    batch: list[tuple[Key, Node]] = []
    size = 0
    for block in blocks:
        length = len(block[0][0])
        if batch and size + length > _BATCH:
            yield batch
            batch, size = [], 0
        batch.append(block)
        size += length
    if batch:
        yield batch


def escaped(text: str) -> str:
    """Show a clean text as it is, for one that is too long to be rendered.

    Args:
        text: A text that :func:`clean` has seen.

    Returns:
        HTML of one element.
    """
    return f'<div class="pm-plain">{html.escape(text, quote=False)}</div>'


@functools.cache
def load() -> None:
    """Load Markdown, nh3 and Pygments, which takes a tenth of a second, before the first words arrive."""
    draw("A **word**.\n\n```python\n1\n```", ())


_lock = threading.Lock()
_renderer = functools.cache(_Renderer)
