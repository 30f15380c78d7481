"""binder/, by doing what repo2docker does with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from executed import ENVIRONMENT, answers
from lab import Lab

ROOT = Path(__file__).parents[1]


def build(folder: Path, scripts: Path, config: Path) -> str:
    """Run postBuild in a copy of the tree, with an environment's programs; return what it printed."""
    env = {
        **ENVIRONMENT,
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "JUPYTER_CONFIG_DIR": str(config),
    }
    done = subprocess.run(
        [folder / "binder" / "postBuild"], env=env, capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.weights
def test_its_build_fetches_the_model_and_opens_the_quickstart(weights, tmp_path):
    assert str(weights) in build(ROOT, Path(sys.executable).parent, tmp_path)
    config = json.loads((tmp_path / "jupyter_server_config.json").read_text())
    page = config["LabApp"]["default_url"].removeprefix("/lab/tree/")
    assert (ROOT / page).exists()
    assert ".[all]" in (ROOT / "binder" / "requirements.txt").read_text().splitlines()


@pytest.fixture
def copy(tmp_path):
    """The files of the repository, as a clone has them."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    folder = tmp_path / "clone"
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def built(copy, weights, tmp_path):
    """An empty environment, in which what binder/ names was installed and built: the folder of its programs."""
    env = {name: value for name, value in ENVIRONMENT.items() if not name.startswith(("COV", "PYTHON"))}
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    scripts = tmp_path / "env" / "bin"
    subprocess.run(
        [scripts / "pip", "install", "-q", "--no-cache-dir", "-r", "binder/requirements.txt"],
        cwd=copy,
        env=env,
        check=True,
        timeout=600,
    )
    assert str(weights) in build(copy, scripts, copy / ".jupyter")
    return scripts


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.timeout(900)
def test_what_is_built_opens_the_quickstart_and_runs_every_notebook_offline(built, copy, nobody):
    lab = Lab(copy, python=built / "python")
    try:
        here = f"http://127.0.0.1:{lab.port}"
        with urllib.request.urlopen(f"{here}/?token={lab.token}") as page:  # noqa: S310 - this machine's
            assert page.url.partition("?")[0].endswith("/lab/tree/notebooks/quickstart.ipynb")
        file = f"{here}/api/contents/notebooks/quickstart.ipynb?token={lab.token}"
        with urllib.request.urlopen(file) as found:  # noqa: S310 - this machine's
            assert json.load(found)["type"] == "notebook"
    finally:
        lab.stop()
    for path in sorted((copy / "notebooks").glob("*.ipynb")):
        saved = [data["text/html"] for data in answers(path)]
        command = [built / "jupyter", "execute", "--inplace", path.name]
        done = subprocess.run(
            command, cwd=path.parent, env=nobody, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert [data["text/html"] for data in answers(path)] == saved
