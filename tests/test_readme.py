"""What the README and the user guide say is what there is, and every block of the README runs."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from kernels import Kernel

from jupyter_prem.notebook import OPTIONS, SUBCOMMANDS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / "notebooks" / "README.md").read_text()
BLOCKS = re.findall(r"^(<!-- command: \w+ -->\n)?```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
CELLS = [block for _, kind, block in BLOCKS if kind in {"python", "ipython"}]
LINES = [
    line for mark, kind, block in BLOCKS if kind == "console" and not mark for line in block.splitlines()
]


def test_the_table_of_options_is_the_table_of_the_parser():
    rows = re.findall(r"^\| `(-[^`]*)` \| (.*?) \|$", GUIDE, re.MULTILINE)
    ours = [(f"{'/'.join(option.flags)} {option.metavar}".strip(), option.help) for option in OPTIONS]
    assert rows == ours


def test_the_table_of_subcommands_is_what_prem_runs():
    rows = re.findall(r"^\| `%prem ([^`]*)` \| (.*?) \|$", GUIDE, re.MULTILINE)
    assert rows == [(f"{command.name} {command.words}".strip(), command.help) for command in SUBCOMMANDS]


def test_the_guide_names_each_notebook_in_its_table():
    rows = re.findall(r"^\| \[\w+\]\((\w+\.ipynb)\)", GUIDE, re.MULTILINE)
    assert sorted(rows) == sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))


def test_every_block_is_of_a_kind_that_is_run():
    assert {kind for _, kind, _ in BLOCKS} == {"console", "python", "ipython"}
    assert README.count("```") == 2 * len(BLOCKS)
    assert [mark for mark, _, _ in BLOCKS if mark] == ["<!-- command: lab -->\n", "<!-- command: tests -->\n"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


@pytest.fixture(scope="module")
def ran(folder):
    """Every cell of the README, in its order, in one kernel that was set nothing."""
    kernel = Kernel({"JUPYTER_PREM_RECORD": None, "PREM_ENDPOINT": None}, cwd=str(folder))
    try:
        yield [kernel.run(cell, f"cell-{number}", timeout=120) for number, cell in enumerate(CELLS)]
    finally:
        kernel.stop()


@pytest.mark.weights
@pytest.mark.parametrize("number", range(len(CELLS)))
def test_each_cell_runs(number, weights, ran):
    assert ran[number].status == "ok", (CELLS[number], ran[number].error)


def lists_its_model(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/models", timeout=30) as reply:
            return b"SmolLM2" in reply.read()
    except urllib.error.URLError:
        return False


@pytest.mark.weights
@pytest.mark.parametrize("line", LINES)
def test_each_line_of_a_shell_runs(line, weights, ran, folder):
    words = shlex.split(line)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    if "--port" in words:
        words[words.index("--port") + 1] = port
    started = subprocess.Popen([sys.executable, "-m", *words], cwd=folder)
    try:
        if "serve" in words:
            deadline = time.monotonic() + 60
            while not lists_its_model(port):
                assert time.monotonic() < deadline
                assert started.poll() is None
        else:
            assert started.wait(120) in {0, 1}  # the same, or what changed
            assert (folder / "report.xml").exists()
    finally:
        started.terminate()
        started.wait(20)


@pytest.mark.parametrize("text", [README, GUIDE], ids=["readme", "guide"])
def test_links_and_pictures_are_there(text):
    folder = ROOT if text is README else ROOT / "notebooks"
    targets = re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    assert targets
    for target in targets:
        if not target.startswith("http"):
            assert (folder / target).exists(), target


def test_nothing_else_is_visible_at_the_top():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    if not tracked:  # an sdist
        tracked = "\n".join(path.name for path in ROOT.iterdir())
    names = {line.split("/")[0] for line in tracked.splitlines()}
    assert {name for name in names if not name.startswith(".")} <= {
        *("pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"),
        *("jupyter_prem", "notebooks", "tests", "binder", "PKG-INFO"),
    }
