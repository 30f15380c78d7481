"""Results in files: `.jsonl`, a row a line after a header, and `.parquet`, the same beside plain columns."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ._axes import plain
from ._columns import ROW, plain_columns
from ._errors import RunsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._runs import Runs

__all__ = ["load", "save"]

_FORMAT = 1
_SURROGATE = re.compile("[\ud800-\udfff]")
_T = TypeVar("_T", bound="Runs")


def save(runs: Runs, path: str | os.PathLike[str]) -> None:
    """Write the rows to a file, whole or not at all; see `Runs.save`."""
    target = Path(path)
    write = {".jsonl": _write_lines, ".parquet": _write_parquet}.get(target.suffix)
    if write is None:
        raise RunsError(f"{target.name} ends in neither .jsonl nor .parquet.", hint="Name it runs.jsonl")
    new = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        write(runs, new)
        new.replace(target)
    except OSError as error:
        raise RunsError(f"The results cannot be written: {error.strerror}.", where=f"to {target}") from None
    finally:
        new.unlink(missing_ok=True)


def load(kind: type[_T], path: str | os.PathLike[str]) -> _T:
    """Return the rows of a file; see `Runs.load`."""
    source = Path(path)
    try:
        lines = _parquet_lines(source) if source.suffix == ".parquet" else _lines(source)
        header = json.loads(next(lines, "null"))
        if not isinstance(header, dict) or header.get("jupyter_prem") != "runs":
            raise RunsError(
                "This file holds no results.", where=f"in {source}", hint="Runs.save writes such files."
            )
        if header["format"] != _FORMAT:
            raise RunsError(
                f"These results have format {header['format']!r}; this version reads format {_FORMAT}.",
                where=f"in {source}",
                hint="Update jupyter_prem: pip install -U jupyter_prem",
            )
        return _filled(kind, header, lines)
    except OSError as error:
        raise RunsError(f"The results cannot be read: {error.strerror}.", where=f"in {source}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise RunsError(f"The results are damaged: {error}.", where=f"in {source}") from None


def _filled(kind: type[_T], header: dict[str, Any], lines: Iterator[str]) -> _T:
    index: dict[int, Any] | None = {} if header["index"] is not None else None
    names = [_value(name) for name in header["index"] or [None]]
    runs = kind(header["axes"], header["total"], index=index, index_names=names)
    for line in lines:
        row = json.loads(line)
        place = row.pop("place")
        if type(place) is not int or not 0 <= place < header["total"] or not isinstance(row["at"], dict):
            raise ValueError(f"a row has the place {place!r} of {header['total']}")
        if index is not None:
            index[place] = _value(row.pop("index"))
        runs.rows.add(place, row)
    return runs


def _header(runs: Runs) -> str:
    names = [_json(name, "name") for name in runs.index_names] if runs.keeps_index else None
    header = {
        "jupyter_prem": "runs",
        "format": _FORMAT,
        "axes": runs.axes,
        "total": len(runs.rows),
        "index": names,
    }
    return json.dumps(header, ensure_ascii=False, separators=(",", ":"))


def _row_lines(runs: Runs) -> Iterator[str]:
    for place, row in runs.rows:
        kept = {"index": _json(runs.index_of(place))} if runs.keeps_index else {}
        yield json.dumps({"place": place, **kept, **row}, ensure_ascii=False, separators=(",", ":"))


def _write_lines(runs: Runs, path: Path) -> None:
    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="\n") as file:
        file.write(f"{_header(runs)}\n")
        file.writelines(f"{line}\n" for line in _row_lines(runs))


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="surrogatepass", newline="\n") as file:
        yield from file


def _write_parquet(runs: Runs, path: Path) -> None:
    pa, pq = _pyarrow()
    columns = {name: _array(pa, values) for name, values in plain_columns(runs).items() if name != ROW}
    table = pa.table({**columns, ROW: [_escaped(line) for line in _row_lines(runs)]})
    pq.write_table(table.replace_schema_metadata({"jupyter_prem": _escaped(_header(runs))}), path)


def _parquet_lines(path: Path) -> Iterator[str]:
    _, pq = _pyarrow()
    if not path.exists():
        raise FileNotFoundError(2, "No such file or directory")
    table = pq.read_table(path)
    yield (table.schema.metadata or {}).get(b"jupyter_prem", b"null").decode()
    yield from table.column(ROW).to_pylist()


def _array(pa: Any, values: list[Any]) -> Any:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):  # of several kinds, or beyond 64 bits
        return pa.array([None if value is None else str(value) for value in values])


def _escaped(line: str) -> str:
    """Return a line of JSON with escapes for lone surrogates, which arrow's text cannot hold."""
    return line if line.isascii() else _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise RunsError(
            "A .parquet file needs pyarrow.", hint="pip install pyarrow, or save a .jsonl"
        ) from None
    return pa, pq


def _json(value: Any, what: str = "value") -> Any:
    """Return a value, or the name, of an index as JSON data, dates marked as such, with their zone."""
    if isinstance(value, tuple):
        return [_json(item, what) for item in value]
    value = plain(value)
    if isinstance(value, dt.date):
        zone = getattr(value, "tzinfo", None)
        name = getattr(zone, "key", None) or getattr(zone, "zone", None)  # zoneinfo's, or pytz'
        return {"date": value.isoformat()} | ({"zone": name} if isinstance(name, str) else {})
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise RunsError(
        f"The data's index has a {what} of type {type(value).__name__}, which no file of results can hold.",
        hint="Reset the index, or make it text, numbers or dates."
        if what == "value"
        else "Rename it: data.index.name = 'row'",
    )


def _value(data: Any) -> Any:
    if isinstance(data, list):
        return tuple(_value(item) for item in data)
    if isinstance(data, dict):
        import pandas as pd

        moment = pd.Timestamp(data["date"])
        return moment.tz_convert(data["zone"]) if "zone" in data else moment
    return data
