"""Notebooks that a program executed, and a machine on which nobody can be asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from unmeasured import UNMEASURED

MIME = "application/vnd.jupyter-prem+json"

# What a run of these tests under coverage adds is not meant for the programs that they start.
ENVIRONMENT = {name: value for name, value in UNMEASURED.items() if name != "PYTEST_ADDOPTS"}

GUARD = """
import os, socket
def refuse(self, address, *_):
    with open({log!r}, "a") as log:
        log.write(f"{{os.getpid()}} {{address}}\\n")
    raise OSError("no network here")
for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, refuse)
"""


def answers(path: Path) -> list[dict[str, Any]]:
    """Return the bundles of a notebook's answers."""
    cells = nbformat.read(path, 4).cells
    return [o.data for cell in cells for o in cell.get("outputs", []) if MIME in o.get("data", {})]


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a machine without network, key, model or weights."""
    folder = tmp_path / "guard"
    folder.mkdir()
    log = folder / "log"
    (folder / "sitecustomize.py").write_text(GUARD.format(log=str(log)))
    env = {name: value for name, value in ENVIRONMENT.items() if not name.startswith(("PREM", "COV"))}
    env |= {"PYTHONPATH": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), "JUPYTER_PREM_RECORD": "none"}
    env |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_NO_CACHE_DIR": "1"}
    yield env
    assert not log.exists(), log.read_text()
