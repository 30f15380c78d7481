"""A pytest plugin: the fixture `prem_record`, and the option `--prem-record`."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import pytest

from ._unattended import in_ci

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_prem.records import Tape

_LONGEST = 120  # characters of a file's name, less its hash and its ending
MODES = ("none", "once", "new_episodes", "all")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("jupyter_prem").addoption(
        "--prem-record",
        choices=MODES,
        help="how tests with the fixture prem_record record and replay (default: none in CI, else once)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Describe the marker."""
    config.addinivalue_line(
        "markers", "prem_record(path=None, mode=None): the cassette and the mode of the fixture prem_record"
    )


@pytest.fixture
def prem_record(request: pytest.FixtureRequest) -> Iterator[Tape]:
    """Record and replay what the test asks; the tape.

    The cassette is `cassettes/MODULE.TEST.chat.jsonl` beside the test's file, with a hash where the name can
    be no file's, unless the marker `prem_record(path, mode=...)` names another. The option `--prem-record` is
    stronger than the marker.
    """
    from jupyter_prem.records import record

    marker = request.node.get_closest_marker("prem_record")
    given = (
        dict(zip(("path", "mode"), marker.args, strict=False)) | marker.kwargs if marker is not None else {}
    )
    path = request.path.parent / (given.get("path") or f"cassettes/{_name(request.node)}.chat.jsonl")
    mode = request.config.getoption("--prem-record") or given.get("mode")
    mode = mode or ("none" if in_ci() else "once")
    if mode != "none":
        path.parent.mkdir(parents=True, exist_ok=True)
    with record(path, mode) as tape:
        tape.command = "pytest --prem-record=new_episodes"
        yield tape


def _name(item: pytest.Item) -> str:
    """Return what a test's cassette is called: no two tests of a folder share one, on any file system."""
    parts = item.nodeid.split("::")[1:]
    plain = ".".join([item.path.stem, *parts])
    name = re.sub(r"[^\w.-]+", "-", plain, flags=re.ASCII).strip("-")[:_LONGEST]
    if name == plain:
        return name
    return f"{name}-{hashlib.sha256(plain.encode()).hexdigest()[:8]}"
