"""`jupyter prem show` and `verify`: recordings for people, for git, and against who answers now."""

from __future__ import annotations

import dataclasses
import difflib
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import nbformat
from commands import PREM, prem
from kernels import Kernel
from loopback import Service, as_json, completion

from jupyter_prem import Client, record
from jupyter_prem.records import Cassette


def recorded(folder: Path, service: Service) -> Path:
    path = folder / "lesson.chat.jsonl"
    with record(path), Client(service.url) as client:
        client.chat("What is the capital of France?", temperature=0.5, stop=["x"])
        client.chat("And of \x1b[31mSpain?")
    return path


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PREM, *map(str, words)], capture_output=True, text=True, timeout=60, check=False)


def test_show_prints_recordings_for_people(tmp_path, service):
    path = recorded(tmp_path, service)
    shown = run("show", path)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.split("\n\n")[0].splitlines() == [
        f"── {service.url} · loopback-1",
        'stop: ["x"]',
        "temperature: 0.5",
        "user: What is the capital of France?",
        "assistant: You said: What is the capital of France?",
    ]
    assert "\x1b" not in shown.stdout


def test_a_changed_sentence_is_three_lines_of_what_show_prints(tmp_path, service):
    text = "One. Two is here.\n\nThree.\n"
    service.script = lambda _: as_json(completion(text))
    path = recorded(tmp_path, service)
    before = run("show", path).stdout.splitlines()
    service.script = lambda _: as_json(completion(text.replace("here", "there")))
    with record(path, "all"), Client(service.url) as client:
        client.chat("What is the capital of France?", temperature=0.5, stop=["x"])
    after = run("show", path).stdout.splitlines()
    changed = [line for line in difflib.unified_diff(before, after, n=0, lineterm="") if line[:1] in "+-"]
    assert len([line for line in changed if line[:3] not in {"+++", "---"}]) <= 3


def test_show_and_verify_name_what_is_damaged(tmp_path, service):
    path = recorded(tmp_path, service)
    path.write_bytes(path.read_bytes().replace(b"You said: And", b"You said: Any"))
    ran = run("verify", path, "--prune")
    assert ran.returncode == 3, ran.stderr
    assert "lesson.chat.jsonl: line 3 is not what was written: its hash differs." in ran.stderr
    assert "France" in ran.stdout
    assert len(path.read_bytes().splitlines()) == 3
    ran = run("show", path)
    assert ran.returncode == 0, ran.stderr  # a status would keep git from showing the rest
    assert "France" in ran.stdout
    assert "── damaged: line 3 is not what was written: its hash differs" in ran.stdout
    for command in ("show", "verify"):
        assert run(command, tmp_path / "none.chat.jsonl").returncode == 2
    text = tmp_path / "text.chat.jsonl"
    text.write_text("hello\n")
    ran = run("show", text)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "holds no recordings" in ran.stderr


def test_verify_tells_what_changed_by_its_status_and_its_reports(tmp_path, service):
    path = recorded(tmp_path, service)
    reports = ["--json", tmp_path / "a.json", "--junit", tmp_path / "a.xml"]
    same = run("verify", path, "--repeats", 2, *reports)
    assert same.returncode == 0, same.stdout + same.stderr
    assert "Reproduced: 4 of 4 answers, 100.0% (95 % interval 51.0% to 100.0%)" in same.stdout
    assert json.loads((tmp_path / "a.json").read_text())["rate"] == 1.0
    assert ET.parse(tmp_path / "a.xml").getroot().get("failures") == "0"  # noqa: S314 - our own
    service.script = lambda _: as_json(completion("Something else."))
    drift = run("verify", path, *reports)
    assert drift.returncode == 1
    assert "+Something else." in drift.stdout
    assert ET.parse(tmp_path / "a.xml").getroot().get("failures") == "2"  # noqa: S314 - our own
    service.script = lambda _: as_json({"error": {"message": "Out to lunch."}}, 400)
    gone = run("verify", path)
    assert "Out to lunch." in gone.stdout
    assert gone.returncode == 1
    assert "2 error" in gone.stdout
    assert run("verify", path, "--repeats", "0").returncode == 2
    unwritten = run("verify", path, "--json", tmp_path / "none" / "a.json")
    assert unwritten.returncode == 2
    assert "cannot be written (No such file or directory)" in unwritten.stderr


