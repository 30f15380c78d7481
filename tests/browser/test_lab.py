"""The quickstart, opened and run by a person: JupyterLab in Chromium, the embedded model, and what gets saved."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import nbformat
import pytest
from lab import run_all_in_notebook_7, write
from loopback import Reply, answer, chunk, event

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb"
MIME = "application/vnd.jupyter-prem+json"


def saved(lab, notebook, name):
    notebook.save()
    return nbformat.read(lab.folder / name, 4)


@pytest.mark.weights
def test_the_quickstart_is_answered_on_the_page_and_saved(lab, open_notebook, weights):
    stripped = nbformat.read(QUICKSTART, 4)
    for cell in stripped.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(stripped, lab.folder / "quickstart.ipynb")
    notebook = open_notebook("quickstart.ipynb")
    notebook.run_all()
    shown = notebook.outputs()
    assert "Convenience" in shown[1]
    assert "SmolLM2-135M-Instruct" in shown[1]
    assert "calculate_mean" in shown[5]
    assert notebook.page.locator(".jp-OutputArea-output ol li strong").first.inner_text() == "Convenience"
    panel = notebook.page.locator(".prem-panel").first
    assert "Which of the three" in panel.locator(".prem-turns .prem-question").all_inner_texts()[-1]

    again = saved(lab, notebook, "quickstart.ipynb")
    nbformat.validate(again)
    shipped = nbformat.read(QUICKSTART, 4)
    for ours, theirs in zip(again.cells, shipped.cells, strict=True):
        if ours.source.startswith("%%chat"):
            assert len(ours.outputs) == 1
            assert ours.outputs[0].data == theirs.outputs[0].data


def test_an_answer_appears_while_it_arrives_and_the_saved_cell_has_one_output(lab, open_notebook, service):
    more = threading.Event()
    paragraphs = [f"Paragraph {place} of a long answer. " * 20 + "\n\n" for place in range(8)]
    service.script = lambda _: Reply([event(chunk("First words. ")), more, *answer(*paragraphs)])
    name = write(
        lab,
        "stream.ipynb",
        f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}",
        "%%chat\nhi",
    )
    notebook = open_notebook(name)
    notebook.start_all()
    notebook.page.get_by_text("First words.").wait_for(timeout=20_000)
    assert notebook.page.locator(".jp-InputPrompt:has-text('*')").count() == 1
    more.set()
    notebook.wait_idle()
    assert "Paragraph 7" in notebook.outputs()[1]
    (output,) = saved(lab, notebook, name).cells[1].outputs
    assert {"text/html", "text/markdown", "text/plain", MIME} == set(output.data)


def test_the_stop_button_stops_and_the_next_cell_goes_on(lab, open_notebook, service):
    service.script = lambda _: Reply([event(chunk("Partial words")), threading.Event()])
    setup = f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}"
    name = write(lab, "stop.ipynb", setup, "%%chat\nhi", "print('not reached')")
    notebook = open_notebook(name)
    notebook.start_all()
    notebook.page.get_by_text("Partial words").wait_for(timeout=20_000)
    stopped = time.monotonic()
    notebook.page.locator(
        '[data-command="notebook:interrupt-kernel"], button[title*="nterrupt"]'
    ).first.click()
    notebook.page.get_by_text("Interrupted: Stopped").wait_for(timeout=10_000)
    assert time.monotonic() - stopped < 5
    assert service.closed.wait(5)
    notebook.wait_idle()
    shown = notebook.outputs()
    assert "Partial words" in shown[1]
    assert "not reached" not in shown[2]


def test_a_hostile_answer_does_nothing_on_a_trusted_page(lab, open_notebook, service):
    attack = (
        "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'>\n\n"
        "[a](javascript:window.hit=1) ![b](" + service.url + "/beacon)\n\n"
        '```" onmouseover="window.hit=1\ncode\n```\n'
    )
    service.script = lambda _: Reply(answer(*(attack[at : at + 7] for at in range(0, len(attack), 7))))
    setup = f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}"
    notebook = open_notebook(write(lab, "hostile.ipynb", setup, "%%chat\nhi"))
    notebook.run_all()
    assert "<script>" in notebook.outputs()[1]
    assert notebook.page.evaluate("() => window.hit") is None
    assert notebook.page.locator(".jp-OutputArea-output script, .jp-OutputArea-output img").count() == 0
    assert [request.path for request in service.requests if "beacon" in request.path] == []


def test_selecting_a_code_block_gives_the_exact_code_and_a_wide_table_scrolls(lab, open_notebook, service):
    code = "def f(x):\n\tif x < 1 & True:  # a <b>\n        return 'x'\n\n    return \"y\""
    table = "| " + " | ".join(f"a_rather_long_name_{n}" for n in range(30)) + " |\n" + "|---" * 30 + "|\n"
    text = f"Look:\n```python\n{code}\n```\n\n{table}"
    service.script = lambda _: Reply(answer(*(text[at : at + 9] for at in range(0, len(text), 9))))
    setup = f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}"
    notebook = open_notebook(write(lab, "select.ipynb", setup, "%%chat\nhi"))
    notebook.run_all()
    selected = notebook.page.evaluate("""() => {
        getSelection().selectAllChildren(document.querySelector('.jupyter-prem .pm-code'));
        return getSelection().toString();
    }""")
    assert selected.strip("\n") == code
    widths = "e => [e.scrollWidth > e.clientWidth, getComputedStyle(e).overflowX]"
    assert notebook.page.locator(".jupyter-prem .pm-table").evaluate(widths) == [True, "auto"]


def test_an_answer_streams_in_notebook_7_is_saved_and_is_there_when_it_is_opened_again(lab, browser, service):
    more = threading.Event()
    service.script = lambda _: Reply([event(chunk("Partial **words**")), more, *answer(" the rest")])
    setup = f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}"
    name = write(lab, "seven.ipynb", setup, "%%chat\nhi")
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    run_all_in_notebook_7(page, lab, name)
    shown = page.locator(".jp-CodeCell").nth(1).locator(".jupyter-prem")
    shown.locator("strong", has_text="words").wait_for(timeout=30_000)
    assert page.locator(".jp-InputPrompt:has-text('*')").count() == 1
    more.set()
    shown.get_by_text("the rest").wait_for()
    shown.get_by_text("3 + 5 tokens").wait_for()
    with page.expect_response(lambda r: r.request.method == "PUT" and "/api/contents/" in r.url):
        page.keyboard.press("Control+s")
    (output,) = nbformat.read(lab.folder / name, 4).cells[1].outputs
    assert {"text/html", "text/markdown", "text/plain", MIME} == set(output.data)
    page.close()
    again = browser.new_page(viewport={"width": 1200, "height": 1000})
    again.goto(lab.url_in("notebooks", name))
    again.locator(".jupyter-prem strong", has_text="words").wait_for(timeout=60_000)
    assert again.locator(".jupyter-prem").count() == 1
    again.close()
