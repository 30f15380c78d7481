from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def any_text() -> Iterator[None]:
    """Frames that tests make hold any text, as those of `Runs.to_frame` do: pyarrow's hold no lone surrogate."""
    with pd.option_context("mode.string_storage", "python"):
        yield
