"""How far answers to one question agree."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from bisect import bisect
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from functools import cache
from itertools import accumulate
from numbers import Integral, Real
from random import Random
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import PremError
from jupyter_prem.records._interval import wilson

from ._errors import not_installed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

__all__ = [
    "AVERAGED",
    "agreed",
    "agreement",
    "answered",
    "cells",
    "check_names",
    "is_missing",
    "key_of",
    "keys_of",
    "normalised",
    "similarities",
]

AVERAGED = ("seed", "repeat")
"""The axes that tell answers to one question apart."""

PAIRS = 10_000
"""Pairs of different texts of a cell that are compared; of more, this many are drawn."""

_COUNTS = ("answers", "errors", "distinct")
_RATES = ("agreement", "low", "high", "similarity", "parsed_equal")
_MEANT = frozenset("%‰#@&/\\§")  # punctuation that tells "5 %" from "5" and "C#" from "C"
_SIGN = re.compile(r"-?\.?\Z")


def agreement(frame: pd.DataFrame, axes: Sequence[str], over: Sequence[str] = AVERAGED) -> pd.DataFrame:
    """Return how far the answers of each grid cell agree, one row a cell in the order of the frame.

    Beside the axes of the grid there are

    - `answers`, `errors` and `distinct` (normalised texts), counted;
    - `agreement`, the share of answers equal to the commonest normalised text; NaN without answers;
    - `low` and `high`, its 95 % interval: 0 and 1 without answers;
    - `similarity`, from 0 to 1, the mean of `similarities` over the pairs of answers; NaN of fewer than two;
    - `parsed_equal`, the share of answers whose parsed value is the commonest; NaN where nothing was parsed.

    The commonest text is chosen after the fact, so that the agreement of few answers is too high: one answer
    always agrees with itself. `low` and `high` say how little that means.

    Args:
        frame: One row a request: the axes, `text`, `parsed`, `error`, and others.
        axes: The columns that are axes.
        over: The axes whose values are draws of one cell.

    Raises:
        PremError: An axis has the name of a column of this table, or rapidfuzz is not installed.
    """
    import pandas as pd

    names, groups = cells(frame, axes, over)
    check_names(names, (*_COUNTS, *_RATES), "agreement")
    texts = answered(frame)
    parsed = (
        [None if is_missing(value) else key_of(value) for value in frame["parsed"].tolist()] if texts else []
    )
    rows = [
        _measured([texts[place] for place in places], [parsed[place] for place in places])
        for places in groups
    ]
    counts = pd.DataFrame(rows, columns=[*_COUNTS, *_RATES])
    counts = counts.astype({**dict.fromkeys(_COUNTS, "int64"), **dict.fromkeys(_RATES, "float64")})
    firsts = [places[0] for places in groups]
    return pd.concat([frame.reindex(columns=names).iloc[firsts].reset_index(drop=True), counts], axis=1)


def _measured(texts: list[str | None], parsed: list[str | None]) -> tuple[float, ...]:
    """Return the measures of a cell, from its rows' normalised texts and the keys of their parsed values."""
    known = Counter(text for text in texts if text is not None)
    values = Counter(
        key for key, text in zip(parsed, texts, strict=True) if key is not None and text is not None
    )
    count = known.total()
    return (
        count,
        len(texts) - count,
        len(known),
        *agreed(known),
        _mean_similarity(known),
        max(values.values()) / count if values else math.nan,
    )


def cells(
    frame: pd.DataFrame, axes: Sequence[str], over: Sequence[str] = AVERAGED
) -> tuple[list[str], list[list[int]]]:
    """Return the axes of the grid and, for each of its cells, the places of its rows, in the frame's order.

    Args:
        frame: One row a request.
        axes: The columns that are axes.
        over: The axes whose values are draws of one cell; names that are no axes are passed over.
    """
    averaged = {over} if isinstance(over, str) else set(over)
    names = [name for name in axes if name not in averaged]
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, key in enumerate(keys_of(frame, names)):
        groups.setdefault(key, []).append(place)
    return names, list(groups.values())


