from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.weights
def test_its_build_fetches_the_model_and_opens_the_quickstart(weights, tmp_path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "JUPYTER_CONFIG_DIR": str(tmp_path)}
    done = subprocess.run(
        [ROOT / "binder" / "postBuild"], env=environ, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert str(weights) in done.stdout
    config = json.loads((tmp_path / "jupyter_server_config.json").read_text())
    page = config["LabApp"]["default_url"].removeprefix("/lab/tree/")
    assert (ROOT / page).exists()
    assert ".[all]" in (ROOT / "binder" / "requirements.txt").read_text().splitlines()