def test_verify_sends_the_key_only_where_it_belongs(tmp_path, service):
    path = recorded(tmp_path, service)
    key = "sk-canary-0123456789abcdef"

    def sent(**env):
        ran = prem("verify", str(path), PREMAI_API_KEY=key, **env)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return service.questions[-1].headers.get("authorization")

    assert sent() is None  # a file may name any address
    assert sent(PREM_ENDPOINT="https://elsewhere.example") is None
    assert sent(PREM_ENDPOINT=service.url) == f"Bearer {key}"


def test_verify_knows_what_the_notebook_beside_it_asks(tmp_path, service):
    kernel = Kernel(
        {"PREM_ENDPOINT": service.url, "CI": None, "PYTEST_CURRENT_TEST": None}, cwd=str(tmp_path)
    )
    cells = [
        "%load_ext jupyter_prem",
        "%prem record once lesson.chat.jsonl",
        "%%chat\none",
        "%%chat\ntwo",
        "%%chat --once\nold",
    ]
    notebook = nbformat.v4.new_notebook()
    try:
        for source in cells:
            outputs = [
                nbformat.v4.new_output("display_data", output["data"], metadata=output["metadata"])
                for output in kernel.run(source).outputs
            ]
            if "old" not in source:
                notebook.cells.append(nbformat.v4.new_code_cell(source, outputs=outputs))
    finally:
        kernel.stop()
    path = tmp_path / "lesson.chat.jsonl"
    nbformat.write(notebook, tmp_path / "lesson.ipynb")
    asked = len(service.questions)
    ran = run("verify", path, "--prune")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "unused: old" in ran.stdout
    assert len(service.questions) == asked + 2
    assert "old" not in path.read_text()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    ran = run("verify", path)
    assert ran.returncode == 1
    assert "missing: two" in ran.stdout


def test_what_is_recorded_while_verify_runs_is_not_pruned(tmp_path, service):
    path = recorded(tmp_path, service)
    asked = service.script

    def script(request):
        if len(Cassette(path)) == 2:
            Cassette(path).add(dataclasses.replace(next(iter(Cassette(path))), n=7))
        return asked(request)

    service.script = script
    assert run("verify", path, "--prune").returncode == 0
    assert [one.n for one in Cassette(path)] == [1, 1, 7]


def test_a_link_is_verified_but_not_pruned(tmp_path, service):
    path = recorded(tmp_path, service)
    link = tmp_path / "link.chat.jsonl"
    link.symlink_to(path)
    before = path.read_bytes()
    ran = run("verify", link, "--prune")
    assert ran.returncode == 2
    assert "The recordings stay as they were. The file is a link" in ran.stderr
    assert "Reproduced: 2 of 2" in ran.stdout
    assert (link.is_symlink(), path.read_bytes()) == (True, before)


def test_show_ends_when_nobody_reads_on(tmp_path, service):
    path = recorded(tmp_path, service)
    lines = path.read_bytes().splitlines(keepends=True)
    first = next(iter(Cassette(path)))
    more = [dataclasses.replace(first, n=number).line() for number in range(2, 3_000)]
    path.write_bytes(b"".join([*lines, *more]))
    with subprocess.Popen([*PREM, "show", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_git_shows_recordings_as_people_read_them(tmp_path, service):
    def git(*words: str) -> str:
        ran = subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout

    git("init", "-q")
    (tmp_path / ".gitattributes").write_text("*.chat.jsonl text eol=lf merge=union diff=chat\n")
    git("config", "diff.chat.textconv", f"{sys.executable} -m jupyter_prem.cli show")
    path = recorded(tmp_path, service)
    git("add", "-A")
    git("commit", "-qm", "one")
    service.script = lambda _: as_json(completion("Something else."))
    with record(path, "all"), Client(service.url) as client:
        client.chat("What is the capital of France?", temperature=0.5, stop=["x"])
    changed = [line for line in git("diff", "-U0").splitlines() if line[:1] in {"+", "-"}]
    assert any("+assistant: Something else." in line for line in changed)
    assert not any("sha256" in line for line in changed)
