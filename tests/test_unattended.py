"""Whether nobody watches, as the environment says: one answer for recordings, keyrings, bars and the fixture."""

from __future__ import annotations

import pytest

from jupyter_prem._unattended import in_ci, unattended
from jupyter_prem.experiments import NoBar
from jupyter_prem.experiments._host import Anywhere


@pytest.mark.parametrize("ci", ["1", "true", "yes", "github"])
def test_ci_is_whatever_is_set(monkeypatch, ci):
    monkeypatch.setenv("CI", ci)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    assert in_ci()
    assert unattended()


@pytest.mark.parametrize("ci", ["", " ", "0", "false", "False", "no"])
def test_ci_that_is_set_to_no_is_none(monkeypatch, ci):
    monkeypatch.setenv("CI", ci)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    assert not in_ci()
    assert not unattended()
    bar = Anywhere().bar(1)
    bar.close("")
    assert type(bar) is not NoBar


def test_a_test_is_unattended(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    assert unattended()
    assert not in_ci()
