"""Keys in the system's keyring: the service is "jupyter_prem", the user the host that a key is for."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from jupyter_prem._unattended import unattended
from jupyter_prem.client import Key, PremError, quoted, scrub

from ._errors import installed

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["SERVICE", "KeyringError", "keep_key", "kept_key", "open_keyring"]

SERVICE: Final = "jupyter_prem"

_PATIENCE = 3.0  # seconds that a question waits for a keyring
_NO_KEYRING = "keyring.backends.fail"
_PROMPTS = "keyring.backends.SecretService"
_WITHOUT = "%prem login alone keeps the key in this kernel."


class KeyringError(PremError):
    """The system's keyring cannot keep a key."""


def open_keyring() -> ModuleType:
    """Return the library that speaks to the system's keyring.

    Raises:
        KeyringError: It is not installed, cannot be used, or has no keyring on this system.
    """
    if not installed("keyring"):
        raise KeyringError(
            "The library that speaks to the system's keyring is not installed.",
            hint=f'Install it: pip install "jupyter_prem[keyring]". {_WITHOUT}',
        )
    try:
        import keyring

        none = type(keyring.get_keyring()).__module__ == _NO_KEYRING
    except Exception as error:  # noqa: BLE001 - a backend that is configured and cannot be loaded
        raise KeyringError(
            "The system's keyring cannot be used.", hint=_WITHOUT, detail=repr(error)
        ) from None
    if none:
        raise KeyringError("This system has no keyring that a key could be kept in.", hint=_WITHOUT)
    return keyring


def keep_key(host: str, key: Key) -> str:
    """Keep the key for `host`, in the place of an earlier one, and return the keyring's name.

    Raises:
        KeyringError: There is no keyring, it is locked, or it did not keep the key.
    """
    keyring = open_keyring()
    try:
        keyring.set_password(SERVICE, host, key.reveal())
        kept = keyring.get_password(SERVICE, host) == key.reveal()
        failure = "" if kept else "It took the key and does not have it."
    except Exception as error:  # noqa: BLE001 - any backend's own
        failure = quoted(scrub(f"{type(error).__name__}: {error}", key))
    if failure:
        # Raised out here, the backend's error, whose frames hold the key, is not its context.
        raise KeyringError("The system's keyring did not keep the key.", hint=_WITHOUT, detail=failure)
    with _lock:
        _looks.pop(host, None)
    return str(getattr(keyring.get_keyring(), "name", "keyring"))


def kept_key(host: str) -> tuple[Key | None, bool]:
    """Return the key that the keyring has for `host`, and whether the keyring answered.

    Nobody is asked for anything: a keyring that is missing, locked or broken has none, and under pytest and
    in CI it is not looked into. A process looks once. A keyring that is slow is waited for once; what it
    answers later is taken at the first call after that.
    """
    if unattended() or not host:
        return None, True
    with _lock:
        look = _looks.get(host)
        if look is None or look.lost:
            look = _looks[host] = _Look(host)
    look.wait()
    return look.key, look.finished


class _Look:
    """A look for the key of a host, in a thread of its own, which a keyring may keep waiting."""

    def __init__(self, host: str) -> None:
        self.key: Key | None = None
        self.finished = False
        self._host = host
        self._until = time.monotonic() + _PATIENCE
        self._thread = threading.Thread(target=self._look, daemon=True, name="jupyter_prem keyring")
        self._thread.start()

    @property
    def lost(self) -> bool:
        """Whether it will never finish: a process that was forked meanwhile has no such thread."""
        alive = self._thread.is_alive()
        return not alive and not self.finished

    def wait(self) -> None:
        """Wait until it is finished, or has taken too long since it began."""
        self._thread.join(max(0.0, self._until - time.monotonic()))

    def _look(self) -> None:
        with contextlib.suppress(Exception):
            keyring = open_keyring()
            if not _is_locked(keyring.get_keyring()) and (value := keyring.get_password(SERVICE, self._host)):
                self.key = Key(value)
        self.finished = True


_lock = threading.Lock()
_looks: Final[dict[str, _Look]] = {}


def _is_locked(ring: Any) -> bool:
    """Whether a look would have a Secret Service ask somebody to unlock it; others do not say."""
    for part in getattr(ring, "backends", (ring,)):
        if type(part).__module__ == _PROMPTS:
            storage = sys.modules[_PROMPTS].secretstorage
            with contextlib.closing(storage.dbus_init()) as bus:
                return bool(storage.Collection(bus).is_locked())
    return False
