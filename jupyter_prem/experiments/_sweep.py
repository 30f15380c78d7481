"""`sweep`: a grid of requests, from a prompt to a table."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_prem.records import Mode, Tape, active

from ._asking import Asking
from ._axes import axes_of
from ._data import table_of
from ._errors import PlanError
from ._executor import check_functions, executor_backend
from ._host import NoBar, host
from ._plan import Plan
from ._prompt import prompts_of
from ._run import run
from ._runs import Runs

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Executor

    from jupyter_prem.backends import AsyncClient

    from ._host import Host
    from ._plan import Point

__all__ = ["SweepOptions", "run_sweep", "sweep"]

_AHEAD = 10_000  # requests that are made, and so checked, before the first is sent


def sweep(
    prompt: Any,
    data: Any = None,
    *,
    variables: Mapping[str, Any] | None = None,
    repeats: int = 1,
    max_concurrency: int = 8,
    max_requests: int = 1000,
    record: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    progress: bool = True,
    system: str | None = None,
    raw: bool = False,
    client: AsyncClient | None = None,
    **axes: Any,
) -> Runs:
    """Ask a grid of requests and return the table of their answers, in the order of the grid.

    ::

        runs = sweep("Capital of {{ land }}?", land=["France", "Peru"], seed=range(5), temperature=[0, 0.7])
        runs.to_frame()

    Args:
        prompt: A text with `{{ names }}`, a list of messages, a conversation, or a list of several of these.
        data: A DataFrame or a list of dicts, each row asked, its columns in the prompt; its index is kept.
        variables: What else the prompt's names mean.
        repeats: How often each is asked.
        max_concurrency: How many requests are on their way at once. If the process is killed, they are asked
            again; of more than 8, also those whose answers came while the disk synced the ones before.
        max_requests: More than so many are refused, before the first is sent.
        record: A file of recordings: what it holds is not asked, what is answered goes there at once. None:
            the recordings that hold, if any.
        executor: Asks from its workers; each needs its own key in its own environment.
        progress: Whether a bar shows how it goes.
        system: A system message before each prompt.
        raw: Whether `{{ }}` in the prompt is text.
        client: Who is asked; None is what the notebook, or else the environment, says.
        axes: By name the values to go through, or one: fields of the request, `model`, or prompt names.
            `**{"a,b": pairs}` goes through both together. Without a seed, one is drawn for each request, sent
            and kept; what is asked and how often decides it, so that a second run draws the same.

    Raises:
        PlanError: The grid cannot be asked; nothing was sent. RequestError, SchemaError, TemplateError: so.
        SweepInterrupted: It was stopped; the error's `runs` has the rows that are done.
        PremError: What ended it for all: no key, the budget, a full disk, no recording; with `runs` as well.
    """
    options = SweepOptions(
        data,
        variables,
        repeats,
        max_concurrency,
        max_requests,
        record,
        executor,
        system,
        client,
        progress=progress,
        raw=raw,
    )
    return run_sweep(host(), prompt, axes, options)


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """What an experiment is asked with, beside its prompt and axes; see `sweep`."""

    data: Any = None
    variables: Mapping[str, Any] | None = None
    repeats: int = 1
    max_concurrency: int = 8
    max_requests: int = 1000
    record: str | os.PathLike[str] | None = None
    executor: Executor | None = None
    system: str | None = None
    client: AsyncClient | None = None
    progress: bool = field(default=True, kw_only=True)
    raw: bool = field(default=False, kw_only=True)


def run_sweep(where: Host, prompt: Any, axes: Mapping[str, Any], options: SweepOptions) -> Runs:
    """Ask a grid of requests from `where`; the rest, and what it raises, as `sweep`."""
    plan = _plan(where, prompt, axes, options)
    points: Iterator[Point] = plan.points()
    if len(plan) <= _AHEAD:
        points = iter(list(points))
    executor = options.executor
    if executor is not None:
        check_functions(plan)
    client = options.client if options.client is not None else where.client()
    backend = executor_backend(executor, client) if executor is not None else None
    tape, own = _tape(options.record), options.client is None
    runs = Runs(plan.columns, len(plan), plan=plan)
    run(
        runs,
        points,
        Asking(client, tape, where, backend=backend, plan=plan.name, own=own),
        at_once=min(options.max_concurrency, len(plan), _room(client, executor)),
        allow=where.allow,
        bar=where.bar(len(plan)) if options.progress else NoBar(),
    )
    return runs


def _plan(where: Host, prompt: Any, axes: Mapping[str, Any], options: SweepOptions) -> Plan:
    """Return the checked plan.

    Raises:
        PlanError: It cannot be carried out.
    """
    for name in ("repeats", "max_concurrency", "max_requests"):
        value = getattr(options, name)
        if type(value) is not int or value < 1:
            raise PlanError(f"{name} is {value!r}; it takes a number from 1.")
    prompts = prompts_of(prompt, options.system, where.system, raw=options.raw)
    known = {name for one in prompts for name in one.names}
    plan = Plan(
        prompts,
        axes_of(axes, known),
        data=table_of(options.data),
        variables=options.variables,
        defaults=where.defaults(),
        repeats=options.repeats,
    )
    if len(plan) > options.max_requests:
        raise PlanError(
            f"The grid has {len(plan):,} requests; {options.max_requests:,} are allowed.",
            hint=f"Allow them: max_requests={len(plan)}, in %%sweep --max-requests {len(plan)}",
        )
    return plan


def _room(client: AsyncClient, executor: Executor | None) -> int:
    """Return how many requests the endpoint answers at a time; more would only wait, and look slow."""
    room = getattr(client.endpoint, "at_once", None) if executor is None else None
    return room if isinstance(room, int) else sys.maxsize


def _tape(record: str | os.PathLike[str] | None) -> Tape | None:
    """Return the recordings of an experiment: those of its file, in a replay nothing else."""
    held = active()
    if record is None:
        return held[0] if held is not None else None
    replays = held is not None and held[0].mode is Mode.NONE
    return Tape(record, Mode.NONE if replays else Mode.NEW_EPISODES)
