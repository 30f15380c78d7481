"""The plan of an experiment: which requests, in which order, each known before the first is sent."""

from __future__ import annotations

import builtins
import dataclasses
import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import ChatRequest
from jupyter_prem.objects import Wired, wired

from ._axes import NULLABLE, is_field
from ._errors import PlanError
from ._labels import axis_labels, column_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jupyter_prem.objects import Schema

    from ._axes import Axis
    from ._data import Table
    from ._prompt import Prompt

__all__ = ["RESULTS", "UNNAMED", "Plan", "Point"]

RESULTS = (
    "text",
    "parsed",
    "finish_reason",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "latency",
    "response_model",
    "system_fingerprint",
    "id",
    "error",
    "replayed",
)
"""Columns of the results; no axis may have one of these names."""

UNNAMED = "-"
"""Stands for the model of a request that names none, until it is known."""

_OBJECTS = ("response_format", "tools", "tool_choice")
_SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class Point:
    """One request of a plan.

    Attributes:
        index: Its place in the grid, from 0.
        labels: What it is asked with: the axes, `model` and `seed`, as JSON data.
        request: What is sent.
        number: Which of the identical requests of the plan it is, from 1.
        schema: What the answer must be; None for text.
        functions: The fields, as they were given, of functions that the model may call; none for none.
    """

    index: int
    labels: dict[str, Any]
    request: ChatRequest
    number: int = 1
    schema: Schema | None = None
    functions: Mapping[str, Any] = field(default_factory=dict)


