"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

TESTS = """
import pytest
from jupyter_prem import Client

def test_asks(prem_record):
    assert Client({url!r}).chat("hello").text == "You said: hello"

@pytest.mark.parametrize("word", ["a b", "a-b", "A-b"])
def test_each(prem_record, word):
    assert Client({url!r}).chat(word).text == f"You said: {{word}}"

class TestAsks:
    def test_asks(self, prem_record):
        assert Client({url!r}).chat("of a class").text == "You said: of a class"

@pytest.mark.prem_record("shared.chat.jsonl", mode="new_episodes")
def test_marked(prem_record):
    assert prem_record.mode.value in {{"new_episodes", "none"}}
    assert Client({url!r}).chat("marked").text == "You said: marked"
"""


@pytest.fixture
def tests(tmp_path, service):
    (tmp_path / "test_it.py").write_text(TESTS.format(url=service.url))
    return tmp_path


def run(folder, *words, **env):
    environ = {name: value for name, value in os.environ.items() if name not in {"CI", "PYTEST_ADDOPTS"}}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers", *words],
        cwd=folder,
        env={**environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_tests_are_recorded_once_and_replayed_with_nobody_there(tests, service):
    missing = run(tests, CI="true")
    assert "5 failed, 1 passed" in missing.stdout, missing.stdout
    assert "There are no recordings to replay" in missing.stdout
    assert "Record it: pytest --prem-record=new_episodes" in missing.stdout
    first = run(tests)
    assert "6 passed" in first.stdout, first.stdout
    names = sorted(path.name for path in (tests / "cassettes").iterdir())
    assert names[0] == "test_it.TestAsks.test_asks.chat.jsonl"
    assert names[1] == "test_it.test_asks.chat.jsonl"
    assert all(
        re.fullmatch(r"test_it\.test_each-[aA]-b-[0-9a-f]{8}\.chat\.jsonl", name) for name in names[2:]
    )
    assert len({name.lower() for name in names}) == 5
    asked = len(service.questions)
    service.stop()
    for again in (run(tests, CI="true"), run(tests, "--prem-record", "none"), run(tests)):
        assert "6 passed" in again.stdout, again.stdout
    assert len(service.questions) == asked
    assert run(tests, "--prem-record", "often").returncode == 4


def test_a_process_that_has_the_package_already_is_not_warned(tests):
    code = "import sys, jupyter_prem, pytest; sys.exit(pytest.main(['-q', '-W', 'error::pytest.PytestAssertRewriteWarning', 'test_it.py']))"
    environ = {name: value for name, value in os.environ.items() if name not in {"CI", "PYTEST_ADDOPTS"}}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tests,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ran.returncode, "6 passed" in ran.stdout) == (0, True), ran.stdout + ran.stderr
