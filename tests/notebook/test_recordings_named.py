"""Recordings in real kernels: which mode and file holds, and what is told of them."""

from __future__ import annotations

import json

import nbformat
from loopback import Reply, answer

from jupyter_prem.records import Cassette


def test_recordings_of_another_notebook_are_no_reason_to_ask_nobody(begin, folder, service):
    for name in ("lesson", "other"):
        nbformat.write(nbformat.v4.new_notebook(), folder / f"{name}.ipynb")
    kernel = begin(PREM_ENDPOINT=service.url)
    kernel.run("%prem record once other.chat.jsonl")
    kernel.run("%%chat --once\nhi")
    kernel = begin(PREM_ENDPOINT=service.url, CI="true", JPY_SESSION_NAME=str(folder / "lesson.ipynb"))
    assert kernel.run("%%chat --once\nnew").status == "ok"
    kernel = begin(PREM_ENDPOINT=service.url, CI="true", JPY_SESSION_NAME=str(folder / "other.ipynb"))
    assert kernel.run("%%chat --once\nnew").ename == "MissingRecordingError"


def test_what_another_notebook_recorded_becomes_a_notebooks_own(begin, folder, service):
    for name in ("a", "b"):
        nbformat.write(nbformat.v4.new_notebook(), folder / f"{name}.ipynb")
    begin(PREM_ENDPOINT=service.url).run("%prem record once a.chat.jsonl\n%chat --once hello")
    place = {"PREM_ENDPOINT": service.url, "JPY_SESSION_NAME": str(folder / "b.ipynb")}
    kernel = begin(**place)
    kernel.run("%prem record once")
    for text in ("hello", "other"):
        assert kernel.run(f"%%chat --once\n{text}").status == "ok"
    asked = len(service.questions)
    kernel = begin(**place, CI="true")
    for text in ("hello", "other"):
        assert kernel.run(f"%%chat --once\n{text}").status == "ok"
    assert len(service.questions) == asked == 2


def test_a_cell_that_goes_to_another_folder_moves_no_recordings(begin, folder, service):
    (folder / "data").mkdir()
    cells = ["%%chat --once\none", "import os; os.chdir('data')", "%%chat --once\ntwo"]
    for env in ({"JUPYTER_PREM_RECORD": "once"}, {"JUPYTER_PREM_RECORD": "none"}):
        kernel = begin(PREM_ENDPOINT=service.url, JUPYTER_PREM_CASSETTE="c.chat.jsonl", **env)
        for cell in cells:
            assert kernel.run(cell).status == "ok"
    assert len(service.questions) == len(Cassette(folder / "c.chat.jsonl")) == 2


def test_no_mode_records_nothing_and_ci_replays_what_is_beside_the_notebook(begin, folder, service):
    kernel = begin(PREM_ENDPOINT=service.url)
    kernel.run("%%chat --once\nhi")
    assert list(folder.iterdir()) == []
    kernel.run("%prem record once lesson.chat.jsonl\n%chat --once hi")
    kernel.run("%prem record off")
    kernel.run("%%chat --once\nother")
    assert len(Cassette(folder / "lesson.chat.jsonl")) == 1
    nbformat.write(nbformat.v4.new_notebook(), folder / "lesson.ipynb")
    for env in ({"CI": "true"}, {"PYTEST_CURRENT_TEST": "lesson.ipynb::Cell 1 (call)"}):
        kernel = begin(PREM_ENDPOINT=service.url, **env)
        before = len(service.questions)
        assert kernel.run("%%chat --once\nhi").status == "ok"
        ran = kernel.run("%%chat --once\nnew")
        assert (ran.ename, len(service.questions)) == ("MissingRecordingError", before)
        kernel.run("%prem record off")
        assert kernel.run("%%chat --once\nnew").status == "ok"
    assert begin(PREM_ENDPOINT=service.url, CI="false").run("%%chat --once\nnew").status == "ok"
    assert (
        begin(PREM_ENDPOINT=service.url, CI="1", JUPYTER_PREM_RECORD="off").run("%%chat --once\nnew").status
        == "ok"
    )


def test_the_notebook_names_the_file(begin, folder, service):
    nbformat.write(nbformat.v4.new_notebook(), folder / "lesson.ipynb")
    kernel = begin(PREM_ENDPOINT=service.url, JPY_SESSION_NAME=str(folder / "lesson.ipynb"))
    ran = kernel.run("%prem record once")
    assert "lesson.chat.jsonl" in ran.bundles[0]["text/plain"]
    kernel.run("%%chat\nhi")
    assert len(Cassette(folder / "lesson.chat.jsonl")) == 1
    # papermill runs a copy, and says where it comes from.
    kernel = begin(PREM_ENDPOINT=service.url)
    kernel.run(
        f"PAPERMILL_INPUT_PATH = {str(folder / 'lesson.ipynb')!r}\nPAPERMILL_OUTPUT_PATH = '/elsewhere/out.ipynb'"
    )
    kernel.run("%prem record none")
    kernel.run("%%chat\nhi")
    assert kernel.value("chat_response.replayed") == "True"


