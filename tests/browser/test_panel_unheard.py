"""What a person says to a kernel that ends before it hears."""

from __future__ import annotations

import os
import signal

import pytest
from lab import write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_an_edit_that_the_kernel_never_heard_is_in_the_composer(lab, open_notebook, service):
    setup = f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}\nimport os\nos.getpid()"
    show = "from jupyter_prem import ChatPanel\nChatPanel()"
    notebook = open_notebook(write(lab, "unheard.ipynb", setup, show))
    notebook.run(0, 1)
    page = notebook.page
    kernel = int(page.locator(".jp-OutputArea-executeResult .jp-OutputArea-output").first.inner_text())
    page.locator(".prem-field").fill("one")
    page.locator(".prem-field").press("Enter")
    page.locator(".prem-turns .prem-answer", has_text="You said: one").wait_for()
    page.get_by_role("button", name="Edit and ask again").click()
    page.locator(".prem-edit").fill("one, edited")
    os.kill(kernel, signal.SIGSTOP)
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator(".prem-edit").wait_for(state="detached")
    os.kill(kernel, signal.SIGKILL)
    page.wait_for_function("() => document.querySelector('.prem-field').value === 'one, edited'")
