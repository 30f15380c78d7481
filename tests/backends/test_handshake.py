"""The first words between a kernel and its child, whatever Python says in between."""

from __future__ import annotations

import subprocess
import sys

import pytest

from jupyter_prem.backends._embedded import _end, _handshake


def answer_of(code):
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        return _handshake(process, {"key": "k"})
    finally:
        _end(process)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("""print('{"port": 1}')""", {"port": 1}),
        ("""print('welcome'); print('{}'); print(); print('{"port": 1}')""", {"port": 1}),
        ("""print('welcome'); print('{"error": "no"}')""", {"error": "no"}),
        ("print('welcome')", {}),
        ("pass", {}),
    ],
)
def test_what_is_said_before_the_answer_is_passed_over(said, answer):
    assert (
        answer_of(f"import sys\n{said}\nsys.stdout.flush()\nsys.stdin.read()" if answer else said) == answer
    )
