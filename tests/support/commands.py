"""`jupyter prem`, run as a program."""

from __future__ import annotations

import os
import subprocess
import sys

PREM = [sys.executable, "-m", "jupyter_prem.cli"]


def prem(*arguments, **environment):
    env = {**os.environ, **environment}
    return subprocess.run(
        [*PREM, *arguments], check=False, capture_output=True, text=True, timeout=120, env=env
    )
