"""The subcommand that takes a key in."""

from __future__ import annotations

import getpass
import os
import warnings
from typing import TYPE_CHECKING

from IPython.core.error import StdinNotImplementedError

from jupyter_prem.client import Key, PremError
from jupyter_prem.notebook._draw import say

if TYPE_CHECKING:
    from jupyter_prem.notebook._magics import PremMagics

__all__ = ["login"]

_ELSEWHERE = "Set PREMAI_API_KEY where the kernel starts, or run %prem login --keyring in a notebook first."


class LoginError(PremError):
    """A key that cannot be asked for."""


def login(magics: PremMagics, *words: str) -> None:
    """Ask for a key, hidden, and hold it in this kernel; with `--keyring` also in the system's keyring.

    It is for the host of the endpoint that is set, and goes to no other. In the keyring its service is
    "jupyter_prem", and its user that host. In a kernel the key of its own login comes first, then
    PREMAI_API_KEY, then the keyring's.

    Raises:
        LoginError: Nobody can be asked.
        KeyringError: There is no keyring, or it does not keep the key.
        InvalidKeyError: What was typed is no key.
        ConfigurationError: The endpoint that is set is no address, or no key may go there.
    """
    from jupyter_prem.backends import API_KEY_VARIABLE, keep_key, keyed_host, open_keyring, set_login

    if words:  # "--keyring": any other is refused before
        open_keyring()
    notebook = magics.notebook
    settings = notebook.settings()
    host = keyed_host(settings.endpoint, allow_http_hosts=settings.allow_http_hosts)
    try:
        key = _asked(host)
    except LoginError:
        tape = notebook.recordings.held()
        if tape is None or tape.asks:
            raise
        say(magics.shell, "Nobody is asked for a key: answers come from recordings.")
        return
    if key is None:
        say(magics.shell, "Nothing was typed; all is as it was.")
        return
    lines = [f"This kernel now has a key for {host}. Nothing was sent yet."]
    if words:
        name = keep_key(host, key)
        lines = [f"The key for {host} is in the keyring ({name}) and in this kernel. Nothing was sent yet."]
        if os.environ.get(API_KEY_VARIABLE):
            lines.append(f"{API_KEY_VARIABLE} is set, and in later kernels comes before the keyring.")
    notebook.logins[host] = key
    set_login(notebook.logins.get)
    notebook.changed(None)
    if notebook.answerer().chosen.key_source != "login":
        lines.append("Questions go to the embedded model, which is set as the endpoint and needs no key.")
    say(magics.shell, *lines)


def _asked(host: str) -> Key | None:
    """Return the key that was typed; None where nothing was.

    Raises:
        LoginError: Nobody can be asked, or what is typed would be seen.
        InvalidKeyError: It is no key.
    """
    with warnings.catch_warnings():
        # Where a terminal cannot hide what is typed, getpass warns and shows it.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            # By its module, in which ipykernel puts one that asks on the page.
            return _key(getpass.getpass(f"API key for {host}: "))
        except (EOFError, StdinNotImplementedError):
            what = "Nobody can be asked for a key here."
        except getpass.GetPassWarning:
            what = "This terminal cannot hide a key that is typed."
    raise LoginError(what, hint=_ELSEWHERE)


def _key(typed: str) -> Key | None:
    return Key(typed) if typed.strip() else None
