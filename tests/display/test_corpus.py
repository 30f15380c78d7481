"""A corpus of answers as models write them: each has the structure of CommonMark and GFM, and its formulas."""

import re
from pathlib import Path

import html5lib
import pytest
import structure
from structure import ORACLE

from jupyter_prem.display import LiveHtml, bundle, render

CORPUS = Path(__file__).with_name("corpus")
DIVIDER = re.compile(r"^%%%%% ([\w-]+) \| formulas=(\d+)(?: boxes=(\d+))?\n", re.MULTILINE)


def read(path):
    """The documents of a file: name, text, how many formulas and task boxes a reader should see."""
    head, *parts = DIVIDER.split(path.read_text(encoding="utf-8"))
    assert not head, path
    for name, formulas, boxes, text in zip(*(parts[start::4] for start in range(4)), strict=True):
        yield name, text.strip("\n"), int(formulas), int(boxes or 0)


ALL = [document for path in sorted(CORPUS.glob("*.md")) for document in read(path)]
TEXTS = {name: text for name, text, _, _ in ALL}
EACH = pytest.mark.parametrize(("name", "text"), TEXTS.items(), ids=TEXTS.keys())


def letters(element):
    """The words of a leaf; marks that a formula or an extension makes of the same source are left out."""
    return re.sub(r"[\s*_~`\[\]()\\$^☐☑]+", "", "".join(element.itertext()))


def shape(html):
    return structure.shape(html, letters)


_BOX = re.compile(r"\[[ xX]\](?=\s)")
_BREAK = re.compile(r"(<code.*?</code>)|&lt;br */?&gt;", re.DOTALL)


def oracle(text):
    """The oracle's HTML, with what GitHub adds to CommonMark and the oracle lacks: boxes, and breaks in cells."""
    tokens = ORACLE.parse(text)
    for item, _, first in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if item.type == "list_item_open" and _BOX.match(first.content):
            first.children[0].content = first.children[0].content[3:]
    html = ORACLE.renderer.render(tokens, ORACLE.options, {})
    return _BREAK.sub(lambda found: found[1] or "<br>", html)


def on_one_line(text):
    """Put each display formula on one line, so that the oracle sees no structure in it."""
    ends = (r"\$\$.*?(?:\$\$|\Z)", r"\\\[.*?(?:\\\]|\Z)", r"\\begin\{(equation\*)\}.*?\\end\{\1\}")
    return re.sub("|".join(ends), lambda found: re.sub(r"\n[ >]*", " ", found[0]), text, flags=re.DOTALL)


def footnotes_as_text(text):
    """Let a footnote begin with its name alone, so that the oracle takes it for no link definition."""
    return re.sub(r"^\[\^([\w-]+)\]:", r"\1", text, flags=re.MULTILINE)


def images_as_text(text):
    return re.sub(r"!\[(.*?)\]\(https://([^/)]+)[^)]*\)", r"image: \1 \2", text)


def relative_links_as_text(text):
    return re.sub(r"\]\((?!\w+:)", r"]\\(", text)


# Where equality would be wrong for the reader: what is done to the oracle's text, and why.
DEVIATIONS = {
    # Mathematics stays mathematics: lines of it that begin with =, + or - are no headings and no items.
    "leading-equals-in-display": on_one_line,
    "lone-equals-line": on_one_line,
    "display-in-items": on_one_line,
    "minus-lines-after-text-and-dollars": on_one_line,
    "environment-with-leading-signs": on_one_line,
    # A footnote is shown; CommonMark takes "[^a]: word" for a link's target, and drops it.
    "footnotes-simple": footnotes_as_text,
    "footnotes-separate": footnotes_as_text,
    "footnotes-of-one-word": footnotes_as_text,
    "footnotes-in-table": footnotes_as_text,
    # No page is asked for an image, so it becomes a link that says what it is and where it lies.
    "images-become-links": images_as_text,
    # A link that leads nowhere from a notebook is shown as written.
    "relative-links-stay-text": relative_links_as_text,
}


def blocks_of_code(html):
    tree = html5lib.parseFragment(html, treebuilder="etree", namespaceHTMLElements=False)
    return ["".join(pre.itertext()).removesuffix("\n") for pre in tree.iter("pre")]


def seen(html):
    """What a reader sees of a page, without blanks, the cursor and the stylesheet."""
    html = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    tree = html5lib.parseFragment(html, treebuilder="etree", namespaceHTMLElements=False)
    return re.sub(r"[\s●]+", "", "".join(tree.itertext()))


def test_there_are_enough():
    assert len(ALL) >= 200
    assert len(TEXTS) == len(ALL) == len(set(TEXTS.values()))
    assert DEVIATIONS.keys() <= TEXTS.keys()
    assert all(len(text.splitlines()) >= 8 for text in TEXTS.values())


@EACH
def test_an_answer_has_the_structure_of_commonmark(name, text):
    known = DEVIATIONS.get(name, str)
    assert shape(render(text)) == shape(oracle(known(text)))


@pytest.mark.parametrize("name", DEVIATIONS)
def test_a_deviation_is_still_one(name):
    assert shape(render(TEXTS[name])) != shape(oracle(TEXTS[name]))


@EACH
def test_code_is_exact(name, text):
    known = DEVIATIONS.get(name, str)
    assert blocks_of_code(render(text)) == blocks_of_code(oracle(known(text)))


@pytest.mark.parametrize(("name", "text", "formulas", "boxes"), ALL, ids=TEXTS.keys())
def test_formulas_and_boxes_are_found_and_prices_are_none(name, text, formulas, boxes):
    html = render(text)
    assert html.count('class="mathjax_process') == formulas
    assert html.count('role="checkbox"') == boxes


@EACH
def test_an_answer_is_safe_and_always_the_same(name, text, faults):
    html = render(text)
    assert faults(html) == []
    assert render(text) == html
    assert f'<div class="pm-body">{html}</div>' in bundle(text)["text/html"]


@EACH
def test_the_last_frame_shows_what_the_end_shows(name, text, recorder, clock):
    sink = LiveHtml(recorder, clock=clock, later=clock.later)
    for at in range(0, len(text), 7):
        sink.feed(text[at : at + 7])
        clock.turn(0.05)
    clock.turn(1)
    last = "".join(map(seen, recorder.html))
    sink.finish(bundle(text))
    assert [recorder.outputs[key] for key in recorder.order] == [bundle(text)]
    assert last == seen(recorder.html[0])
