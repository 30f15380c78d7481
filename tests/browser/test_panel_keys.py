"""The panel in JupyterLab by keyboard and screen reader: focus, what is typed, what is in sight."""

from __future__ import annotations

import json
import threading

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import Lab, Notebook, write
from loopback import Reply, answer, as_json, held
from panel_page import CODE, SHOW, ask

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_while_one_reads_above_the_view_stays_and_offers_the_latest(opened, service):
    page = opened().page
    long = "".join(f"Paragraph {place}.\n\n" for place in range(60))
    service.script = lambda _: Reply(answer(long))
    ask(page, "long")
    scroller = page.locator(".prem-scroller")
    scroller.evaluate("e => e.scrollTo(0, 0)")
    page.get_by_role("button", name="Latest").wait_for()
    more = held(service, *[f"More {place}.\n\n" for place in range(40)])
    page.locator(".prem-field").fill("and on")
    page.locator(".prem-field").press("Enter")
    page.locator(".prem-asking", has_text="More 39").wait_for()  # asking goes to the end
    assert page.get_by_role("button", name="Latest").is_hidden()
    scroller.evaluate("e => e.scrollTo(0, 0)")
    page.get_by_role("button", name="Latest").wait_for()
    more.set()
    page.locator(".prem-send").wait_for()
    assert scroller.evaluate("e => e.scrollTop") < 50
    page.get_by_role("button", name="Latest").click()
    page.wait_for_function(
        "() => { const e = document.querySelector('.prem-scroller'); return e.scrollHeight - e.scrollTop - e.clientHeight < 5 }"
    )


def test_the_keyboard_reaches_everything_and_focus_is_kept(opened, service):
    page = opened().page
    service.script = lambda _: Reply(answer(CODE))
    ask(page, "one")
    ask(page, "two")
    page.locator(".prem-select").focus()
    reached = []
    for _ in range(40):
        place = page.evaluate(
            "() => { const e = document.activeElement; return e.closest('.prem-panel') ?"
            " (e.getAttribute('aria-label') || e.className || e.tagName) : null }"
        )
        if place is None:
            break
        visible = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
        assert visible != "none" or place == "Question", place
        reached.append(place)
        page.keyboard.press("Tab")
    for name in (
        "Conversation",
        "New conversation",
        "More",
        "Transcript",
        "Edit and ask again",
        "Copy answer",
        "Copy code",
        "Insert as cell",
        "Ask again",
        "Question",
    ):
        assert name in reached, (name, reached)
    assert any(name.startswith("Settings") for name in reached)
    assert reached.count("Copy answer") == 1  # of a thousand turns, Tab stops at one
    page.locator(".prem-scroller").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("() => document.activeElement.getAttribute('aria-label')") == "Exchange 1"
    page.keyboard.press("Tab")
    assert (
        page.evaluate("() => document.activeElement.closest('.prem-turn').getAttribute('aria-label')")
        == "Exchange 1"
    )
    page.keyboard.press("Shift+Tab")
    more = held(service, "half")
    page.locator(".prem-turns .prem-turn").nth(1).get_by_role("button", name="Ask again", exact=True).focus()
    page.keyboard.press("Enter")
    page.locator(".prem-asking", has_text="half").wait_for()
    more.set()
    page.locator(".prem-branches", has_text="2/2").wait_for()
    assert page.evaluate("() => document.activeElement.closest('.prem-panel') !== null")


def test_an_input_method_and_escape_keep_what_is_typed(opened, service):
    page = opened().page
    field = page.locator(".prem-field")
    composed = (
        "new KeyboardEvent('keydown', {{key: '{}', bubbles: true, cancelable: true, isComposing: true}})"
    )
    field.fill("かな")
    field.evaluate(f"e => e.dispatchEvent({composed.format('Enter')})")
    assert service.questions == []
    held(service, "half")
    page.keyboard.press("Enter")
    page.locator(".prem-asking", has_text="half").wait_for()
    field.evaluate(f"e => e.dispatchEvent({composed.format('Escape')})")
    page.get_by_role("button", name="Stop").wait_for()
    page.get_by_role("button", name="Stop").click()
    turn = page.locator(".prem-turns .prem-turn")
    turn.get_by_role("button", name="Edit and ask again").click()
    page.locator(".prem-edit").evaluate(f"e => e.dispatchEvent({composed.format('Escape')})")
    assert page.locator(".prem-edit").is_visible()
    page.keyboard.press("Escape")
    page.locator(".prem-chips").click()
    page.locator(".prem-settings").wait_for()
    page.keyboard.press("Escape")
    assert page.locator(".prem-settings").is_hidden()
    assert page.locator(".prem-chips").evaluate("e => e === document.activeElement")


