"""The words after a subcommand, on systems whose paths have slashes and on those whose have backslashes."""

from __future__ import annotations

import shlex

import pytest

from jupyter_prem.notebook.commands import _subcommands

NAMES = ["a", "my chat", "it's", 'a "b" c', "#1", "a#b"]


@pytest.mark.parametrize("system", ["posix", "nt"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_we_quote_is_read_back(monkeypatch, system, name):
    with monkeypatch.context() as patched:
        patched.setattr(_subcommands.os, "name", system)
        words = _subcommands._words(f"{shlex.quote(name)} more")
    assert words == [name, "more"]


@pytest.mark.parametrize(
    ("system", "text", "words"),
    [
        ("nt", r"once C:\notes\a.chat.jsonl", ["once", r"C:\notes\a.chat.jsonl"]),
        ("nt", r'"C:\my notes\a.ipynb"', [r"C:\my notes\a.ipynb"]),
        ("posix", r"my\ chat", ["my chat"]),
        ("posix", "it's", ["it's"]),
        ("nt", "it's", ["it's"]),
        ("posix", "", []),
    ],
)
def test_words_are_a_shell_s(monkeypatch, system, text, words):
    with monkeypatch.context() as patched:
        patched.setattr(_subcommands.os, "name", system)
        found = _subcommands._words(text)
    assert found == words
