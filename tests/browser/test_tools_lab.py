"""Calls of functions and data in JupyterLab: seen while they come, folded, confirmed and stopped by a person."""

from __future__ import annotations

import json
import threading

import pytest
from lab import write
from loopback import Reply, Script, answer, calls, chunk, event

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

CODE = """
import time, pydantic
class Person(pydantic.BaseModel):
    name: str
    born: int
    friends: list[str] = []

def add(a: int, b: int) -> int:
    "Add."
    return a + b

def hangs():
    print("printed by the tool")
    time.sleep(60)
"""


def start(notebook, place):
    notebook.page.locator(".jp-CodeCell").nth(place).locator(".cm-content").click()
    notebook.page.keyboard.press("Shift+Enter")


def test_calls_and_data_on_the_page(lab, open_notebook, service, tmp_path):
    hold = threading.Event()
    data = json.dumps({"name": "Ada Lovelace", "born": 1815, "friends": ["Babbage"]})
    service.script = Script(
        calls(("add", '{"a": 2, "b": 40}')),
        answer("It is 42."),
        Reply([event(chunk(data[:20])), hold, *answer(data[20:])]),
        calls(("add", '{"a": 1, "b": 1}')),
        answer("confirmed"),
        calls(("hangs", "")),
        answer("after"),
    )
    name = write(
        lab,
        "tools.ipynb",
        f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}",
        CODE,
        "%%chat --tools add\nWhat is 2 + 40?",
        "%%chat --schema Person\nWho?",
        "%%chat --tools add --confirm-tools\nand 1 + 1?",
        "%%chat --tools hangs\nslowly",
        "%%chat\nnext",
    )
    notebook = open_notebook(name)
    notebook.run(0, 1, 2)
    a_call_unfolds(notebook)
    data_grows_and_folds(notebook, hold)
    a_call_is_confirmed(notebook)
    a_call_is_stopped(notebook, tmp_path / "calling.png")
    notebook.run(6)
    sent = service.questions[-1].body["messages"]
    asked = [c["id"] for m in sent for c in m.get("tool_calls", [])]
    assert asked == [m["tool_call_id"] for m in sent if m["role"] == "tool"]
    notebook.page.screenshot(path=tmp_path / "tools.png", full_page=True)


def until_cell_shows(page, place, text):
    page.wait_for_function(
        "([place, text]) => document.querySelectorAll('.jp-CodeCell')[place].innerText.includes(text)",
        arg=[place, text],
    )


def a_call_unfolds(notebook):
    call = notebook.page.locator(".jp-CodeCell").nth(2).locator("details.pm-call")
    assert call.count() == 1
    assert not call.locator("pre").first.is_visible()
    assert "add(a=2, b=40)" in call.locator("summary").inner_text()
    call.locator("summary").click()
    assert call.locator("pre").last.inner_text().strip() == "42"


def data_grows_and_folds(notebook, hold):
    page = notebook.page
    start(notebook, 3)
    tree = page.locator(".jp-CodeCell").nth(3).locator(".pm-data")
    tree.wait_for(timeout=20_000)
    page.wait_for_function("() => document.querySelector('.pm-data').innerText.includes('Ada Lov')")
    hold.set()
    page.wait_for_function("() => document.querySelector('.pm-data').innerText.includes('Babbage')")
    tree.locator("summary").nth(1).click()
    page.wait_for_function("() => !document.querySelector('.pm-data details details').open")


def a_call_is_confirmed(notebook):
    page = notebook.page
    start(notebook, 4)
    box = page.locator(".jp-Stdin-input")
    box.wait_for(timeout=20_000)
    assert "Call add(a=1, b=1)? [y/n]" in page.locator(".jp-Stdin").inner_text()
    box.fill("y")
    box.press("Enter")
    until_cell_shows(page, 4, "confirmed")


def a_call_is_stopped(notebook, picture):
    page = notebook.page
    start(notebook, 5)
    until_cell_shows(page, 5, "printed by the tool")
    page.screenshot(path=picture)
    page.locator(
        'jp-button[data-command="notebook:interrupt-kernel"], [data-command="notebook:interrupt-kernel"]'
    ).first.click()
    until_cell_shows(page, 5, "Interrupted")
    shown = notebook.outputs()[5]
    assert "printed by the tool" in shown
    assert "hangs()" in shown
