"""The panel in JupyterLab, as a person uses it; one test for each thing that it does."""

from __future__ import annotations

import json
import re
import threading

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import Lab, Notebook, run_all_in_notebook_7, write
from loopback import Reply, answer, as_json, calls, chunk, event

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SHOW = "panel = ChatPanel()\npanel"
CODE = 'Use this:\n\n```python\nx = 1\n\nprint(f"{x}")\n```\n\nwhere $e^{i\\pi} = -1$.'


@pytest.fixture
def opened(lab, open_notebook, service, request):
    """Opens a notebook that shows a panel, and what else it is given, and runs the first cells."""

    def opened(*codes, show=SHOW, run=True):
        name = f"{request.node.name.replace('[', '-').replace(']', '')}.ipynb"
        setup = (
            f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}\n"
            "from jupyter_prem import ChatPanel\nimport time"
        )
        notebook = open_notebook(write(lab, name, setup, show, *codes))
        if run:
            notebook.run(0, 1)
            notebook.page.locator(".prem-field").first.wait_for()
        return notebook

    return opened


def ask(page, text, *, wait=True):
    page.locator(".prem-field").first.fill(text)
    page.keyboard.press("Enter")
    if wait:
        page.locator(".prem-turns .prem-question", has_text=text).first.wait_for()
        page.locator(".prem-send").first.wait_for()


def questions(page):
    return page.locator(".prem-turn:not([hidden]) .prem-question").all_inner_texts()


def held(service, *before, after=" the rest"):
    more = threading.Event()
    service.script = lambda _: Reply([*(event(chunk(text)) for text in before), more, *answer(after)])
    return more


