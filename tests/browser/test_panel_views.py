"""The panel's views: several, loaded again, after a restart, of a thousand turns, without subshells, in Notebook 7."""

from __future__ import annotations

import re

import nbformat
import pytest
from lab import Lab, Notebook, run_all_in_notebook_7, write
from loopback import Reply, answer, held
from panel_page import CODE, SHOW, ask

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_where_messages_wait_for_the_cell_it_says_so(tmp_path, browser, service):
    """JupyterLab without subshells is what older ones, and other front ends, are."""
    lab = Lab(
        tmp_path, settings={"apputils-extension/kernels-settings": '{"commsOverSubshells": "disabled"}'}
    )
    page = browser.new_page()
    try:
        codes = (
            f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}\nfrom jupyter_prem import ChatPanel",
            SHOW,
            "import time\nuntil = time.monotonic() + 4\nwhile time.monotonic() < until: time.sleep(0.01)",
        )
        notebook = Notebook(page, lab, write(lab, "waits.ipynb", *codes))
        notebook.run(0, 1)
        page.locator(".prem-field").wait_for()
        page.locator(".jp-CodeCell").nth(2).locator(".jp-InputPrompt").click()
        page.keyboard.press("Control+Enter")
        page.locator(".jp-InputPrompt", has_text="*").wait_for()
        ask(page, "patient", wait=False)
        page.get_by_text("Waiting for the running cell to end, then asking: patient").wait_for()
        page.locator(".prem-turns .prem-answer", has_text="You said: patient").wait_for()
        assert page.locator(".prem-notice").inner_text() == ""
    finally:
        page.close()
        lab.stop()


def test_two_views_are_equal_and_closing_one_stops_nothing(opened, service):
    notebook = opened("panel", "from IPython.display import clear_output")
    page = notebook.page
    notebook.run(2)
    first, second = page.locator(".prem-panel").nth(0), page.locator(".prem-panel").nth(1)
    second.locator(".prem-field").wait_for()
    ask(page, "one")
    second.locator(".prem-turns .prem-answer", has_text="You said: one").wait_for()
    second.locator(".prem-field").fill("typed in the second")
    page.wait_for_function("() => document.querySelector('.prem-field').value === 'typed in the second'")
    more = held(service, "half ")
    second.locator(".prem-field").press("Enter")
    first.locator(".prem-asking", has_text="half").wait_for()
    second.locator(".prem-asking", has_text="half").wait_for()
    assert first.locator(".prem-scroller").inner_text() == second.locator(".prem-scroller").inner_text()
    page.locator(".jp-CodeCell").nth(1).locator(".jp-InputPrompt").click()
    page.keyboard.press("d")
    page.keyboard.press("d")
    page.wait_for_function("() => document.querySelectorAll('.prem-panel').length === 1")
    more.set()
    page.locator(".prem-turns .prem-answer", has_text="half the rest").wait_for()
    assert not service.closed.is_set()


def test_a_page_that_is_loaded_again_shows_the_answer_on_its_way(opened, service):
    notebook = opened()
    page = notebook.page
    notebook.save()
    more = held(service, "half ")
    ask(page, "hi", wait=False)
    page.locator(".prem-asking", has_text="half").wait_for()
    page.reload()
    page.locator(".prem-asking", has_text="half").wait_for(timeout=60_000)
    more.set()
    page.locator(".prem-turns .prem-answer", has_text="half the rest").wait_for()


def test_a_page_that_is_loaded_again_still_keeps_the_transcript(opened, service, lab):
    notebook = opened()
    page = notebook.page
    ask(page, "before")
    page.locator(".pm-transcript").wait_for(state="attached")
    notebook.save()
    page.reload()
    page.locator(".prem-turns .prem-answer", has_text="You said: before").wait_for(timeout=60_000)
    ask(page, "after")
    page.locator(".pm-transcript", has_text="You said: after").wait_for(state="attached")
    notebook.save()
    (_, transcript) = nbformat.read(lab.folder / notebook.name, 4).cells[1].outputs
    assert "You said: before" in transcript.data["text/plain"]
    assert "You said: after" in transcript.data["text/plain"]


def test_after_a_restart_the_notebook_shows_the_transcript_as_text(opened, service, lab, open_notebook):
    notebook = opened()
    page = notebook.page
    service.script = lambda _: Reply(answer("An **answer** to keep."))
    ask(page, "a question to keep")
    page.locator(".pm-transcript").wait_for(state="attached")
    assert page.locator(".pm-transcript").is_hidden()
    notebook.restart()
    page.get_by_text("The kernel has restarted").wait_for()
    page.locator(".pm-transcript", has_text="An **answer** to keep.").wait_for()
    assert page.locator(".prem-field").get_attribute("readonly") is not None
    notebook.save()
    (_, transcript) = nbformat.read(lab.folder / notebook.name, 4).cells[1].outputs
    assert "You: a question to keep" in transcript.data["text/plain"]
    page.close()
    again = open_notebook(notebook.name)
    again.page.locator(".pm-transcript", has_text="a question to keep").wait_for()
    assert again.page.locator(".pm-transcript").is_visible()


def test_a_thousand_turns_are_laid_out_where_they_are_seen(opened, service):
    page = opened(
        show="%prem switch long\nfor place in range(1000):\n    chat_conversation.ask(f'question {place} ' * 20)\n"
        "panel = ChatPanel()\npanel"
    ).page
    turns = page.locator(".prem-turn[data-turn]")
    turns.last.get_by_text("You said: question 999").wait_for()
    assert turns.count() == 1000
    assert page.locator(".prem-unloaded").count() > 900
    at_top = page.locator(".prem-scroller").evaluate_handle("e => e")
    at_top.evaluate("e => e.scrollTo(0, 0)")
    turns.first.get_by_text("You said: question 0").wait_for()
    for share in (0.3, 0.6, 0.9):
        at_top.evaluate("(e, share) => e.scrollTo(0, share * e.scrollHeight)", share)
        page.wait_for_function(
            """() => {
                const box = document.querySelector('.prem-scroller').getBoundingClientRect();
                const seen = [...document.querySelectorAll('.prem-turn[data-turn]')].filter(e => {
                    const at = e.getBoundingClientRect();
                    return at.bottom > box.top && at.top < box.bottom;
                });
                return seen.length > 0 && seen.every(e => !e.classList.contains('prem-unloaded'));
            }"""
        )
    laid_out = turns.evaluate_all(
        "all => all.filter(e => e.firstElementChild?.checkVisibility({contentVisibilityAuto: true})).length"
    )
    assert 0 < laid_out < 100
    page.locator(".prem-field").fill("and one more")
    page.locator(".prem-field").press("Enter")
    turns.last.get_by_text("You said: and one more").wait_for()


def test_notebook_7_shows_the_same(lab, browser, service):
    name = write(
        lab,
        "classic.ipynb",
        f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}\nfrom jupyter_prem import ChatPanel",
        SHOW,
        "import time\ntime.sleep(600)",
    )
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    run_all_in_notebook_7(page, lab, name)
    page.locator(".prem-field").wait_for(timeout=30_000)
    service.script = lambda _: Reply(answer(CODE))
    ask(page, "in Notebook 7")
    page.locator(".prem-turns mjx-container").wait_for()
    block = page.locator(".prem-turns .pm-code")
    block.hover()
    block.get_by_role("button", name="Insert as cell").click()
    block.get_by_role("button", name="Inserted").wait_for()
    assert re.search(r"print\(f", page.locator(".jp-CodeCell").nth(2).inner_text())
    page.close()
