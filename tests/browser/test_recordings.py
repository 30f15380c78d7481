"""A notebook that was recorded in a live JupyterLab gives the same page to nbval, with nobody there."""

from __future__ import annotations

import os
import subprocess
import sys

import nbformat
import pytest
from lab import write
from loopback import Reply, answer, calls

from jupyter_prem.records import Cassette

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

CELLS = (
    "%prem record once",
    "%%chat -s 'Be **brief**.'\nA list, please",
    "%%chat\nAnd a table with $x^2$",
    "def add(a: int, b: int) -> int:\n    'Add.'\n    return a + b",
    "%%chat --tools add\n1 + 2?",
    "%prem regenerate",
    "chat_response.text, chat_usage",
)


def saved(lab, notebook, name):
    notebook.save()
    return nbformat.read(lab.folder / name, 4)


def test_a_notebook_saved_from_a_live_page_passes_nbval(lab, open_notebook, service):
    replies = iter(
        [
            answer("- one\n", "- **two**\n", "\n```python\nprint(1)\n```\n"),
            answer("| a | b |\n|---|---|\n", "| $x^2$ | 2 |\n"),
            calls(("add", '{"a": 1, "b": 2}')),
            answer("It is ", "3."),
            answer("It is three."),
        ]
    )
    service.script = lambda _: Reply(next(replies))
    setup = f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}"
    name = write(lab, "recorded.ipynb", setup, *CELLS)
    notebook = open_notebook(name)
    notebook.run_all()
    assert "It is three." in notebook.outputs()[-2]
    live = saved(lab, notebook, name)
    assert len(Cassette(lab.folder / "recorded.chat.jsonl")) == 5
    service.stop()
    asked = len(service.requests)
    hidden = {"PYTEST_ADDOPTS", "JUPYTER_PREM_RECORD"}
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:cov", "--nbval", name],
        cwd=lab.folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"{len(CELLS) + 1} passed" in done.stdout
    assert len(service.requests) == asked
    # In the page it is replayed as well, and drawn once.
    notebook.restart()
    notebook.run_all()
    again = saved(lab, notebook, name)
    assert [[output.get("data") for output in cell.outputs] for cell in again.cells] == [
        [output.get("data") for output in cell.outputs] for cell in live.cells
    ]
