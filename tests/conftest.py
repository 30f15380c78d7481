from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from executed import nobody  # noqa: F401 - a fixture
from kernels import Kernel
from loopback import Service
from waited import clients  # noqa: F401 - a fixture

# What the person who runs the tests has set must not decide them.
for name in [name for name in os.environ if name.startswith("PREM")]:
    del os.environ[name]
# Programs that tests start import what is installed, not the tree of this folder.
os.environ["PYTHONSAFEPATH"] = "1"


LONGEST = (  # each with its folder: other folders have a test_panel.py too
    "tests/test_notebooks.py",
    "browser/test_hostile_page.py",
    "browser/test_panel.py",
    "browser/test_panel_views.py",
    "browser/test_panel_keys.py",
    "browser/test_hostile_panel.py",
    "notebook/test_resume.py",
    "notebook/test_canary.py",
)


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False  # by their number of tests; ours is by their time


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes minutes: a file stays with one worker, and at the end the other would wait for it."""
    place = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get("/".join(item.path.parts[-2:]), len(LONGEST)))


@pytest.fixture(scope="module", autouse=True)
def _files_given_back() -> Iterator[None]:
    """What a kernel's client held is closed once nothing refers to it; a worker runs thousands of tests."""
    yield
    if Path("/proc/self/fd").exists() and sum(1 for _ in Path("/proc/self/fd").iterdir()) > 300:
        gc.collect()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def shared_kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    ran = kernel.run("%load_ext jupyter_prem")
    assert ran.status == "ok"
    assert ran.outputs == []
    yield kernel
    kernel.stop()


@pytest.fixture
def kernel(shared_kernel: Kernel, service: Service) -> Kernel:
    """A kernel that has loaded the extension and whose questions go to the loopback service."""
    shared_kernel.watchers.clear()
    ran = shared_kernel.run(
        "%unload_ext jupyter_prem\n%reset -f\nget_ipython().config.pop('PremMagics', None)\n%load_ext jupyter_prem\n"
        f"import os; os.environ['PREM_ENDPOINT'] = {service.url!r}\n"
        "for name in ('PREMAI_API_KEY', 'PREM_MODEL', 'PREM_AI_BASE_URL'): os.environ.pop(name, None)\n"
    )
    assert ran.status == "ok", ran.error
    return shared_kernel


@pytest.fixture(scope="session")
def weights() -> Path:
    """The embedded model's weights, fetched if they are not there: without them a test fails."""
    from jupyter_prem.backends._weights import ensure_weights

    return ensure_weights()