def test_enter_sends_shift_enter_breaks_the_line_and_the_answer_streams(opened, service):
    page = opened().page
    more = held(service, "Partial **words**")
    field = page.locator(".prem-field")
    field.click()
    page.keyboard.type("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    assert service.questions == []
    page.keyboard.press("Enter")
    page.locator(".prem-asking strong", has_text="words").wait_for()
    assert page.locator(".prem-asking .prem-question").inner_text() == "one\ntwo"
    assert field.input_value() == ""
    more.set()
    page.locator(".prem-turns .prem-answer", has_text="Partial words the rest").wait_for()
    assert page.locator(".prem-asking").is_hidden()
    assert service.questions[0].body["messages"][-1]["content"] == "one\ntwo"


@pytest.mark.parametrize("how", ["button", "escape"])
def test_stop_keeps_what_had_arrived(opened, service, how):
    page = opened().page
    held(service, "Partial **words**")
    ask(page, "hi", wait=False)
    page.locator(".prem-asking strong").wait_for()
    if how == "button":
        page.get_by_role("button", name="Stop").click()
    else:
        page.locator(".prem-field").press("Escape")
    page.locator(".prem-turns .pm-badge", has_text="interrupted").wait_for()
    assert service.closed.wait(5)
    service.script = lambda _: Reply(answer("and on"))
    page.get_by_role("button", name="Continue this answer").click()
    page.locator(".prem-turns .prem-answer", has_text="and on").wait_for()


def test_cells_and_panel_share_one_conversation(opened, service):
    notebook = opened("%%chat\nfrom a cell")
    page = notebook.page
    ask(page, "from the panel")
    notebook.run(2)
    page.locator(".prem-turns .prem-answer", has_text="You said: from a cell").wait_for()
    assert questions(page) == ["from the panel", "from a cell"]
    said = [message["content"] for message in service.questions[-1].body["messages"]]
    assert said == ["from the panel", "You said: from the panel", "from a cell"]


def test_branches_of_edited_and_regenerated_turns(opened, service):
    page = opened().page
    ask(page, "first")
    ask(page, "second")
    service.script = lambda _: Reply(answer("another"))
    page.locator(".prem-turn").nth(1).get_by_role("button", name="Ask again", exact=True).click()
    page.locator(".prem-branches", has_text="2/2").wait_for()
    service.script = service.echo
    first = page.locator(".prem-turns .prem-turn").first
    first.hover()
    first.get_by_role("button", name="Edit and ask again").click()
    page.locator(".prem-edit").fill("first, edited")
    page.keyboard.press("Enter")
    page.locator(".prem-turns .prem-question", has_text="first, edited").wait_for()
    page.locator(".prem-branches", has_text="2/2").wait_for()
    assert questions(page) == ["first, edited"]
    page.get_by_role("button", name="Version before").click()
    page.locator(".prem-turns .prem-question", has_text="second").wait_for()
    assert questions(page) == ["first", "second"]
    first = page.locator(".prem-turns .prem-turn").first
    first.hover()
    first.get_by_role("button", name="Edit and ask again").click()
    page.locator(".prem-edit").press("Escape")
    assert first.get_by_role("button", name="Edit and ask again").evaluate(
        "e => e === document.activeElement"
    )
    first.get_by_role("button", name="Go on from here in a new conversation").click()
    page.wait_for_function("() => document.querySelector('.prem-select').value === 'default-fork'")
    assert questions(page) == ["first"]


def test_drafts_stay_with_their_conversations(opened):
    page = opened().page
    field = page.locator(".prem-field")
    field.fill("a thought for later")
    page.get_by_role("button", name="New conversation").click()
    page.locator(".prem-naming").fill("side")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('.prem-select').value === 'side'")
    assert field.input_value() == ""
    field.fill("another")
    page.locator(".prem-select").select_option("default")
    page.wait_for_function("() => document.querySelector('.prem-field').value === 'a thought for later'")
    page.locator(".prem-select").select_option("side")
    page.wait_for_function("() => document.querySelector('.prem-field').value === 'another'")


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


def test_code_is_copied_and_inserted_and_formulas_are_typeset(opened, service, lab):
    notebook = opened()
    page = notebook.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    service.script = lambda _: Reply(answer(CODE))
    ask(page, "code")
    page.locator(".prem-turns mjx-container").wait_for()
    block = page.locator(".prem-turns .pm-code")
    block.hover()
    block.get_by_role("button", name="Copy code").click()
    block.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("() => navigator.clipboard.readText()") == 'x = 1\n\nprint(f"{x}")'
    block.get_by_role("button", name="Insert as cell").click()
    block.get_by_role("button", name="Inserted").wait_for()
    notebook.save()
    cells = nbformat.read(lab.folder / notebook.name, 4).cells
    assert [cell.source for cell in cells[2:]] == ['x = 1\n\nprint(f"{x}")']
    page.locator(".prem-turn").get_by_role("button", name="Copy answer").click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('Use this:')")


def test_calls_and_data_are_drawn_as_in_cells(opened, service):
    notebook = opened(
        "def double(x: int):\n    return 2 * x\n\nfrom typing import TypedDict\nclass City(TypedDict):\n    name: str"
    )
    page = notebook.page
    notebook.run(2)
    script = iter(
        [Reply(calls(("double", '{"x": 4}'))), Reply(answer("It is 8.")), Reply(answer('{"name": "Rome"}'))]
    )
    service.script = lambda _: next(script)
    page.locator(".prem-chips").click()
    functions = page.get_by_label("Functions", exact=True)
    functions.focus()
    page.wait_for_function(
        "() => [...document.querySelectorAll('datalist option')].some(o => o.value === 'double')"
    )
    functions.fill("double")
    functions.press("Enter")
    page.locator("[data-control=tools].prem-is-set").wait_for()
    ask(page, "twice four?")
    assert "double(x=4) → 8" in page.locator(".prem-turns .pm-call summary").inner_text()
    page.get_by_role("button", name="Unset Functions").click()
    page.get_by_label("Schema", exact=True).fill("City")
    page.get_by_label("Schema", exact=True).press("Tab")
    page.locator("[data-control=schema].prem-is-set").wait_for()
    ask(page, "a city")
    assert "Rome" in page.locator(".prem-turns .pm-data").inner_text()


def test_an_error_has_retry(opened, service):
    page = opened().page
    service.script = lambda _: as_json({"error": {"message": "<b>no</b>"}}, 500)
    ask(page, "hi", wait=False)
    alert = page.locator(".prem-failed")
    alert.get_by_text("InternalServerError").wait_for()
    assert "<b>no</b>" in alert.inner_text()
    service.script = service.echo
    page.get_by_role("button", name="Retry").click()
    page.locator(".prem-turns .prem-answer", has_text="You said: hi").wait_for()
    assert alert.is_hidden()
    service.script = lambda _: as_json({"error": {"message": "no"}}, 400)
    ask(page, "later", wait=False)
    page.get_by_role("button", name="Edit", exact=True).click()
    page.wait_for_function("() => document.querySelector('.prem-field').value === 'later'")


def test_the_menu_exports_and_takes_back(opened, service):
    page = opened().page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, "one")
    for label, ending in (
        ("Export as Markdown", "md"),
        ("Export as JSON", "json"),
        ("Export as notebook", "ipynb"),
    ):
        page.get_by_role("button", name="More").click()
        with page.expect_download() as download:
            page.get_by_role("button", name=label).click()
        assert download.value.suggested_filename == f"default.{ending}"
        text = download.value.path().read_text()
        assert "You said: one" in text
        if ending != "md":
            json.loads(text)
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Copy as Markdown").click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('You said: one')")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Undo").click()
    page.locator(".prem-empty").wait_for()
    page.get_by_role("button", name="More").click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    assert page.locator(".prem-menu").is_hidden()
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Redo").click()
    page.locator(".prem-turns .prem-question").wait_for()


