"""Where recordings are, nobody to ask, and clients of either kind, closed after each test."""

from __future__ import annotations

import socket

import pytest
from taped import KINDS, OPEN
from waited import Waited

from jupyter_prem import Client
from jupyter_prem.records import Cassette


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("JUPYTER_PREM_RECORD", "JUPYTER_PREM_CASSETTE", "PREM_MODEL", "PREMAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "a.chat.jsonl"


@pytest.fixture
def no_network(monkeypatch):
    """Called to have every connection of this process refused from then on."""

    def refuse(*_):
        raise AssertionError("a socket was opened")

    def guard():
        for name in ("connect", "connect_ex", "sendto"):
            monkeypatch.setattr(socket.socket, name, refuse)

    return guard


@pytest.fixture(autouse=True)
def _closed():
    yield
    OPEN.close()


@pytest.fixture(params=[Client, Waited], ids=["threads", "loops"])
def either(request):
    """What the test says holds for both clients."""
    KINDS.append(request.param)
    yield
    KINDS.pop()


@pytest.fixture
def cassette(tmp_path):
    return Cassette(tmp_path / "a.chat.jsonl")
