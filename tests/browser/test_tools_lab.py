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
    page = notebook.page
    notebook.run(0, 1, 2)
    cell = page.locator(".jp-CodeCell").nth(2)
    call = cell.locator("details.pm-call")
    assert call.count() == 1
    assert not call.locator("pre").first.is_visible()
    assert "add(a=2, b=40)" in call.locator("summary").inner_text()
    call.locator("summary").click()
    assert call.locator("pre").last.inner_text().strip() == "42"

    start(notebook, 3)
    tree = page.locator(".jp-CodeCell").nth(3).locator(".pm-data")
    tree.wait_for(timeout=20_000)
    page.wait_for_function("() => document.querySelector('.pm-data').innerText.includes('Ada Lov')")
    hold.set()
    page.wait_for_function("() => document.querySelector('.pm-data').innerText.includes('Babbage')")
    tree.locator("summary").nth(1).click()
    page.wait_for_function("() => !document.querySelector('.pm-data details details').open")

    start(notebook, 4)
    box = page.locator(".jp-Stdin-input")
    box.wait_for(timeout=20_000)
    assert "Call add(a=1, b=1)? [y/n]" in page.locator(".jp-Stdin").inner_text()
    box.fill("y")
    box.press("Enter")
    page.wait_for_function(
        "() => document.querySelectorAll('.jp-CodeCell')[4].innerText.includes('confirmed')"
    )

    start(notebook, 5)
    page.wait_for_function(
        "() => document.querySelectorAll('.jp-CodeCell')[5].innerText.includes('printed by the tool')"
    )
    page.screenshot(path=tmp_path / "calling.png")
    page.locator(
        'jp-button[data-command="notebook:interrupt-kernel"], [data-command="notebook:interrupt-kernel"]'
    ).first.click()
    page.wait_for_function(
        "() => document.querySelectorAll('.jp-CodeCell')[5].innerText.includes('Interrupted')"
    )
    shown = notebook.outputs()[5]
    assert "printed by the tool" in shown
    assert "hangs()" in shown
    notebook.run(6)
    sent = service.questions[-1].body["messages"]
    asked = [c["id"] for m in sent for c in m.get("tool_calls", [])]
    assert asked == [m["tool_call_id"] for m in sent if m["role"] == "tool"]
    page.screenshot(path=tmp_path / "tools.png", full_page=True)
