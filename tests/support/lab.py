"""A real JupyterLab and a real Chromium."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unmeasured import UNMEASURED

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]

SETTINGS = {
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
    "notebook-extension/tracker": '{"windowingMode": "none"}',
}


class Lab:
    """A JupyterLab server over one folder; `python` is whose JupyterLab it is."""

    def __init__(
        self,
        folder: Path,
        env: dict[str, str] | None = None,
        settings: dict[str, str] | None = None,
        python: str | Path = sys.executable,
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.token = secrets.token_hex(8)
        self.folder = folder
        place = folder / ".jupyter" / "settings"
        for name, text in {**SETTINGS, **(settings or {})}.items():
            path = place / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        environ = {
            **UNMEASURED,  # of its kernels those of other tests are measured
            **(env or {}),
            "JUPYTER_CONFIG_DIR": str(folder / ".jupyter"),
            "JUPYTERLAB_SETTINGS_DIR": str(place),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / ".jupyter" / "workspaces"),
        }
        options = [
            f"--port={self.port}",
            f"--IdentityProvider.token={self.token}",
            "--no-browser",
            "--allow-root",
            f"--ServerApp.root_dir={folder}",
            "--LabApp.news_url=None",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--ServerApp.port_retries=0",
        ]
        self._log = (folder / "lab.log").open("wb")
        self.process = subprocess.Popen(
            [python, "-m", "jupyterlab", *options], env=environ, stdout=self._log, stderr=self._log
        )
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api?token={self.token}").close()
                return
            assert self.process.poll() is None, (folder / "lab.log").read_text()
            assert time.monotonic() < deadline, "JupyterLab did not start"
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.1)

    def url(self, notebook: str) -> str:
        workspace = notebook.removesuffix(".ipynb")  # its own, so that no other notebook is restored
        return f"http://127.0.0.1:{self.port}/lab/workspaces/{workspace}/tree/{notebook}?token={self.token}"

    def url_in(self, page: str, notebook: str) -> str:
        """Return the address of another page than JupyterLab's: `notebooks`, `nbclassic/notebooks`, `voila/render`."""
        return f"http://127.0.0.1:{self.port}/{page}/{notebook}?token={self.token}"

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:  # after a page of Notebook 7 it does not end; its kernels follow it
            self.process.kill()
            self.process.wait()
        self._log.close()


def write(lab: Lab, name: str, *codes: str) -> str:
    """Write a notebook of code cells into the server's folder and return its name."""
    import nbformat

    cells = [nbformat.v4.new_code_cell(code, id=f"cell-{place}") for place, code in enumerate(codes)]
    spec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec})
    nbformat.write(notebook, lab.folder / name)
    return name


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "there is no Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


class Notebook:
    """One notebook, open in a page."""

    def __init__(self, page: Any, lab: Lab, name: str) -> None:
        self.page = page
        self.name = name
        page.goto(lab.url(name))
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=30_000)
        # The lamp says idle before there is a kernel, so the status bar decides.
        dialog = page.locator(".jp-Dialog button.jp-mod-accept")
        idle = page.locator("#jp-main-statusbar", has_text="| Idle")
        dialog.or_(idle).first.wait_for(timeout=30_000)
        if dialog.is_visible():
            dialog.click()
        idle.wait_for(timeout=30_000)

    def start_all(self) -> None:
        """Run every cell, without waiting for answers."""
        self.page.locator(".lm-MenuBar-item", has_text="Run").first.click()
        self.page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()

    def run_all(self, timeout: float = 120) -> None:
        """Run every cell and wait until the kernel has answered each."""
        self.start_all()
        self.wait_idle(timeout)

    def run(self, *places: int) -> None:
        """Run code cells by their places, one after the other."""
        for place in places:
            self.page.locator(".jp-CodeCell").nth(place).locator(".jp-InputPrompt").click()
            self.page.keyboard.press("Control+Enter")
            self.wait_idle()

    def wait_idle(self, timeout: float = 120) -> None:
        self.page.wait_for_function(
            """() => {
                const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')];
                const status = document.querySelector('.jp-Notebook-ExecutionIndicator').dataset.status;
                return status === 'idle' && prompts.every(p => /\\[[0-9]+\\]|\\[ \\]/.test(p.innerText))
                    && prompts.some(p => /[0-9]/.test(p.innerText));
            }""",
            timeout=timeout * 1000,
        )

    def outputs(self) -> list[str]:
        """Return the text of each code cell's outputs."""
        return self.page.locator(".jp-CodeCell").evaluate_all(
            "cells => cells.map(c => [...c.querySelectorAll('.jp-OutputArea-output')].map(o => o.innerText).join('\\n'))"
        )

    def restart(self) -> None:
        """Restart the kernel and wait until it is idle."""
        self.page.locator(".lm-MenuBar-item", has_text="Kernel").first.click()
        self.page.locator('.lm-Menu-item[data-command="kernelmenu:restart"]').click()
        self.page.locator(".jp-Dialog button.jp-mod-warn, .jp-Dialog button.jp-mod-accept").first.wait_for()
        self.page.get_by_role("button", name="Confirm Kernel Restart").click()
        self.page.wait_for_function(
            "() => document.querySelector('.jp-Notebook-ExecutionIndicator').dataset.status === 'idle'"
        )

    def save(self) -> None:
        """Save, and wait until the server has taken it."""
        with self.page.expect_response(lambda r: r.request.method == "PUT" and "/api/contents/" in r.url):
            self.page.keyboard.press("Control+s")


def run_all_in_notebook_7(page: Any, lab: Lab, name: str) -> None:
    """Open a notebook in Notebook 7 and start every cell, without waiting for answers."""
    from playwright.sync_api import TimeoutError as Late

    page.goto(lab.url_in("notebooks", name))
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=60_000)
    # Its lamp says idle before the page has a session; cells that are run then are dropped.
    begun = page.locator(".jp-InputPrompt", has_text=re.compile(r"[*0-9]"))
    for _ in range(5):
        page.locator(".lm-MenuBar-item", has_text="Run").first.click()
        page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()
        with contextlib.suppress(Late):
            begun.first.wait_for(timeout=5_000)
            return
