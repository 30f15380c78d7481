"""That no case is forgotten: each has a test, with both clients."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from wire_cases import ALL

CLIENTS = {"threads": "Client", "aiohttp": "AsyncClient", "httpx": "AsyncClient, without httpx-aiohttp"}


def collected() -> dict[str, set[str]]:
    """Return the clients that each case is tested with."""
    files = sorted(Path(__file__).parent.glob("test_wire_*.py"))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--collect-only",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        *map(str, files),
    ]
    env = {**os.environ, "PYTEST_ADDOPTS": ""}  # where coverage is asked for, it would begin anew
    ran = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, env=env)
    found: dict[str, set[str]] = defaultdict(set)
    for identifier in re.findall(r"\[(.*)\]$", ran.stdout, re.MULTILINE):
        case = re.search(r"\b[SH]\d\d\b", identifier)
        client = re.search(r"\b(?:threads|aiohttp|httpx)\b", identifier)
        if case and client:
            found[case[0]].add(client[0])
    return found


def test_every_case_has_a_test_with_each_client():
    assert len(ALL) == 115
    found = collected()
    assert {case: found[case] for case in ALL} == {case: set(CLIENTS) for case in ALL}
