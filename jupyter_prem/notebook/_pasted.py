"""A key on a line is refused: IPython keeps every line in its history, and a notebook saves it."""

from __future__ import annotations

import re
from typing import Final

from jupyter_prem.client import PremError

__all__ = ["PastedKeyError", "refuse_config", "refuse_key_option", "refuse_key_words"]

_OPTION: Final = re.compile(
    r"--?(?:prem(?:ai)?-?)?(?:api-?|access-?)?(?:key|token|secret)|--?(?:password|bearer|auth(?:orization)?)"
)
_CONFIG: Final = re.compile(r"\s*%config\s+PremMagics\.\w*(?:key|token|secret|password)\s*=", re.IGNORECASE)

_LOGIN: Final = re.compile(r"\s*login(?P<rest>.*)", re.IGNORECASE | re.DOTALL)


class PastedKeyError(PremError):
    """A key where a line or a setting would keep it."""

    def __init__(self, what: str = "A key does not go on a line.") -> None:
        super().__init__(
            f"{what} It is not used, but IPython's history and this notebook have it.",
            hint="Revoke it where you got it, and give a new one to %prem login, which asks for it hidden.",
        )


def refuse_key_words(line: str) -> None:
    """Refuse all that follows `%prem login` but `--keyring`: it is likely a key, so none of it is told back.

    Raises:
        PastedKeyError: There is something.
    """
    match = _LOGIN.match(line)
    if match and any(word != "--keyring" for word in match["rest"].split()):
        raise PastedKeyError("%prem login takes --keyring or nothing, and a key does not go on a line.")


def refuse_key_option(word: str) -> None:
    """Refuse an option that would take a key.

    Raises:
        PastedKeyError: It would.
    """
    if _OPTION.fullmatch(word.partition("=")[0].lower().replace("_", "-")):
        raise PastedKeyError


def refuse_config(line: str) -> None:
    """Refuse a line that sets a key as `%config PremMagics` sets traits.

    Raises:
        PastedKeyError: It does.
    """
    if _CONFIG.match(line):
        raise PastedKeyError