def test_what_is_typed_stays_in_its_conversation_when_a_cell_goes_elsewhere(opened):
    notebook = opened("%prem switch other", "%prem switch default")
    page = notebook.page
    field = page.locator(".prem-field")
    field.click()
    page.keyboard.type("the quick brown fox")
    page.evaluate(
        "() => document.querySelectorAll('.jp-CodeCell')[2].querySelector('.jp-InputPrompt').click()"
    )
    notebook.run(2)
    page.wait_for_function("() => document.querySelector('.prem-select').value === 'other'")
    assert field.input_value() == ""
    notebook.run(3)
    page.wait_for_function("() => document.querySelector('.prem-field').value === 'the quick brown fox'")


def test_an_edit_is_not_lost(opened, service):
    notebook = opened("%prem regenerate")
    page = notebook.page
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    ask(page, "one")
    edit = page.get_by_role("button", name="Edit and ask again")
    edit.click()
    page.locator(".prem-edit").fill("one, edited")
    edit.click()
    assert page.locator(".prem-edit").input_value() == "one, edited"
    notebook.run(2)  # another version takes the place of the turn that is edited
    page.wait_for_function("() => document.querySelector('.prem-field').value === 'one, edited'")
    assert faults == []


def test_what_was_not_asked_goes_back_to_where_it_can_be_sent(opened, service):
    page = opened().page
    more = held(service)
    ask(page, "too early", wait=False)
    page.get_by_role("button", name="Stop").click()
    page.wait_for_function("() => document.querySelector('.prem-field').value === 'too early'")
    more.set()
    service.script = service.echo
    page.keyboard.press("Control+End")
    page.locator(".prem-field").press("Enter")
    page.locator(".prem-turns .prem-answer", has_text="You said: too early").wait_for()


def test_focus_goes_to_what_is_near_when_its_place_is_gone(opened, service):
    page = opened().page
    inside = "() => document.activeElement.closest('.prem-panel') !== null && !document.activeElement.closest('[hidden]')"
    service.script = lambda _: as_json({"error": {"message": "no"}}, 500)
    ask(page, "fails", wait=False)
    page.get_by_role("button", name="Retry").focus()
    go_on = threading.Event()
    service.script = lambda _: go_on.wait(60) and as_json({"error": {"message": "no"}}, 500)
    page.keyboard.press("Enter")
    page.locator(".prem-stop").wait_for()
    page.wait_for_function(inside)
    go_on.set()
    page.get_by_role("button", name="Dismiss").focus()
    page.keyboard.press("Enter")
    page.wait_for_function(inside)
    page.locator(".prem-failed").wait_for(state="hidden")
    page.locator(".prem-send").wait_for()
    page.locator(".prem-chips").click()
    page.get_by_label("Seed", exact=True).fill("7")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Unset Seed").focus()
    page.keyboard.press("Enter")
    page.locator("[data-control=seed]:not(.prem-is-set)").wait_for()
    assert page.get_by_label("Seed", exact=True).evaluate("e => e === document.activeElement")
    service.script = service.echo
    ask(page, "one")
    page.get_by_role("button", name="Edit and ask again").click()
    page.locator(".prem-edit").fill("two")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Version before").focus()
    page.keyboard.press("Enter")
    page.locator(".prem-branches", has_text="1/2").wait_for()
    page.wait_for_function(inside)


