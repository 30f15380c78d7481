"""Recordings in real kernels: recorded once, the same page ever after, with nobody asked."""

from __future__ import annotations

import json

import pytest
from kernels import GUARD
from loopback import Reply, answer, calls, chunk, event

from jupyter_prem.records import Cassette


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
