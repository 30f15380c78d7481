"""Experiments in a notebook: its endpoint and settings, its budget, and a bar on its page."""

from __future__ import annotations

import html
import time
import uuid
from typing import TYPE_CHECKING, Any

from jupyter_prem._unattended import unattended
from jupyter_prem.display import IPythonPage, bundle, frame
from jupyter_prem.experiments import NoBar, SweepOptions, has_bars, postfix, terminal_bar

from ._sinks import is_live
from ._sweep import experiment_of, prompt_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_prem.backends import AsyncClient
    from jupyter_prem.client import ChatRequest, ChatResponse
    from jupyter_prem.experiments import Bar, Runs

    from ._magics import PremMagics

__all__ = ["NotebookHost", "sweep_cell"]


def sweep_cell(magics: PremMagics, line: str, cell: str, names: Mapping[str, Any]) -> Runs:
    """Ask what a `%%sweep` cell asks for, and bind the results, also of one that ended early.

    Raises: As `sweep`; OptionError for a line that is none.
    """
    from jupyter_prem.conversation import evaluate, expand
    from jupyter_prem.experiments import run_sweep

    prompt = prompt_of(cell)
    asked = experiment_of(
        line,
        magics.sweep.parser,
        names,
        lambda text: evaluate(text, names),
        lambda text: expand(text, names, where="in an option"),
    )
    options = SweepOptions(variables=names, **asked.settings)
    try:
        runs = run_sweep(NotebookHost(magics, asked.endpoint), prompt, asked.axes, options)
    except Exception as error:
        if getattr(error, "runs", None) is not None:
            magics.shell.push({asked.output: error.runs})  # type: ignore[attr-defined]  # the rows that are done
        raise
    magics.shell.push({asked.output: runs})
    return runs


class NotebookHost:
    """Where an experiment of a notebook runs.

    Args:
        magics: The notebook's.
        endpoint: Who answers; None is what the settings say.
    """

    def __init__(self, magics: PremMagics, endpoint: str | None = None) -> None:
        self._magics = magics
        self._notebook = magics.notebook
        self._endpoint = endpoint
        self._cell = magics.notebook.cell()

    def client(self) -> AsyncClient:
        """Return a client of the notebook's endpoint."""
        from jupyter_prem.backends import AsyncClient

        settings = self._notebook.settings()
        return AsyncClient(
            self._endpoint or settings.endpoint,
            timeout=settings.timeout,
            max_retries=settings.max_retries,
            stream_usage=settings.stream_usage,
            allow_http_hosts=settings.allow_http_hosts,
        )

    @property
    def system(self) -> str | None:
        """The system message that the settings name."""
        return self._notebook.settings().system or None

    def defaults(self) -> Mapping[str, Any]:
        """Return the fields that the settings name."""
        return self._notebook.settings().fields

    def allow(self, request: ChatRequest) -> AbstractContextManager[None]:
        """Hold what a request may use of the budget; raise a BudgetError where it could pass it."""
        return self._notebook.allow(request)

    def note(self, request: ChatRequest, response: ChatResponse) -> None:
        """Count an answer."""
        from jupyter_prem.conversation import Question, Round

        self._notebook.note(Round(Question("", cell=self._cell), "", request, response))

    def bar(self, total: int) -> Bar:
        """Return a bar for whoever watches the page, else only the summary."""
        shell = self._magics.shell
        if not hasattr(shell, "kernel"):
            return NoBar() if unattended() else terminal_bar(total)
        live = is_live(shell, self._magics.live) and not unattended() and has_bars()
        return _PageBar(shell, total) if live else _Summary()


class _Summary(NoBar):
    """Draws the summary alone, once."""

    def close(self, summary: str) -> None:
        IPythonPage().display(bundle("", notes=[summary]))


class _PageBar:
    """One output: a bar and tqdm's numbers while it runs, then the summary."""

    def __init__(self, shell: InteractiveShell, total: int) -> None:
        from tqdm import tqdm

        self._shell, self._total = shell, total
        self._page, self._place = IPythonPage(), uuid.uuid4().hex
        self._began = time.monotonic()
        self._meter = tqdm.format_meter
        self._page.display(self._drawn(0, ""), self._place)

    def show(self, done: int, failed: int, tokens: int, note: str) -> None:
        """Draw so many rows."""
        self._page.update(self._drawn(done, postfix(failed, tokens, note)), self._place)

    def close(self, summary: str) -> None:
        """Put the summary in the bar's place."""
        self._page.update(bundle("", notes=[summary]), self._place)

    def _drawn(self, done: int, beside: str) -> dict[str, object]:
        took = time.monotonic() - self._began
        text = self._meter(done, self._total, took, ncols=0, unit=" requests", postfix=beside or None).strip()
        part = f"{100 * done / self._total:.0f}%"
        bar = f'<div class="pm-bar"><div style="width:{part}"></div></div>'
        drawn = frame(f'<div class="pm-wait">{bar}<span>{html.escape(text)}</span></div>', style=True)
        return {**bundle("", notes=[text]), "text/html": drawn}
