"""Tab on the line of a magic: options, models, conversations, names and subcommands."""

from __future__ import annotations

import math
import re
import shlex
import threading
import time
from typing import TYPE_CHECKING, Any

from ._asked import schema_names, tool_names
from ._options import OPTIONS
from ._sweep import AXES, SWEEP_OPTIONS
from .commands import SUBCOMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from ._magics import PremMagics
    from ._options import Option

__all__ = ["Models", "add_matcher", "complete", "option_values", "remove_matcher"]

_LINE = re.compile(
    r"\s*(?:%%(?:chat|prem|sweep(?P<sweep>))|(?:[^#%\n]*=[ \t]*)?%(?:chat|prem(?P<prem>)))[ \t]+(?P<rest>.*)"
)
_WORD = re.compile(r"""(?:\{\{.*?(?:\}\}|$)|'[^']*(?:'|$)|"(?:\\.|[^"\\])*(?:"|$)|\\.|[^\s'"\\]|\\$)+""")
_ATTRIBUTE = "_jupyter_prem_matcher"
_PATIENCE = 1.0  # seconds that Tab waits for a service
_FRESH = 60.0  # seconds that its list of models holds
_VALUED = {flag: option for option in (*SWEEP_OPTIONS, *OPTIONS) if option.metavar for flag in option.flags}


def add_matcher(shell: InteractiveShell, magics: PremMagics) -> None:
    """Have IPython ask us first on our magics' lines; IPython before 8.6 has no matchers."""
    try:
        from IPython.core.completer import SimpleCompletion, context_matcher
    except ImportError:
        return
    models = Models(magics)

    @context_matcher(identifier="jupyter_prem")  # type: ignore[untyped-decorator]  # IPython's
    def matcher(context: Any) -> dict[str, Any]:
        lines = context.full_text.split("\n")
        line = lines[context.cursor_line] if context.cursor_line < len(lines) else ""
        # Only the first line of a cell magic is ours; below it is the prompt.
        ours = context.cursor_line == 0 or not line.lstrip().startswith("%%")
        found = complete(line[: context.cursor_position], magics, models) if ours else None
        if found is None:
            return {"completions": [], "suppress": False}
        fragment, values = found
        return {
            "completions": [SimpleCompletion(text=value, type="magic option") for value in values],
            "matched_fragment": fragment,
            "suppress": True,
        }

    setattr(shell.Completer, _ATTRIBUTE, matcher)
    shell.Completer.custom_matchers.append(matcher)


def remove_matcher(shell: InteractiveShell) -> None:
    """Take back what `add_matcher` registered."""
    matcher = getattr(shell.Completer, _ATTRIBUTE, None)
    if matcher in getattr(shell.Completer, "custom_matchers", []):
        shell.Completer.custom_matchers.remove(matcher)


def complete(line: str, magics: PremMagics, models: Iterable[str]) -> tuple[str, list[str]] | None:
    """Return the word at the end of `line` and what it may become; None where that is not ours to say."""
    found = _LINE.match(line)
    if found is None:
        return None
    before, fragment = _split(found["rest"])
    if found["prem"] is not None:
        values = _after_prem(before, fragment, magics, models)
    elif found["sweep"] is not None:
        values = _after_sweep(before, fragment, magics, models)
    else:
        values = _options(before, fragment, magics, models, prompt=not line.lstrip().startswith("%%"))
    if values is None:
        return None
    name, equals, value = fragment.partition("=")
    axis = found["sweep"] is not None and not name.startswith("-")
    joined = f"{name}=" if equals and (axis or name in _VALUED) else ""
    typed = (value if joined else fragment).lstrip("'\"")
    flag = name if joined else before[-1] if before else ""
    several = (axis and joined) or (flag in _VALUED and _VALUED[flag].dest == "tools")
    if several and "," in typed:
        given, _, typed = typed.rpartition(",")
        joined += f"{given},"
        values = [value for value in values if value not in given.split(",")]
    # Where nothing fits, the word itself keeps IPython from offering names of its own.
    return fragment, [f"{joined}{_quoted(item)}" for item in values if item.startswith(typed)] or [fragment]


def _split(text: str) -> tuple[list[str], str]:
    """Return all words but the last, and that as typed: empty behind a blank, perhaps with a quote open."""
    words = list(_WORD.finditer(text))
    if not words or words[-1].end() < len(text):
        return [word.group() for word in words], ""
    return [word.group() for word in words[:-1]], words[-1].group()


def _quoted(value: str) -> str:
    return value if value.startswith("-") else shlex.quote(value)


