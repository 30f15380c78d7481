"""A conversation in JupyterLab: asked, asked again in the middle, and taken up after the kernel was restarted."""

from __future__ import annotations

import pytest
from lab import write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def sent(service):
    return [m["content"] for m in service.questions[-1].body["messages"]]


def edit(notebook, place, text):
    notebook.page.locator(".jp-CodeCell").nth(place).locator(".cm-content").click()
    notebook.page.keyboard.press("Control+a")
    notebook.page.keyboard.insert_text(text)
    notebook.page.keyboard.press("Escape")


def test_the_conversation_follows_the_page_and_survives_a_restart(lab, open_notebook, service, tmp_path):
    name = write(
        lab,
        "follow.ipynb",
        f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}",
        "%%chat -s 'Answer briefly.'\nWhat is a mean?",
        "%%chat\nAnd a median?",
        "%%chat\nThanks",
        "%prem history",
    )
    notebook = open_notebook(name)
    page = notebook.page
    notebook.run_all()
    edit(notebook, 2, "%%chat\nAnd a mode?")
    notebook.run(2, 4)
    shown = notebook.outputs()
    assert "You said: And a mode?" in shown[2]
    assert "follows “What is a mean?”" in shown[2]
    assert "● [3] What is a mean?" not in shown[4]
    assert "ask after its last answer:\n   [4]  Thanks" in shown[4]
    assert [line[0] for line in shown[4].split("\n") if line[:1] in {"●", "├"}] == ["●", "├", "├", "●"]
    assert sent(service) == ["Answer briefly.", "What is a mean?", "You said: What is a mean?", "And a mode?"]

    notebook.save()
    notebook.restart()
    edit(notebook, 4, "%prem resume")
    notebook.run(0, 4)
    shown = notebook.outputs()
    assert "Taken up from follow.ipynb" in shown[4]
    assert "│ Answer briefly." in shown[4]
    assert "left out: cell 4: it follows an answer that is not in the notebook any more" in shown[4]
    page.screenshot(path=tmp_path / "resumed.png")
    notebook.run(3)
    assert sent(service) == [
        "Answer briefly.",
        "What is a mean?",
        "You said: What is a mean?",
        "And a mode?",
        "You said: And a mode?",
        "Thanks",
    ]
    notebook.run(1)
    assert sent(service) == ["Answer briefly.", "What is a mean?"]


def test_tab_offers_options_and_models_on_the_page(lab, open_notebook, service):
    service.models = ["alpha-model", "beta-model"]
    name = write(
        lab,
        "tab.ipynb",
        f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}",
        "%%chat -m ",
    )
    notebook = open_notebook(name)
    page = notebook.page
    notebook.run(0)
    page.locator(".jp-CodeCell").nth(1).locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.press("Tab")
    page.locator(".jp-Completer-item", has_text="beta-model").wait_for(timeout=20_000)
    page.locator(".jp-Completer-item", has_text="beta-model").click()
    page.keyboard.type(" --tempe")
    page.keyboard.press("Tab")
    page.locator(".jp-Completer-item", has_text="--temperature").wait_for(timeout=20_000)
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => document.querySelectorAll('.jp-CodeCell')[1].innerText.includes('-m beta-model --temperature')"
    )


def test_code_goes_into_a_new_cell_below(lab, open_notebook, service):
    from loopback import Reply, answer

    service.script = lambda _: Reply(answer("```python\nx = 41 + 1\n```"))
    name = write(
        lab,
        "code.ipynb",
        f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}",
        "%%chat --code\nhi",
    )
    notebook = open_notebook(name)
    page = notebook.page
    notebook.run(0, 1)
    page.wait_for_function("() => document.querySelectorAll('.jp-CodeCell').length === 3")
    assert "x = 41 + 1" in page.locator(".jp-CodeCell .cm-content").nth(2).inner_text()
