"""What an experiment asks: text or messages, with `{{ }}` to be filled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import Message, as_messages
from jupyter_prem.conversation import Template

from ._errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Prompt", "prompts_of"]

_LABEL = 60  # characters of a prompt that name it


@dataclass(frozen=True, slots=True)
class Prompt:
    """One thing to ask.

    Attributes:
        parts: The messages, each with its text as a template; None where it has no text.
        label: What names it among others.
    """

    parts: Sequence[tuple[Message, Template | None]]
    label: str

    @property
    def names(self) -> frozenset[str]:
        """The names that its text uses."""
        return frozenset().union(*(template.names for _, template in self.parts if template is not None))

    @property
    def inserted(self) -> frozenset[str]:
        """Those of its names whose value itself goes into the text."""
        return frozenset().union(*(template.inserted for _, template in self.parts if template is not None))

    def messages(self, values: Mapping[str, Any]) -> tuple[Message, ...]:
        """Return the messages, filled.

        Raises:
            TemplateError: An expression fails.
        """
        return tuple(
            message if template is None else _with(message, template.expand(values))
            for message, template in self.parts
        )


def prompts_of(
    prompt: Any, system: str | None = None, default_system: str | None = None, *, raw: bool = False
) -> list[Prompt]:
    """Return what is to be asked.

    Args:
        prompt: A text, a conversation, a list of messages, or a list of several of these.
        system: A system message before each.
        default_system: The one before those that have none.
        raw: Whether `{{ }}` is text.

    Raises:
        PlanError: It is none of these, or empty.
        TemplateError: A `{{ }}` holds no expression.
        RequestError: A message is not of the API's shape.
    """
    prompt = list(prompt) if isinstance(prompt, Iterator) else prompt  # looked at more than once
    listed = list(prompt) if _several(prompt) else [prompt]
    if not listed:
        raise PlanError("There is no prompt.", hint="Give a text, messages, or a list of them.")
    prompts = [_prompt(one, system, default_system, raw=raw) for one in listed]
    labels = [one.label for one in prompts]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        prompts = [
            Prompt(one.parts, f"{number}. {one.label}"[:_LABEL]) for number, one in enumerate(prompts, 1)
        ]
    return prompts


def _several(prompt: Any) -> bool:
    if isinstance(prompt, (str, Mapping)) or hasattr(prompt, "messages") or not isinstance(prompt, Iterable):
        return False
    items = list(prompt)
    return not items or not all(isinstance(item, (Message, Mapping)) for item in items)


def _prompt(prompt: Any, system: str | None, default_system: str | None, *, raw: bool) -> Prompt:
    if isinstance(prompt, str) and not prompt.strip():
        raise PlanError("A prompt is empty.")
    messages = as_messages(getattr(prompt, "messages", prompt))
    if messages[-1].role == "assistant":
        raise PlanError(
            "A conversation ends with an answer.", hint="Add a message of the user, which is to be answered."
        )
    if system is not None:
        if messages[0].role == "system":
            raise PlanError(
                "A prompt has a system message already.", hint="Leave system= out, or the message."
            )
        messages = (Message("system", system), *messages)
    parts = [
        (message, None if raw or message.content is None else _template(message.content))
        for message in messages
    ]
    if default_system and messages[0].role != "system":
        parts.insert(0, (Message("system", default_system), None))  # as it is, here as in a conversation
    words = " ".join((messages[-1].content or "").split())
    return Prompt(parts, words if len(words) <= _LABEL else f"{words[: _LABEL - 1]}…")


def _template(text: str) -> Template | None:
    return Template(text) if "{{" in text else None


def _with(message: Message, text: str) -> Message:
    return Message(message.role, text, message.name, message.tool_calls, message.tool_call_id)
