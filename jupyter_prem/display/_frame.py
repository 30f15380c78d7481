"""What stands around an answer: its stylesheet, notices, the folded reasoning and the footer."""

import functools
import html
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import NamedTuple

from jupyter_prem.client import whole

from ._data import data_html, data_text, fenced, parse
from ._fit import fit
from ._inert import inert_markdown
from ._markdown import escaped, render
from ._plain import plain
from ._steps import Call, block, call_html, call_line, call_markdown
from ._text import clean

MIME = "application/vnd.jupyter-prem+json"

Step = Call | str | Sequence[str]

_MAX_NOTE = 2_000


def bundle(
    text: str,
    *,
    footer: Sequence[str] = (),
    notes: Sequence[str] = (),
    reasoning: str = "",
    refusal: str = "",
    badge: str = "",
    steps: Sequence[Step] = (),
    structured: bool = False,
    data: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """The one output of a finished cell.

    Every string may come from a stranger and is shown as text; the same arguments give the same bytes.

    Args:
        text: The answer, Markdown.
        footer: Parts of the quiet last line (model, tokens, …); empty ones are left out.
        notes: Notices of one line each above the answer.
        reasoning: The model's reasoning, Markdown, shown folded.
        refusal: The service's refusal, text.
        steps: What came before the answer: calls of functions, texts in Markdown, and notes in a list of one.
        structured: Whether the answer is to be JSON, which is drawn as a tree; else it is shown as it is.
        badge: A word that marks the answer (``interrupted``, ``length``).
        data: JSON for ``application/vnd.jupyter-prem+json``; left out if None.

    Returns:
        MIME type to content: HTML, harmless Markdown, plain text, and the data; less for an answer of some
        hundred kilobytes, see :func:`fit`.
    """
    shown = _answer(text, structured=structured)
    parts = _parts(
        shown.html if text else "",
        footer=footer,
        notes=notes,
        reasoning=reasoning,
        refusal=refusal,
        badge=badge,
        steps=steps,
    )
    extra = [
        *filter(None, map(one_line, notes)),
        *([clean(refusal)] if refusal.strip() else []),
        *([f"[{one_line(badge)}]"] if badge else []),
    ]
    result: dict[str, object] = {
        "text/html": frame("\n".join(part for part in parts if part), style=True),
        "text/markdown": _paragraphs(*map(_step_markdown, steps), shown.markdown, *map(_inert_line, extra)),
        "text/plain": _paragraphs("\n".join(map(_step_plain, steps)), shown.plain, "\n".join(extra)),
    }
    if data is not None:
        result[MIME] = _encodable(data)
    return fit(
        result,
        shown.plain,
        lambda beginning: frame(_div("pm-body", escaped(beginning)) + parts[-1], style=True),
    )


def answer_html(
    text: str,
    *,
    footer: Sequence[str] = (),
    notes: Sequence[str] = (),
    reasoning: str = "",
    refusal: str = "",
    badge: str = "",
    steps: Sequence[Step] = (),
    structured: bool = False,
) -> str:
    """The HTML of :func:`bundle`, for a page that has the stylesheet; arguments as there.

    Returns:
        One element; of an answer near a megabyte the beginning, see :func:`fit`.
    """
    shown = _answer_html(text, structured=structured) if text else ""
    parts = _parts(
        shown,
        footer=footer,
        notes=notes,
        reasoning=reasoning,
        refusal=refusal,
        badge=badge,
        steps=steps,
    )
    whole = {"text/html": frame("\n".join(filter(None, parts)), style=False)}
    short = fit(whole, clean(text), lambda cut: frame(_div("pm-body", escaped(cut)) + parts[-1], style=False))
    return str(short["text/html"])


def _parts(
    shown: str,
    *,
    footer: Sequence[str],
    notes: Sequence[str],
    reasoning: str,
    refusal: str,
    badge: str,
    steps: Sequence[Step],
) -> list[str]:
    """The elements of an answer's frame, its footer last."""
    parts = [_div("pm-note", html.escape(line)) for note in notes if (line := one_line(note))]
    if reasoning.strip():
        parts.append(f"<details><summary>Reasoning</summary>{render(reasoning)}</details>")
    parts += map(_step_html, steps)
    if shown:
        parts.append(_div("pm-body", shown))
    if refusal.strip():
        parts.append(_div("pm-refusal", html.escape(clean(refusal)).replace("\n", "<br>")))
    return [*parts, _foot(footer, badge)]


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(filter(None, parts))


class _Shown(NamedTuple):
    """An answer's text in the three forms."""

    html: str
    markdown: str
    plain: str


def _answer(text: str, *, structured: bool) -> _Shown:
    if not structured:
        return _Shown(render(text) if text else "", inert_markdown(text), plain(text))
    valid, value = parse(text)
    body = data_text(value) if valid else clean(text)
    return _Shown(
        _answer_html(text, structured=True),
        inert_markdown(fenced(body, "json" if valid else "")) if text else "",
        body,
    )


def _answer_html(text: str, *, structured: bool) -> str:
    if not structured:
        return render(text)
    valid, value = parse(text)
    return data_html(value) if valid else block(text)


def _step_html(step: Step) -> str:
    if isinstance(step, Call):
        return call_html(step)
    if isinstance(step, str):
        return _div("pm-body", render(step))
    return "".join(_div("pm-note", html.escape(one_line(note))) for note in step)


def _step_markdown(step: Step) -> str:
    if isinstance(step, Call):
        return call_markdown(step)
    return inert_markdown(step) if isinstance(step, str) else _inert_line(" ".join(map(one_line, step)))


def _step_plain(step: Step) -> str:
    if isinstance(step, Call):
        return call_line(step)
    return plain(step) if isinstance(step, str) else " ".join(map(one_line, step))


def drawing(lines: Sequence[str]) -> dict[str, object]:
    """Lines of text as they are, in a fixed-width face.

    Args:
        lines: Each may hold a stranger's words, which are shown as text.

    Returns:
        MIME type to content: HTML, Markdown that holds them as code, plain text.
    """
    text = "\n".join(" ".join(clean(line).split("\n")) for line in lines)
    return {
        "text/html": frame(
            _div("pm-code", f"<pre><code>{html.escape(text, quote=False)}</code></pre>"), style=True
        ),
        "text/markdown": inert_markdown(fenced(text)),
        "text/plain": plain(text),
    }


def frame(body: str, *, style: bool, state: str = "") -> str:
    """Put trusted HTML into our own scope, where MathJax reads only what we mark.

    Args:
        body: HTML of ours.
        style: Whether the stylesheet goes with it.
        state: A further class of ours.

    Returns:
        One element.
    """
    css = f"<style>{stylesheet()}</style>" if style else ""
    names = " ".join(filter(None, ("jupyter-prem mathjax_ignore tex2jax_ignore", state)))
    return f'<div class="{names}" dir="auto">{css}{body}</div>'


@functools.cache
def stylesheet() -> str:
    """The stylesheet, without its comments and blanks."""
    css = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    css = re.sub(r"/\*.*?\*/|\n", "", css, flags=re.DOTALL)
    return re.sub(r"\s*([{}:;,>])\s+|\s+(?=[{}])", r"\1", css).replace(";}", "}")


def waiting(text: str, bar: str = "") -> str:
    """A line that says what is waited for.

    Args:
        text: The line.
        bar: HTML of ours that shows how much is done; a dot pulses where there is none.

    Returns:
        HTML of ours.
    """
    mark = "" if bar else '<span class="pm-dots"></span>'
    return f'<div class="pm-wait">{mark}<span>{html.escape(one_line(text))}</span>{bar}</div>'


def body_of(drawn: str) -> str:
    """The place of an answer's text.

    Args:
        drawn: HTML of ours.

    Returns:
        One element.
    """
    return _div("pm-body", drawn)


def one_line(text: str) -> str:
    """A text on one line, cut where it is unreasonably long.

    Args:
        text: Any text.

    Returns:
        At most 2,000 characters.
    """
    return " ".join(clean(text).split())[:_MAX_NOTE]


def _foot(footer: Sequence[str], badge: str) -> str:
    line = " · ".join(html.escape(part) for text in footer if (part := one_line(text)))
    mark = f'<span class="pm-badge">{html.escape(one_line(badge))}</span>' if badge.strip() else ""
    return _div("pm-foot", mark + (f"<span>{line}</span>" if line else "")) if line or mark else ""


def _div(name: str, body: str) -> str:
    return f'<div class="{name}">{body}</div>'


def _inert_line(text: str) -> str:
    return inert_markdown(re.sub(r"([\\`*_#>~|])", r"\\\1", text))


def _encodable(value: object) -> object:
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, Mapping):
        return {whole(str(key)): _encodable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encodable(item) for item in value]
    return value
