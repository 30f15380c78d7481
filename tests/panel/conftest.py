"""A kernel that holds a panel, and a page that shows it."""

from __future__ import annotations

import pytest
from panels import Page


@pytest.fixture
def panel(kernel):
    ran = kernel.run("from jupyter_prem import ChatPanel\nimport time\npanel = ChatPanel()")
    assert ran.status == "ok", ran.error
    return kernel


@pytest.fixture
def page(panel):
    return Page(panel)
