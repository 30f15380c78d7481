"""Which recordings hold now: those of a `record` block, of the notebook, or of the environment."""

from __future__ import annotations

import os
import threading
from contextlib import ContextDecorator
from pathlib import Path
from typing import TYPE_CHECKING

from ._base import base
from ._modes import Mode
from ._numbers import Asker
from ._tape import Tape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

__all__ = [
    "CASSETTE_VARIABLE",
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


class Found:
    """Where recordings are: the file that is written, and those that are read beside it."""

    def __init__(self, path: Path, also: Sequence[Path] = ()) -> None:
        self.path, self.also = path, tuple(also)

    @property
    def exists(self) -> bool:
        """Whether there is anything to read."""
        return self.path.exists() or bool(self.also)


def found(
    notebooks: Sequence[Path] = (), environ: Mapping[str, str] = os.environ, folder: Path | None = None
) -> Found:
    """Return where recordings are.

    Args:
        notebooks: What the notebook's file may be, the likeliest first; none where nobody says.
        environ: The environment; `JUPYTER_PREM_CASSETTE` decides.
        folder: The working folder.
    """
    if environ.get(CASSETTE_VARIABLE):
        return Found(Path(environ[CASSETTE_VARIABLE]).absolute())
    folder = folder or Path.cwd()
    beside = [notebook.with_name(notebook.stem + ENDING) for notebook in notebooks]
    for path in beside:
        if path.exists():
            return Found(path)
    every = sorted(folder.glob(f"*{ENDING}"))
    written = beside[0] if beside else folder / f"notebook{ENDING}"
    return Found(written, [path for path in every if path != written])


class _Active:
    """The blocks that are entered, the newest last, and what holds under them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.blocks: list[Tape] = []
        self.environment: dict[tuple[str, Path], Tape] = {}


_active = _Active()


def active() -> tuple[Tape, Asker] | None:
    """Return the recordings that hold now in this process, and who asks; None where none do."""
    held = base()
    with _active.lock:
        tape = _active.blocks[-1] if _active.blocks else None
    if tape is None:
        tape = held.tape() if held is not None else _of_environment()
    if tape is None:
        return None
    return tape, held.asker() if held is not None else Asker()


def in_block() -> Tape | None:
    """Return the recordings of the innermost `record` block."""
    with _active.lock:
        return _active.blocks[-1] if _active.blocks else None


def _of_environment() -> Tape | None:
    word = os.environ.get(MODE_VARIABLE, "")
    if not word or word.strip().lower() == "off":
        return None
    mode, where = Mode.of(word), found()
    with _active.lock:
        place = (mode.value, where.path)
        if place not in _active.environment:
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

    def __enter__(self) -> Tape:
        where = found() if self._path is None else Found(Path(self._path))
        tape = Tape(where.path, self._mode, also=where.also, pace=self._pace)
        self._tapes.append(tape)
        with _active.lock:
            _active.blocks.append(tape)
        return tape

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tape = self._tapes.pop()
        with _active.lock:
            _active.blocks.remove(tape)
