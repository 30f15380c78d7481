"""The embedded model as an endpoint: a child process that starts at the first question."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from jupyter_prem.client import Address, Key

from ._errors import EmbeddedError, require_extra
from ._weights import SMOLLM2, ensure_weights, named_file, named_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    Progress = Callable[[int, int], None]

__all__ = ["EmbeddedEndpoint"]

_STARTED_WITHIN_S: Final = 120.0
_LOOK_S: Final = 0.02  # between two looks at what another starts
_ENDED_WITHIN_S: Final = 5.0


class EmbeddedEndpoint:
    """The embedded model, in one child process of this process. Thread-safe; prints nothing.

    The child starts when its address is first asked for, again if it ended, anew after `os.fork`, and ends
    with `close`, with this object, or with this process. What `PREM_EMBEDDED_MODEL` names is read when it
    starts, and holds while it runs.
    """

    name = "embedded"
    takes_required = True
    at_once = 1
    """How many requests it answers at a time: with more, a seed would not give the same text."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._child: _Child | None = None
        self._fetched: tuple[int, int] | None = None  # bytes, of bytes, while somebody fetches the weights

    @property
    def model(self) -> str:
        """The model's name: of the child that runs, else of the one that would start."""
        self._after_fork()
        child = self._child
        if child is not None and child.alive:
            return child.model
        named = named_file()
        return Path(named).stem if named else SMOLLM2.model_id

    def address(self, progress: Progress | None = None) -> Address:
        """Return where the child listens and its key; start it first where none runs.

        Args:
            progress: Told (bytes, of bytes) while the weights are being fetched.

        Raises:
            MissingExtraError: The extra `embedded` is not installed.
            WeightsError: There are no weights, and they could not be fetched.
            EmbeddedError: The child did not start; the text has its words.
        """
        self._after_fork()
        while self._lock.locked() and progress is not None:  # another starts it: who waits is told as well
            if (fetched := self._fetched) is not None:
                progress(*fetched)
            time.sleep(_LOOK_S)
        with self._lock:
            if self._child is None or not self._child.alive:
                self._drop()
                require_extra()
                try:
                    self._child = _started(self._telling(progress))
                finally:
                    self._fetched = None
                weakref.finalize(self, self._child.end)
            return self._child.address

    def _telling(self, progress: Progress | None) -> Progress:
        def told(done: int, total: int) -> None:
            self._fetched = (done, total)
            if progress is not None:
                progress(done, total)

        return told

    def close(self) -> None:
        """End the child, if one runs; the next question starts another."""
        self._after_fork()
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _after_fork(self) -> None:
        # The lock may have been held at the fork, and the child is the other process's.
        if self._pid != os.getpid():
            child, self._child = self._child, None
            self._lock, self._pid = threading.Lock(), os.getpid()
            if child is not None:
                child.end()


class _Child:
    """A child that answers.

    Args:
        process: Where it runs; its stdin is what keeps it alive.
        address: Where it listens.
        model: What its model is called.
    """

    def __init__(self, process: subprocess.Popen[bytes], address: Address, model: str) -> None:
        self.address = address
        self.model = model
        self._process = process
        self._owner = os.getpid()

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it; in a fork of its parent, only let go of it."""
        if self._owner == os.getpid():
            _end(self._process)
        else:
            _close_pipes(self._process)
            self._process.returncode = 0


def _started(progress: Progress | None) -> _Child:
    """Return a child that answers; weights that turn out to be damaged are fetched again, once."""
    # The child checks the hash while it loads, so that nobody waits for it.
    named = named_weights()
    weights = named or ensure_weights(progress, verify=False)
    try:
        return _start(weights, None if named else SMOLLM2.sha256)
    except EmbeddedError:
        if named is not None:
            raise
        before = _identity(weights)
        weights = ensure_weights(progress)
        if _identity(weights) == before:
            raise
    return _start(weights, SMOLLM2.sha256)


def _identity(path: Path) -> tuple[int, int]:
    with contextlib.suppress(OSError):
        status = path.stat()
        return status.st_ino, status.st_mtime_ns
    return 0, 0


def _start(weights: Path, expected: str | None) -> _Child:
    """Start a child and wait until it answers.

    Raises:
        EmbeddedError: It did not start.
    """
    key = secrets.token_urlsafe(32)
    settings = {"weights": str(weights), "expected": expected, "key": key, "parent": os.getpid()}
    with tempfile.TemporaryFile() as words:
        process = _spawn(words)
        try:
            answer = _handshake(process, settings)
        except BaseException:
            _end(process, at_once=True)
            raise
        if "port" not in answer:
            _end(process, at_once=True)
            words.seek(0)
            said = words.read()[-4000:].decode("utf-8", "replace").strip().splitlines()
            raise _did_not_start(process, answer.get("error", ""), said)
    address = Address(f"http://127.0.0.1:{answer['port']}", Key(key), "the embedded model")
    return _Child(process, address, SMOLLM2.model_id if expected else weights.stem)


def _spawn(words: IO[bytes]) -> subprocess.Popen[bytes]:
    # The child sees the packages that this process sees; "" would let a file beside the notebook shadow them.
    root = str(Path(__file__).parents[2])
    paths = [path for path in sys.path if path]
    search = os.pathsep.join(paths if root in paths else [*paths, root])
    flags: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        flags = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "jupyter_prem.backends._child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            env={**os.environ, "PYTHONPATH": search},
            **flags,
        )
    except OSError as error:
        raise EmbeddedError(
            f"The embedded model did not start: {error.strerror}.", where=f"Python: {sys.executable}"
        ) from None


def _handshake(process: subprocess.Popen[bytes], settings: dict[str, Any]) -> dict[str, Any]:
    """Tell the child what to serve; return its answer, empty if it ended without one."""
    assert process.stdin is not None  # noqa: S101 - they are pipes
    assert process.stdout is not None  # noqa: S101 - as above
    with contextlib.suppress(OSError):  # it ended already: its words are read by the caller
        process.stdin.write(json.dumps(settings).encode() + b"\n")
        process.stdin.flush()
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read(out: IO[bytes]) -> None:
        # What Python says before, such as a sitecustomize of this environment, is no answer.
        lines.put(next((line for line in out if line.startswith((b'{"port"', b'{"error"'))), b""))

    threading.Thread(target=read, args=(process.stdout,), daemon=True).start()
    try:
        answer: dict[str, Any] = json.loads(lines.get(timeout=_STARTED_WITHIN_S) or b"{}")
    except queue.Empty:
        raise EmbeddedError(f"The embedded model did not start within {_STARTED_WITHIN_S:.0f} s.") from None
    process.stdout.close()
    return answer


def _did_not_start(process: subprocess.Popen[bytes], error: str, said: list[str]) -> EmbeddedError:
    last = error or (said[-1] if said else f"it ended with status {process.returncode} and said nothing")
    what, *rest = last.splitlines()
    return EmbeddedError(
        f"The embedded model did not start: {what[:300]}",
        where="\n".join(rest[:1]),
        hint="Ask again to start it again, or set PREM_EMBEDDED_MODEL to another .gguf file.",
    )


def _end(process: subprocess.Popen[bytes], *, at_once: bool = False) -> None:
    if at_once:
        process.kill()
    _close_pipes(process)
    try:
        process.wait(_ENDED_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
