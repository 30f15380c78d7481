"""One JupyterLab and one Chromium for each file of tests; a panel in them, and a place for hostile strings."""

from __future__ import annotations

import json
from types import SimpleNamespace

import hostile
import pytest
from beacon import WATCH, Beacon
from hostile_page import reply
from lab import Lab, Notebook, chromium, write
from loopback import Service
from panel_page import SHOW


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.stop()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_notebook(lab, browser):
    pages = []

    def opened(name):
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        pages.append(page)
        return Notebook(page, lab, name)

    yield opened
    for page in pages:
        page.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A JupyterLab, a browser, a beacon, and a service that says what the hostile strings say."""
    folder, beacon, service = tmp_path_factory.mktemp("hostile"), Beacon(), Service()
    texts = [beacon.arm(text, number) for number, (_, text) in enumerate(hostile.ALL)]
    service.script = lambda request: reply(texts, request.body["messages"][-1])
    service.models = [text for text in texts if "\n" not in text]
    (folder / "texts.json").write_text(json.dumps(texts))
    lab = Lab(folder)
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1200, "height": 1000})
        context.add_init_script(WATCH)
        yield SimpleNamespace(
            lab=lab, context=context, beacon=beacon, service=service, texts=texts, folder=folder
        )
    lab.stop()
    service.stop()
    beacon.stop()


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
