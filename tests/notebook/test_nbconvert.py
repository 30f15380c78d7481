"""What nbconvert makes of a notebook that was executed: a page, LaTeX, a script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import html5lib
import nbformat
import pypandoc
import pytest
from allowed import find_faults
from loopback import Reply, Service, answer

ANSWER = (
    "A **mean** of $x^2$ costs 5 % & more.\n\n- one\n- two_three\n\n```python\nx = '\\\\input'\n```\n\n"
    "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'>\n\n"
    "[a](javascript:window.hit=1) ![b](http://127.0.0.1:9/beacon) \\input{/etc/passwd} \\write18{hit}\n\n"
    "$$\\input{/etc/passwd}$$\n\n`\\input{/etc/passwd}`{=latex}\n\n```{=latex}\n\\input{/etc/passwd}\n```\n"
)


@pytest.fixture(scope="module")
def asked():
    """The loopback service that answered in the notebook, and that its script asks."""
    service = Service()
    service.script = lambda _: Reply(answer(*(ANSWER[at : at + 7] for at in range(0, len(ANSWER), 7))))
    yield service
    service.stop()


@pytest.fixture(scope="module")
def executed(asked, tmp_path_factory):
    """A notebook that nbconvert has executed."""
    setup = f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {asked.url!r}"
    # With a question mark at its end, nbconvert would take the last line for one that asks for help.
    codes = [setup, "%%chat --seed 7\nWhat's {{ 1 + 1 }}?", "answer = %chat and why"]
    cells = [nbformat.v4.new_code_cell(code) for code in codes]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = tmp_path_factory.mktemp("nbconvert") / "asked.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), path)
    convert(path, "notebook", "--execute", "--inplace")
    return path


def convert(path, kind, *options):
    """Convert a notebook with the command that people type."""
    pandoc = Path(pypandoc.get_pandoc_path()).parent
    command = [sys.executable, "-m", "nbconvert", "--to", kind, *options, path.name]
    done = subprocess.run(
        command,
        cwd=path.parent,
        env={**os.environ, "PATH": f"{pandoc}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_page_shows_the_answers_and_holds_nothing_that_acts(executed):
    convert(executed, "html")
    page = html5lib.parse(
        executed.with_suffix(".html").read_text(), treebuilder="etree", namespaceHTMLElements=False
    )
    answers = [e for e in page.iter("div") if "jupyter-prem" in e.get("class", "").split()]
    assert len(answers) == 2
    for shown in answers:
        html = html5lib.serialize(shown, tree="etree", omit_optional_tags=False, quote_attr_values="always")
        assert find_faults(html) == []
        text = "".join(shown.itertext())
        assert "<script>window.hit = 1</script>" in text
        assert [strong.text for strong in shown.iter("strong")] == ["mean"]
        assert [item.text for item in shown.iter("li")] == ["one", "two_three"]


def test_latex_has_the_markdown_of_the_answers_and_runs_none_of_their_commands(executed):
    convert(executed, "latex")
    latex = executed.with_suffix(".tex").read_text()
    body = latex.partition("\\begin{document}")[2]
    assert body.count("\\textbf{mean}") == 2
    assert body.count("\\item\n  one") == 2
    assert "5 \\% \\& more" in body
    assert "javascript:" not in "".join(body.split("\\href{")[1:])
    assert "\\includegraphics" not in body
    assert "\\input" not in body
    assert "\\write18" not in body


def test_a_script_runs_the_cells_as_magics_and_asks_the_same(executed, asked):
    convert(executed, "script")
    script = executed.with_suffix(".py")
    text = script.read_text()
    assert "get_ipython().run_cell_magic('chat', '--seed 7', \"What's {{ 1 + 1 }}?\\n\")" in text
    assert "answer = get_ipython().run_line_magic('chat', 'and why')" in text
    before = [request.body for request in asked.questions]
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=NoColor", script],
        cwd=script.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("A **mean** of") == 2
    assert [request.body for request in asked.questions][len(before) :] == before
