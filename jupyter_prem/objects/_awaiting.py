"""Waiting for a coroutine where a notebook's event loop runs already, and for a call that can be given up."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import Latch

from ._result import ITEMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_prem.client import Cancel

__all__ = ["outcome_of"]


def outcome_of(call: Callable[[], Any], cancel: Cancel | None = None) -> Any:
    """Return what `call` returns, awaited if it is to be.

    A coroutine runs in an event loop and a thread of its own: the notebook's loop is busy with the cell.

    Args:
        call: The call.
        cancel: Ends the wait from another thread. A function that is still running then is left to itself,
            for no thread can be stopped.

    Raises:
        KeyboardInterrupt: It was interrupted, or given up; a coroutine is cancelled.
        BaseException: What the call raised.
    """
    if cancel is None:
        value = call()
        if not (inspect.isawaitable(value) or inspect.isasyncgen(value)):
            return value
        return _Waiting(lambda: value).result(None)
    return _Waiting(call).result(cancel)


async def _awaited(value: Any) -> Any:
    while inspect.isawaitable(value):
        value = await value
    if not inspect.isasyncgen(value):
        return value
    items = []
    async for item in value:
        items.append(item)
        if len(items) > ITEMS:
            break
    return (item for item in items)  # as a generator's, so that it is cut as one


class _Waiting:
    """A call in a thread of its own."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._done = Latch()
        self._value: Any = None
        self._error: BaseException | None = None
        self._stopped = False
        self._cancel: Callable[[], object] = lambda: None
        # The context carries the cell that asked, so that what the call prints belongs to it.
        run = contextvars.copy_context().run
        self._thread = threading.Thread(target=run, args=(self._work,), name="jupyter_prem tool", daemon=True)

    def result(self, cancel: Cancel | None) -> Any:
        waking = cancel.closing(self._done.set) if cancel is not None else contextlib.nullcontext()
        try:
            self._thread.start()
            with waking:
                self._done.wait()
        except KeyboardInterrupt:
            self._stop()
            raise
        if cancel is not None and cancel.cancelled:
            self._stop()
            raise KeyboardInterrupt
        if self._error is not None:
            raise self._error
        return self._value

    def _stop(self) -> None:
        self._stopped = True  # heard by a coroutine that has not begun yet
        self._cancel()

    def _work(self) -> None:
        try:
            value = self._call()
            later = inspect.isawaitable(value) or inspect.isasyncgen(value)
            self._value = asyncio.run(self._await(value)) if later else value
        except BaseException as error:  # noqa: BLE001 - it is raised where the call is waited for
            self._error = error
        finally:
            self._done.set()

    async def _await(self, value: Any) -> Any:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(_awaited(value))

        def stop() -> None:
            with contextlib.suppress(RuntimeError):  # it has ended meanwhile
                loop.call_soon_threadsafe(task.cancel)

        self._cancel = stop
        if self._stopped:
            stop()
        return await task
