"""Prompts as templates: `{{ expression }}`, and nothing else.

Jinja's blocks and comments are off, because prompts are full of `{%`, `{#`, JSON and LaTeX; values are
inserted once and are never templates themselves.
"""

from __future__ import annotations

import builtins
import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import PremError
from jupyter_prem.objects import as_text

from ._expressions import expressions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import jinja2
    from jinja2 import nodes
    from jinja2.ext import Extension
    from jinja2.lexer import Token, TokenStream

__all__ = ["Template", "TemplateError", "evaluate", "expand"]

# No prompt holds these, so nothing but {{ }} is ever syntax.
_NEVER = ("\x00<%", "%>\x00", "\x00<#", "#>\x00")

_SELF = "_self_of_the_prompt"  # what `self` is called in Jinja, which keeps that name for itself


class TemplateError(PremError):
    """A `{{ expression }}` that cannot be evaluated; nothing was sent."""


def expand(text: str, names: Mapping[str, Any], *, where: str = "in the prompt") -> str:
    """Return `text` with each `{{ expression }}` replaced by the text of its value.

    Args:
        text: The template; single braces, `$`, `{%` and `{#` are text.
        names: What expressions may name, before Python's builtins.
        where: What the text is, for errors.

    Raises:
        TemplateError: A name is undefined, or Python's own function; an expression fails or is no expression.
    """
    return Template(text, where=where).expand(names) if "{{" in text else text


def evaluate(expression: str, names: Mapping[str, Any], *, where: str = "in the line") -> Any:
    """Return the value of an expression, as `{{ }}` has them.

    Raises:
        TemplateError: A name is undefined, or it fails or is no expression.
    """
    from jinja2 import Undefined

    with _named(where):
        value = _environment().compile_expression(expression.strip(), undefined_to_none=False)(
            _context(names, {*names, *vars(builtins)})
        )
        if isinstance(value, Undefined):
            str(value)  # says which name
    return value


class Template:
    """A text with `{{ expression }}`, read once and filled as often as wanted.

    Args:
        text: See `expand`.
        where: What it is, for errors.

    Attributes:
        names: The names that its expressions use, those of Python's builtins as well.
        inserted: Those of its names whose value itself goes into the text: not `len` of `{{ len(x) }}`.

    Raises:
        TemplateError: A `{{ }}` holds no expression.
    """

    def __init__(self, text: str, *, where: str = "in the prompt") -> None:
        self._text = text
        self._where = where
        self._template: jinja2.Template | None = None
        self.names: frozenset[str] = frozenset()
        self.inserted: frozenset[str] = frozenset()
        if "{{" in text:
            with _named(where):
                tree = _parsed(text)
                self.names, self.inserted = _names(tree)
                self._template = _environment().from_string(tree)

    def expand(self, names: Mapping[str, Any]) -> str:
        """Return the text with each expression replaced by the text of its value.

        Raises:
            TemplateError: A name is undefined, or an expression fails.
        """
        if self._template is None:
            return self._text
        with _named(self._where):
            for name in self.inserted:
                _check_given(name, names)
            # Only what is used: a notebook's namespace can be large.
            context = self._template.new_context(_context(names, self.names), shared=True)
            return "".join(self._template.root_render_func(context))


def _names(tree: nodes.Template) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that a template uses, and those of them whose value itself goes into the text."""
    from jinja2 import meta, nodes

    used = meta.find_undeclared_variables(tree)
    outputs = tree.find_all(nodes.Output)
    inserted = {name for output in outputs for part in output.nodes for name in _inserted(part)}
    return _own(used), _own(inserted)


def _own(names: set[str]) -> frozenset[str]:
    return frozenset("self" if name == _SELF else name for name in names)


def _inserted(node: Any) -> Iterator[str]:
    from jinja2 import nodes

    if isinstance(node, nodes.Name):
        yield node.name
    elif isinstance(node, nodes.Filter):
        yield from _inserted(node.node)
    elif isinstance(node, (nodes.Concat, nodes.CondExpr)):
        for part in node.nodes if isinstance(node, nodes.Concat) else (node.expr1, node.expr2):
            yield from _inserted(part)


def _check_given(name: str, names: Mapping[str, Any]) -> None:
    """Check that a name is not merely a function or type of Python's, such as `id`, `input` and `type`.

    Raises:
        UndefinedError: It is.
    """
    from jinja2 import UndefinedError

    own = vars(builtins).get(name)
    if callable(own) and names.get(name, own) is own:
        raise UndefinedError(f"'{name}' is undefined, but for Python's own {name}")


def _context(names: Mapping[str, Any], used: Iterable[str]) -> dict[str, Any]:
    """Return what Jinja's names mean, of those that are used."""
    own = vars(builtins)
    places = ((name, names if name in names else own) for name in used)
    found = {name: place[name] for name, place in places if name in place}
    if "self" in found:
        found[_SELF] = found.pop("self")
    return found


def _parsed(text: str) -> nodes.Template:
    """Return Jinja's tree of a text, with what is outside of expressions just as it stands there."""
    from jinja2 import nodes

    source, texts, at = [], [], 0
    for start, end in expressions(text):
        texts.append(text[at:start])
        # Jinja takes a sign beside the braces as its own white-space mark.
        source += [_stand_in(texts[-1]), f"{{{{ {text[start + 2 : end - 2]} }}}}"]
        at = end
    texts.append(text[at:])
    source.append(texts[-1] if "{{" in texts[-1] else _stand_in(texts[-1]))
    tree = _environment().parse("".join(source))
    for node, kept in zip(tree.find_all(nodes.TemplateData), filter(None, texts), strict=True):
        node.data = kept
    return tree


def _stand_in(text: str) -> str:
    """Return what stands for a text in Jinja's source, which has other line ends: as many lines."""
    return "." + "\n" * text.count("\n") if text else ""


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Name what goes wrong with a template."""
    try:
        yield
    except Exception as error:
        from jinja2 import TemplateSyntaxError, UndefinedError

        if isinstance(error, TemplateSyntaxError):
            raise TemplateError(
                f"{{{{ }}}} holds no expression: {error.message}",
                where=f"{where}, line {error.lineno}",
                hint="Use --raw to send braces as they are.",
            ) from None
        if isinstance(error, UndefinedError):
            raise TemplateError(
                f"A template name has no value: {str(error).replace(_SELF, 'self')}.",
                where=where,
                hint="No cell has failed yet in this kernel."
                if "'last_error'" in str(error)
                else "Define it in a cell above, or use --raw to send braces as they are.",
            ) from None
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
        extensions=[_own_self()],
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


def _own_self() -> type[Extension]:
    from jinja2.ext import Extension
    from jinja2.lexer import Token

    class OwnSelf(Extension):
        """Gives `self` its own name, where it is one and no attribute or argument."""

        def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
            before = ""
            for token in stream:
                own = (token.type, token.value) == ("name", "self")
                if own and before != "dot" and stream.current.type != "assign":
                    yield Token(token.lineno, "name", _SELF)
                else:
                    yield token
                before = token.type

    return OwnSelf


_FILTERS = frozenset(
    {"default", "indent", "join", "length", "lower", "replace", "round", "tojson", "trim", "upper"}
)
