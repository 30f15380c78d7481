"""The environment of programs that coverage does not follow."""

from __future__ import annotations

import os

UNMEASURED = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_PROCESS")}
