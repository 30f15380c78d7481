"""Whether nobody watches: CI, and tests."""

from __future__ import annotations

import os

__all__ = ["in_ci", "unattended"]


def in_ci() -> bool:
    """Whether this is continuous integration: `CI` is set, and not to 0, false or no."""
    return os.environ.get("CI", "").strip().lower() not in {"", "0", "false", "no"}


def unattended() -> bool:
    """Whether this runs in CI or in a test of pytest's, nbval's among them."""
    return bool(os.environ.get("PYTEST_CURRENT_TEST")) or in_ci()
