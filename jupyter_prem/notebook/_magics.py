"""`%%chat`, `%chat` and `%prem`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, needs_local_scope, no_var_expand
from traitlets import (
    All,
    Any as AnyTrait,
    Dict,
    Enum,
    Int,
    List,
    Unicode,
    observe,
    validate,
)

from jupyter_prem.client import (
    DEFAULT_TIMEOUT,
    MAX_RETRIES,
    UNSET,
    PremError,
    Timeouts,
    check_field,
)

from ._asked import question_of
from ._identity import current_cell, notebook_paths
from ._last_error import LastError
from ._ledger import checked_prices
from ._options import chat_arguments, documented, parse_words
from ._report import checked_trait, short_errors
from ._settings import Settings
from ._state import Notebook
from ._sweep import SWEEP_OPTIONS
from ._words import split_line, split_options
from .commands import run, subcommand_help

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_prem.client import ChatResponse, StreamUsage
    from jupyter_prem.conversation import Conversation, Question
    from jupyter_prem.experiments import Runs


__all__ = ["PremMagics"]

_FIELD_TRAITS = (
    "temperature",
    "top_p",
    "max_completion_tokens",
    "seed",
    "stop",
    "frequency_penalty",
    "presence_penalty",
    "response_format",
)


def _field_trait(field: str) -> AnyTrait:
    return AnyTrait(
        None, allow_none=True, help=f"request field {field}; None leaves it out, 'none' sends null"
    )


@magics_class
class PremMagics(Magics):  # type: ignore[misc]  # see the overrides of mypy in pyproject
    """Chat with Prem Studio, the embedded model, or any endpoint of the same contract."""

    endpoint = Unicode(
        None, allow_none=True, help="prem, embedded or a base URL; None: PREM_ENDPOINT, else by key"
    ).tag(config=True)
    model = Unicode(None, allow_none=True, help="model ID or alias; None: PREM_MODEL, else the only one").tag(
        config=True
    )
    system = Unicode("", help="system message of a conversation that has none yet").tag(config=True)
    temperature = _field_trait("temperature").tag(config=True)
    top_p = _field_trait("top_p").tag(config=True)
    max_completion_tokens = _field_trait("max_completion_tokens").tag(config=True)
    seed = _field_trait("seed").tag(config=True)
    stop = _field_trait("stop").tag(config=True)
    frequency_penalty = _field_trait("frequency_penalty").tag(config=True)
    presence_penalty = _field_trait("presence_penalty").tag(config=True)
    response_format = _field_trait("response_format").tag(config=True)
    stream_usage = Enum(["auto", "always", "never"], "auto", help="whether a stream asks for its usage").tag(
        config=True
    )
    allow_http_hosts = List(Unicode(), help="hosts to which the key may go over plain http").tag(config=True)
    timeout = AnyTrait(
        DEFAULT_TIMEOUT,
        help="seconds of silence after which a service counts as lost; or a mapping of `Timeouts`' names",
    ).tag(config=True)
    max_retries = Int(MAX_RETRIES, min=0, help="how often a question that failed is asked again").tag(
        config=True
    )
    window = Int(None, allow_none=True, min=0, help="send the last so many exchanges only; None: all").tag(
        config=True
    )
    budget = Int(
        None, allow_none=True, min=0, help="total tokens that this kernel may use; None: no end"
    ).tag(config=True)
    prices = Dict(
        help="money for a million prompt tokens and a million completion tokens, by model: {'id': (0.5, 1.5)}"
    ).tag(config=True)
    live = Enum(["auto", "always", "never"], "auto", help="whether answers stream onto the page").tag(
        config=True
    )

    def __init__(self, shell: InteractiveShell, **kwargs: Any) -> None:
        super().__init__(shell, **kwargs)
        folder = Path.cwd()
        self.notebook = Notebook(
            self.settings,
            shell.push,
            lambda: current_cell(shell),
            lambda: notebook_paths(shell, folder=folder),
        )
        self.last_error = LastError(shell)
        self._drawn: tuple[int, ChatResponse] | None = None
        self.displayed = True  # whether IPython displayed by type before

    @validate(*_FIELD_TRAITS)
    def _in_range(self, proposal: Any) -> Any:
        value = proposal["value"]
        if value is not None:
            checked_trait(lambda: check_field(proposal["trait"].name, None if value == "none" else value))
        return value

    @validate("prices")
    def _priced(self, proposal: Any) -> Any:
        return checked_trait(lambda: checked_prices(proposal["value"]))

    @validate("timeout")
    def _timed(self, proposal: Any) -> Any:
        checked_trait(lambda: Timeouts.of(proposal["value"]))
        return proposal["value"]

    @observe(All)
    def _settings_changed(self, _: object) -> None:
        notebook = self.__dict__.get("notebook")  # there is none yet while the traits are first set
        if notebook is not None:
            notebook.changed(None)

    def settings(self) -> Settings:
        """Return what holds now where a cell says nothing."""
        set_fields = {name: getattr(self, name) for name in _FIELD_TRAITS if getattr(self, name) is not None}
        fields = {name: None if value == "none" else value for name, value in set_fields.items()}
        if self.model:
            fields["model"] = self.model
        return Settings(
            self.endpoint,
            self.system,
            fields,
            cast("StreamUsage", self.stream_usage),
            tuple(self.allow_http_hosts),
            self.timeout,
            self.max_retries,
            self.window,
            self.budget,
        )

    @no_var_expand
    @needs_local_scope
    @chat_arguments("%chat")
    @cell_magic("chat")
    def chat(self, line: str, cell: str, local_ns: Mapping[str, Any] | None = None) -> ChatResponse | None:
        """Ask a model; the cell is the prompt, and {{ expression }} in it a notebook value."""
        with short_errors():
            names = self.names(local_ns)
            words = split_options(line, lambda word: _expand(word, names, "in an option"))
            return self._ask(parse_words(PremMagics.chat.parser, words), cell, names)

    @no_var_expand
    @needs_local_scope
    @chat_arguments("chat")
    @line_magic("chat")
    def chat_line(self, line: str, local_ns: Mapping[str, Any] | None = None) -> ChatResponse | None:
        """Ask a model; what follows the options is the prompt, as typed."""
        with short_errors():
            names = self.names(local_ns)
            words, prompt = split_line(line, lambda word: _expand(word, names, "in an option"))
            return self._ask(parse_words(PremMagics.chat_line.parser, words), prompt, names)

    @no_var_expand
    @needs_local_scope
    @chat_arguments("%sweep NAME=VALUES", SWEEP_OPTIONS)
    @cell_magic("sweep")
    def sweep(self, line: str, cell: str, local_ns: Mapping[str, Any] | None = None) -> Runs:
        """Ask a grid of requests; the cell is the prompt, whose {{ names }} the axes fill.

        An axis is NAME=VALUES: a field of the request, model, or a name in the prompt. VALUES are words with
        commas between them, a range (0:5), or {{ an expression }}; A,B={{ pairs }} goes through both at once.
        """
        from ._experiments import sweep_cell

        with short_errors():
            return sweep_cell(self, line, cell, self.names(local_ns))

    @no_var_expand
    @line_magic("prem")
    @documented(subcommand_help())
    def prem(self, line: str) -> object:
        with short_errors():
            return run(self, line)

    def draw_response(self, response: ChatResponse) -> None:
        """Draw a response that is a cell's result, unless that cell has drawn it already."""
        from ._draw import draw
        from ._outcome import bundle_of_response

        drawn, self._drawn = self._drawn, None
        if drawn is None or drawn[0] != self.shell.execution_count or drawn[1] is not response:
            draw(self.shell, bundle_of_response(response), {})

    def names(self, local_ns: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what options and templates may name: the notebook's variables, and those of a function."""
        names = {**self.shell.user_ns, **(local_ns or {})}
        if names.get("In") is self.shell.history_manager.input_hist_parsed:
            names["In"] = self.shell.history_manager.input_hist_raw  # as typed
        error = self.last_error.text
        return names if error is None else {"last_error": error, **names}

    def ask_again(self, kind: Literal["regenerate", "continue"], line: str) -> ChatResponse | None:
        """Regenerate or continue the last answer; `line` holds options of `%chat`."""
        names = self.names()
        words, rest = split_line(line, lambda word: _expand(word, names, "in an option"))
        if rest:
            raise PremError(
                f"%prem {kind} takes options only, not {rest!r}.", hint="A question goes into %chat."
            )
        options = parse_words(PremMagics.chat_line.parser, words)
        for flag, given in (("--new", options.new), ("--name", options.name is not UNSET)):
            if given:
                raise PremError(
                    f"%prem {kind} takes no {flag}.", hint="A question of its own goes into %%chat."
                )
        return self._send(options, dataclasses.replace(question_of(options, "", names), kind=kind))

    def _ask(self, options: argparse.Namespace, prompt: str, names: Mapping[str, Any]) -> ChatResponse | None:
        text = prompt if options.raw else _expand(prompt, names, "in the prompt")
        if not text.strip():
            raise PremError("There is no prompt.", hint="Write the question below %%chat, or after %chat.")
        question = question_of(options, text.removesuffix("\n"), names)
        if question.retries and question.schema is None and self.response_format is None:
            raise PremError(
                "--retries needs a schema that the answer must fit.", hint="Name it: --schema NAME"
            )
        return self._send(options, question)

    def _send(self, options: argparse.Namespace, question: Question) -> ChatResponse | None:
        from ._draw import draw_dry_run
        from ._sinks import choose_sink, notes_of

        conversation = self._conversation(options, question)
        endpoint = self.notebook.endpoint_of(conversation, question)
        question = dataclasses.replace(question, endpoint=endpoint)
        answerer = self.notebook.answerer(endpoint)
        if options.dry_run:
            draw_dry_run(self.shell, self.notebook, conversation, answerer, question)
            return None
        sink = choose_sink(
            self.shell,
            "never" if answerer.at_once else self.live,
            question,
            lambda outcome: notes_of(
                self.shell, outcome, answerer.chosen, budgeted=self.budget is not None, code=options.code
            ),
        )
        output = None if options.output is UNSET else options.output
        outcome = self.notebook.ask(conversation, answerer, question, sink=sink, output=output, shown=True)
        if outcome.error is not None:
            raise outcome.error
        if outcome.response is not None:
            self._drawn = (self.shell.execution_count, outcome.response)
            if options.code and outcome.response.code_blocks:
                self.shell.set_next_input("\n\n".join(outcome.response.code_blocks))
        return outcome.response

    def _conversation(self, options: argparse.Namespace, question: Question) -> Conversation:
        name = None if options.conversation is UNSET else options.conversation
        if options.dry_run or question.kind != "ask":
            return self.notebook.known(name)
        return self.notebook.conversation(name)


def _expand(text: str, names: Mapping[str, Any], where: str) -> str:
    from jupyter_prem.conversation import expand

    return expand(text, names, where=where)
