"""The table beside the peers, of this package alone: no peer is installed in a test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "benchmarks" / "side_by_side.py"


@pytest.mark.timeout(400)
def test_every_row_of_the_table_is_filled(tmp_path):
    found = tmp_path / "found.json"
    command = [sys.executable, SCRIPT, "--only", "ours", "--quick", "--cache", tmp_path, "--json", found]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    rows = [line.strip("|").split("|") for line in ran.stdout.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 13
    assert [title.strip() for title, cell in rows[2:] if not cell.strip() or "not measured" in cell] == []
    results = json.loads(found.read_text())["results"]["jupyter_prem"]
    assert results["costs"]["streamed"]
    assert results["stops"].items() >= {"closed": True, "shown": True, "held": True}.items()
    assert results["hostiles"]["active"] == 0
    assert results["faults"]["held"] == results["faults"]["of"]
    assert results["restarts"]["restored"]
