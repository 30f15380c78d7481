"""Recordings in real kernels: recorded once, the same page ever after, with nobody asked."""

from __future__ import annotations

import json

import nbformat
import pytest
from kernels import Kernel
from loopback import Reply, answer, calls, chunk, event

from jupyter_prem.records import Cassette

GUARD = """
import socket
def refuse(self, address, *_):
    raise AssertionError(f"a socket was opened to {address}")
socket.socket.connect = socket.socket.connect_ex = refuse
"""
NOBODY = dict.fromkeys(("PREM_ENDPOINT", "PREMAI_API_KEY", "PREM_MODEL", "CI", "PYTEST_CURRENT_TEST"))


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def begin(folder):
    """Start kernels in one folder."""
    running = []

    def start(**env):
        kernel = Kernel({**NOBODY, **env}, cwd=str(folder))
        assert kernel.run("%load_ext jupyter_prem").status == "ok"
        running.append(kernel)
        return kernel

    yield start
    for kernel in running:
        kernel.stop()


def page(kernel, cells):
    """What a run leaves that nbval compares, and what it skips."""
    shown, about = [], []
    for source in cells:
        ran = kernel.run(source)
        assert ran.status == "ok", ran.error
        shown.append([output.get("data") or output.get("text") for output in ran.outputs])
        about += [
            output["metadata"].get("jupyter_prem", {}) for output in ran.outputs if "metadata" in output
        ]
    return shown, about


CELLS = [
    "%prem record once",
    "%%chat -t 0.5 -s 'Be brief.'\nGrüße 😀",
    "%%chat\nAnd again",
    "%%chat --once\nApart",
    "%prem regenerate",
    "chat_response.text, chat_usage, len(chat_conversation.turns)",
]


def test_a_notebook_gives_the_same_page_without_network_or_key(begin, folder, service):
    numbers = iter(range(100))
    service.script = lambda _: Reply(answer(f"Answer {next(numbers)} ", "in **pieces**."))
    live, about = page(begin(PREM_ENDPOINT=service.url), CELLS)
    assert [one["replayed"] for one in about if one] == [False] * 4
    kernel = begin()
    kernel.run(GUARD)
    replayed, about = page(kernel, CELLS)
    assert replayed == live
    assert [one["replayed"] for one in about if one] == [True] * 4
    assert len(service.questions) == 4
    assert list(folder.iterdir()) == [folder / "notebook.chat.jsonl"]


def test_functions_and_schemas_replay(begin, service):
    replies = iter(
        [calls(("add", '{"a": 1, "b": 2}')), answer("It is 3."), answer('{"a": "x"}'), answer('{"a": 5}')]
    )
    service.script = lambda _: Reply(next(replies))
    cells = [
        "%prem record once",
        "def add(a: int, b: int) -> int:\n    'Add.'\n    return a + b\n"
        "schema = {'type': 'object', 'properties': {'a': {'type': 'integer'}}, 'required': ['a']}",
        "%%chat --tools add\n1 + 2?",
        "%%chat --schema schema --retries 1\nA number",
        "chat_response.parsed",
    ]
    live, _ = page(begin(PREM_ENDPOINT=service.url), cells)
    kernel = begin()
    kernel.run(GUARD)
    assert page(kernel, cells)[0] == live
    assert live[-1] == [{"text/plain": "{'a': 5}"}]


@pytest.mark.weights
def test_the_embedded_model_is_not_started_for_a_replay(begin, weights):
    cells = ["%prem record once", "%%chat --max-tokens 8\nSay hello", "chat_response.model"]
    live, _ = page(begin(), cells)
    assert "Answered by the embedded model" in live[1][0]["text/html"]
    kernel = begin(PREM_EMBEDDED_MODEL="/nowhere.gguf")
    kernel.run(GUARD)
    assert page(kernel, cells)[0] == live
    assert kernel.value("__import__('psutil').Process().children()") == "[]"
    # Whoever has a key of their own, and names nobody, gets the recorded answer too.
    assert page(begin(PREMAI_API_KEY="sk-0123456789abcdef"), cells)[0] == live


def test_a_cell_keeps_its_recording_and_regenerate_takes_the_next(begin, service):
    numbers = iter(range(100))
    service.script = lambda _: Reply(answer(f"Answer {next(numbers)}"))

    def asked(kernel):
        kernel.run("%prem record new_episodes")
        texts = []
        steps = [("%%chat --once\nhi", "a"), ("%%chat --once\nhi", "a"), ("%%chat --once\nhi", "b")]
        steps += [
            ("%%chat\nfirst", "c"),
            ("%prem regenerate", "d"),
            ("%prem regenerate", "d"),
            ("%%chat --once\nhi", "a"),
        ]
        for source, cell in steps:
            ran = kernel.run(source, cell_id=cell)
            assert ran.status == "ok", ran.error
            texts.append(kernel.value("chat_response.text"))
        return texts

    live = asked(begin(PREM_ENDPOINT=service.url))
    assert live == [f"'Answer {number}'" for number in (0, 0, 1, 2, 3, 3, 0)]
    assert asked(begin(PREM_ENDPOINT=service.url)) == live
    assert len(service.questions) == 4