def _after_prem(
    before: list[str], fragment: str, magics: PremMagics, models: Iterable[str]
) -> Iterable[str] | None:
    if not before:
        return [command.name for command in SUBCOMMANDS]
    if before == ["switch"]:
        return _conversations(magics)
    if before == ["login"]:
        return ["--keyring"]
    if before == ["record"]:
        return ["none", "once", "new_episodes", "all", "off"]
    if before[0] in {"regenerate", "continue"}:
        return _options(before[1:], fragment, magics, models, prompt=False)
    return None  # files are IPython's


def _after_sweep(
    before: list[str], fragment: str, magics: PremMagics, models: Iterable[str]
) -> Iterable[str] | None:
    name, equals, _ = fragment.partition("=")
    flag = name if equals else before[-1] if before else ""
    if flag in _VALUED:
        return option_values(flag, magics, models)
    if equals or "{{" in fragment:
        return models if name == "model" and "{{" not in fragment else None  # names are IPython's
    axes = {word.partition("=")[0] for word in before}
    return [*(f"{axis}=" for axis in AXES if axis not in axes), *_flags(SWEEP_OPTIONS, before)]


def _options(
    before: list[str], fragment: str, magics: PremMagics, models: Iterable[str], *, prompt: bool
) -> Iterable[str] | None:
    name, equals, _ = fragment.partition("=")
    flag = name if equals else before[-1] if before else ""
    if flag in _VALUED:
        return option_values(flag, magics, models)
    place = 0
    while place < len(before) and before[place].startswith("-"):
        place += 2 if before[place] in _VALUED else 1
    if place < len(before) or (prompt and fragment and not fragment.startswith("-")):
        return None  # the prompt has begun
    return _flags(OPTIONS, before)


def _flags(known: Sequence[Option], before: list[str]) -> list[str]:
    given = {option.dest for option in known if not option.repeatable and set(option.flags) & set(before)}
    return [flag for option in known if option.dest not in given for flag in reversed(option.flags)]


def option_values(flag: str, magics: PremMagics, models: Iterable[str]) -> Iterable[str]:
    """Return what the value of an option may be, as far as that is known."""
    dest = _VALUED[flag].dest
    if dest == "model":
        return models
    if dest == "conversation":
        return _conversations(magics)
    hidden = magics.shell.user_ns_hidden
    held = dict(magics.shell.user_ns)  # a cell may add to it: a panel asks in a thread
    names = {name: value for name, value in held.items() if not name.startswith("_") and name not in hidden}
    if dest in {"output", "data"}:
        return sorted(names)
    if dest == "schema":
        return schema_names(names)
    if dest in {"tools", "tool_choice"}:
        functions = tool_names(names)
        return functions if dest == "tools" else ["auto", "none", "required", *functions]
    return {"endpoint": ["prem", "embedded"], "response_format": ["text"]}.get(dest, [])


def _conversations(magics: PremMagics) -> Iterable[str]:
    return dict.fromkeys([*magics.notebook.conversations, magics.notebook.current])


class Models:
    """The models of the service that answers now; asked once a minute at most, and Tab waits a second."""

    def __init__(self, magics: PremMagics) -> None:
        self._magics = magics
        self._known: dict[str, tuple[float, list[str]]] = {}
        self._asking: set[str] = set()

    def __iter__(self) -> Any:
        try:
            answerer = self._magics.notebook.answerer()
            if answerer.replays:
                return iter([model.id for model in answerer.models()])
        except Exception:  # noqa: BLE001 - a setting that cannot work has its error where it is used
            return iter(())
        client = answerer.client
        name = client.endpoint.name
        if getattr(client.endpoint, "fixed", None) is None:
            return iter([client.known_model] if client.known_model else [])  # nothing is started for a Tab
        when, models = self._known.get(name, (-math.inf, []))
        if time.monotonic() - when > _FRESH and name not in self._asking:
            thread = threading.Thread(target=self._ask, args=(client, name), daemon=True)
            thread.start()
            thread.join(_PATIENCE)
            models = self._known.get(name, (0.0, models))[1]
        return iter(models)

    def _ask(self, client: Any, name: str) -> None:
        self._asking.add(name)
        try:
            self._known[name] = (time.monotonic(), sorted(model.id for model in client.models()))
        except Exception:  # noqa: BLE001 - Tab has nobody to tell
            self._known[name] = (time.monotonic(), self._known.get(name, (0.0, []))[1])
        finally:
            self._asking.discard(name)
