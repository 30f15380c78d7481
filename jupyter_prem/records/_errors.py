"""What goes wrong with recordings."""

from __future__ import annotations

from jupyter_prem.client import ConfigurationError, PremError

__all__ = ["CassetteError", "CassetteWarning", "MissingRecordingError", "ModeError"]


class CassetteError(PremError):
    """A cassette that cannot be read or written; an answer that could not be recorded is its `response`."""


class MissingRecordingError(CassetteError):
    """A question without a recording, in a mode that asks nobody."""


class ModeError(ConfigurationError):
    """No mode of that name."""


class CassetteWarning(UserWarning):
    """Some lines of a cassette, or one that nobody named, cannot be used; the others are."""
