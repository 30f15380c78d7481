"""Prompts as templates: `{{ expression }}`, and nothing else.

Jinja's blocks and comments are off, because prompts are full of `{%`, `{#`, JSON and LaTeX; values are
inserted once and are never templates themselves.
"""

from __future__ import annotations

import builtins
import functools
import re
from collections import ChainMap
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import PremError
from jupyter_prem.objects import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import jinja2

__all__ = ["TemplateError", "expand"]

# No prompt holds these, so nothing but {{ }} is ever syntax.
_NEVER = ("\x00<%", "%>\x00", "\x00<#", "#>\x00")

_SIGNS = re.compile(r"(?<=\{\{)(?=[-+])|(?<=[-+])(?=\}\})")


class TemplateError(PremError):
    """A `{{ expression }}` that cannot be evaluated; nothing was sent."""


def expand(text: str, names: Mapping[str, Any], *, where: str = "in the prompt") -> str:
    """Return `text` with each `{{ expression }}` replaced by the text of its value.

    Args:
        text: The template; single braces, `$`, `{%` and `{#` are text.
        names: What expressions may name, before Python's builtins.
        where: What the text is, for errors.

    Raises:
        TemplateError: A name is undefined, or an expression fails or is no expression.
    """
    if "{{" not in text:
        return text
    # Jinja takes a sign beside the braces as its own white-space mark.
    text = _SIGNS.sub(" ", text)
    from jinja2 import TemplateSyntaxError, UndefinedError

    try:
        template = _environment().from_string(text)
        # A plain mapping, not a copy: a notebook's namespace can be large.
        context = template.new_context(ChainMap({}, names, vars(builtins)), shared=True)  # type: ignore[arg-type]  # any mapping
        return "".join(template.root_render_func(context))
    except TemplateSyntaxError as error:
        raise TemplateError(
            f"{{{{ }}}} holds no expression: {error.message}",
            where=f"{where}, line {error.lineno}",
            hint="Use --raw to send braces as they are.",
        ) from None
    except UndefinedError as error:
        raise TemplateError(
            f"A template name has no value: {error.message}.",
            where=where,
            hint="No cell has failed yet in this kernel."
            if "'last_error'" in str(error)
            else "Define it in a cell above, or use --raw to send braces as they are.",
        ) from None
    except Exception as error:
        raise TemplateError(
            f"A template expression failed: {type(error).__name__}: {error}",
            where=where,
            hint="Try the expression in a cell of its own, or use --raw to send braces as they are.",
        ) from error


@functools.cache
def _environment() -> jinja2.Environment:
    import jinja2

    block_start, block_end, comment_start, comment_end = _NEVER
    environment = jinja2.Environment(
        block_start_string=block_start,
        block_end_string=block_end,
        comment_start_string=comment_start,
        comment_end_string=comment_end,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - a prompt is text, not HTML
        keep_trailing_newline=True,
        newline_sequence="\n",
        cache_size=0,
        finalize=as_text,
    )
    environment.globals.clear()
    environment.filters = {
        name: function for name, function in environment.filters.items() if name in _FILTERS
    }
    return environment


_FILTERS = frozenset(
    {"default", "indent", "join", "length", "lower", "replace", "round", "tojson", "trim", "upper"}
)
