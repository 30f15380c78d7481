"""Two runs side by side."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import PremError

from ._agreement import check_names, is_missing, key_of, keys_of, normalised, similarities

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["compare"]

_BESIDE = {"completion_tokens": "Int64", "latency": "float64", "system_fingerprint": "object"}
_COLUMNS = ("status", "similarity", *(f"{name}_{when}" for name in _BESIDE for when in ("then", "now")))


def compare(
    frame: pd.DataFrame, other: pd.DataFrame, axes: Sequence[str], other_axes: Sequence[str]
) -> pd.DataFrame:
    """Return what became of each answer: one row a draw, first those of `frame`, then what is new in `other`.

    Draws are the same where all axes that both runs have are equal, seed and repeat among them; among equal
    ones the first is compared with the first. Beside these axes there are

    - `status`: `same` (text and parsed value are equal), `changed`, `added` or `removed` (one run has it), or
      `error` (both have it, and one failed);
    - `similarity` of the normalised texts, from 0 to 1, NaN where there are no two; 1 of a changed answer
      means that only case, white space or punctuation around it did;
    - `completion_tokens`, `latency` (seconds) and `system_fingerprint`, each with `_then` and `_now`.

    Args:
        frame: The run of then.
        other: The run of now.
        axes: The columns of `frame` that are axes.
        other_axes: Those of `other`.

    Raises:
        PremError: The runs have axes, but none in common; an axis has the name of a column of this table; or
            rapidfuzz is not installed.
    """
    import pandas as pd

    shared = [name for name in axes if name in set(other_axes)]
    if not shared and (axes or other_axes):
        lists = [", ".join(str(name) for name in names) or "none" for names in (axes, other_axes)]
        raise PremError(
            "The two runs share no axis, so that no answer of one belongs to an answer of the other.",
            where=f"Axes here: {lists[0]}; there: {lists[1]}.",
            hint="Compare runs of one plan, or rename the columns of an axis that both have.",
        )
    check_names(shared, _COLUMNS, "compare")
    pairs = _paired(_places(frame, shared), _places(other, shared))
    kept = [before for before, _ in pairs if before is not None]
    added = [after for before, after in pairs if before is None and after is not None]
    before, after = frame.reindex(columns=shared).iloc[kept], other.reindex(columns=shared).iloc[added]
    draws = {name: _joined(before[name], after[name]) for name in shared}
    return pd.concat([pd.DataFrame(draws), _beside(frame, other, pairs)], axis=1)


def _joined(then: pd.Series[Any], now: pd.Series[Any]) -> pd.Series[Any]:
    """Return the values of an axis in both runs, in their type where both have it or one has none."""
    import pandas as pd

    parts = [part for part in (then, now) if len(part)] or [then]
    if len({part.dtype for part in parts}) == 1:
        return pd.concat(parts, ignore_index=True)
    return pd.Series([value for part in parts for value in part.tolist()])


def _places(frame: pd.DataFrame, shared: Sequence[str]) -> dict[tuple[tuple[str, ...], int], int]:
    """Return the place of each row by its draw and its number among equal ones."""
    seen: Counter[tuple[str, ...]] = Counter()
    places = {}
    for place, key in enumerate(keys_of(frame, shared)):
        places[key, seen[key]] = place
        seen[key] += 1
    return places


def _paired(
    then: dict[tuple[tuple[str, ...], int], int], now: dict[tuple[tuple[str, ...], int], int]
) -> list[tuple[int | None, int | None]]:
    known = [(place, now.get(key)) for key, place in then.items()]
    return [*known, *((None, place) for key, place in now.items() if key not in then)]


def _beside(
    frame: pd.DataFrame, other: pd.DataFrame, pairs: Sequence[tuple[int | None, int | None]]
) -> pd.DataFrame:
    import pandas as pd

    then, now = _lists(frame), _lists(other)
    statuses = [_status(then, now, before, after) for before, after in pairs]
    columns: dict[str, Any] = {
        "status": pd.Series(statuses, dtype="object"),
        "similarity": pd.Series(_similarities(then, now, pairs, statuses), dtype="float64"),
    }
    for name, kind in _BESIDE.items():
        for when, run, places in (
            ("then", then, [before for before, _ in pairs]),
            ("now", now, [after for _, after in pairs]),
        ):
            values = [None if place is None else run[name][place] for place in places]
            known = [None if is_missing(value) else value for value in values]
            columns[f"{name}_{when}"] = pd.Series(known, dtype=kind)
    return pd.DataFrame(columns)


def _lists(run: pd.DataFrame) -> dict[str, list[Any]]:
    return {name: run[name].tolist() for name in ("text", "parsed", "error", *_BESIDE)} if len(run) else {}


def _status(
    then: dict[str, list[Any]], now: dict[str, list[Any]], before: int | None, after: int | None
) -> str:
    if before is None:
        return "added"
    if after is None:
        return "removed"
    if not (is_missing(then["error"][before]) and is_missing(now["error"][after])):
        return "error"
    texts = _text(then, before) == _text(now, after)
    return "same" if texts and key_of(then["parsed"][before]) == key_of(now["parsed"][after]) else "changed"


def _similarities(
    then: dict[str, list[Any]],
    now: dict[str, list[Any]],
    pairs: Sequence[tuple[int | None, int | None]],
    statuses: Sequence[str],
) -> list[float]:
    both = [
        (normalised(_text(then, before)), normalised(_text(now, after)))
        for (before, after), status in zip(pairs, statuses, strict=True)
        if status in {"same", "changed"} and before is not None and after is not None
    ]
    found = iter(similarities(both))
    return [next(found) if status in {"same", "changed"} else math.nan for status in statuses]


def _text(run: dict[str, list[Any]], place: int) -> str:
    text = run["text"][place]
    return "" if is_missing(text) else str(text)
