"""The panel in JupyterLab, as a person uses it; one test for each thing that it does."""

from __future__ import annotations

import json

import nbformat
import pytest
from loopback import Reply, answer, as_json, calls, held
from panel_page import CODE, ask, questions

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


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
