"""What happened before an answer: calls of functions, and answers that did not fit."""

import html
import json
from dataclasses import dataclass

from ._data import data_text
from ._inert import inert_markdown
from ._text import clean

_SHORT = 80  # characters of arguments and of a result on the line that is always seen
_LONG = 20_000  # characters of a result that can be unfolded
_TIMES = ((1, "< 1 s"), (10, "< 10 s"), (60, "< 1 min"), (600, "< 10 min"), (3600, "< 1 h"))


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a function.

    Attributes:
        name: The function's name, as the model gave it.
        arguments: What the model gave, JSON or not.
        result: What the model was told; None while the call runs.
        failed: Whether the function failed, or was not called.
        seconds: How long it took; None where that is not known.
    """

    name: str
    arguments: str
    result: str | None = None
    failed: bool = False
    seconds: float | None = None


def call_line(call: Call, *, exact: bool = False) -> str:
    """A call on one line: ``f(x=1) → 2``.

    Args:
        call: The call.
        exact: Whether the time is told in tenths of a second, rather than by its order of magnitude, which
            is the same from run to run.

    Returns:
        Text, its hidden characters visible.
    """
    shown = f"{_one(call.name)}({_arguments(call.arguments)})"
    if call.result is None:
        return shown
    time = _time(call.seconds, exact=exact)
    return f"{shown} → {_one(call.result) or '(nothing)'}" + (f"  ({time})" if time else "")


def call_whole(call: Call) -> str:
    """A call with all its arguments, for whoever is to allow it: on one line if it is short.

    Args:
        call: The call.

    Returns:
        Text, its hidden characters visible; beyond 20,000 characters it says how much is left out.
    """
    line = call_line(call)
    text = _pretty(call.arguments)
    if "…" not in line and len(" ".join(text.split())) <= _SHORT:
        return line
    left = len(text) - _LONG
    more = f"\n… and {left:,} more characters, which are not shown" if left > 0 else ""
    return f"{_one(call.name)} with\n{text[:_LONG]}{more}\n"


def call_html(call: Call) -> str:
    """A call, folded: its line, and below it the arguments and the result in full.

    Args:
        call: The call.

    Returns:
        HTML of ours.
    """
    name = f"<code>{html.escape(f'{_one(call.name)}({_arguments(call.arguments)})')}</code>"
    mark = '<span class="pm-badge">failed</span> ' if call.failed else ""
    result = html.escape(_one(call.result or "") or "(nothing)")
    time = _time(call.seconds, exact=False)
    summary = f"{name} → {mark}{result}" + (
        f' <span class="pm-time">{html.escape(time)}</span>' if time else ""
    )
    full = clean(call.result or "")
    cut = f"\n… ({len(full):,} characters)" if len(full) > _LONG else ""
    return (
        f'<details class="pm-call"><summary>{summary}</summary>'
        f"{block(_pretty(call.arguments), 'arguments')}{block(full[:_LONG] + cut, 'result')}</details>"
    )


def call_markdown(call: Call) -> str:
    """A call as a line of harmless Markdown.

    Args:
        call: The call.

    Returns:
        Markdown.
    """
    line = call_line(call).replace("`", "'")
    return inert_markdown(f"`{line}`")


def block(text: str, label: str = "") -> str:
    """Text as it is, in a fixed-width face.

    Args:
        text: Any text.
        label: What stands above it.

    Returns:
        HTML of ours.
    """
    above = f'<div class="pm-lang">{html.escape(label)}</div>' if label else ""
    body = html.escape(clean(text), quote=False)
    return f'<div class="pm-code">{above}<pre><code>{body}</code></pre></div>'


def _arguments(text: str) -> str:
    try:
        data = json.loads(text or "{}")
        if isinstance(data, dict):
            words = (f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in data.items())
            return _one(", ".join(words))
    except (ValueError, RecursionError):
        pass  # it is shown as it came
    return _one(text)


def _pretty(text: str) -> str:
    try:
        return data_text(json.loads(text or "{}"))
    except (ValueError, RecursionError):
        return clean(text)


def _one(text: str) -> str:
    line = " ".join(clean(text).split())
    return line if len(line) <= _SHORT else f"{line[: _SHORT - 1]}…"


def _time(seconds: float | None, *, exact: bool) -> str:
    if seconds is None:
        return ""
    if exact:
        return f"{seconds:.1f} s"
    return next((words for most, words in _TIMES if seconds < most), "> 1 h")
