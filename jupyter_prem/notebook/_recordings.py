"""Which recordings hold in a notebook, and which cell asks."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from jupyter_prem._unattended import unattended
from jupyter_prem.client import ConfigurationError
from jupyter_prem.records import MODE_VARIABLE, Asker, Cassette, Found, Mode, Numbers, Tape, found, in_block

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from jupyter_prem.conversation import Cell

__all__ = ["Recordings"]

_COMMAND = "%prem record new_episodes"


class Recordings:
    """What `%prem record` chose, else what the environment says; the base under every `record` block.

    Under pytest and CI recordings beside the notebook are replayed, and nobody is asked, unless a mode is
    named.

    Args:
        notebooks: Called for what the notebook's file may be, the likeliest first.
        cell: Called for the cell that asks.
        folder: Where the kernel began; cells may go elsewhere.
    """

    def __init__(
        self,
        notebooks: Callable[[], Sequence[Path]],
        cell: Callable[[], Cell | None],
        folder: Path | None = None,
    ) -> None:
        self._notebooks = notebooks
        self._cell = cell
        self._folder = folder
        self._chosen: Tape | None = None
        self._off = False
        self._tapes: dict[tuple[object, ...], Tape] = {}
        self._numbers: dict[Path, Numbers] = {}

    def choose(self, mode: Mode, where: Found | None = None, *, pace: bool = False) -> Tape:
        """Have these recordings hold from now on; who has no cell begins again with its first question.

        A notebook that is run again chooses again: "once" goes on with the file it made, and cells keep their
        place.

        Args:
            mode: What is recorded and what is replayed.
            where: The cassette; None is the notebook's.
            pace: Whether a replay takes as long as the answer did.
        """
        where = where or self.found()
        self._chosen, self._off = self._tape(mode, where, pace=pace), False
        self._chosen.numbers.restart()
        return self._chosen

    def off(self) -> None:
        """Record and replay nothing from now on, whatever the environment says."""
        self._chosen, self._off = None, True

    def found(self) -> Found:
        """Return where the notebook's recordings are."""
        return found(self._notebooks(), folder=self._folder)

    def tape(self) -> Tape | None:
        """Return the recordings that hold; None for none.

        Raises:
            ModeError: The environment names a mode that is none.
        """
        if self._chosen is not None or self._off:
            return self._chosen
        word = os.environ.get(MODE_VARIABLE, "").strip()
        if word:
            return None if word.lower() == "off" else self._tape(Mode.of(word), self.found())
        if unattended():
            where = self.found()
            return self._tape(Mode.NONE, where) if where.exists else None
        return None

    def cassette(self) -> Cassette:
        """Return the notebook's cassette: that of the recordings that hold, else the one beside it."""
        tape = self.held()
        return tape.cassette if tape is not None else Cassette(self.found().path)

    def held(self) -> Tape | None:
        """Return the recordings that hold now: those of a `record` block, else these."""
        return in_block() or self.tape()

    def asker(self, cell: Cell | None = None, *, shown: bool = False) -> Asker:
        """Return who asks: this cell, or the one that runs; `shown` says that it saves the answer."""
        cell = cell or self._cell()
        return Asker() if cell is None else Asker(cell.id, cell.run, shown=shown)

    def _tape(self, mode: Mode, where: Found, *, pace: bool = False) -> Tape:
        if where.path.is_dir():
            raise ConfigurationError(f"{where.path} is a folder.", hint="Name a file: notebook.chat.jsonl")
        place = (mode, where.path, where.also, pace)
        tape = self._tapes.get(place)
        gone = tape is not None and mode is Mode.ONCE and not tape.asks and tape.cassette.blank
        if tape is None or gone:
            numbers = self._numbers.setdefault(where.path, Numbers())
            command = f"{_COMMAND} {shlex.quote(str(where.path))}"
            self._tapes[place] = Tape(
                where.path, mode, also=where.also, pace=pace, numbers=numbers, command=command
            )
        return self._tapes[place]
