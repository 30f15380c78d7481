"""An answer on its way."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, Self

from ._accumulator import Accumulator
from ._errors import PremError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ._request import Body
    from ._response import ChatResponse, Delta

__all__ = ["ChatStream", "Source", "Watcher"]


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


class ChatStream:
    """An answer on its way: iterate it for deltas; `response` is what has arrived so far.

    A context manager; leaving it early closes the connection.

    Args:
        source: Where the answer comes from.
        body: What was sent.
        started: When, as `time.perf_counter` has it.
        replayed: Whether the answer was recorded earlier.
        about: What is known of where it comes from.
    """

    def __init__(
        self,
        source: Source,
        body: Body,
        started: float,
        *,
        replayed: bool = False,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self._source = source
        self._body = body
        self._started = started
        self._replayed = replayed
        self.about = dict(about or {})
        self._latency: float | None = None
        self._answer = Accumulator()
        self._ended = False
        self._parsed: Any = None
        self._parse: Callable[[ChatResponse], Any] | None = None
        self._watcher: Watcher | None = None
        self._deltas = self._run()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Delta]:
        return self._deltas

    @property
    def response(self) -> ChatResponse:
        """The answer, marked as interrupted unless it came to its end."""
        latency = self._latency if self._latency is not None else time.perf_counter() - self._started
        answer = self._answer.response(self._body, latency=latency, interrupted=not self._ended)
        return replace(answer, parsed=self._parsed, replayed=self._replayed, about=self.about)

    def check_with(self, parse: Callable[[ChatResponse], Any]) -> None:
        """Have the whole answer parsed at its end: what `parse` returns is `response.parsed`.

        What it raises ends the iteration, unless the answer asks for calls.
        """
        self._parse = parse

    def watch(self, watcher: Watcher) -> None:
        """Have one watcher told of the answer as it arrives."""
        self._watcher = watcher

    def close(self) -> None:
        """Stop reading and free the connection."""
        if self._latency is None:
            self._latency = time.perf_counter() - self._started
        self._deltas.close()  # type: ignore[attr-defined]  # a generator is what _run returns
        self._release()

    def _run(self) -> Iterator[Delta]:
        try:
            yield from self._watched() if self._watcher is not None else self._source.deltas(self._answer)
            self._ended = True
            self._latency = time.perf_counter() - self._started
            if self._watcher is not None:
                self._watcher.end(self.response)
            if self._parse is not None and not self.response.tool_calls:
                self._parsed = self._parse(self.response)
        except PremError as error:
            error = self._source.placed(error)
            error.response = self.response if self._answer.started else None
            raise error from None
        finally:
            if self._latency is None:
                self._latency = time.perf_counter() - self._started
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
