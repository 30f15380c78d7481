from __future__ import annotations

import subprocess
import sys

import pytest

import jupyter_prem

HEAVY = (
    "IPython",
    "anyio",
    "httpx",
    "ipywidgets",
    "jinja2",
    "markdown",
    "nh3",
    "pygments",
    "starlette",
    "xllamacpp",
)


def loaded_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_imports_nothing_heavy():
    assert loaded_after("import jupyter_prem") == set()
    assert loaded_after("from jupyter_prem import PremError, ChatResponse") == set()


def test_loading_the_magics_imports_only_what_a_kernel_has():
    code = "from IPython.core.interactiveshell import InteractiveShell as S; S.instance().run_line_magic('load_ext', 'jupyter_prem')"
    assert loaded_after(code) - loaded_after("import IPython.core.interactiveshell") == set()


def test_public_names_are_sorted_and_there():
    assert list(jupyter_prem.__all__) == sorted(jupyter_prem.__all__)
    for name in jupyter_prem.__all__:
        assert getattr(jupyter_prem, name).__name__ == name
    assert dir(jupyter_prem) == jupyter_prem.__all__


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="nonsense"):
        jupyter_prem.nonsense  # noqa: B018 - the access is the test
