"""Markdown of a model's making to HTML that a page may show."""

import functools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._blocks import Blocks
from ._stash import Stash
from ._text import clean

if TYPE_CHECKING:
    from markdown import Markdown

    from ._inline import Chosen

References = tuple[tuple[str, tuple[str, str]], ...]

_MAX_REMEMBERED = 16_000  # characters of one block

_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Block:
    """One block of the outermost level, with its source.

    Attributes:
        source: Its lines.
        references: The document's link targets, if it may use any.
    """

    source: str
    references: References


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
    return "\n".join(map(_remembered, blocks(text, references)))


def _remembered(block: Block) -> str:
    return _block(block) if len(block.source) <= _MAX_REMEMBERED else _block.__wrapped__(block)


def blocks(text: str, known: References = ()) -> Iterator[Block]:
    """Cut a text into the blocks of its outermost level.

    Args:
        text: A text that :func:`clean` has seen.
        known: Link targets besides its own.

    Yields:
        Each block, to be rendered by itself.
    """
    lines = text.split("\n")
    parser = Blocks()
    for line in lines:
        parser.feed(line)
    root = parser.close()
    references = tuple((dict(known) | parser.references).items())
    ends = [child.first for child in root.children] + [len(lines)]
    for child, end in zip(root.children, ends[1:], strict=True):
        source = "\n".join(lines[child.first : end]).rstrip("\n")
        yield Block(source, references if "[" in source else ())


@functools.lru_cache(maxsize=1024)
def _block(block: Block) -> str:
    """Render one block; the memo makes the last frame of a stream cost what is new in it."""
    from ._sanitize import sanitize

    with _lock:
        md, stash, chosen = _markdown()
        md.reset()
        stash.clear()
        md.references.update(block.references)
        chosen.choose(block.source)
        return stash.restore(sanitize(md.convert(block.source)))


@functools.cache
def _markdown() -> "tuple[Markdown, Stash, Chosen]":
    from markdown import Markdown

    from ._inline import Chosen, install
    from ._tree import StructureParser, serialise

    md = Markdown(
        extensions=["pymdownx.betterem", "pymdownx.tilde"],
        extension_configs={"pymdownx.tilde": {"subscript": False}},
    )
    stash = Stash()
    md.preprocessors = type(md.preprocessors)()
    md.postprocessors = type(md.postprocessors)()
    md.parser = StructureParser(md, stash)
    md.serializer = serialise
    install(md, stash)
    return md, stash, Chosen(md)