def test_parameters_are_set_marked_and_unset(opened, service):
    service.models = ["small", "large"]
    page = opened().page
    page.locator(".prem-chips").click()
    model = page.get_by_label("Model", exact=True)
    page.wait_for_function(
        "() => [...document.querySelectorAll('datalist option')].some(o => o.value === 'large')"
    )
    model.fill("large")
    model.press("Enter")
    temperature = page.get_by_label("Temperature", exact=True)
    assert (temperature.input_value(), temperature.get_attribute("placeholder")) == ("", "0.7")
    page.get_by_label("Temperature, slider").fill("0.25")
    page.wait_for_function(
        "() => document.querySelector('[data-control=temperature]').classList.contains('prem-is-set')"
    )
    assert temperature.input_value() == "0.25"
    page.get_by_role("button", name="Draw a seed").click()
    page.wait_for_function("() => /^[0-9]+$/.test(document.querySelector('[data-control=seed] input').value)")
    seed = int(page.get_by_label("Seed", exact=True).input_value())
    assert 0 <= seed < 2**31
    page.get_by_label("Top p", exact=True).fill("7")
    page.get_by_label("Top p", exact=True).press("Enter")
    page.get_by_text("between 0 and 1").first.wait_for()
    assert page.get_by_label("Top p", exact=True).get_attribute("aria-invalid") == "true"
    assert "temperature 0.25" in page.locator(".prem-chips").inner_text()
    page.get_by_role("button", name="Unset Top p").click()
    page.wait_for_function("() => !document.querySelector('[aria-invalid]')")
    ask(page, "hi")
    body = service.questions[-1].body
    assert (body["model"], body["temperature"], body["seed"]) == ("large", 0.25, seed)
    assert "top_p" not in body
    for label in ("Model", "Temperature", "Seed"):
        page.get_by_role("button", name=f"Unset {label}").click()
    page.wait_for_function("() => !document.querySelector('.prem-is-set')")
    service.models = ["small"]
    ask(page, "unset")
    assert set(service.questions[-1].body) == {"messages", "model", "stream", "stream_options"}


def test_the_meter_shows_the_budget(opened, service):
    notebook = opened("%prem budget 100")
    page = notebook.page
    ask(page, "one")
    assert page.locator(".prem-meter").inner_text() == "8 tokens"
    notebook.run(2)
    page.locator(".prem-meter", has_text="8 of 100 tokens").wait_for()


def test_it_asks_streams_and_stops_while_a_cell_runs(opened, service):
    notebook = opened("%%chat\nbefore", "while True:\n    time.sleep(0.01)")
    page = notebook.page
    notebook.run(2)  # a word of a cell's on this panel
    page.locator(".jp-CodeCell").nth(3).locator(".jp-InputPrompt").click()
    page.keyboard.press("Control+Enter")
    page.locator(".jp-InputPrompt", has_text="*").wait_for()
    ask(page, "while a cell runs")
    more = held(service, "stop **me**")
    ask(page, "and again", wait=False)
    page.locator(".prem-asking strong").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.locator(".prem-turns .pm-badge").wait_for()
    assert page.locator(".jp-InputPrompt", has_text="*").count() == 1
    assert page.locator(".prem-notice").inner_text() == ""
    more.set()
    page.locator(
        "[data-command='notebook:interrupt-kernel'], [data-jp-item-name=interrupt] button"
    ).first.click()
    notebook.wait_idle()


def test_run_all_with_a_long_cell_straight_after_it(opened, service):
    notebook = opened("time.sleep(600)", run=False)
    page = notebook.page
    notebook.start_all()
    page.locator(".prem-field").wait_for()
    ask(page, "at once")
    assert questions(page) == ["at once"]
    page.locator(".jp-InputPrompt", has_text="*").first.wait_for()


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