@pytest.mark.parametrize("mode", ["once", "new_episodes", "all"])
def test_a_notebook_that_chooses_again_goes_on_as_it_was(begin, folder, service, mode):
    numbers = iter(range(100))
    service.script = lambda _: Reply(answer(f"Answer {next(numbers)}"))
    kernel = begin(PREM_ENDPOINT=service.url)

    def run():
        kernel.run(f"%prem record {mode}", cell_id="r")
        texts = []
        for cell in ("a", "b"):
            assert kernel.run("%%chat --once\nhi", cell_id=cell).status == "ok"
            texts.append(kernel.value("chat_response.text"))
        return texts

    first = run()
    assert (run() == first) == (mode != "all")
    assert len(service.questions) == (4 if mode == "all" else 2)
    # A file that is gone is recorded anew.
    (folder / "notebook.chat.jsonl").unlink()
    run()
    assert [one.n for one in Cassette(folder / "notebook.chat.jsonl")] == [1, 2]


def test_a_replay_begins_again_with_the_mode_where_cells_have_no_ids(begin, service):
    numbers = iter(range(100))
    service.script = lambda _: Reply(answer(f"Answer {next(numbers)}"))
    kernel = begin(PREM_ENDPOINT=service.url)
    texts = []
    for mode in ("once", "none", "none"):
        kernel.run(f"%prem record {mode}")
        for _ in range(2):
            kernel.run("from jupyter_prem import Client\ntext = Client().chat('hi').text", cell_id=None)
            texts.append(kernel.value("text"))
    assert texts == ["'Answer 0'", "'Answer 1'"] * 3


def test_a_dry_run_is_the_same_in_a_replay(begin, service):
    cells = [
        "%prem record once",
        "%%chat --dry-run -t 0.5\nhello",
        "%%chat -t 0.5\nhello",
        "%%chat --dry-run\nmore",
        "%prem regenerate --dry-run --seed 3",
    ]
    live, _ = page(begin(PREM_ENDPOINT=service.url), cells)
    kernel = begin()
    kernel.run(GUARD)
    assert page(kernel, cells)[0] == live
    assert service.url in live[1][0]["text/plain"]
    assert '"model": "loopback-1"' in live[3][0]["text/plain"]


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


def test_several_questions_of_one_cell_keep_their_places(begin, service):
    numbers = iter(range(100))
    service.script = lambda _: Reply(answer(f"Answer {next(numbers)}"))
    loop = "from jupyter_prem import Client\n[Client().chat('hi', stream=True).text for _ in range(3)]"
    kernel = begin(PREM_ENDPOINT=service.url)
    kernel.run("%prem record new_episodes")
    first = kernel.run(loop, cell_id="a").bundles[-1]["text/plain"]
    other = kernel.run(loop, cell_id="b").bundles[-1]["text/plain"]
    assert kernel.run(loop, cell_id="a").bundles[-1]["text/plain"] == first != other
    assert len(service.questions) == 6


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


def test_a_stopped_answer_is_not_recorded(begin, folder, service):
    import threading

    gate = threading.Event()
    service.say(event(chunk("so far")), gate)
    kernel = begin(PREM_ENDPOINT=service.url)
    kernel.run("%prem record once")
    cell = kernel.start("%%chat -m loopback-1\nhi", cell_id="a")
    kernel.until(cell, lambda message: "so far" in json.dumps(message["content"]))
    kernel.manager.interrupt_kernel()
    assert kernel.finish(cell).ename == "Interrupted"
    gate.set()
    assert not (folder / "notebook.chat.jsonl").exists()
    service.script = service.echo
    assert kernel.run("%%chat -m loopback-1\nhi", cell_id="a").status == "ok"
    assert [record.n for record in Cassette(folder / "notebook.chat.jsonl")] == [1]


def test_a_panel_records_and_replays(begin, service):
    ask = "from jupyter_prem import ChatPanel\npanel = ChatPanel()\npanel.ask('hi')\npanel.wait()"
    kernel = begin(PREM_ENDPOINT=service.url)
    kernel.run("%prem record once")
    kernel.run(ask)
    kernel = begin()
    kernel.run(GUARD)
    kernel.run("%prem record none")
    kernel.run(ask)
    assert kernel.value("panel.error") == "None"
    turn = "panel.conversation.turns[-1].response"
    assert kernel.value(f"{turn}.text, {turn}.replayed") == "('You said: hi', True)"


def test_a_replay_uses_no_budget(begin, service):
    kernel = begin(PREM_ENDPOINT=service.url)
    kernel.run("%prem record new_episodes")
    kernel.run("%%chat --once\nhi", cell_id="a")
    kernel.run("%%chat --once\nhi", cell_id="a")
    ran = kernel.run("%prem budget 100")
    assert ran.bundles[0]["text/plain"].startswith("8 of 100 tokens are used")
    assert "1 answer was replayed" in kernel.run("%prem usage").bundles[1]["text/plain"]


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