def test_a_miss_is_three_lines_and_says_what_to_type(begin, folder, service):
    kernel = begin(PREM_ENDPOINT=service.url)
    kernel.run("%prem record once")
    kernel.run("%%chat -t 0.5\nWhat is the capital of France?")
    kernel = begin(PREM_ENDPOINT=service.url)
    kernel.run("%prem record none")
    ran = kernel.run("%%chat -t 0.7\nWhat is the capital of Spain?")
    lines = ran.error.splitlines()
    assert lines[:3] == [
        "MissingRecordingError: There is no recording of this question.",
        "in notebook.chat.jsonl",
        f"Record it: %prem record new_episodes {folder / 'notebook.chat.jsonl'}",
    ]
    assert any("France" in line and "Spain" in line for line in lines[3:])
    assert any("temperature: recorded 0.5, asked 0.7" in line for line in lines[3:])
    assert len(lines) <= 23
    assert kernel.value("len(chat_conversation.turns) if 'chat_conversation' in globals() else 0") == "0"


def test_an_answer_that_cannot_be_recorded_is_shown_and_kept_and_the_cell_fails(begin, service):
    kernel = begin(PREM_ENDPOINT=service.url)
    kernel.run("%prem record all /dev/full")
    ran = kernel.run("%%chat\nhi")
    assert ran.ename == "CassetteError"
    assert "The disk is full" in ran.error
    assert ran.bundles[0]["text/plain"] == "You said: hi"
    assert kernel.value("chat_response.text, len(chat_conversation.turns)") == "('You said: hi', 1)"


def test_files_that_cannot_be_used_are_named(begin, folder, service):
    kernel = begin(PREM_ENDPOINT=service.url)
    (folder / "text.chat.jsonl").write_text("hello\n")
    (folder / "later.chat.jsonl").write_text('{"jupyter_prem":"cassette","format":9}\n')
    assert "holds no recordings" in kernel.run("%prem record once text.chat.jsonl").error
    assert "format 9" in kernel.run("%prem record once later.chat.jsonl").error
    assert "is a folder" in kernel.run(f"%prem record once {folder}").error
    assert "no record mode" in kernel.run("%prem record often").error
    assert "has no option --fast" in kernel.run("%prem record once --fast").error


def test_record_says_the_same_whenever_it_is_run_and_tells_more_when_asked(begin, folder, service):
    (folder / ".git").mkdir()
    kernel = begin(PREM_ENDPOINT=service.url)
    assert "Nothing is recorded" in kernel.run("%prem record").bundles[0]["text/plain"]
    first = kernel.run("%prem record once").bundles
    kernel.run("%%chat\nhi")
    assert kernel.run("%prem record once").bundles == first
    kernel.run("%prem record new_episodes")
    told = kernel.run("%prem record").bundles[0]["text/plain"]
    assert "1 answer in notebook.chat.jsonl" in told
    assert "merge=union" in told
    assert "textconv" in told
    (folder / ".gitattributes").write_text("*.chat.jsonl merge=union\n")
    assert "merge=union" not in kernel.run("%prem record").bundles[0]["text/plain"]


def test_verify_reports_what_changed(begin, folder, service):
    kernel = begin(PREM_ENDPOINT=service.url)
    kernel.run("%prem record once")
    for text in ("one", "two"):
        kernel.run(f"%%chat --once\n{text}")
    assert "Reproduced: 2 of 2 answers, 100.0%" in kernel.run("%prem verify").bundles[0]["text/plain"]
    changed = service.script
    service.script = lambda request: (
        Reply([piece.replace(b"fp_1", b"fp_2") for piece in answer("You wrote: two")])
        if request.body["messages"][-1]["content"] == "two"
        else changed(request)
    )
    told = kernel.run("%prem verify --repeats 2").bundles[0]["text/plain"]
    for line in (
        "text changed, another fingerprint: two",
        "fingerprint then fp_1, now fp_2",
        "-You said: two",
        "+You wrote: two",
        "Reproduced: 2 of 4 answers, 50.0%",
    ):
        assert line in told
    assert len(Cassette(folder / "notebook.chat.jsonl")) == 2
    assert "takes a number" in kernel.run("%prem verify --repeats x").error
    assert "There are no recordings" in kernel.run("%prem verify none.chat.jsonl").error


def test_provenance_tells_where_an_answer_comes_from(begin, service):
    kernel = begin(PREM_ENDPOINT=service.url, PREMAI_API_KEY="sk-0123456789abcdef")
    kernel.run("%prem record once")
    ran = kernel.run("%%chat --seed 7\nhi")
    kernel.run("import json\ntold = chat_response.provenance")
    told = json.loads(kernel.run("print(json.dumps(told))").text)
    saved = ran.bundles[0]["application/vnd.jupyter-prem+json"]
    assert {name: told[name] for name in saved} == saved
    assert told["fields"]["seed"] == 7
    assert told["endpoint"] == service.url
    assert told["metadata"]["replayed"] is False
    assert {"version", "python", "latency", "finished"} <= set(told["metadata"])
    assert "0123456789" not in json.dumps(told)
    assert "0123456789" not in json.dumps(ran.outputs)
