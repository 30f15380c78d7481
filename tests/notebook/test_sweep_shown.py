"""`%%sweep` in real kernels: what is shown, recorded, replayed and told, and `sweep` from Python."""

from __future__ import annotations

import json
import threading

import pytest
from kernels import GUARD
from loopback import as_json, completion
from swept import column, fields, swept


def test_without_a_cell_id_one_summary_and_the_result_are_shown(kernel):
    ran = swept(kernel, "%%sweep n=0:3\n{{ n }}")
    kinds = [message["msg_type"] for message in ran.messages if message["msg_type"] != "status"]
    assert kinds == ["execute_input", "display_data", "execute_result"]
    summary, result = ran.bundles
    assert summary["text/plain"] == "3 of 3 answered, 24 tokens"
    assert set(result) == {"text/plain", "text/html"}
    assert "You said: 2" in result["text/html"]


def test_on_a_live_page_a_bar_moves_and_ends_as_the_same_summary(begin, service):
    gates = [threading.Event() for _ in range(3)]

    def script(request):
        gates[int(request.body["messages"][-1]["content"])].wait(20)
        return service.echo(request)

    service.script = script
    kernel = begin(PREM_ENDPOINT=service.url)
    message = kernel.start("%%sweep n=0:3\n{{ n }}", "cell-1")
    seen = []
    for done, gate in enumerate(gates):
        seen.append(
            kernel.until(message, lambda m, done=done: f"{done}/3" in json.dumps(m["content"]))["msg_type"]
        )
        gate.set()
    ran = kernel.finish(message)
    assert seen[0] == "display_data"
    assert set(seen[1:]) == {"update_display_data"}
    kernel.run("%config PremMagics.live = 'never'")
    headless = swept(kernel, "%%sweep n=0:3\n{{ n }}", "cell-2")
    updates = [m["content"]["data"] for m in ran.messages if m["msg_type"] == "update_display_data"]
    assert [updates[-1], ran.bundles[-1]] == headless.bundles


def test_no_progress_shows_the_result_alone(kernel):
    ran = swept(kernel, "%%sweep n=0:3 --no-progress\n{{ n }}")
    assert [set(bundle) for bundle in ran.bundles] == [{"text/plain", "text/html"}]


CELLS = [
    "%prem record once",
    "%%sweep n=0:3 temperature=0,1\n{{ n }}",
    "%%sweep word=a,a --repeats 2 -o again\n{{ word }}",
    "runs.to_frame()[['n', 'temperature', 'seed', 'text', 'total_tokens']]",
    "again.agreement()",
]


def page(kernel, cells, *, live):
    shown = []
    for place, source in enumerate(cells):
        ran = swept(kernel, source, f"cell-{place}" if live else None)
        shown.append([output.get("data") or output.get("text") for output in ran.outputs])
    return shown


def test_a_page_recorded_live_is_the_same_without_network_or_key(begin, service, tmp_path):
    numbers = iter(range(100))
    service.script = lambda _: as_json(completion(f"Answer {next(numbers)}"))
    live = page(begin(PREM_ENDPOINT=service.url), CELLS, live=True)
    assert len(service.questions) == 6 + 4
    assert list(tmp_path.iterdir()) == [tmp_path / "notebook.chat.jsonl"]
    for env in ({}, {"PYTEST_CURRENT_TEST": "notebook.ipynb::Cell 0 (call)"}):
        kernel = begin(**env)
        kernel.run(GUARD)
        assert page(kernel, CELLS, live=not env) == live
        assert column(kernel, "replayed") == [True] * 6
    assert len(service.questions) == 6 + 4


def test_a_cell_that_is_run_again_is_replayed(begin, service):
    numbers = iter(range(100))
    service.script = lambda _: as_json(completion(f"Answer {next(numbers)}"))
    kernel = begin(PREM_ENDPOINT=service.url)
    swept(kernel, "%prem record new_episodes")
    first = swept(kernel, "%%sweep n=0:3\n{{ n }}", "a").bundles[-1]
    assert swept(kernel, "%%sweep n=0:3\n{{ n }}", "a").bundles[-1] == first
    swept(kernel, "%%sweep n=0:4\n{{ n }}", "a")
    assert column(kernel, "replayed") == [True] * 3 + [False]
    assert len(service.questions) == 4


def test_help_lists_every_option(kernel):
    ran = kernel.run("%%sweep?")
    (told,) = [part["data"]["text/plain"] for part in ran.payload if part.get("source") == "page"]
    for words in (
        "NAME=VALUES",
        "--output",
        "--repeats",
        "--data",
        "--record",
        "--max-concurrency",
        "--max-requests",
        "--system",
        "--endpoint",
        "--schema",
        "--tools",
        "--tool-choice",
        "--raw",
        "--no-progress",
        "0:5",
    ):
        assert words in told
    assert "conversation" not in told


def test_sweep_from_python_asks_the_notebooks_endpoint_with_its_settings(kernel, service):
    kernel.run(
        "import os; del os.environ['PREM_ENDPOINT']\n"
        f"%config PremMagics.endpoint = {service.url!r}\n%config PremMagics.temperature = 0.5\n"
        "%config PremMagics.model = 'm2'\n%config PremMagics.system = 'Be brief.'\n%prem budget 1000"
    )
    ran = swept(kernel, "from jupyter_prem import sweep\nmine = sweep('{{ n }}', n=range(3), seed=1)")
    assert fields(service, "model", "temperature", "seed") == [("m2", 0.5, 1)] * 3
    assert service.questions[0].body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert [bundle["text/plain"] for bundle in ran.bundles] == ["3 of 3 answered, 24 tokens"]
    assert column(kernel, "text", "mine") == [f"You said: {n}" for n in range(3)]
    assert "24 of 1,000 tokens" in kernel.run("%prem budget").bundles[0]["text/plain"]


@pytest.mark.parametrize("cell_id", [None, "cell-1"])
def test_without_tqdm_and_pandas_a_sweep_has_no_bar_and_its_table_is_a_line(begin, service, cell_id):
    kernel = begin(PREM_ENDPOINT=service.url)
    kernel.run("import sys; sys.modules.update(tqdm=None, pandas=None)")
    ran = swept(kernel, "%%sweep n=0:3 seed=1\n{{ n }}", cell_id)
    assert [bundle["text/plain"] for bundle in ran.bundles] == [
        "3 of 3 answered, 24 tokens",
        "Runs(3 of 3 answered, 24 tokens)",
    ]
    assert ran.text == ""
    assert sorted(column(kernel, "text")) == ["You said: 0", "You said: 1", "You said: 2"]
