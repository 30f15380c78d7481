from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from loopback import Service

from jupyter_prem import AsyncClient, Runs, sweep


@pytest.fixture(scope="module")
def any_text() -> Iterator[None]:
    """Frames that tests make hold any text, as those of `Runs.to_frame` do: pyarrow's hold no lone surrogate."""
    with pd.option_context("mode.string_storage", "python"):
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, an empty one, where nothing is set."""
    monkeypatch.chdir(tmp_path)
    for name in ("JUPYTER_PREM_RECORD", "JUPYTER_PREM_CASSETTE", "PREM_MODEL", "PREMAI_API_KEY", "CI"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def ask(service: Service) -> Callable[..., Runs]:
    """`sweep` at the loopback service, without a bar."""

    def asked(*args: Any, **settings: Any) -> Runs:
        return sweep(*args, **{"client": AsyncClient(service.url, timeout=20), "progress": False} | settings)

    return asked
