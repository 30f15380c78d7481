"""Code blocks: coloured with few classes of ours, only for languages known to stay quick."""

import functools
import html
import re
from collections.abc import Callable, Iterable
from typing import Any

from jupyter_prem.structure import language

_MAX = 40_000  # characters; more is shown without colours
_MAX_TANGLED = 10_000  # for lexers that are quadratic in constructs never closed
_TANGLED = frozenset(
    {"html", "xml", "php", "javascript", "typescript", "scala", "swift", "perl", "ruby", "haskell"}
)
_MAX_LINE = 1_000  # regular expressions of some lexers are quadratic in a line
_MAX_WORDS = 1_000  # and of these in what stands between two brackets or semicolons, where a method may begin
_WORDY = frozenset({"java", "csharp"})
_BRACKET = re.compile(r"[(){};]")
_BLANKS = re.compile(r"\s{100}")  # quadratic in many

# What a model writes after a fence, and what the label says (Pygments knows each by that name).
_LANGUAGES = {
    name: (lexer, label)
    for names, lexer, label in (
        ("python py python3 py3", "python", "Python"),
        ("ipython", "ipython", "Python"),
        ("pycon", "pycon", "Python"),
        ("bash sh shell zsh", "bash", "Shell"),
        ("console shell-session shellsession terminal", "console", "Shell"),
        ("powershell ps1 pwsh", "powershell", "PowerShell"),
        ("bat batch cmd", "batch", "Batch"),
        ("javascript js mjs cjs node jsx", "javascript", "JavaScript"),
        ("typescript ts tsx", "typescript", "TypeScript"),
        ("json json5 jsonc jsonl", "json", "JSON"),
        ("yaml yml", "yaml", "YAML"),
        ("toml", "toml", "TOML"),
        ("ini cfg conf", "ini", "INI"),
        ("html", "html", "HTML"),
        ("xml svg", "xml", "XML"),
        ("css scss", "css", "CSS"),
        ("sql postgresql postgres mysql sqlite", "sql", "SQL"),
        ("c h", "c", "C"),
        ("cpp c++ cc hpp", "cpp", "C++"),
        ("csharp c# cs", "csharp", "C#"),
        ("java", "java", "Java"),
        ("kotlin kt", "kotlin", "Kotlin"),
        ("scala", "scala", "Scala"),
        ("go golang", "go", "Go"),
        ("rust rs", "rust", "Rust"),
        ("swift", "swift", "Swift"),
        ("ruby rb", "ruby", "Ruby"),
        ("php", "php", "PHP"),
        ("perl pl", "perl", "Perl"),
        ("r", "r", "R"),
        ("julia jl", "julia", "Julia"),
        ("matlab octave", "matlab", "MATLAB"),
        ("lua", "lua", "Lua"),
        ("haskell hs", "haskell", "Haskell"),
        ("dockerfile docker", "docker", "Dockerfile"),
        ("makefile make", "make", "Makefile"),
        ("diff patch", "diff", "Diff"),
        ("latex tex", "latex", "LaTeX"),
    )
    for name in names.split()
}
_PLAIN = {
    "text": "",
    "txt": "",
    "plaintext": "",
    "markdown": "Markdown",
    "md": "Markdown",
    "csv": "CSV",
    "mermaid": "Mermaid",
}
_KINDS = (
    ("Comment", "c"),
    ("Keyword.Type", "t"),
    ("Keyword", "k"),
    ("Name.Builtin", "b"),
    ("Name.Function", "f"),
    ("Name.Class", "f"),
    ("Name.Decorator", "m"),
    ("Name.Tag", "k"),
    ("Name.Attribute", "p"),
    ("Name.Exception", "b"),
    ("Literal.String", "s"),
    ("Literal.Number", "n"),
    ("Operator.Word", "k"),
    ("Generic.Deleted", "d"),
    ("Generic.Inserted", "i"),
    ("Generic.Heading", "k"),
    ("Generic.Subheading", "k"),
    ("Generic.Prompt", "m"),
)


def block(code: str, info: str) -> str:
    """A code block as trusted HTML.

    Args:
        code: The exact code; selecting the block copies it.
        info: The fence's info string; only a known language's own name is shown of it.

    Returns:
        HTML in which the code is escaped.
    """
    name = language(info)
    lexer, label = _LANGUAGES.get(name, ("", _PLAIN.get(name, "")))
    body = _coloured(code, lexer) if lexer and _is_quick(code, lexer) else html.escape(code, quote=False)
    head = f'<div class="pm-lang">{label}</div>' if label else ""
    return f'<div class="pm-code">{head}<pre><code>{body}</code></pre></div>'


def _is_quick(code: str, lexer: str) -> bool:
    most = _MAX_TANGLED if lexer in _TANGLED else _MAX
    if len(code) > most or max(map(len, code.split("\n"))) > _MAX_LINE or _BLANKS.search(code):
        return False
    return lexer not in _WORDY or max(map(len, _BRACKET.split(code))) <= _MAX_WORDS


def _coloured(code: str, name: str) -> str:
    parts: list[str] = []
    last, run = "", ""
    tokens = list(_lexer(name)(code + "\n"))
    if "".join(text for _, _, text in tokens) != code + "\n":
        return html.escape(code, quote=False)
    for _, kind, text in tokens:
        css = _css(kind)
        if css != last and text.strip():
            parts.append(_span(run, last))
            run, last = "", css
        run += text
    parts.append(_span(run.removesuffix("\n"), last))
    return "".join(parts)


def _span(text: str, css: str) -> str:
    text = html.escape(text, quote=False)
    return f'<span class="pm-{css}">{text}</span>' if css and text else text


@functools.cache
def _lexer(name: str) -> Callable[[str], Iterable[tuple[int, Any, str]]]:
    from pygments.lexers import get_lexer_by_name

    # The text is clean, so it skips what get_tokens does to a file's.
    tokens: Callable[[str], Iterable[tuple[int, Any, str]]]
    tokens = get_lexer_by_name(name).get_tokens_unprocessed
    return tokens


@functools.cache
def _css(kind: object) -> str:
    full = str(kind).removeprefix("Token.")
    return next((css for prefix, css in _KINDS if full == prefix or full.startswith(prefix + ".")), "")
