"""A backend of a running loop that wraps any other: answers come from recordings, or are recorded."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import AsyncChatStream, PremError

from ._batch import keep
from ._cuts import Arrival
from ._errors import CassetteError
from ._locks import async_claim
from ._matcher import Matcher
from ._modes import Mode
from ._numbers import Asker
from ._question import Recording

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from jupyter_prem.client import (
        Accumulator,
        AsyncBackend,
        AsyncSource,
        ChatRequest,
        ChatResponse,
        Delta,
        Status,
    )

    from ._question import KeyedRequest
    from ._tape import Tape

__all__ = ["AsyncTaped", "alone_with"]

_NOTHING = nullcontext()  # is held


@asynccontextmanager
async def alone_with(tape: Tape, what: str) -> AsyncIterator[None]:
    """Read the recordings, and hold them for `what` against other processes that do the same.

    Raises:
        CassetteError: They cannot be read.
    """
    async with AsyncExitStack() as held:
        with suppress(OSError):  # without a folder for locks, two processes may ask the same
            await held.enter_async_context(async_claim(tape.cassette.path, what))
        tape.load()
        if tape.asks:
            tape.check_writable()
        yield


class AsyncTaped:
    """Answers from a tape's recordings, and records what `backend` answers; as `Taped`, always strict.

    Args:
        tape: The recordings.
        backend: Who answers live.
        endpoint: What recordings call it; None takes whichever was recorded.
        asker: Who asks.
        model: The model of a request without one, where somebody set it.
        likely: What it likely is where nobody did.
        implied: Whether nobody named the endpoint.
        alone: Whether the recordings were read, and are written by nobody else: see `alone_with`. Then an
            answer ends before it is written, and whoever asks waits for `kept`.

    Attributes:
        kept: Done when the answer is on the disk; None where it is, or where there is none.
    """

    def __init__(
        self,
        tape: Tape,
        backend: AsyncBackend,
        endpoint: str | None,
        *,
        asker: Asker | None = None,
        model: str | None = None,
        likely: str | None = None,
        implied: bool = False,
        alone: bool = False,
    ) -> None:
        self.kept: asyncio.Future[None] | None = None
        self._alone = alone
        self.matcher = Matcher(tape, endpoint, model=model, likely=likely, implied=implied)
        self._tape = tape
        self._backend = backend
        self._asker = asker or Asker()

    def of(self, asker: Asker) -> AsyncTaped:
        """Return the same for somebody else."""
        other = object.__new__(type(self))  # copy.copy takes several times as long
        vars(other).update(vars(self), _asker=asker, kept=None)
        return other

    async def default_model(self) -> str:
        """Return the model that a request without one goes to; in a replay, one that stands for it."""
        if self._tape.asks:
            try:
                return await self._backend.default_model()
            except PremError:
                if self._tape.mode is Mode.ALL:
                    raise  # else the question may be recorded, though the service is away
        return self.matcher.stand_in

    def body_of(self, request: ChatRequest) -> dict[str, Any]:
        """Return the body that a request goes out with."""
        return self._backend.body_of(request)

    async def send(self, request: ChatRequest, *, status: Status | None = None) -> AsyncChatStream:
        """Return the answer on its way, from the recordings or from the backend.

        Raises: As `Taped.send`.
        """
        if not self._alone:
            self._tape.load()
        question = self.matcher.question(request, self._asker)
        try:
            replay = self.matcher.async_replayed(question)
            if replay is not None:
                return replay
            if not self._tape.asks:
                raise self.matcher.missing(question)
            if question.open_model:
                self.matcher.release(question)
                question = self.matcher.named(question, await self._backend.default_model())
            return await self._asked(question, status)
        except BaseException:
            self.matcher.release(question)
            raise

    async def _asked(self, question: KeyedRequest, status: Status | None) -> AsyncChatStream:
        """Ask live, unless another process is asking the same, whose answer is taken then."""
        tape, matcher = self._tape, self.matcher
        if self._alone:
            return await self._live(question, status, None)
        async with AsyncExitStack() as held:
            if tape.mode is not Mode.ALL:
                with suppress(OSError):  # without a folder for locks, two processes may ask the same
                    await held.enter_async_context(async_claim(tape.cassette.path, question.name))
                tape.load()
                replay = matcher.async_replayed(question)
                if replay is not None:
                    return replay
            tape.check_writable()
            return await self._live(question, status, held)

    async def _live(
        self, question: KeyedRequest, status: Status | None, held: AsyncExitStack | None
    ) -> AsyncChatStream:
        question, about = self.matcher.sent(question, whole=not self._alone)
        stream = await self._backend.send(question.request, status=status)
        stream.about |= about
        if held is None:
            stream.watch(Recording(self._keep_later, self.matcher.release, question, _NOTHING))
        else:
            lasting = held.pop_all()
            stream.through(lambda source: _Recorded(source, self, question, stream.arrived, lasting))
        return stream

    async def keep(self, question: KeyedRequest, response: ChatResponse, arrival: Arrival) -> None:
        """Have an answer written, and wait for it.

        Raises:
            CassetteError: It cannot be written; the error carries the answer.
        """
        await self._kept(question, response, arrival)

    def _keep_later(self, question: KeyedRequest, response: ChatResponse, arrival: Arrival) -> None:
        self.kept = self._kept(question, response, arrival)

    def _kept(self, question: KeyedRequest, response: ChatResponse, arrival: Arrival) -> asyncio.Future[None]:
        try:
            record = self.matcher.record_of(question, response, arrival)
            kept = keep(self._tape.cassette, record)
        except BaseException:
            self.matcher.release(question)
            raise
        place = (record.key, record.n)

        def written(kept: asyncio.Future[None]) -> None:
            error = None if kept.cancelled() else kept.exception()
            if error is None and not kept.cancelled():
                self._tape.used.add(place)
                return
            self.matcher.release(question)
            if isinstance(error, CassetteError):
                error.response = response

        kept.add_done_callback(written)  # before whoever waits for it is told
        return kept


class _Recorded:
    """The source of an answer that is recorded at its end."""

    def __init__(
        self,
        source: AsyncSource,
        taped: AsyncTaped,
        question: KeyedRequest,
        arrived: Callable[[], ChatResponse],
        held: AsyncExitStack,
    ) -> None:
        self._source = source
        self._taped = taped
        self._question = question
        # The stream's, which holds this: let go at the end, it is no work for the garbage collector.
        self._arrived: Callable[[], ChatResponse] | None = arrived
        self._held = held
        self._open = True

    async def deltas(self, answer: Accumulator) -> AsyncGenerator[Delta]:
        arrival, last = Arrival(), time.perf_counter()
        async with aclosing(self._source.deltas(answer)) as deltas:
            async for delta in deltas:
                now = time.perf_counter()
                arrival.add(delta, now - last)
                last = now
                yield delta
        assert self._arrived is not None  # noqa: S101 - until it is closed
        response = self._arrived()
        await self._source.aclose()  # the next may have the connection while this one is written
        self._open = False
        await self._taped.keep(self._question, response, arrival.of(self._question.body))

    def placed(self, error: PremError) -> PremError:
        return error if isinstance(error, CassetteError) else self._source.placed(error)

    async def aclose(self) -> None:
        try:
            await self._source.aclose()
        finally:
            self._arrived = None
            if self._open:
                self._open = False
                self._taped.matcher.release(self._question)
            await self._held.aclose()
