"""A sweep in JupyterLab: a bar that moves, a stop that keeps what is done, a table to look at."""

from __future__ import annotations

import re
import time

import pytest
from lab import write
from loopback import Reply, answer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

LONG = "a view over the whole of the old town from the hill, at its best an hour before sunset, and much else"
CELLS = (
    "import os\nfor name in ('CI', 'PYTEST_CURRENT_TEST'): os.environ.pop(name, None)",
    "%%sweep n=0:40 temperature=0 --max-concurrency 4\nNumber {{ n }}, please.",
    "print(len(runs), runs.to_frame().text.iloc[0][:11])",
    "%%sweep city=Rome,Lima,'Addis Ababa' seed=0:2 temperature=0,0.7\nName one thing to see in {{ city }}.",
)


def start(notebook, place):
    notebook.page.locator(".jp-CodeCell").nth(place).locator(".cm-content").click()
    notebook.page.keyboard.press("Control+Enter")


def shown(notebook, place):
    return notebook.page.locator(".jp-CodeCell").nth(place).locator(".jp-OutputArea-output").all_inner_texts()


def test_a_sweep_moves_stops_and_ends_as_a_table(lab, open_notebook, service, tmp_path):
    def slowly(request):
        time.sleep(0.25)
        city = request.body["messages"][-1]["content"].removeprefix("Name one thing to see in ")
        return Reply(answer(f"In {city} there is {LONG}."))

    service.script = slowly
    setup = f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}"
    notebook = open_notebook(write(lab, "sweep.ipynb", setup, *CELLS))
    page = notebook.page
    notebook.run(0, 1)

    start(notebook, 2)
    cell = page.locator(".jp-CodeCell").nth(2)
    bar = cell.locator(".jp-OutputArea-output", has_text="/40")
    bar.wait_for(timeout=20_000)
    seen = []
    while len(seen) < 3:
        done = int(re.search(r"(\d+)/40", bar.inner_text())[1])
        seen += [done] if done not in seen else []
    page.screenshot(path=tmp_path / "bar.png")
    assert seen == sorted(seen)
    page.locator('[data-command="notebook:interrupt-kernel"], button[title*="nterrupt"]').first.click()
    page.get_by_text("SweepInterrupted: Stopped").wait_for(timeout=10_000)
    notebook.wait_idle()
    summary, error = shown(notebook, 2)
    done = int(re.match(r"(\d+) of 40 answered, [\d,]+ tokens", summary)[1])
    assert 0 < done < 40
    assert f"{done} of 40 rows are done and kept" in error
    notebook.run(3)
    assert shown(notebook, 3)[0].strip() == f"{done} In Number 0"

    notebook.run(4)
    summary, table = shown(notebook, 4)
    assert summary == "12 of 12 answered, 96 tokens"
    assert "Addis Ababa" in table
    cell = page.locator(".jp-CodeCell").nth(4)
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        page.locator(".lm-MenuBar-item", has_text="Settings").first.click()
        page.locator(".lm-Menu-itemLabel", has_text="Theme").first.hover()
        page.locator(".lm-Menu-itemLabel", has_text=theme).first.click()
        page.wait_for_function(
            "theme => document.body.dataset.jpThemeName === theme", arg=theme, timeout=20_000
        )
        page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=20_000)
        cell.scroll_into_view_if_needed()
        cell.screenshot(path=tmp_path / f"{theme.split()[-1].lower()}.png")
