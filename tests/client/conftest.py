from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from loopback import Service
from waited import Waited, without_aiohttp
from wire_asked import Naps, unwaited
from wire_places import Authority
from wire_server import Server

from jupyter_prem import Client


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def retried(monkeypatch: pytest.MonkeyPatch) -> Naps:
    """The waits before a question is asked again, none of which is waited."""
    return unwaited(monkeypatch)


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often each name was looked up: names of it lead to this machine, others nowhere."""
    found: dict[str, int] = {}
    really = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is None or name[-1:].isdigit() or ":" in name:
            return really(host, *args, **named)
        known = name in found
        found[name] = found.get(name, 0) + 1
        if not known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return really("127.0.0.1", *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return found


@pytest.fixture(params=["aiohttp", "httpx"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The wire of `AsyncClient`: what the test says holds for either."""
    if request.param == "httpx":
        without_aiohttp(monkeypatch)
    return str(request.param)


@pytest.fixture
def client(service: Service, clients: type[Client | Waited]) -> Iterator[Client | Waited]:
    """One that asks the loopback service, of every kind one after the other."""
    with clients(service.url, timeout=5) as client:
        yield client
