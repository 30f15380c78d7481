"""`jupyter prem show` and `jupyter prem verify`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import PremError
from jupyter_prem.display import terminal_text
from jupyter_prem.records import Cassette, CassetteError, Report, verify as verify_records

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from jupyter_prem.records import Check, Record

__all__ = ["show", "verify"]

_DAMAGED = 3
_DRIFTED = 1
_USAGE = 2
_SHOWN = 200  # characters of a field's value


class NoFileError(PremError):
    """A file that was named is not there."""

    status = _USAGE


def show(options: argparse.Namespace) -> int:
    """Print recordings for people."""
    cassette = _read(options.file)
    for record in cassette:
        print("\n".join(terminal_text(line) for line in _lines(record)), end="\n\n")  # noqa: T201 - the command's result
    for fault in cassette.faults:
        print(f"── damaged: {fault}\n")  # noqa: T201 - part of what git shows, to which a status would be fatal
    return 0


def verify(options: argparse.Namespace) -> int:
    """Ask recorded questions again, and report what changed."""
    from jupyter_prem.backends import asking_again
    from jupyter_prem.notebook._questions import Questions

    cassette = _read(options.file)
    records = list(cassette)
    questions = Questions.beside(cassette.path)
    used = {(record.key, record.n) for record in records} if questions is None else questions.used(records)
    with asking_again() as ask:
        report = verify_records(
            records,
            ask,
            repeats=options.repeats,
            used=lambda record: (record.key, record.n) in used,
            missing=questions.missing(records) if questions is not None else (),
            told=_tell,
        )
    print("\n".join(report.lines()))  # noqa: T201 - the command's result
    written = _write(options, report, cassette.path.name)
    damaged = _faults(cassette)
    if options.prune and not damaged:
        written &= _prune(cassette, {(record.key, record.n) for record in records} - used)
    if damaged or not written:
        return damaged or _USAGE
    return _DRIFTED if report.drifted else 0


def _read(path: Path) -> Cassette:
    if not path.is_file():
        raise NoFileError(f"There is no file {path}.", hint="Name a .chat.jsonl file.")
    cassette = Cassette(path)
    cassette.refresh()
    return cassette


def _faults(cassette: Cassette) -> int:
    for fault in cassette.faults:
        print(f"{cassette.path.name}: {fault}.", file=sys.stderr)  # noqa: T201 - where errors go
    return _DAMAGED if cassette.faults else 0


def _prune(cassette: Cassette, places: set[tuple[str, int]]) -> bool:
    try:
        cassette.drop(places)
    except CassetteError as error:
        print(error, file=sys.stderr)  # noqa: T201 - where errors go
        return False
    return True


def _tell(check: Check) -> None:
    for line in check.lines():
        print(terminal_text(line), flush=True)  # noqa: T201 - the command's progress


def _write(options: argparse.Namespace, report: Report, name: str) -> bool:
    """Write the reports that were asked for; return whether they could be."""
    texts = (
        (options.json, json.dumps(report.to_dict(), ensure_ascii=False, indent=2) + "\n"),
        (options.junit, report.to_junit(name)),
    )
    written = True
    for path, text in texts:
        if path is None:
            continue
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            print(f"{path} cannot be written ({error.strerror}).", file=sys.stderr)  # noqa: T201 - where errors go
            written = False
    return written


def _lines(record: Record) -> Iterator[str]:
    """Yield a recording as people read it; what varies alone has no line."""
    which = f" ({record.n})" if record.n > 1 else ""
    fields = {name: value for name, value in record.body.items() if name not in {"messages", "model"}}
    yield f"── {record.endpoint} · {record.body.get('model')}{which}"
    for name, value in fields.items():
        text = json.dumps(value, ensure_ascii=False)
        yield f"{name}: {text if len(text) <= _SHOWN else text[:_SHOWN] + '…'}"
    messages = record.body.get("messages")
    for message in messages if isinstance(messages, list) else []:
        yield from _message(message)
    for choice in record.response.choices:
        if choice.reasoning:
            yield f"reasoning: {choice.reasoning}"
        yield from _message(choice.message.to_dict())
        if choice.refusal:
            yield f"refusal: {choice.refusal}"
        if choice.finish_reason != "stop":
            yield f"ended: {choice.finish_reason}"


def _message(message: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(message, dict):
        return
    content = message.get("content")
    if content is not None:
        yield f"{message.get('role')}: {content}"
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            yield f"calls: {function.get('name')}({function.get('arguments')})"