class Plan:
    """A grid of requests: prompts, rows of data, axes and repeats, the last the fastest.

    Args:
        prompts: What is asked; more than one is an axis of its own.
        axes: What varies.
        data: Rows that fill the prompt; None for none.
        variables: What the prompt's other names mean.
        defaults: Fields of every request that the axes do not name.
        repeats: How often each is asked; without a seed, each time with another.

    Raises:
        PlanError: A name stands for two things, or the prompt uses one that has no value.
    """

    def __init__(
        self,
        prompts: Sequence[Prompt],
        axes: Sequence[Axis],
        *,
        data: Table | None = None,
        variables: Mapping[str, Any] | None = None,
        defaults: Mapping[str, Any] | None = None,
        repeats: int = 1,
    ) -> None:
        self.prompts, self.axes, self.data = tuple(prompts), tuple(axes), data
        self.repeats = repeats
        self._variables = dict(variables or {})
        self._defaults = {name: value for name, value in (defaults or {}).items() if name not in self._names}
        self._wired: dict[tuple[int, ...], Wired] = {}
        self._check()
        # Made for all values at once: what cannot be one is told before the first request is sent.
        self._axis_labels = [axis_labels(axis) if axis.varies else [] for axis in self.axes]
        used = self._used_data()
        self._data_labels = {name: column_labels(data, name) for name in used} if data is not None else {}
        self._sizes = (
            len(self.prompts),
            len(data) if data is not None else 1,
            *(len(axis.values) for axis in self.axes),
            repeats,
        )

    def __len__(self) -> int:
        return math.prod(self._sizes)

    @property
    def _names(self) -> list[str]:
        return [name for axis in self.axes for name in axis.names]

    @property
    def name(self) -> str:
        """What tells it from other plans."""
        parts = [prompt.parts for prompt in self.prompts], self.axes, self.repeats, self._defaults
        return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def columns(self) -> list[str]:
        """The columns that tell the requests apart, in their order; `model` and `seed` always."""
        varied = [name for axis in self.axes if axis.varies for name in axis.names]
        columns = ["prompt"] if len(self.prompts) > 1 else []
        columns += [*(self._used_data()), *varied]
        columns += [name for name in ("model", "seed") if name not in columns]
        return [*columns, "repeat"] if self.repeats > 1 else columns

    def points(self) -> Iterator[Point]:
        """Yield every request in the order of the grid; the model of those that name none is `UNNAMED`.

        Raises:
            TemplateError: A prompt cannot be filled.
            RequestError: A field does not take its value.
        """
        seen: dict[bytes, int] = {}
        for index in range(len(self)):
            yield self._point(index, seen)

    @property
    def has_functions(self) -> bool:
        """Whether a model may call functions of this process."""
        return any(point.functions for point in self.points())

    def schema_of(self, index: int) -> Schema | None:
        """Return what the answer at a place must be; None for text."""
        places = self._steps(index)[2:-1]
        return self._wire(self._values(places), places).schema

    def row_of(self, index: int) -> int | None:
        """Return the row of the data that a request is of; None without data."""
        return self._steps(index)[1] if self.data is not None else None

    def _steps(self, index: int) -> list[int]:
        steps = []
        for size in reversed(self._sizes):
            index, step = divmod(index, size)
            steps.append(step)
        return steps[::-1]

    def _point(self, index: int, seen: dict[bytes, int]) -> Point:
        which, row, *places, repeat = self._steps(index)
        values = self._values(places)
        given = self.data.row(row) if self.data is not None else {}
        prompt = self.prompts[which]
        messages = prompt.messages({**self._variables, **given, **values})
        wire = self._wire(values, places)
        fields = {
            name: value
            for name, value in wire.fields.items()
            if is_field(name) and (value is not None or name in NULLABLE)
        }
        request = ChatRequest(messages=messages, **{"model": UNNAMED, **fields})
        number = _count(request, seen)
        if "seed" not in fields:
            request, number = _with_seed(request, number)
        labels: dict[str, Any] = {"prompt": prompt.label} if len(self.prompts) > 1 else {}
        labels |= {name: column[row] for name, column in self._data_labels.items()}
        labels |= self._labels(places)
        labels |= {"model": request.model, "seed": request.seed}
        if self.repeats > 1:
            labels["repeat"] = repeat
        chosen = {**self._defaults, **values}
        functions = (
            {name: chosen[name] for name in _OBJECTS if chosen.get(name) is not None} if wire.tools else {}
        )
        return Point(index, labels, request, number, wire.schema, functions)

    def _values(self, places: Sequence[int]) -> dict[str, Any]:
        return {
            name: value
            for axis, place in zip(self.axes, places, strict=True)
            for name, value in zip(axis.names, axis.values[place], strict=True)
        }

    def _labels(self, places: Sequence[int]) -> dict[str, Any]:
        return {
            name: label
            for axis, labels, place in zip(self.axes, self._axis_labels, places, strict=True)
            if axis.varies
            for name, label in zip(axis.names, labels[place], strict=True)
        }

    def _wire(self, values: Mapping[str, Any], places: Sequence[int]) -> Wired:
        """Return the request's fields; types and functions are described once for each combination."""
        kept = tuple(
            place
            for axis, place in zip(self.axes, places, strict=True)
            if any(name in _OBJECTS for name in axis.names)
        )
        objects = self._wired.get(kept)
        if objects is None:
            chosen = {**self._defaults, **values}
            objects = wired({name: chosen[name] for name in _OBJECTS if chosen.get(name) is not None})
            self._wired[kept] = objects
        rest = {name: value for name, value in {**self._defaults, **values}.items() if name not in _OBJECTS}
        return Wired({**rest, **objects.fields}, objects.schema, objects.tools)

    def _used_data(self) -> list[str]:
        if self.data is None:
            return []
        used = {name for prompt in self.prompts for name in prompt.names}
        return [name for name in self.data.columns if name in used]

    def _check(self) -> None:
        names = self._names
        columns = list(self.data.columns) if self.data is not None else []
        both = next((name for name in columns if name in names), None)
        if both is not None:
            raise PlanError(f"{both} is a column of the data and an axis.", hint="Rename one of them.")
        taken = next((name for name in [*names, *self._used_data()] if name in _TAKEN), None)
        if taken is not None or any(name in {"model", "seed"} for name in self._used_data()):
            name = taken or "model or seed"
            raise PlanError(
                f"The results have a column {name} of their own.", hint="Rename the axis or the column."
            )
        known = {*names, *columns, *self._variables}
        functions = {name for name, value in vars(builtins).items() if callable(value)}
        for prompt in self.prompts:
            lacking = (prompt.names - vars(builtins).keys()) | (prompt.inserted & functions)
            missing = sorted(lacking - known)
            if missing:
                raise PlanError(
                    f"The prompt uses {missing[0]}, which has no value.", hint=self._way_to(missing[0])
                )

    def _way_to(self, name: str) -> str:
        index = self.data.index if self.data is not None else None
        if index is not None and name in index.names:
            return "It names the data's index; data.reset_index() makes a column of it."
        return f"Define it, vary it ({name}=…), or give it as a column of data."


_TAKEN = frozenset({*RESULTS, "prompt", "repeat"})


def _count(request: ChatRequest, seen: dict[bytes, int]) -> int:
    """Return which of the identical requests this is."""
    place = hashlib.blake2b(request.to_json().encode(), digest_size=16).digest()
    seen[place] = seen.get(place, 0) + 1
    return seen[place]


def _with_seed(request: ChatRequest, number: int) -> tuple[ChatRequest, int]:
    """Return the request with a seed, drawn from what is asked and the how-many-eth time it is.

    So a second run draws the same, and models and temperatures are compared on the same draws.
    """
    asked = "".join(message.to_json() for message in request.messages)
    digest = hashlib.sha256(f"{asked}\n{number}".encode()).digest()
    return dataclasses.replace(request, seed=int.from_bytes(digest[:8], "big") % _SEEDS), 1
