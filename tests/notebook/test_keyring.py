"""Keys in a keyring: the real library, with a file for its backend."""

from __future__ import annotations

import json
import os
import time

import pytest
from kernels import Kernel
from logins import KEY, OTHER, key_row, keys, said
from loopback import Service
from panels import Page

ATTENDED = dict.fromkeys(("CI", "PYTEST_CURRENT_TEST", "PREMAI_API_KEY", "PREM_AI_BASE_URL", "PREM_ENDPOINT"))

BACKEND = """
import json, os, pathlib, time
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

class Keyring(KeyringBackend):
    name = "a file"
    priority = 1
    path = pathlib.Path(__file__).with_suffix(".json")
    mode = os.environ.get("FILE_KEYRING", "")

    def get_password(self, service, username):
        (self.path.parent / "looked").write_text(username)
        if self.mode == "slow":
            time.sleep(60)
        while self.mode == "late" and not (self.path.parent / "answered").exists():
            time.sleep(0.01)
        if self.mode == "locked":
            raise KeyringLocked("locked")
        return self._all().get(f"{service} {username}")

    def set_password(self, service, username, password):
        if self.mode == "locked":
            raise KeyringLocked(f"no place for {password}")
        if self.mode != "null":
            self.path.write_text(json.dumps({**self._all(), f"{service} {username}": password}))

    def _all(self):
        return json.loads(self.path.read_text()) if self.path.exists() else {}
"""


@pytest.fixture
def begin(tmp_path, service):
    """A function that starts a kernel whose keyring is a file."""
    folder = tmp_path / "site"  # a kernel leaves its own folder out of the path
    folder.mkdir()
    (folder / "file_keyring.py").write_text(BACKEND)
    kernels = []

    def start(backend: str = "file_keyring.Keyring", mode: str = "", **env: str) -> Kernel:
        path = ":".join([str(folder), os.environ.get("PYTHONPATH", "")])
        environ = {
            **ATTENDED,
            "PYTHONPATH": path,
            "PYTHON_KEYRING_BACKEND": backend,
            "FILE_KEYRING": mode,
            "PREM_AI_BASE_URL": service.url,
            **env,
        }
        kernels.append(Kernel(environ, cwd=str(tmp_path)))
        assert kernels[-1].run("%load_ext jupyter_prem").status == "ok"
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.stop()


def test_a_keyring_keeps_the_key_for_later_kernels(begin, service, tmp_path):
    first, host = begin(), service.url.removeprefix("http://")
    assert not (tmp_path / "site" / "looked").exists()
    ran, _ = first.typed("%prem login --keyring", KEY)
    assert (
        said(ran)
        == f"The key for {host} is in the keyring (a file) and in this kernel. Nothing was sent yet."
    )
    assert json.loads((tmp_path / "site" / "file_keyring.json").read_text()) == {f"jupyter_prem {host}": KEY}
    assert key_row(first) == "from %prem login, in this kernel"
    first.run("%%chat\nhi")
    (tmp_path / "site" / "looked").unlink()
    later = begin()
    assert not (tmp_path / "site" / "looked").exists()
    assert key_row(later) == "from the system's keyring"
    later.run("%%chat\nhi\n")
    later.run(
        "from jupyter_prem import Client\nClient(f'{CLIENT}').chat('hi')".replace("{CLIENT}", service.url)
    )
    later.run("import os; os.environ['PREMAI_API_KEY'] = 'of-the-environment'")
    assert key_row(later) == "PREMAI_API_KEY is set"
    ran, _ = later.typed("%prem login --keyring", OTHER)
    assert "in later kernels comes before the keyring" in said(ran)
    assert keys(service) == [f"Bearer {KEY}"] * 3


@pytest.mark.parametrize(
    ("backend", "mode", "words"),
    [
        ("keyring.backends.fail.Keyring", "", "no keyring that a key could be kept in"),
        ("no_such.Keyring", "", "No module named 'no_such'"),
        ("file_keyring.Keyring", "locked", "KeyringLocked: no place for [key]"),
        ("file_keyring.Keyring", "null", "does not have it"),
    ],
    ids=["none", "broken", "locked", "null"],
)
def test_a_keyring_that_does_not_keep_it_is_an_error_and_nothing_changes(begin, backend, mode, words):
    kernel = begin(backend, mode)
    if mode:
        ran, _ = kernel.typed("%prem login --keyring", KEY)
    else:
        ran = kernel.run("%prem login --keyring")
    assert ran.ename == "KeyringError"
    assert words in ran.error
    assert "%prem login alone" in ran.error
    assert KEY[:8] not in json.dumps([message["content"] for message in ran.messages])
    assert key_row(kernel) == "none"


def test_without_the_library_the_error_says_what_installs_it(begin):
    kernel = begin()
    kernel.run("import sys\nsys.modules['keyring'] = None")
    ran = kernel.run("%prem login --keyring")
    assert 'pip install "jupyter_prem[keyring]"' in ran.error
    assert key_row(kernel) == "none"


