"""A child process that does not start: what is said, and what is not imported."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import threading
import time

import httpx
import psutil
import pytest

from jupyter_prem.backends import Client, _embedded
from jupyter_prem.backends._embedded import EmbeddedEndpoint
from jupyter_prem.backends._errors import EmbeddedError, MissingExtraError
from jupyter_prem.backends._weights import named_weights
from jupyter_prem.client import Interrupted

weights = pytest.mark.weights


def test_a_file_that_llama_cannot_load(tmp_path, monkeypatch):
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"GGUF and no more")
    monkeypatch.setenv("PREM_EMBEDDED_MODEL", str(path))
    with pytest.raises(EmbeddedError) as caught:
        EmbeddedEndpoint().address()
    assert f"llama.cpp cannot load {path}" in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 3


@weights
def test_another_file_has_its_own_name(tmp_path, monkeypatch, weights):
    path = tmp_path / "My Model.gguf"
    path.write_bytes(weights.read_bytes() + b"\0")
    monkeypatch.setenv("PREM_EMBEDDED_MODEL", str(path))
    endpoint = EmbeddedEndpoint()
    try:
        address = endpoint.address()
        headers = {"Authorization": address.api_key.header()}
        models = httpx.get(f"{address.base_url}/api/v1/models", headers=headers).json()
        assert [model["id"] for model in models["data"]] == ["My Model"]
    finally:
        endpoint.close()


@weights
def test_a_variable_that_changes_while_it_runs_holds_from_the_next_start(tmp_path, monkeypatch, weights):
    path = tmp_path / "Copy of SmolLM2-135M-Instruct.Q4_1.gguf"
    path.symlink_to(weights)
    monkeypatch.setenv("PREM_EMBEDDED_MODEL", f" {path} ")
    endpoint = EmbeddedEndpoint()
    asked = []
    try:
        with Client(endpoint) as client:
            for value in (f" {path} ", " ", "/nowhere.gguf", None):
                if value is None:
                    monkeypatch.delenv("PREM_EMBEDDED_MODEL")
                else:
                    monkeypatch.setenv("PREM_EMBEDDED_MODEL", value)
                response = client.chat("hi", max_completion_tokens=1)
                asked.append((response.request["model"], response.model))
        assert endpoint.model == path.stem
    finally:
        endpoint.close()
    assert asked == [(path.stem, "SmolLM2-135M-Instruct")] * 4
    assert endpoint.model == "SmolLM2-135M-Instruct"


@pytest.mark.parametrize(
    ("value", "model"),
    [
        ("", "SmolLM2-135M-Instruct"),
        (" \t", "SmolLM2-135M-Instruct"),
        (" ~/models/My Model.gguf ", "My Model"),
        ("a.b.gguf", "a.b"),
    ],
)
def test_a_blank_variable_names_no_file(monkeypatch, value, model):
    monkeypatch.setenv("PREM_EMBEDDED_MODEL", value)
    assert EmbeddedEndpoint().model == model
    if not value.strip():
        assert named_weights() is None


def child_that(monkeypatch, code):
    real = subprocess.Popen
    monkeypatch.setattr(
        _embedded.subprocess, "Popen", lambda _, **options: real([sys.executable, "-c", code], **options)
    )


@pytest.fixture
def named(tmp_path, monkeypatch):
    path = tmp_path / "some.gguf"
    path.write_bytes(b"GGUF")
    monkeypatch.setenv("PREM_EMBEDDED_MODEL", str(path))


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise SystemExit('out of cheese')", "did not start: out of cheese"),
        ("import os; os._exit(7)", "ended with status 7"),
        ("""print('{"error": "no room\\\\nbuy some"}')""", "did not start: no room\nbuy some"),
    ],
)
def test_a_child_that_does_not_start_is_quoted(monkeypatch, code, words):
    child_that(monkeypatch, code)
    with pytest.raises(EmbeddedError) as caught:
        EmbeddedEndpoint().address()
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 3


@pytest.mark.usefixtures("named")
def test_a_child_that_says_nothing_is_given_up(monkeypatch):
    child_that(monkeypatch, "import sys; sys.stdin.read()")
    monkeypatch.setattr(_embedded, "_STARTED_WITHIN_S", 0.2)
    with pytest.raises(EmbeddedError, match="did not start within"):
        EmbeddedEndpoint().address()


@pytest.mark.usefixtures("named")
@pytest.mark.skipif(os.name == "nt", reason="Windows sends a process no SIGINT by its id")
def test_an_interrupt_while_it_starts_ends_it(monkeypatch):
    child_that(monkeypatch, "import sys; sys.stdin.read()")
    endpoint = EmbeddedEndpoint()
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        endpoint.address()
    timer.join()
    assert time.monotonic() - start < 10
    assert not [child for child in psutil.Process().children() if "sys.stdin.read()" in str(child.cmdline())]


def test_without_the_extra_one_command_is_named():
    code = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("xllamacpp", "starlette", "uvicorn"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Block())
from jupyter_prem.backends._embedded import EmbeddedEndpoint
try:
    EmbeddedEndpoint().address()
except Exception as error:
    print([type(error).__name__, str(error)])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    name, text = ast.literal_eval(run.stdout)
    assert name == MissingExtraError.__name__
    assert text.count('pip install "jupyter_prem[embedded]"') == 1
    assert "starlette, uvicorn, xllamacpp not found" in text
    assert len(text.splitlines()) <= 3


def test_importing_it_is_cheap():
    code = """
import sys
import jupyter_prem.backends._embedded
heavy = {"starlette", "uvicorn", "xllamacpp", "platformdirs", "filelock", "tqdm", "asyncio", "httpx"}
print(sorted(heavy & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert run.stdout.strip() == "[]"


def test_who_waits_while_another_fetches_is_told_and_can_stop(monkeypatch):
    endpoint, begun, more, told, heard = EmbeddedEndpoint(), threading.Event(), threading.Event(), [], []

    def fetch(progress, **_):
        progress(1, 2)
        begun.set()
        more.wait(10)
        raise EmbeddedError("No weights.")

    def stopped(*fetched):
        told.append(fetched)
        raise Interrupted("Stopped.")

    def first():
        with pytest.raises(EmbeddedError, match="No weights"):
            endpoint.address(lambda *fetched: heard.append(fetched))

    monkeypatch.delenv("PREM_EMBEDDED_MODEL", raising=False)
    monkeypatch.setattr(_embedded, "ensure_weights", fetch)
    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(10)
    with pytest.raises(Interrupted):
        endpoint.address(stopped)
    assert thread.is_alive()  # it is stopped before the other has ended
    more.set()
    thread.join(10)
    assert (told, heard) == ([(1, 2)], [(1, 2)])
    with pytest.raises(EmbeddedError, match="No weights"):
        endpoint.address()
