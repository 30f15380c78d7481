"""One thread that says everything panels say."""

from __future__ import annotations

import threading
from contextlib import suppress
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["post"]


class _Sender:
    """Calls functions in order, in a daemon thread that begins with the first.

    ipykernel keeps a socket for each thread that publishes, and looks for those of ended threads every ten
    seconds: a thousand short threads would run out of files.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Context, Callable[[], None]]] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def post(self, call: Callable[[], None]) -> None:
        self._calls.put((copy_context(), call))
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="jupyter_prem sender", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            context, call = self._calls.get()
            with suppress(Exception):  # a comm that was closed, a kernel that shuts down
                context.run(call)
            del context, call  # nothing is kept alive until the next one


post = _Sender().post
"""Have a function called in the sender's thread, after those posted before, in a copy of this context."""
