"""Recordings in use: which cassettes, in which mode, and which question is which."""

from __future__ import annotations

import threading
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import Model

from ._append import LINK
from ._cassette import Cassette
from ._errors import CassetteError, CassetteWarning, MissingRecordingError
from ._key import key_of
from ._miss import differences, nearest, ordinal
from ._modes import Mode
from ._numbers import Numbers

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    from ._numbers import Asker
    from ._record import Record

__all__ = ["Tape"]


class Tape:
    """The recordings that questions are answered from, or written to; safe between threads.

    Args:
        path: The cassette that is written.
        mode: What is recorded and what is replayed.
        also: Further cassettes that are read.
        pace: Whether a replay takes as long as the answer did.
        numbers: Who has which number; None begins anew.
        command: What a person types to record what is missing.

    Attributes:
        command: As given.
        used: The key and the number of each recording that was replayed or made.
        asks: Whether anybody is asked.

    Raises:
        ModeError: There is no such mode.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        mode: Mode | str = Mode.ONCE,
        *,
        also: Sequence[str | os.PathLike[str]] = (),
        pace: bool = False,
        numbers: Numbers | None = None,
        command: str | None = None,
    ) -> None:
        self.cassette = Cassette(path)
        self.mode = Mode.of(mode)
        self.pace = pace
        self.numbers = numbers or Numbers()
        self.used: set[tuple[str, int]] = set()
        self._others = [cassette for cassette in map(Cassette, also) if cassette.path != self.cassette.path]
        self.command = command or f"record({str(path)!r}, mode='new_episodes')"
        self._warned: set[tuple[Cassette, str]] = set()
        self._told: dict[Cassette, int] = {}
        self._lock = threading.Lock()
        fresh = self.mode is Mode.ONCE and self.cassette.blank
        self.asks = fresh or self.mode in {Mode.NEW_EPISODES, Mode.ALL}

    def __repr__(self) -> str:
        return f"Tape({str(self.cassette.path)!r}, {self.mode.value!r})"

    @property
    def cassettes(self) -> list[Cassette]:
        """The cassettes that are read, the one that is written first."""
        return [self.cassette, *self._others]

    def __iter__(self) -> Iterator[Record]:
        """Every record that counts."""
        self.load()
        for cassette in self.cassettes:
            yield from cassette.records()

    def load(self) -> None:
        """Read what was added to the cassettes.

        Raises:
            CassetteError: The one that is written cannot be read, is no cassette, or one of a later version.
        """
        self.cassette.refresh()
        for cassette in self._others:
            try:
                cassette.refresh()
            except CassetteError as error:  # nobody named it
                self._warn(cassette, f"{error.what.rstrip('.')}. It is passed over.")
        for cassette in self.cassettes:
            faults = cassette.faults
            if len(faults) != self._told.get(cassette, 0):
                self._told[cassette] = len(faults)
                for fault in list(faults):
                    self._warn(cassette, f"{fault}. The other recordings are used.")

    def _warn(self, cassette: Cassette, text: str) -> None:
        with self._lock:
            told = (cassette, text) in self._warned
            self._warned.add((cassette, text))
        if not told:
            warnings.warn(f"{cassette.path.name}: {text}", CassetteWarning, stacklevel=3)

    def check_writable(self) -> None:
        """Find out, before anybody is asked, whether an answer can be recorded at all.

        Raises:
            CassetteError: The file is a link, or its folder is not there.
        """
        path = self.cassette.path
        why = LINK if path.is_symlink() else f"There is no folder {path.parent}."
        if path.is_symlink() or not path.parent.is_dir():
            raise CassetteError(f"Nobody was asked. {why}", where=f"in {path}")

    def find(
        self, key: str, number: int, body: Mapping[str, Any] | None = None, *, exact: bool = True
    ) -> Record | None:
        """Return the recording of the n-th question with this key, as last read.

        Args:
            key: The question's.
            number: n, from 1.
            body: What counts of the question, if it is at hand.
            exact: Whether it must have that number; else numbers that are missing are not counted.
        """
        if exact:
            holder = next((one for one in self.cassettes if one.has(key, number)), None)
            return holder.get(key, number, body) if holder is not None else None
        holders = [one for one in self.cassettes if one.numbers(key)]
        if len(holders) > 1 and self.cassette not in holders:
            names = " and ".join(one.path.name for one in holders)
            self._warn(holders[0], f"{names} hold one question. Name one: JUPYTER_PREM_CASSETTE=FILE.")
        numbers = holders[0].numbers(key)[number - 1 : number] if holders else []
        return holders[0].get(key, numbers[0], body) if numbers else None

    def adopt(self, record: Record) -> None:
        """Have a recording that another file holds in the one that is written, which will be read alone."""
        if self.asks and not self.cassette.has(record.key, record.n):
            with suppress(CassetteError):
                self.cassette.add(record)

    def has(self, key: str, number: int) -> bool:
        """Whether there is a recording of the n-th question with this key, as last read."""
        return any(cassette.has(key, number) for cassette in self.cassettes)

    def knows(self, key: str) -> bool:
        """Whether there is a recording with this key, as last read."""
        return any(cassette.numbers(key) for cassette in self.cassettes)

    def pairs(self) -> list[tuple[str, str]]:
        """Return who was asked in the recordings, as last read: each endpoint and model, in their order."""
        return list(dict.fromkeys(pair for cassette in self.cassettes for pair in cassette.pairs))

    def models(self) -> list[Model]:
        """Return the models in the recordings, by name."""
        self.load()
        return [Model(name) for name in sorted({model for _, model in self.pairs()})]

    def missing(
        self, endpoint: str, body: Mapping[str, Any], number: int, asker: Asker
    ) -> MissingRecordingError:
        """Return the error of a question that has no recording."""
        key = key_of(endpoint, body)
        where = f"in {', '.join(cassette.path.name for cassette in self.cassettes)}"
        hint = f"Record it: {self.command}"
        known = sum(len(cassette.numbers(key)) for cassette in self.cassettes)
        holes = [(one, one.hole(key, number)) for one in self.cassettes if one.hole(key, number) is not None]
        if holes:
            what = (
                f"The recording of this question is damaged: line {holes[0][1]} of {holes[0][0].path.name}."
            )
            return MissingRecordingError(what, where=where, hint=hint)
        if not any(cassette.exists for cassette in self.cassettes):
            return MissingRecordingError("There are no recordings to replay.", where=where, hint=hint)
        if known:
            times = f"{known} time{'s' * (known != 1)}"
            what = f"This question was recorded {times}; it is asked for the {ordinal(number)} time."
            if asker.number is not None:
                what = f"This question was recorded {times}, but not as the {ordinal(number)} of its plan."
            return MissingRecordingError(what, where=where, hint=hint)
        near = nearest(self, endpoint, body)
        detail = ""
        if near is not None:
            lines = differences(near, endpoint, body)
            detail = "\n".join(["The nearest recording differs in:", *lines])
        return MissingRecordingError(
            "There is no recording of this question.", where=where, hint=hint, detail=detail
        )
