"""Where an experiment runs: in a notebook with its settings, budget and page, or anywhere."""

from __future__ import annotations

import importlib.util
import sys
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from jupyter_prem._unattended import unattended

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from jupyter_prem.backends import AsyncClient
    from jupyter_prem.client import ChatRequest, ChatResponse

__all__ = ["Anywhere", "Bar", "Host", "NoBar", "has_bars", "host", "postfix", "set_host", "terminal_bar"]


class Bar(Protocol):
    """Shows how an experiment goes; called in the thread that waits for it."""

    def show(self, done: int, failed: int, tokens: int, note: str) -> None:
        """Show so many rows, and what else there is to say; not more than a few times a second."""
        ...

    def close(self, summary: str) -> None:
        """Take it away, and leave the summary."""
        ...


class Host(Protocol):
    """Where an experiment runs."""

    def client(self) -> AsyncClient:
        """Return who is asked; the experiment closes it."""
        ...

    @property
    def system(self) -> str | None:
        """The system message of prompts that have none."""
        ...

    def defaults(self) -> Mapping[str, Any]:
        """Return the request's fields that hold where an experiment says nothing."""
        ...

    def allow(self, request: ChatRequest) -> AbstractContextManager[None]:
        """Return what is held while a request is on its way; entering it raises what keeps it back."""
        ...

    def note(self, request: ChatRequest, response: ChatResponse) -> None:
        """Take note of an answer."""
        ...

    def bar(self, total: int) -> Bar:
        """Return what shows how it goes."""
        ...


@dataclass(slots=True)
class _Holder:
    host: Callable[[], Host] | None = field(default=None)


_holder = _Holder()


def set_host(host: Callable[[], Host] | None) -> None:
    """Have experiments run in a notebook; None takes that back."""
    _holder.host = host


def host() -> Host:
    """Return where experiments run."""
    return _holder.host() if _holder.host is not None else Anywhere()


class Anywhere:
    """A process without a notebook: what the environment says, and a bar in the terminal."""

    def client(self) -> AsyncClient:
        """Return a client of what the environment names."""
        from jupyter_prem.backends import AsyncClient

        return AsyncClient()

    @property
    def system(self) -> str | None:
        """None."""
        return None

    def defaults(self) -> Mapping[str, Any]:
        """Return nothing."""
        return {}

    def allow(self, request: ChatRequest) -> AbstractContextManager[None]:  # noqa: ARG002 - the protocol's
        """Return nothing that is held: everything may be sent."""
        return nullcontext()

    def note(self, request: ChatRequest, response: ChatResponse) -> None:
        """Nobody counts."""

    def bar(self, total: int) -> Bar:
        """Return a bar on stderr; in CI and under pytest one that is quiet."""
        return NoBar() if unattended() or sys.stderr is None else terminal_bar(total)


class NoBar:
    """Shows nothing."""

    def show(self, done: int, failed: int, tokens: int, note: str) -> None:
        """Nothing is shown."""

    def close(self, summary: str) -> None:
        """Nothing is left."""


def has_bars() -> bool:
    """Whether tqdm is installed, which draws bars."""
    return importlib.util.find_spec("tqdm") is not None


def terminal_bar(total: int) -> Bar:
    """Return a bar on stderr; only the summary where there is no tqdm."""
    return _TerminalBar(total) if has_bars() else _TerminalSummary()


class _TerminalSummary(NoBar):
    """Leaves the summary."""

    def close(self, summary: str) -> None:
        """Leave the summary."""
        print(summary, file=sys.stderr)  # noqa: T201 - what a bar is for


class _TerminalBar(_TerminalSummary):
    """tqdm's bar, and the summary in its place."""

    def __init__(self, total: int) -> None:
        from tqdm import tqdm

        class Meter(tqdm):  # type: ignore[type-arg]  # as it is at run time
            monitor_interval = 0  # no thread that outlives it

        self._bar: tqdm[Any] = Meter(total=total, leave=False, unit="request", miniters=1, file=sys.stderr)

    def show(self, done: int, failed: int, tokens: int, note: str) -> None:
        """Show so many rows."""
        self._bar.set_postfix_str(postfix(failed, tokens, note), refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self, summary: str) -> None:
        """Leave the summary."""
        self._bar.close()
        super().close(summary)


def postfix(failed: int, tokens: int, note: str) -> str:
    """Return what stands after a bar."""
    parts = [f"{failed} failed" if failed else "", f"{tokens:,} tokens" if tokens else "", note]
    return ", ".join(part for part in parts if part)
