"""Which notebook this is, as each way of running one says it; the real ones where they can be installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from kernels import Kernel

ASK = (
    "%load_ext jupyter_prem\n"
    "from jupyter_prem.notebook._identity import current_cell, notebook_path\n"
    "print('path', notebook_path(get_ipython()))\nprint('id', current_cell(get_ipython()).id)"
)


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "my page.ipynb"
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [nbformat.v4.new_code_cell(ASK, id="first")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=spec), path)
    return path


def output(path):
    cells = nbformat.read(path, 4).cells
    asking = next(cell for cell in cells if cell.cell_type == "code" and "current_cell" in cell.source)
    return "".join(output.text for output in asking.outputs)  # in several pieces, if it took its time


def in_kernel(code, **settings):
    kernel = Kernel(**settings)
    try:
        return kernel.run(f"{code}\n{ASK}", "cell-7").text
    finally:
        kernel.stop()


def run(*words, cwd, **environ):
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST"}
    }
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**kept, **environ},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_jupyter_server_names_it(notebook):
    shown = in_kernel("", env={"JPY_SESSION_NAME": str(notebook), "PYTEST_CURRENT_TEST": None})
    assert shown == f"path {notebook.resolve()}\nid cell-7\n"


@pytest.mark.parametrize("name", ["gone.ipynb", "", "7b0c9d52-uuid", "console-1-abc"])
def test_a_name_that_is_no_file_is_none(notebook, name):
    shown = in_kernel(
        "", env={"JPY_SESSION_NAME": name, "PYTEST_CURRENT_TEST": None}, cwd=str(notebook.parent)
    )
    assert shown == "path None\nid cell-7\n"


def test_vs_code_names_it(notebook):
    shown = in_kernel(f"__vsc_ipynb_file__ = {str(notebook)!r}", env={"JPY_SESSION_NAME": "x.ipynb"})
    assert shown == f"path {notebook.resolve()}\nid cell-7\n"


def test_nbclient_says_nothing(notebook):
    run("jupyter", "execute", "--inplace", notebook.name, cwd=notebook.parent)
    assert output(notebook) == "path None\nid None\n"


def test_papermill_says_it_when_told_to(notebook, tmp_path):
    run("papermill", notebook.name, "out.ipynb", cwd=tmp_path)
    assert output(tmp_path / "out.ipynb") == "path None\nid None\n"
    run("papermill", "--inject-paths", notebook.name, "out.ipynb", cwd=tmp_path)
    assert output(tmp_path / "out.ipynb") == f"path {(tmp_path / 'out.ipynb').resolve()}\nid None\n"


@pytest.mark.parametrize("where", [".", ".."])
def test_nbval_names_it(tmp_path, where):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    path = folder / "page.ipynb"
    code = (
        "%load_ext jupyter_prem\nfrom jupyter_prem.notebook._identity import notebook_path\n"
        f"assert str(notebook_path(get_ipython())) == {str(path.resolve())!r}, notebook_path(get_ipython())"
    )
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]), path)
    root = folder if where == "." else tmp_path
    run("pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", str(path.relative_to(root)), cwd=root)


def test_a_terminal_has_neither(tmp_path):
    script = tmp_path / "ask.ipy"
    script.write_text(ASK)
    kept = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=nocolor", str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={**kept, "IPYTHONDIR": str(tmp_path / "ipython")},
    )
    assert done.stdout == "path None\nid None\n"


def test_a_path_of_another_folder_is_found_from_below(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    path = tmp_path / "a" / "page.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    shown = in_kernel(
        "",
        env={"PYTEST_CURRENT_TEST": "a/page.ipynb::Cell 0 (setup)", "JPY_SESSION_NAME": None},
        cwd=str(tmp_path / "a" / "b"),
    )
    assert shown.startswith(f"path {Path(path).resolve()}\n")
