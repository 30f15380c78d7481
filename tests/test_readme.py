"""What the README says is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jupyter_prem.notebook import OPTIONS, SUBCOMMANDS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_table_of_options_is_the_table_of_the_parser():
    rows = re.findall(r"^\| `(-[^`]*)` \| (.*?) \|$", README, re.MULTILINE)
    ours = [(f"{'/'.join(option.flags)} {option.metavar}".strip(), option.help) for option in OPTIONS]
    assert rows == ours


def test_the_table_of_subcommands_is_what_prem_runs():
    rows = re.findall(r"^\| `%prem ([^`]*)` \| (.*?) \|$", README, re.MULTILINE)
    assert rows == [(f"{command.name} {command.words}".strip(), command.help) for command in SUBCOMMANDS]


@pytest.mark.weights
@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_python_blocks_run(block, kernel, weights):
    ran = kernel.run(block)
    assert ran.status == "ok", ran.error


def test_links_and_pictures_are_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target
