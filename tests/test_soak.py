"""The soak, for a moment: that the command works, and that its judges find nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).parent / "benchmarks" / "soak.py"


def test_a_short_soak_loses_nothing():
    ran = subprocess.run(
        [sys.executable, str(SOAK), "0.3"], capture_output=True, text=True, check=False, timeout=170
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "| 0 | 0 | 0 | 0 |" in ran.stdout