def test_an_answer_with_formulas_and_code_ends_in_sight(opened, service):
    page = opened().page
    service.script = lambda _: Reply(answer(*([CODE + "\n\n$$\\sum_i x_i^2$$\n\n"] * 6)))
    for text in ("one", "two"):
        ask(page, text)
        page.wait_for_function(
            "() => document.querySelectorAll('.prem-turns .prem-turn:last-child mjx-container').length > 3"
        )
        page.wait_for_function(
            "() => { const e = document.querySelector('.prem-scroller'); return e.scrollHeight - e.scrollTop - e.clientHeight < 60 }"
        )
        assert page.get_by_role("button", name="Latest").is_hidden()


def test_keys_do_not_reach_the_notebook_but_save_does(opened, service, lab):
    notebook = opened("1 + 1")
    page = notebook.page
    ask(page, "one")
    page.locator(".prem-turn").get_by_role("button", name="Copy answer").focus()
    for key in ("d", "d", "a", "b", "x", "ArrowDown", "Shift+Enter", "m", "0", "0"):
        page.keyboard.press(key)
    page.locator(".prem-scroller").focus()
    for key in ("d", "d", "b", "Shift+Enter"):
        page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == 3
    assert page.locator(".jp-Dialog").count() == 0
    with page.expect_response(lambda r: r.request.method == "PUT" and "/api/contents/" in r.url):
        page.locator(".prem-field").press("Control+s")
    cells = nbformat.read(lab.folder / notebook.name, 4).cells
    assert [cell.source for cell in cells[1:]] == [SHOW, "1 + 1"]
    assert cells[2].execution_count is None


def test_a_screen_reader_is_told_of_the_whole_answer_once(opened, service):
    page = opened().page
    page.evaluate(
        """() => {
            window.told = [];
            new MutationObserver(() => window.told.push(document.querySelector('.prem-panel [aria-live]').textContent))
                .observe(document.querySelector('.prem-panel [aria-live]'), {childList: true, characterData: true, subtree: true});
        }"""
    )
    service.script = lambda _: Reply(answer(*(f"word {place} " for place in range(200))))
    ask(page, "hi")
    page.wait_for_function("() => window.told.length > 0")
    assert page.evaluate("() => window.told.length") == 1
    assert "word 199" in page.evaluate("() => window.told[0]")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_serious_at_any_width(tmp_path, browser, service, theme):
    lab = Lab(tmp_path, settings={"apputils-extension/themes": json.dumps({"theme": theme})})
    page = browser.new_page(viewport={"width": 1700, "height": 1000})
    try:
        codes = (
            f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}\nfrom jupyter_prem import ChatPanel",
            *(
                f"panel = ChatPanel(layout={{'width': '{width}'}})\npanel"
                for width in ("300px", "700px", "100%")
            ),
            "%prem budget 10000",
        )
        notebook = Notebook(page, lab, write(lab, "axe.ipynb", *codes))
        notebook.run_all()
        service.script = lambda _: Reply(answer(CODE + "\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"))
        ask(page, "A question, so that there is something to look at")
        service.script = lambda _: as_json({"error": {"message": "no"}}, 500)
        ask(page, "Another, that fails", wait=False)
        page.locator(".prem-failed pre").first.wait_for()
        for place in range(3):
            panel = page.locator(".prem-panel").nth(place)
            panel.scroll_into_view_if_needed()
            panel.locator(".prem-chips").click()
            panel.get_by_label("Top p", exact=True).fill("9")
            panel.get_by_label("Top p", exact=True).press("Enter")
            panel.locator(".prem-fault").first.wait_for()
            panel.get_by_role("button", name="More").click()
            assert panel.evaluate(
                "e => e.scrollWidth <= e.clientWidth && e.querySelector('.prem-scroller').scrollWidth <= e.querySelector('.prem-scroller').clientWidth + 1"
            )
            panel.screenshot(path=tmp_path / f"panel-{place}.png")
        results = Axe().run(page, context=".prem-panel", options={"resultTypes": ["violations"]})
        bad = [
            (found["id"], found["impact"], [node["html"][:150] for node in found["nodes"]][:3])
            for found in results.response["violations"]
            if found["impact"] in {"serious", "critical"}
        ]
        assert bad == []
    finally:
        page.close()
        lab.stop()
