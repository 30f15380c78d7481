"""An experiment on its way: a loop in a thread asks, the thread that wants the results waits and shows."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import Latch
from jupyter_prem.conversation import uninterrupted

from ._ask import ask_all
from ._errors import SweepInterrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from jupyter_prem.client import ChatRequest, ChatResponse

    from ._asking import Asking
    from ._host import Bar
    from ._plan import Point
    from ._runs import Runs

__all__ = ["Counts", "run"]

_TICK = 0.1  # seconds between two looks at how it goes
_PAUSE = 0.2  # seconds between two drawings of a bar, at least
_PATIENCE = 10.0  # seconds that a stopped loop has to close its connections


class Counts:
    """What an experiment came to so far."""

    def __init__(self) -> None:
        self.done = self.failed = self.tokens = self.replayed = 0
        self._until = 0.0

    def row(self, response: ChatResponse | None, *, failed: bool) -> None:
        """Take note of a row."""
        self.done += 1
        self.failed += failed
        if response is not None:
            self.replayed += response.replayed
            self.tokens += response.usage.total_tokens if response.usage is not None else 0

    def waits(self, seconds: float) -> None:
        """Take note of a pause."""
        self._until = time.monotonic() + seconds

    @property
    def note(self) -> str:
        """What there is to say beside the numbers."""
        left = self._until - time.monotonic()
        return f"the service asks to wait {left:.0f} s" if left > 1 else ""


def run(
    runs: Runs,
    points: Iterator[Point],
    asking: Asking,
    *,
    at_once: int,
    allow: Callable[[ChatRequest], AbstractContextManager[None]],
    bar: Bar,
) -> None:
    """Ask every request into `runs`, and wait for it.

    Raises:
        SweepInterrupted: It was stopped; the rows that are done are in `runs`.
        PremError: What ended it; its `runs` has the rows that are done.
    """
    counts = Counts()

    async def work() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(at_once + 4))
        async with asking:
            await ask_all(
                points,
                asking.ask,
                runs.rows,
                at_once=at_once,
                max_retries=asking.max_retries,
                allow=allow,
                told=counts,
            )

    thread: _Thread | None = None
    try:
        with uninterrupted():  # nobody could stop a thread that was begun by half
            thread = _Thread(work)
        _wait(thread, counts, bar)
    except KeyboardInterrupt:
        if thread is not None:
            thread.stop()
        bar.close(runs.summary())
        raise SweepInterrupted(
            runs, f"Stopped; {runs.rows.count} of {len(runs.rows)} rows are done and kept."
        ) from None
    except Exception as error:
        bar.close(runs.summary())
        error.runs = runs  # type: ignore[attr-defined]  # for whoever wants the rows that are done
        raise
    bar.close(runs.summary())


def _wait(thread: _Thread, counts: Counts, bar: Bar) -> None:
    shown = (-1, 0, "", 0)
    began, drawn = time.monotonic(), -_PAUSE
    while True:
        ended = thread.wait(_TICK)
        took = time.monotonic() - began
        now = (counts.done, counts.tokens, counts.note, int(took))
        if now != shown and took - drawn >= _PAUSE:  # what comes too soon is drawn by a later look
            bar.show(counts.done, counts.failed, counts.tokens, counts.note)
            shown, drawn = now, took
        if ended:
            thread.result()
            return


class _Thread:
    """A thread with a loop of its own: the one that waits may have a running one already."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._done: Future[None] = Future()
        # Thread.join is not waited in: an interrupt there has Python 3.11 take the thread for ended.
        self._ended = Latch()
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        self._work = work
        context = contextvars.copy_context()  # of the record blocks that hold
        self._thread = threading.Thread(target=context.run, args=(self._run,), daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until it has ended; return whether it has."""
        return self._ended.wait(seconds)

    def result(self) -> None:
        """Raise what it raised."""
        self._done.result()

    def stop(self) -> None:
        """End it, and wait for its connections to be closed."""
        self._stopped = True  # heard by a task that has not begun yet
        with suppress(RuntimeError):  # it has ended meanwhile
            self._loop.call_soon_threadsafe(lambda: self._task and self._task.cancel())
        self._ended.wait(_PATIENCE)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._main())
        except BaseException as error:  # noqa: BLE001 - the thread that waits raises it
            self._done.set_exception(error)
        else:
            self._done.set_result(None)
        finally:
            self._ended.set()

    async def _main(self) -> None:
        self._task = asyncio.current_task()
        if self._stopped:
            raise asyncio.CancelledError
        await self._work()
