"""Every hostile string on every surface of a real JupyterLab, armed, beside a server that hears what it reaches."""

from __future__ import annotations

import io
import re

import hostile
import nbformat
import pytest
from hostile_page import PER_CELL, assert_harmless, export, loop, run, settle, write
from lab import Notebook
from wire_asked import until

from jupyter_prem.display import TerminalText, bundle

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


LEAVES_THE_PAGE = {"P13", "P14", "P53"}  # in the control these end the page before it can be looked at


def test_there_are_enough():
    assert len({text for _, text in hostile.ALL}) >= 250


def test_answers_as_they_stream_then_reopened_and_exported(place):
    plain = [f"%%chat --once\ntext {number}" for number in range(0, len(place.texts), 40)]
    notebook = run(place, "answers.ipynb", *loop(place, "chat('--once', f'text {n}')"), *plain)
    page, count = notebook.page, len(place.texts)
    assert_harmless(place, page, count)
    for number, (family, text) in enumerate(hostile.ALL):
        if family in {"P17", "P18"} and "evil.example" in text:
            link = page.locator(f".jupyter-prem a[href*='/passive/{number}']", has_text="[image").first
            assert place.beacon.host in link.inner_text(), text
    notebook.save()
    page.close()

    again = Notebook(place.context.new_page(), place.lab, "answers.ipynb")
    assert again.page.locator("[data-icon='ui-components:trusted']").count() == 1
    assert_harmless(place, again.page, count)
    again.page.close()

    changed = nbformat.read(place.folder / "answers.ipynb", 4)
    changed.cells[-1].source = "print('still ' + 'here', 1)"
    nbformat.write(changed, place.folder / "untrusted.ipynb")
    other = Notebook(place.context.new_page(), place.lab, "untrusted.ipynb")
    assert other.page.locator("[data-icon='ui-components:not-trusted']").count() == 1
    assert_harmless(place, other.page, count)
    other.run(len(changed.cells) - 1)
    assert other.page.get_by_text("still here 1").count() == 1
    other.page.close()

    export(place, "answers.ipynb", count)


def test_errors(place):
    cells = [*loop(place, "chat('--once', f'status {n}')"), *loop(place, "chat('--once', f'event {n}')")]
    notebook = run(place, "errors.ipynb", *cells)
    assert_harmless(place, notebook.page, 2 * len(place.texts))
    notebook.page.close()


def test_fields_and_tables(place):
    notebook = run(place, "fields.ipynb", *loop(place, "chat('--once', f'fields {n}')"), "%prem models")
    assert_harmless(place, notebook.page, len(place.texts) + 1)
    notebook.page.close()


# A page each: JupyterLab lays out all its outputs for each that comes.
@pytest.mark.parametrize(
    ("kind", "options", "shown", "times"),
    [
        ("calls", "--tools echo,fails", ".pm-call", 4),
        ("data", "--schema anything", ".pm-data", 1),
        ("text", "--schema anything", ".jp-OutputArea-output", 1),
    ],
)
def test_calls_and_data(place, kind, options, shown, times):
    cells = loop(place, f"chat('--once {options}', f'{kind} {{n}}')")
    live = [
        f"%%chat --once {options}\n{kind} {number}"
        for number in range(0, len(place.texts), 40)
        if kind != "text"  # which is no JSON, at which the page would stop
    ]
    name = f"{kind}.ipynb"
    auto, never = (f"%config PremMagics.live = {live!r}" for live in ("auto", "never"))
    notebook = run(place, name, auto, *live, never, *cells)
    page, count = notebook.page, len(place.texts)
    assert page.locator(shown).count() >= times * count
    assert_harmless(place, page, count)
    notebook.save()
    page.close()
    export(place, name, count)


def test_markdown_alone(place):
    cells = loop(
        place, "display({'text/markdown': bundle(t, notes=[t], badge=t)['text/markdown']}, raw=True)"
    )
    notebook = run(place, "markdown.ipynb", *cells)
    assert_harmless(place, notebook.page, len(place.texts))
    notebook.page.close()


def test_every_prefix(place):
    cells = [
        f"for t in texts[{start}::{len(place.texts) // 60}][:30]:\n"
        "    frames = (frame(render(t[:end]), style=False) for end in range(len(t) + 1))\n"
        "    display({'text/html': ''.join(frames)}, raw=True)"
        for start in (0, 1)
    ]
    notebook = run(place, "prefixes.ipynb", *cells)
    assert notebook.page.locator(".jupyter-prem").count() > 1_000
    assert_harmless(place, notebook.page, 60)
    notebook.page.close()


def test_a_terminal(place):
    for text in place.texts:
        out = io.StringIO()
        sink = TerminalText(out)
        for at in range(0, len(text), 3):
            sink.feed(text[at : at + 3])
        sink.finish(bundle(text, footer=[text], badge=text))
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", out.getvalue())


def test_the_same_strings_act_where_nothing_stops_them(place):
    """Without this the tests above would prove nothing."""
    numbers = [n for n, (family, _) in enumerate(hostile.ALL) if family not in LEAVES_THE_PAGE]
    cells = [
        f"for n in {numbers[start : start + PER_CELL]}:\n    display(Markdown(texts[n]))"
        for start in range(0, len(numbers), PER_CELL)
    ]
    page = place.context.new_page()
    notebook = Notebook(page, place.lab, write(place, "control.ipynb", *cells))
    notebook.start_all()
    page.wait_for_function("() => new Set(window.hits || []).size >= 5", timeout=60_000)
    settle(place, page)

    def reached():
        return {path for path in list(place.beacon.paths) if "/passive/" in path}

    until(lambda: len(reached()) >= 5, 30)  # a busy browser asks late
    found = reached()
    place.beacon.paths.clear()
    assert len(found) >= 5
    page.close()
