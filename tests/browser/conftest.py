"""One JupyterLab and one Chromium for each file of tests."""

from __future__ import annotations

import pytest
from lab import Lab, Notebook, chromium


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
