"""Answers on the page: safe, readable, and drawn at a cost that grows only with their length.

Plain strings come in, MIME bundles go out. Everything that was written elsewhere (answers, model names, error
texts) takes one road: hidden characters become visible (``_text``), CommonMark's blocks are found (the room
``structure``), become elements (``_tree``), Python-Markdown makes the rest (``_inline``), an allow-list lets
through what it names (``_sanitize``), and only then are colours, formulas and frames of our own added
(``_stash``, ``_frame``).

Importing this package loads neither Markdown nor nh3 nor Pygments; the first answer does.
"""

from ._data import data_text, fenced
from ._frame import MIME, Step, answer_html, bundle, drawing, frame, stylesheet
from ._inert import inert_markdown
from ._live import LiveHtml
from ._live_data import LiveData
from ._markdown import render
from ._once import OnceHtml
from ._page import IPythonPage, Page
from ._plain import error_text, plain, terminal_text, unlinked
from ._rate import timer
from ._steps import Call, call_line, call_whole
from ._terminal import TerminalText

__all__ = [
    "MIME",
    "Call",
    "IPythonPage",
    "LiveData",
    "LiveHtml",
    "OnceHtml",
    "Page",
    "Step",
    "TerminalText",
    "answer_html",
    "bundle",
    "call_line",
    "call_whole",
    "data_text",
    "drawing",
    "error_text",
    "fenced",
    "frame",
    "inert_markdown",
    "plain",
    "render",
    "stylesheet",
    "terminal_text",
    "timer",
    "unlinked",
]
