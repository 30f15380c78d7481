"""The notebooks, as people and machines execute them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from executed import ENVIRONMENT, MIME, answers

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
QUICKSTART = NOTEBOOKS / "quickstart.ipynb"

UNSTEADY = {"nbval-ignore-output", "skip-execution"}

FAILING = ["%load_ext jupyter_prem", "%%chat -t 9\nThis temperature is out of range.", "after = 'was run'"]

RUNNERS = {
    "nbclient": lambda source, target: [
        sys.executable,
        "-c",
        "import sys, nbformat, nbclient; nb = nbformat.read(sys.argv[1], 4);"
        "nbclient.NotebookClient(nb, timeout=300).execute(); nbformat.write(nb, sys.argv[2])",
        source,
        target,
    ],
    "papermill": lambda source, target: [
        sys.executable,
        "-m",
        "papermill",
        "--no-progress-bar",
        source,
        target,
    ],
    "jupyter_execute": lambda source, target: [
        sys.executable,
        "-m",
        "jupyter",
        "execute",
        f"--output={target}",
        source,
    ],
}


def execute(runner: str, source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [str(part) for part in RUNNERS[runner](source, target)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, cwd=target.parent, env=ENVIRONMENT
    )


@pytest.mark.weights
@pytest.mark.parametrize("runner", RUNNERS)
def test_the_quickstart_runs(runner, weights, tmp_path):
    target = tmp_path / "out.ipynb"
    done = execute(runner, QUICKSTART, target)
    assert done.returncode == 0, done.stderr[-3000:]
    again = [data["text/plain"] for data in answers(target)]
    assert len(again) == 3
    chat_cells = [c for c in nbformat.read(target, 4).cells if c.source.startswith("%%chat")]
    assert [len(cell.outputs) for cell in chat_cells] == [1, 1, 1]


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_failing_chat_cell_stops_the_notebook(runner, tmp_path):
    source = tmp_path / "failing.ipynb"
    cells = [nbformat.v4.new_code_cell(code) for code in FAILING]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), source)
    done = execute(runner, source, tmp_path / "out.ipynb")
    assert done.returncode != 0
    assert "RequestError" in done.stderr
    assert "temperature is 9.0" in done.stderr


def said(path: Path) -> list[list[str]]:
    """What each cell says, but for those that say something else in each run, or are not run again."""
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    steady = [cell for cell in cells if not UNSTEADY & set(cell.metadata.get("tags", ()))]
    texts = [[o.get("text") or o.data["text/plain"] for o in cell.outputs] for cell in steady]
    return [
        ["".join(parts)] if all(o.output_type == "stream" for o in cell.outputs) else parts
        for cell, parts in zip(steady, texts, strict=True)
    ]


def nbval(path: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:cov",
        *options,
        str(path),
    ]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=path.parent,
        env={**ENVIRONMENT, **env},
    )


@pytest.mark.weights
def test_the_quickstart_passes_nbval(weights):
    done = nbval(QUICKSTART, "--nbval", JUPYTER_PREM_RECORD="off")
    assert done.returncode == 0, done.stdout[-5000:]
    assert re.search(r"\b8 passed", done.stdout), done.stdout


@pytest.mark.weights
@pytest.mark.parametrize("name", [path.name for path in NOTEBOOKS.glob("*.ipynb") if path != QUICKSTART])
def test_the_other_notebooks_pass_nbval_and_run(name, weights, tmp_path):
    done = nbval(NOTEBOOKS / name, "--nbval", JUPYTER_PREM_RECORD="off")
    assert done.returncode == 0, done.stdout[-5000:]
    done = execute("papermill", NOTEBOOKS / name, tmp_path / "out.ipynb")
    assert done.returncode == 0, done.stderr[-3000:]
    again = [data["text/plain"] for data in answers(tmp_path / "out.ipynb")]
    assert again == [data["text/plain"] for data in answers(NOTEBOOKS / name)]


@pytest.mark.weights
def test_nbval_would_see_another_answer(weights, tmp_path):
    changed = json.loads(QUICKSTART.read_text())
    cell = next(cell for cell in changed["cells"] if "".join(cell["source"]).startswith("%%chat"))
    cell["source"] = "".join(cell["source"]).replace("--seed", "-t 2 --seed")
    path = tmp_path / "changed.ipynb"
    path.write_text(json.dumps(changed))
    assert nbval(path, "--nbval").returncode != 0


REPLAYED = {
    "nbval": lambda source, _: [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--nbval",
        source,
    ],
    "nbmake": lambda source, _: [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--nbmake",
        source,
    ],
    **RUNNERS,
}


@pytest.mark.parametrize("runner", REPLAYED)
@pytest.mark.parametrize("name", sorted(path.name for path in NOTEBOOKS.glob("*.ipynb")))
def test_every_notebook_replays_with_nobody_there(name, runner, nobody, tmp_path):
    for path in NOTEBOOKS.iterdir():
        if path.stem.partition(".")[0] == Path(name).stem:
            shutil.copy(path, tmp_path)
    source, target = tmp_path / name, tmp_path / "out.ipynb"
    command = [str(part) for part in REPLAYED[runner](source, target)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path, env=nobody
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    if runner in RUNNERS:
        saved = [data["text/html"] for data in answers(NOTEBOOKS / name)]
        assert [data["text/html"] for data in answers(target)] == saved
        assert said(target) == said(NOTEBOOKS / name)
        metadata = [
            output.metadata["jupyter_prem"]["replayed"]
            for cell in nbformat.read(target, 4).cells
            for output in cell.get("outputs", [])
            if MIME in output.get("data", {})
        ]
        assert all(metadata)


TIMING = {"finished", "latency", "cells"}


def test_a_notebook_that_is_executed_again_is_the_same_file(nobody, tmp_path):
    shutil.copy(NOTEBOOKS / "record_and_replay.chat.jsonl", tmp_path)
    source = NOTEBOOKS / "record_and_replay.ipynb"
    files = []
    for _ in range(3):
        command = [
            sys.executable,
            "-m",
            "nbconvert",
            "--to",
            "notebook",
            "--execute",
            "--output=again",
            str(source),
        ]
        done = subprocess.run(
            [*command, f"--output-dir={tmp_path}"],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            cwd=tmp_path,
            env=nobody,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        source = tmp_path / "again.ipynb"
        notebook = nbformat.read(source, 4)
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
            for output in cell.get("outputs", []):
                about = output.get("metadata", {}).get("jupyter_prem", {})
                for part in TIMING & set(about):
                    del about[part]
        files.append(nbformat.writes(notebook))
    assert files[0] == files[1] == files[2]


def test_the_quickstart_is_saved_with_its_outputs_and_names_who_answers():
    saved = answers(QUICKSTART)
    assert len(saved) == 3
    assert {data[MIME]["model"] for data in saved} == {"SmolLM2-135M-Instruct"}
    assert all({"text/html", "text/markdown", "text/plain"} <= set(data) for data in saved)
    sources = [cell.source for cell in nbformat.read(QUICKSTART, 4).cells]
    assert any('PremMagics.endpoint = "embedded"' in source for source in sources)
    for source in sources:
        if source.startswith("%%chat"):
            assert "--seed" in source


def test_what_the_notebooks_of_experiments_save_tells_of_no_run():
    for name in ("experiments.ipynb", "reproducible_study.ipynb"):
        for cell in nbformat.read(NOTEBOOKS / name, 4).cells:
            tags = set(cell.metadata.get("tags", ()))
            for output in cell.get("outputs", []):
                words = "".join(output.get("data", {}).get(kind, "") for kind in ("text/plain", "text/html"))
                assert not re.search("latency|replayed| at 0x", words), cell.source
                assert "image/png" not in output.get("data", {}) or "nbval-ignore-output" in tags
        # A replay asks nobody, so that what asks again, live, is passed over by every runner.
        live = [c for c in nbformat.read(NOTEBOOKS / name, 4).cells if c.source.startswith("%prem verify")]
        assert all({"nbval-skip", "skip-execution"} <= set(cell.metadata.tags) for cell in live)
        assert all("Reproduced: 48 of 48" in cell.outputs[0].data["text/plain"] for cell in live)
