"""Asking the requests of a plan: so many at once, each row kept as soon as it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from jupyter_prem.client import (
    AuthenticationError,
    ConfigurationError,
    PermissionDeniedError,
    PremError,
    RateLimitError,
    Retries,
    StructuredOutputError,
)
from jupyter_prem.records import CassetteError

from ._executor import WorkersLost
from ._gate import Gate, limited
from ._row import failed_row, row_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from jupyter_prem.client import ChatRequest, ChatResponse

    from ._plan import Point
    from ._rows import Rows

__all__ = ["Told", "ask_all"]

_ENDS = (AuthenticationError, PermissionDeniedError, ConfigurationError, CassetteError, WorkersLost)
"""What would befall every other request as well."""

_FEW = 8
"""Requests at once up to which each keeps its place until its answer is on the disk: a kill costs no more."""

_SPARE = 4
"""Times as many answers as requests at once that may wait for the disk, where these are more than a few.

A sync takes as long as many small answers; what waits is what came during one or two of them.
"""


Ask = Callable[["Point"], Awaitable[tuple["ChatResponse", asyncio.Future[None] | None]]]
"""Gives the answer to a request, and what is done when it is on the disk; None where it is."""


class Told(Protocol):
    """Who is told how it goes; called in the loop's thread."""

    def row(self, response: ChatResponse | None, *, failed: bool) -> None:
        """Take note of a row."""
        ...

    def waits(self, seconds: float) -> None:
        """Take note that a service asked for a pause."""
        ...


async def ask_all(
    points: Iterator[Point],
    ask: Ask,
    rows: Rows,
    *,
    at_once: int,
    max_retries: int,
    allow: Callable[[ChatRequest], AbstractContextManager[None]],
    told: Told,
) -> None:
    """Ask every request, and keep its row; a request that fails is a row with its error.

    Args:
        points: The requests, in the order of the grid.
        ask: Asks one; gives the answer, and what to wait for until it is kept.
        rows: Takes the rows.
        at_once: How many are on their way at once, at most.
        max_retries: How often one that failed is asked again, where that may help.
        allow: Gives what is held while a request is on its way. What entering it raises ends the experiment,
            once no other is on its way any more.
        told: Is told of each row and each pause.

    Raises:
        PremError: What ends the experiment: no key, no disk, no budget, or an answer that is not recorded.
    """
    gate, spare = Gate(at_once, told.waits), _SPARE * at_once if at_once > _FEW else 0
    asking = _Running(ask, rows, gate, spare, max_retries=max_retries, allow=allow, told=told)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asking.work(points)) for _ in range(at_once)]
            asking.stop = lambda: [task.cancel() for task in tasks]
    finally:
        await asking.written()
    if asking.error is not None:
        raise asking.error


class _Running:
    def __init__(
        self,
        ask: Ask,
        rows: Rows,
        gate: Gate,
        spare: int,
        *,
        max_retries: int,
        allow: Callable[[ChatRequest], AbstractContextManager[None]],
        told: Told,
    ) -> None:
        self._ask, self._rows, self._gate, self._allow, self._told = ask, rows, gate, allow, told
        self._max_retries = max_retries
        self._out = 0  # requests on their way
        self._unwritten: set[asyncio.Future[None]] = set()
        self._spare = spare  # answers that may wait for the disk, beside the requests
        self._ended: asyncio.Future[None] | None = None  # done when the next of them has ended
        self.error: Exception | None = None
        self.stop: Callable[[], Any] = lambda: None

    async def work(self, points: Iterator[Point]) -> None:
        """Ask one request after the other, as long as there are some."""
        try:
            for point in points:
                await self._one(point)
        except Exception as error:  # noqa: BLE001 - raised once all have stopped, and not as a group
            self._end(error)

    def _end(self, error: Exception) -> None:
        self.error = self.error or error
        self.stop()

    async def written(self) -> None:
        """Wait for the answers that came to be on the disk."""
        while self._unwritten:
            await asyncio.wait(self._unwritten)

    async def _one(self, point: Point) -> None:
        # With functions it is many requests, which their own client asks again.
        retries = Retries(0 if point.functions else self._max_retries)
        wait: float | None = 0.0
        while wait is not None:
            if wait:
                await asyncio.sleep(wait)
            await self._gate.enter()
            try:
                wait = await self._held(point, retries)
            finally:
                self._gate.leave()

    async def _held(self, point: Point, retries: Retries) -> float | None:
        """Ask a request as soon as it may be sent; return as `_try` does."""
        allowed = self._allow(point.request)
        while True:
            try:
                allowed.__enter__()
                break
            except PremError:
                if not self._out:
                    raise
            self._ended = self._ended or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._ended)  # others may use less than they might
            allowed = self._allow(point.request)
        self._out += 1
        try:
            return await self._try(point, retries)
        finally:
            self._out -= 1
            allowed.__exit__(None, None, None)
            if self._ended is not None:
                self._ended.set_result(None)
                self._ended = None

    async def _try(self, point: Point, retries: Retries) -> float | None:
        """Ask a request; return the seconds after which it is worth asking again, if it is."""
        try:
            response, kept = await self._ask(point)
        except RateLimitError as error:
            if limited(error) and self._gate.limited(error):
                return 0.0  # the gate knows how long
            self._fail(point, error)
        except StructuredOutputError as error:
            self._keep(point, error)
        except _ENDS as error:
            self._keep_unrecorded(point, error)
            raise
        except PremError as error:
            wait = retries.after(error)
            if wait is not None:
                return wait
            self._fail(point, error)
        else:
            self._gate.passed()
            if kept is None:
                self._keep(point, None, response)
            else:
                await self._keep_once_written(point, response, kept)
        return None

    async def _keep_once_written(
        self, point: Point, response: ChatResponse, kept: asyncio.Future[None]
    ) -> None:
        """Keep the row of an answer once it is on the disk; of many, some leave their place before that."""

        def written(kept: asyncio.Future[None]) -> None:
            self._unwritten.discard(kept)
            try:
                kept.result()
                self._keep(point, None, response)
            except asyncio.CancelledError:
                pass  # the loop ends
            except Exception as error:  # noqa: BLE001 - nobody waits for a callback
                self._keep_unrecorded(point, error)
                self._end(error)

        self._unwritten.add(kept)
        kept.add_done_callback(written)
        if len(self._unwritten) > self._spare:
            await asyncio.wait([kept])

    def _keep_unrecorded(self, point: Point, error: Exception) -> None:
        response = error.response if isinstance(error, PremError) else None
        if response is not None:
            self._keep(point, None, response)

    def _keep(self, point: Point, error: PremError | None, response: ChatResponse | None = None) -> None:
        response = response or (error.response if error is not None else None)
        if response is None:
            return
        self._rows.add(point.index, row_of(point, response, error))
        self._told.row(response, failed=error is not None)

    def _fail(self, point: Point, error: PremError) -> None:
        self._rows.add(point.index, failed_row(point, error))
        self._told.row(None, failed=True)