def keys_of(frame: pd.DataFrame, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return what tells the rows apart by these columns: for each row the keys of its values."""
    columns = [[key_of(value) for value in frame[name].tolist()] for name in names] if len(frame) else []
    return list(zip(*columns, strict=True)) if columns else [()] * len(frame)


def answered(frame: pd.DataFrame) -> list[str | None]:
    """Return the normalised text of each row, and None of those that failed."""
    if not len(frame):
        return []
    once = cache(normalised)
    return [
        None if not is_missing(error) else "" if is_missing(text) else once(str(text))
        for text, error in zip(frame["text"].tolist(), frame["error"].tolist(), strict=True)
    ]


def agreed(texts: Counter[str]) -> tuple[float, float, float]:
    """Return the share of the commonest text, NaN of none, and the ends of its 95 % interval."""
    count, hits = texts.total(), max(texts.values(), default=0)
    return (hits / count if count else math.nan, *wilson(hits, count))


def normalised(text: str) -> str:
    """Return a text without what does not tell answers apart.

    Compatibility forms are composed (Unicode NFKC), case is folded, white space is one space, and
    punctuation around the whole is taken off: ``"**Paris.**"`` is ``"paris"``. Signs that mean something stay
    (``-5``, ``.5``, ``5%``, ``C#``, ``$5``), and so does a text that is nothing but punctuation.
    """
    # Folded decomposed and twice, as D146 of the Unicode Standard (3.13) has it for compatibility forms.
    folded = unicodedata.normalize("NFD", text).casefold()
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", folded).casefold())
    line = " ".join(unicodedata.normalize("NFKC", folded).split())
    first = next((place for place, char in enumerate(line) if not _is_around(char)), None)
    if first is None:
        return line
    last = next(place for place in reversed(range(len(line))) if not _is_around(line[place]))
    sign = _SIGN.search(line, 0, first) if line[first].isdigit() else None
    return line[sign.start() if sign else first : last + 1]


def _is_around(char: str) -> bool:
    return char in " `" or (unicodedata.category(char)[0] == "P" and char not in _MEANT)


def similarities(pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Return how similar the normalised texts of each pair are, from 0 to 1: rapidfuzz's indel similarity.

    That is twice the length of their longest common subsequence, divided by the sum of their lengths.

    Raises:
        PremError: rapidfuzz is not installed.
    """
    try:
        from rapidfuzz.distance.Indel import normalized_similarity
    except ImportError:
        raise not_installed("Similarity", "rapidfuzz") from None
    return [normalized_similarity(one, other) for one, other in pairs]


def _mean_similarity(texts: Counter[str]) -> float:
    """Return the mean over all pairs of answers; of more than `PAIRS` pairs of texts, an estimate.

    Equal answers are counted, never compared. The pairs drawn depend on the texts and their counts alone, and
    the standard error of the mean over them is at most 0.005 (the deviation of what is between 0 and 1 is at
    most a half, divided by the root of 10,000).
    """
    everything = texts.total() * (texts.total() - 1) // 2
    if not everything:
        return math.nan
    kinds = sorted(texts)
    equal = sum(count * (count - 1) // 2 for count in texts.values())
    if len(kinds) * (len(kinds) - 1) // 2 <= PAIRS:
        pairs = [(one, other) for place, one in enumerate(kinds) for other in kinds[:place]]
        weights = [texts[one] * texts[other] for one, other in pairs]
    else:
        pairs = _drawn(kinds, [texts[kind] for kind in kinds])
        weights = [1] * PAIRS
    if not pairs:
        return 1.0
    alike = sum(weight * similar for weight, similar in zip(weights, similarities(pairs), strict=True))
    return min(1.0, (equal + alike / sum(weights) * (everything - equal)) / everything)


def _drawn(kinds: list[str], counts: list[int]) -> list[tuple[str, str]]:
    """Return pairs of different texts, each as likely as it is common among the pairs of answers."""
    random = Random(0)  # noqa: S311 - drawn the same each time, and no secret
    total, ends = sum(counts), list(accumulate(counts))
    ones = random.choices(range(len(kinds)), [count * (total - count) for count in counts], k=PAIRS)
    pairs = []
    for one in ones:
        other = random.randrange(total - counts[one])  # one of the answers that are not `one`
        if other >= ends[one] - counts[one]:
            other += counts[one]
        pairs.append((kinds[one], kinds[bisect(ends, other)]))
    return pairs


def key_of(value: Any) -> str:
    """Return the canonical JSON of a value, by which values are equal.

    ``0`` and ``0.0`` are equal, None, NaN and NA are, and ``1`` and ``True`` are not, so that a column that
    pandas or a file has changed the type of has the same keys.
    """
    return json.dumps(_json(value), ensure_ascii=False, sort_keys=True)


def _json(value: Any) -> Any:  # noqa: PLR0911 - one a kind
    if is_missing(value):
        return None
    if isinstance(value, (str, bool)):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return int(number) if number.is_integer() else number
    if isinstance(value, Mapping):
        return {str(name): _json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(key_of(item) for item in value)
    return _json_of_object(value)


def _json_of_object(value: Any) -> Any:
    if hasattr(value, "tolist"):  # numpy's arrays, which parquet makes of lists, and its booleans
        return _json(value.tolist())
    if is_dataclass(value) and not isinstance(value, type):
        return _json(asdict(value))
    if hasattr(value, "model_dump"):  # pydantic's models
        return _json(value.model_dump())
    return {type(value).__qualname__: repr(value)}


def is_missing(value: Any) -> bool:
    """Return whether a value of a frame is None, NaN, NA or NaT."""
    import pandas as pd

    return value is None or bool(pd.api.types.is_scalar(value) and pd.isna(value))


def check_names(axes: Iterable[str], taken: Iterable[str], table: str) -> None:
    """Check that no axis has the name of a column of a table.

    Raises:
        PremError: One has.
    """
    doubled = [name for name in axes if name in set(taken)]
    if doubled:
        raise PremError(
            f"The axis {doubled[0]!r} has the name of a column of {table}().",
            hint="Give the axis another name.",
        )
