"""`{{ last_error }}`: the last cell that failed, and why, short enough to be asked about."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import PremError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["LastError"]

_FRAMES = 8  # the innermost ones
_DEEPEST = 4  # links of a chain of exceptions
_MEMBERS = 5  # of an exception group
_MOST = 2_000  # characters of the source, and of the traceback


class LastError:
    """Remembers the last failed cell; an event of IPython's tells it, so no exception hook is taken."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self.text: str | None = None

    def note(self, result: Any) -> None:
        """Take note of a cell that has run: its source and its traceback, if it failed.

        What failed here itself (a question the service refused) is passed over: who asks about
        `{{ last_error }}` again means the error before it.
        """
        error = result.error_before_exec or result.error_in_exec
        if error is None or isinstance(error, PremError):
            return
        number = result.execution_count
        source = _cut(str(result.info.raw_cell).rstrip(), keep_end=False)
        self.text = f"In [{number if number is not None else ' '}]:\n{source}\n\n{self._trace(error)}"

    def _trace(self, error: BaseException) -> str:
        try:
            shown = traceback.TracebackException.from_exception(error, compact=True)
            frames = [frame for frame in shown.stack if not _is_ours(frame.filename)][-_FRAMES:]
            lines = ["Traceback (most recent call last):"] if frames else []
            for frame in frames:
                where = "" if frame.name == "<module>" else f", in {frame.name}"
                lines.append(f"  {self._place(frame.filename)}, line {frame.lineno}{where}")
                lines += [f"    {frame.line}"] if frame.line else []
            return _cut("\n".join([*lines, *_told(shown)]), keep_end=True)
        except Exception:  # noqa: BLE001 - an exception's own code may fail when it is told
            return type(error).__name__

    def _place(self, filename: str) -> str:
        name = getattr(self._shell.compile, "format_code_name", lambda _: None)(filename)
        return name[1] if name else f'File "{filename}"'


def _told(shown: traceback.TracebackException, depth: int = 0) -> Iterator[str]:
    """Yield the exception's own lines, those of a group's members, and what it came from."""
    for line in shown.format_exception_only():
        place = line.replace('"<unknown>"', "cell") if line.startswith('  File "<unknown>"') else line
        yield place.rstrip("\n")
    if depth >= _DEEPEST:
        return
    for member in (shown.exceptions or ())[:_MEMBERS]:
        yield from (f"  | {line}" for line in _told(member, depth + 1))
    origin = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)
    if origin is not None:
        yield "which came from:" if shown.__cause__ else "while handling:"
        yield from _told(origin, depth + 1)


def _is_ours(filename: str) -> bool:
    return "/IPython/" in filename.replace("\\", "/") or "/ipykernel/" in filename.replace("\\", "/")


def _cut(text: str, *, keep_end: bool) -> str:
    if len(text) <= _MOST:
        return text
    missing = f"[{len(text) - _MOST:,} characters left out]"
    return f"{missing}\n{text[-_MOST:]}" if keep_end else f"{text[:_MOST]}\n{missing}"
