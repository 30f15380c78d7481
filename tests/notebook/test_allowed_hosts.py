"""A key goes over plain http to the hosts that the settings allow, whoever asks; and to no others."""

from __future__ import annotations

import pytest
from cells import text
from loopback import Service

KEY = "kk-1234567890abcdef1234"


@pytest.fixture
def gateway():
    """A service that is not called by a name of this machine."""
    service = Service("0.0.0.0")  # noqa: S104 - no loopback address, and reachable here
    yield service
    service.stop()


@pytest.fixture
def allowed(kernel, gateway):
    kernel.run(
        f"import os; os.environ['PREMAI_API_KEY'] = {KEY!r}; os.environ['PREM_ENDPOINT'] = {gateway.url!r}"
    )
    kernel.run("%config PremMagics.allow_http_hosts = ['0.0.0.0']")
    return kernel


SWEEP = """
from jupyter_prem import sweep
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(1) as pool:
    runs = sweep('{{ city }}', city=['a'], model='m', progress=False, executor=pool)
"""
ASKED = [
    "%chat hi",
    "chat_conversation.ask('hi')",
    "%prem regenerate",
    "%%sweep city=a --no-progress\n{{ city }}",
    SWEEP,
    "%prem verify v.chat.jsonl",
    "%prem models",
]


def test_every_way_of_asking_takes_them(allowed, gateway, tmp_path):
    allowed.run(f"%cd -q {tmp_path}\n%prem record new_episodes v.chat.jsonl\n%chat hi\n%prem record off")
    for source in ASKED:
        gateway.requests.clear()
        ran = allowed.run(source)
        assert ran.status == "ok", (source, ran.error)
        assert gateway.requests, source
        assert {request.headers.get("authorization") for request in gateway.requests} == {f"Bearer {KEY}"}
    assert allowed.value("runs.to_frame().error[0]") in {"''", "None"}


def test_a_dry_run_in_a_replay_takes_them(allowed, gateway, tmp_path):
    allowed.run(
        f"%cd -q {tmp_path}\n%prem record new_episodes v.chat.jsonl\n%chat --new hi\n%prem record none v.chat.jsonl"
    )
    gateway.requests.clear()
    shown = text(allowed.run("%chat --new --dry-run hi"))
    assert f"POST {gateway.url}/api/v1/chat/completions" in shown
    assert gateway.requests == []


def test_other_hosts_get_no_key(allowed, gateway, tmp_path):
    allowed.run(f"%cd -q {tmp_path}\n%prem record new_episodes v.chat.jsonl\n%chat hi\n%prem record off")
    allowed.run("%config PremMagics.allow_http_hosts = ['gateway.example']")
    gateway.requests.clear()
    for source in ASKED:
        assert "over plain http" in allowed.run(source).error, source
    assert gateway.requests == []