@pytest.mark.parametrize("mode", ["slow", "locked"])
def test_a_keyring_that_does_not_answer_has_no_key(begin, service, tmp_path, mode):
    kernel = begin(mode=mode)
    assert kernel.run("%%chat\nhi").status == "ok"
    assert keys(service) == [None]
    assert (tmp_path / "site" / "looked").exists()


def until_key_row(kernel: Kernel, row: str) -> None:
    deadline = time.monotonic() + 10
    while (now := key_row(kernel)) != row:
        assert time.monotonic() < deadline, now
        time.sleep(0.05)


def test_a_keyring_that_answers_late_is_told_of_and_its_key_is_taken_then(begin, service, tmp_path):
    site, host = tmp_path / "site", service.url.removeprefix("http://")
    (site / "file_keyring.json").write_text(json.dumps({f"jupyter_prem {host}": KEY}))
    kernel = begin(mode="late")
    kernel.run("%%chat\nhi")
    assert (
        key_row(kernel) == "none yet: the system's keyring did not answer; its answer is taken when it comes"
    )
    began = time.monotonic()
    warned = kernel.run("from jupyter_prem import AsyncClient, Client\nClient()\nAsyncClient()")
    kernel.run("%%chat\nhi")
    assert time.monotonic() - began < 2.5  # it is waited for once
    assert warned.text.count("The system's keyring did not answer") == 2
    assert "<ipython-input" in warned.text or "ipykernel" in warned.text  # where it was asked for
    (site / "answered").touch()
    until_key_row(kernel, "from the system's keyring")
    kernel.run("%%chat\nhi")
    assert kernel.run("Client()").text == ""
    assert keys(service) == [None, None, f"Bearer {KEY}"]


def test_the_embedded_model_does_not_stand_in_for_a_late_keyring_without_a_word(begin, tmp_path):
    site = tmp_path / "site"
    (site / "file_keyring.json").write_text(json.dumps({"jupyter_prem studio.premai.io": KEY}))
    kernel = begin(mode="late", PREM_AI_BASE_URL=None)
    assert "embedded (the system's keyring did not answer)" in said(kernel.run("%prem status"))
    kernel.run("from jupyter_prem import ChatPanel\npanel = ChatPanel()")
    who = Page(kernel).state["who"]
    assert (who["endpoint"], who["implicit"], who["unanswered"]) == ("embedded", True, True)
    (site / "answered").touch()
    until_key_row(kernel, "from the system's keyring")
    assert "https://studio.premai.io" in said(kernel.run("%prem status"))


@pytest.mark.weights
def test_an_answer_of_the_embedded_model_says_that_the_keyring_did_not(begin, weights):
    kernel = begin(mode="late", PREM_AI_BASE_URL=None)
    ran = kernel.run("%%chat --once --seed 5 --max-tokens 4\nName a colour.")
    assert "since the system's keyring did not answer" in ran.bundles[0]["text/plain"]
    assert "no key" not in ran.bundles[0]["text/plain"]


def test_a_late_answer_that_there_is_no_key_is_kept_too(begin, service, tmp_path):
    kernel = begin(mode="late")
    assert key_row(kernel).startswith("none yet")
    (tmp_path / "site" / "answered").touch()
    until_key_row(kernel, "none")
    (tmp_path / "site" / "looked").unlink()
    kernel.run("%%chat\nhi")
    assert keys(service) == [None]
    assert not (tmp_path / "site" / "looked").exists()


def test_a_process_that_is_forked_while_a_keyring_is_asked_asks_it_itself(begin, service, tmp_path):
    host = service.url.removeprefix("http://")
    (tmp_path / "site" / "file_keyring.json").write_text(json.dumps({f"jupyter_prem {host}": KEY}))
    kernel = begin()
    kernel.run(
        "import os\nfrom file_keyring import Keyring\nfrom jupyter_prem.backends import _keyring, resolve\n"
        "Keyring.mode = 'slow'\n_keyring._PATIENCE = 0.1\nfirst = resolve().key_source\n"
        "Keyring.mode = ''\n_keyring._PATIENCE = 9\nread, write = os.pipe()\n"
        "if not os.fork():\n    os.write(write, resolve().key_source.encode())\n    os._exit(0)\n"
        "child = os.read(read, 99)"
    )
    assert kernel.value("first, resolve().key_source, child") == "('unanswered', 'unanswered', b'keyring')"


@pytest.mark.parametrize("name", ["CI", "PYTEST_CURRENT_TEST"])
def test_a_keyring_is_not_looked_into_unattended(begin, service, tmp_path, name):
    kernel = begin(**{name: "true"})
    kernel.run("%%chat\nhi")
    assert keys(service) == [None]
    assert not (tmp_path / "site" / "looked").exists()


def test_a_key_of_a_keyring_goes_to_the_host_it_was_kept_for(begin, service, tmp_path):
    other = Service()
    host = service.url.removeprefix("http://")
    (tmp_path / "site" / "file_keyring.json").write_text(json.dumps({f"jupyter_prem {host}": KEY}))
    kernel = begin()
    kernel.run(f"%%chat --endpoint {other.url}\nhi")
    kernel.run("%%chat\nhi")
    other.stop()
    assert keys(other) == [None]
    assert keys(service) == [f"Bearer {KEY}"]
