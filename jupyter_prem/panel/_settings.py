"""The controls of a panel, one for each option of `%%chat` that a question can have, and their values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from jupyter_prem.client import NUMBER_RANGES, PremError, whole
from jupyter_prem.notebook import OptionError, PremMagics, Settings as Configured, parse_words, question_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jupyter_prem.conversation import Question

__all__ = ["CONTROLS", "Controls", "described"]


@dataclass(frozen=True, slots=True)
class Control:
    """One control.

    Attributes:
        name: The option, without its dashes.
        label: What stands beside it.
        kind: "number", "text", "lines", "choice" or "switch".
        help: One line for people.
        group: What it is shown with.
        field: The request field that it sets; empty for none.
        default: What the API does where nothing is set.
        choices: What it offers; a text may be another.
        low, high, step: Of a number with two ends.
    """

    name: str
    label: str
    kind: str
    help: str
    group: str
    field: str = ""
    default: str = ""
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    step: float | None = None


def _ranged(name: str, label: str, text: str, field: str, default: str) -> Control:
    low, high = NUMBER_RANGES[field]
    return Control(
        name, label, "number", text, "Sampling", field, default, low=low, high=high, step=(high - low) / 40
    )


CONTROLS: Final = (
    Control("model", "Model", "text", "an ID or an alias", "Answered by", "model", "the service's only one"),
    Control(
        "endpoint",
        "Endpoint",
        "text",
        "prem, embedded or a base URL",
        "Answered by",
        choices=("prem", "embedded"),
    ),
    _ranged("temperature", "Temperature", "0 to 2, or none", "temperature", "0.7"),
    _ranged("top-p", "Top p", "0 to 1, or none", "top_p", "1"),
    Control(
        "max-tokens",
        "Longest answer",
        "number",
        "tokens, or none for the model's maximum",
        "Sampling",
        "max_completion_tokens",
        "the model's maximum",
    ),
    Control("seed", "Seed", "number", "same seed and parameters, same answer", "Sampling", "seed", "none"),
    _ranged("frequency-penalty", "Frequency penalty", "-2 to 2", "frequency_penalty", "0"),
    _ranged("presence-penalty", "Presence penalty", "-2 to 2", "presence_penalty", "0"),
    Control(
        "stop",
        "Stop at",
        "lines",
        "end the answer before any of these; one a line, \\n for a line feed",
        "Sampling",
        "stop",
        "nothing",
    ),
    Control(
        "response-format",
        "Response format",
        "choice",
        "plain text; a schema asks for data",
        "Data and functions",
        "response_format",
        "text",
        ("text",),
    ),
    Control(
        "schema",
        "Schema",
        "text",
        "a variable: pydantic model, dataclass, TypedDict or dict",
        "Data and functions",
        default="none",
    ),
    Control("retries", "Retries", "number", "for an answer that fits", "Data and functions", default="0"),
    Control(
        "tools",
        "Functions",
        "text",
        "of the notebook, that the model may call: f,g",
        "Data and functions",
        default="none",
    ),
    Control(
        "tool-choice",
        "Function choice",
        "text",
        "none, auto, required, or the function to call",
        "Data and functions",
        default="auto",
        choices=("none", "auto", "required"),
    ),
    Control(
        "max-tool-rounds",
        "Rounds of calls",
        "number",
        "answers that may ask for calls",
        "Data and functions",
        default="8",
    ),
    Control(
        "window", "Window", "number", "send the last so many exchanges only", "Conversation", default="all"
    ),
    Control("name", "Your name", "text", "name of the speaker", "Conversation", default="none"),
    Control("no-stream", "Wait for the whole answer", "switch", "rather than streaming it", "Conversation"),
    Control(
        "templates",
        "Insert {{ values }}",
        "switch",
        "expand {{ expressions }} over the notebook's variables",
        "Conversation",
    ),
)
"""Every control, in the order of the page."""

_BY_NAME = {control.name: control for control in CONTROLS}
_NOT_OPTIONS = frozenset({"templates"})


class Controls:
    """What the controls of a panel are set to: texts as typed; what is not in it is unset."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.faults: dict[str, str] = {}  # as `check` found them

    def set(self, name: object, value: object) -> None:
        """Set a control, or with None or an empty text unset it; what is none is left alone."""
        if not isinstance(name, str) or name not in _BY_NAME:
            return
        values = dict(self.values)  # others may be reading the old one
        if isinstance(value, str) and value.strip():
            values[name] = whole(value)
        else:
            values.pop(name, None)
        self.values = values

    def copy(self) -> Controls:
        """Return the same controls, as they are now."""
        other = Controls()
        other.values = self.values
        return other

    @property
    def templates(self) -> bool:
        """Whether questions are templates."""
        return "templates" in self.values

    def question(self, text: str, names: Mapping[str, Any], *, afresh: bool = False) -> Question:
        """Return a question with what is set; one asked afresh has no schema but what is set.

        Raises: As `question_of`; OptionError if it is to be asked again for a schema that there is not.
        """
        question = question_of(parse_words(PremMagics.chat.parser, list(self._words())), text, names)
        if afresh and question.retries and question.schema is None:
            raise OptionError("--retries needs a schema that the answer must fit.", hint="Set one, or none.")
        return question

    def check(self, names: Mapping[str, Any]) -> None:
        """Find out what is wrong with each control that is set to what it cannot be."""
        faults = {}
        values = self.values
        for name, value in values.items():
            alone = Controls()
            alone.values = {name: value}
            if name in _NEEDED and _NEEDED[name] in values:
                alone.values[_NEEDED[name]] = values[_NEEDED[name]]
            try:
                alone.question("-", names)
            except PremError as error:
                of_parser = error.what.startswith("argument ")
                faults[name] = f"{value!r} is not {_BY_NAME[name].help}" if of_parser else error.what
            except Exception as error:  # noqa: BLE001 - an annotation of the notebook's raises what it likes
                faults[name] = f"{type(error).__name__}: {error}"
        self.faults = faults

    def _words(self) -> Iterator[str]:
        for name, value in self.values.items():
            control = _BY_NAME[name]
            if name in _NOT_OPTIONS:
                continue
            if control.kind == "switch":
                yield f"--{name}"
            elif control.kind == "lines":
                yield from (f"--{name}={_unescaped(line)}" for line in value.split("\n") if line)
            else:
                yield f"--{name}={value.strip()}"


_NEEDED = {"tool-choice": "tools", "max-tool-rounds": "tools"}


def _unescaped(line: str) -> str:
    for typed, meant in (("\\\\", "\0"), ("\\n", "\n"), ("\\t", "\t"), ("\0", "\\")):
        line = line.replace(typed, meant)
    return line


def described(configured: Configured) -> list[dict[str, Any]]:
    """Return the controls for the page, with what holds where they are unset."""
    shown = []
    for control in CONTROLS:
        data = {name: value for name, value in asdict(control).items() if value not in (None, "", ())}
        if control.field in configured.fields:
            data["default"] = _said(configured.fields[control.field])
        elif control.name == "window" and configured.window is not None:
            data["default"] = str(configured.window)
        elif control.name == "endpoint" and configured.endpoint:
            data["default"] = configured.endpoint
        shown.append(data)
    return shown


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(repr, value))
    return "none" if value is None else str(value)
