"""A terminal IPython and a `jupyter console`, each in a real pseudo-terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence


def ipython(*lines: str, typed: str = "", **env: str) -> str:
    """Type lines into a terminal IPython, and `typed` where it asks for a key; return what it showed."""
    options = ["--no-banner", "--no-confirm-exit", "--simple-prompt", "--colors=NoColor"]
    return _typed(["IPython", *options], lines, typed, env)


def console(*lines: str, **env: str) -> str:
    """Type lines into a `jupyter console`, which has a kernel of its own; return what it showed."""
    options = ["--simple-prompt", "--no-confirm-exit"]
    return _typed(["jupyter_console", *options], lines, "", env)


def _typed(command: Sequence[str], lines: Sequence[str], typed: str, env: Mapping[str, str]) -> str:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, **env},
        close_fds=True,
    )
    os.close(follower)
    ready = select.poll()  # select() takes no number over 1023
    ready.register(leader, select.POLLIN)
    shown = b""
    pending = [*lines, "exit"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if ready.poll(100):
            try:
                shown += os.read(leader, 65536)
            except OSError:
                break
        elif pending and re.search(rb"In \[\d+\]: $", shown):
            shown += b"\n"
            os.write(leader, (pending.pop(0) + "\n").encode())
        elif typed and re.search(rb"API key for \S+: $", shown):
            os.write(leader, (typed + "\n").encode())
            typed = ""
        elif process.poll() is not None:
            break
    process.kill()
    process.wait()
    os.close(leader)
    return shown.decode("utf-8", "replace")
