"""Which recordings hold now: those of a `record` block, of the notebook, or of the environment."""

from __future__ import annotations

import functools
import inspect
import os
import threading
from contextlib import ContextDecorator
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ._base import base
from ._modes import Mode
from ._numbers import Asker
from ._tape import Tape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

__all__ = [
    "CASSETTE_VARIABLE",
    "ENDING",
    "MODE_VARIABLE",
    "Found",
    "active",
    "found",
    "in_block",
    "record",
]

MODE_VARIABLE = "JUPYTER_PREM_RECORD"
CASSETTE_VARIABLE = "JUPYTER_PREM_CASSETTE"
ENDING = ".chat.jsonl"

_F = TypeVar("_F", bound="Callable[..., Any]")


class Found:
    """Where recordings are: the file that is written, and those that are read beside it."""

    def __init__(self, path: Path, also: Sequence[Path] = (), *, named: bool = True) -> None:
        self.path, self.also, self.named = path, tuple(also), named

    @property
    def exists(self) -> bool:
        """Whether there are recordings that somebody made for this: beside them, others' do not count."""
        return self.path.exists() or (bool(self.also) and not self.named)


def found(
    notebooks: Sequence[Path] = (), environ: Mapping[str, str] = os.environ, folder: Path | None = None
) -> Found:
    """Return where recordings are.

    Args:
        notebooks: What the notebook's file may be, the likeliest first; none where nobody says.
        environ: The environment; `JUPYTER_PREM_CASSETTE` decides.
        folder: The working folder.
    """
    folder = folder or Path.cwd()
    if environ.get(CASSETTE_VARIABLE):
        return Found(folder / environ[CASSETTE_VARIABLE])
    beside = [notebook.with_name(notebook.stem + ENDING) for notebook in notebooks]
    for path in beside:
        if path.exists():
            return Found(path)
    every = sorted(path for path in folder.glob(f"*{ENDING}") if path.is_file())
    written = beside[0] if beside else folder / f"notebook{ENDING}"
    return Found(written, [path for path in every if path != written], named=bool(beside))


# A task or a thread that entered a block of its own asks there; all others in the newest of the process.
_own: ContextVar[tuple[Tape, ...]] = ContextVar("jupyter_prem_record", default=())


class _Active:
    """The blocks that are entered, the newest last, and what holds under them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.blocks: list[Tape] = []
        self.environment: dict[tuple[str, str], Tape] = {}


_active = _Active()


def active() -> tuple[Tape, Asker] | None:
    """Return the recordings that hold now in this process, and who asks; None where none do."""
    held = base()
    tape = in_block()
    if tape is None:
        tape = held.tape() if held is not None else _of_environment()
    if tape is None:
        return None
    return tape, held.asker() if held is not None else Asker()


def in_block() -> Tape | None:
    """Return the recordings of the innermost `record` block: of this task or thread, else of the process."""
    with _active.lock:
        own = [tape for tape in _own.get() if tape in _active.blocks]
        return next(reversed(own or _active.blocks), None)


def _of_environment() -> Tape | None:
    word = os.environ.get(MODE_VARIABLE, "")
    if not word or word.strip().lower() == "off":
        return None
    mode = Mode.of(word)
    with _active.lock:
        # Found once: a working folder that changes moves no recordings.
        place = (mode.value, os.environ.get(CASSETTE_VARIABLE, ""))
        if place not in _active.environment:
            where = found()
            _active.environment[place] = Tape(
                where.path, mode, also=where.also, command=f"{MODE_VARIABLE}=new_episodes"
            )
        return _active.environment[place]


class record(ContextDecorator):  # noqa: N801 - read as a word, like contextlib's own
    """Record and replay what is asked inside, by whomever in this process: a context manager or a decorator.

    ::

        with record("capitals.chat.jsonl") as tape:
            Client().chat("What is the capital of France?")

    Args:
        path: The cassette; None is the notebook's, or `notebook.chat.jsonl` in the working folder.
        mode: "none" (replay only), "once" (record a file that is not there yet), "new_episodes" (record what
            is missing) or "all" (record everything again).
        pace: Whether a replay takes as long as the answer did.

    Raises:
        ModeError: There is no such mode.
    """

    def __init__(
        self, path: str | os.PathLike[str] | None = None, mode: Mode | str = Mode.ONCE, *, pace: bool = False
    ) -> None:
        self._mode = Mode.of(mode)
        self._path = path
        self._pace = pace
        self._tapes: list[Tape] = []

    def __call__(self, function: _F) -> _F:
        """Return the function, recorded while it runs.

        Raises:
            TypeError: It is a generator, which runs in pieces.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError("A generator runs in pieces; use `with record(...)` inside it.")
        if not inspect.iscoroutinefunction(function):
            return super().__call__(function)

        @functools.wraps(function)
        async def recorded(*args: Any, **named: Any) -> Any:
            with self._recreate_cm():
                return await function(*args, **named)

        return cast("_F", recorded)

    def _recreate_cm(self) -> record:
        return record(self._path, self._mode, pace=self._pace)  # calls may run at the same time

    def __enter__(self) -> Tape:
        where = found() if self._path is None else Found(Path(self._path))
        tape = Tape(where.path, self._mode, also=where.also, pace=self._pace)
        self._tapes.append(tape)
        with _active.lock:
            _active.blocks.append(tape)
        _own.set((*_own.get(), tape))
        return tape

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        own = [tape for tape in _own.get() if tape in self._tapes]
        tape = (own or self._tapes)[-1]
        self._tapes.remove(tape)
        with _active.lock:
            _active.blocks.remove(tape)
        _own.set(tuple(one for one in _own.get() if one is not tape))
