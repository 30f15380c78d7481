"""An answer on its way."""

from __future__ import annotations

import time
from contextlib import aclosing
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from ._accumulator import Accumulator
from ._errors import PremError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping

    from ._request import Body
    from ._response import ChatResponse, Delta

__all__ = ["AsyncChatStream", "AsyncSource", "ChatStream", "Source", "Watcher"]


class Source(Protocol):
    """Where an answer comes from."""

    def deltas(self, answer: Accumulator) -> Iterator[Delta]:
        """Fill the answer, and yield what is new in it; a return says that it is whole."""
        ...

    def placed(self, error: PremError) -> PremError:
        """Return an error with where it happened."""
        ...

    def close(self) -> None:
        """Free what is held."""
        ...


class AsyncSource(Protocol):
    """Where an answer comes from, to a running loop."""

    def deltas(self, answer: Accumulator) -> AsyncGenerator[Delta]:
        """Fill the answer, and yield what is new in it; a return says that it is whole."""
        ...

    def placed(self, error: PremError) -> PremError:
        """Return an error with where it happened."""
        ...

    async def aclose(self) -> None:
        """Free what is held."""
        ...


class Watcher(Protocol):
    """Who is told of an answer on its way."""

    def delta(self, delta: Delta) -> None:
        """Take note of a delta."""
        ...

    def end(self, response: ChatResponse) -> None:
        """Take note of the whole answer."""
        ...

    def close(self) -> None:
        """Take note that nothing more comes; called at least once."""
        ...


_Origin = TypeVar("_Origin", Source, AsyncSource)


class _Arriving(Generic[_Origin]):
    """What is the same of an answer on its way, whoever waits for it.

    Args:
        source: Where the answer comes from.
        body: What was sent.
        started: When, as `time.perf_counter` has it.
        replayed: Whether the answer was recorded earlier.
        latency: Seconds that it took then; None takes those that pass now.
        about: What is known of where it comes from.
    """

    def __init__(
        self,
        source: _Origin,
        body: Body,
        started: float,
        *,
        replayed: bool = False,
        latency: float | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self._source: _Origin = source
        self._body = body
        self._started = started
        self._replayed = replayed
        self.about = dict(about or {})
        self._latency = latency
        self._answer = Accumulator()
        self._ended = False
        self._parsed: Any = None
        self._parse: Callable[[ChatResponse], Any] | None = None
        self._watcher: Watcher | None = None
        self._whole: ChatResponse | None = None

    @property
    def response(self) -> ChatResponse:
        """The answer, marked as interrupted unless it came to its end."""
        if self._whole is not None:
            return self._whole
        latency = self._latency if self._latency is not None else time.perf_counter() - self._started
        response = self._answer.response(
            self._body,
            latency=latency,
            interrupted=not self._ended,
            parsed=self._parsed,
            replayed=self._replayed,
            about=self.about,
        )
        if self._ended:
            self._whole = response  # nothing is added to it any more
        return response

    def check_with(self, parse: Callable[[ChatResponse], Any]) -> None:
        """Have the whole answer parsed at its end: what `parse` returns is `response.parsed`.

        What it raises ends the iteration, unless the answer asks for calls.
        """
        self._parse = parse

    def note(self, text: str) -> None:
        """Note what is to be known beside the answer, if anything."""
        if text:
            self._answer.note(text)

    def arrived(self) -> ChatResponse:
        """Return the answer, which is whole: what is done with it from now on is no part of its latency."""
        self._ended = True
        self._stop()
        return self.response

    def watch(self, watcher: Watcher) -> None:
        """Have one watcher told of the answer as it arrives."""
        self._watcher = watcher

    def _end(self) -> None:
        self._ended = True
        self._stop()
        if self._watcher is not None:
            self._watcher.end(self.response)
        if self._parse is not None and not self.response.tool_calls:
            self._parsed = self._parse(self.response)
            self._whole = None

    def _failed(self, error: PremError) -> PremError:
        error = self._source.placed(error)
        error.response = self.response if self._answer.started else None
        return error

    def _stop(self) -> None:
        if self._latency is None:
            self._latency = time.perf_counter() - self._started


class ChatStream(_Arriving[Source]):
    """An answer on its way: iterate it for deltas; `response` is what has arrived so far.

    A context manager; leaving it early closes the connection.

    Args: see `_Arriving`.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Delta]:
        return self._deltas

    def close(self) -> None:
        """Stop reading and free the connection."""
        self._stop()
        self._deltas.close()
        self._release()

    @cached_property
    def _deltas(self) -> Generator[Delta, None, None]:
        return self._run()

    def _run(self) -> Generator[Delta, None, None]:
        try:
            yield from self._watched() if self._watcher is not None else self._source.deltas(self._answer)
            self._end()
        except PremError as error:
            # The frames in which it arose hold what the service sent, perhaps the key.
            raise self._failed(error).with_traceback(None) from None
        finally:
            self._stop()
            self._release()

    def _watched(self) -> Iterator[Delta]:
        assert self._watcher is not None  # noqa: S101 - asked before
        for delta in self._source.deltas(self._answer):
            self._watcher.delta(delta)
            yield delta

    def _release(self) -> None:
        self._source.close()
        if self._watcher is not None:
            self._watcher.close()


class AsyncChatStream(_Arriving[AsyncSource]):
    """An answer on its way to a running loop: `async for` gives its deltas; else as `ChatStream`."""

    _running: AsyncGenerator[Delta] | None = None  # many at once: a cached_property takes a lock each time

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[Delta]:
        return self._deltas

    def through(self, wrap: Callable[[AsyncSource], AsyncSource]) -> None:
        """Have the answer come through another source, before it is read."""
        self._source = wrap(self._source)

    async def aclose(self) -> None:
        """Stop reading and free the connection."""
        self._stop()
        await self._deltas.aclose()
        await self._release()

    @property
    def _deltas(self) -> AsyncGenerator[Delta]:
        if self._running is None:
            self._running = self._run()
        return self._running

    async def _run(self) -> AsyncGenerator[Delta]:
        try:
            async with aclosing(self._source.deltas(self._answer)) as deltas:
                async for delta in deltas:
                    if self._watcher is not None:
                        self._watcher.delta(delta)
                    yield delta
            self._end()
        except PremError as error:
            # The frames in which it arose hold what the service sent, perhaps the key.
            raise self._failed(error).with_traceback(None) from None
        finally:
            self._stop()
            await self._release()

    async def _release(self) -> None:
        try:
            await self._source.aclose()
        finally:
            if self._watcher is not None:
                self._watcher.close()
