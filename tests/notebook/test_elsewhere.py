"""VS Code and Colab, by what they would do with a cell: which type they show, and what they cannot do."""

from __future__ import annotations

import html5lib
import pytest
from kernels import Kernel
from loopback import Reply, answer, calls

# In what order VS Code looks for what it can draw (NOTEBOOK_DISPLAY_ORDER in its notebookCommon.ts); types that
# it does not know and no extension draws, such as ours, come after all of them.
VS_CODE = (
    "application/json",
    "application/javascript",
    "text/html",
    "image/svg+xml",
    "text/latex",
    "text/markdown",
    "image/png",
    "image/jpeg",
    "text/plain",
)
OURS = "application/vnd.jupyter-prem+json"

CELLS = {
    "an answer": "%%chat --once\nhi",
    "a line": "_ = %chat --once hi",
    "data": "%%chat --once --schema City\nname one",
    "calls": "%%chat --once --tools add\n1 + 2?",
    "a sweep": "%%sweep n=0:2 seed=1\n{{ n }}?",
    "an outcome": "%prem history",
    "an answer again": "chat_response",
}
SETUP = "from typing import TypedDict\nclass City(TypedDict):\n    name: str\ndef add(a: int, b: int) -> int:\n    'Add.'\n    return a + b"

# What tells Colab: its own shell, in a kernel of its own.
COLAB = {
    "google/colab/__init__.py": "",
    "google/colab/_shell.py": (
        "from ipykernel import zmqshell\nclass Shell(zmqshell.ZMQInteractiveShell):\n    'Colab.'\n"
    ),
    "google/colab/_kernel.py": (
        "from ipykernel import ipkernel\nfrom google.colab import _shell\n"
        "class Kernel(ipkernel.IPythonKernel):\n"
        "    def _shell_class_default(self):\n        return _shell.Shell\n"
    ),
}


def script(request):
    body = request.body
    if body.get("response_format"):
        return Reply(answer('{"name": ', '"Rome"}'))
    if body.get("tools") and body["messages"][-1]["role"] == "user":
        return Reply(calls(("add", '{"a": 1, "b": 2}')))
    return Reply(answer("An **answer** with `code`."))


def shown(bundle):
    return next(kind for kind in VS_CODE if kind in bundle)


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_a_page_that_prefers_html_has_html_that_stands_alone(kernel, service, cell, live):
    service.script = script
    kernel.run(SETUP)
    kernel.run("%%chat --once\nbefore")
    ran = kernel.run(CELLS[cell], "cell-1" if live else None)
    assert ran.status == "ok", ran.error
    assert ran.bundles
    for bundle in ran.bundles:
        assert shown(bundle) == "text/html"
        assert set(bundle) <= {"text/html", "text/markdown", "text/plain", OURS}
        # Colab draws each output in a frame of its own, in which there is no stylesheet but what came with it.
        page = html5lib.parseFragment(bundle["text/html"], treebuilder="etree", namespaceHTMLElements=False)
        tags = {element.tag for element in page.iter() if isinstance(element.tag, str)}
        assert ("style" in tags) == ('class="jupyter-prem ' in bundle["text/html"])
        assert not tags & {"script", "link", "img", "iframe"}


def test_an_answer_is_drawn_once_where_no_id_of_a_cell_is_sent(kernel, service):
    service.say(*answer(*(f"Paragraph {place}. " * 20 + "\n\n" for place in range(20))))
    kinds = [message["msg_type"] for message in kernel.run("%%chat --once\nhi").messages]
    assert kinds == ["status", "execute_input", "display_data", "status"]
    ran = kernel.run("%%chat --once\nhi", "cell-1")
    assert len([m for m in ran.messages if m["msg_type"] in {"display_data", "update_display_data"}]) > 1
    assert len(ran.outputs) == 1


def test_an_answer_streams_into_a_page_of_nbclassic_which_sends_no_id(kernel, service, monkeypatch):
    service.say(*answer(*(f"Paragraph {place}. " * 20 + "\n\n" for place in range(20))))
    kernel.run("os.environ['JPY_SESSION_NAME'] = 'lesson.ipynb'")
    try:
        once = kernel.run("%%chat --once\nhi")
        monkeypatch.setattr(kernel.client.session, "msg_header", classic(kernel.client.session.msg_header))
        ran = kernel.run("%%chat --once\nhi")
    finally:
        kernel.run("del os.environ['JPY_SESSION_NAME']")
    assert [m["msg_type"] for m in once.messages] == ["status", "execute_input", "display_data", "status"]
    assert len([m for m in ran.messages if m["msg_type"] in {"display_data", "update_display_data"}]) > 1
    assert ran.bundles == once.bundles


def classic(header):
    """Return what makes headers as nbclassic does."""
    return lambda kind: {**header(kind), "username": "username", "version": "5.2"}


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """A kernel whose shell is Colab's."""
    folder = tmp_path_factory.mktemp("colab")
    for name, text in COLAB.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    options = ["--IPKernelApp.kernel_class=google.colab._kernel.Kernel"]
    kernel = Kernel({"PYTHONPATH": str(folder), "JPY_SESSION_NAME": "lesson.ipynb"}, options=options)
    ran = kernel.run("%load_ext jupyter_prem\ntype(get_ipython()).__module__")
    assert ran.bundles[0]["text/plain"] == "'google.colab._shell'"
    yield kernel
    kernel.stop()


@pytest.fixture
def asked(colab, service):
    assert colab.run(f"%config PremMagics.endpoint = {service.url!r}").status == "ok"
    return colab


def test_colab_shows_an_answer_once_it_is_whole(asked, service, monkeypatch):
    service.say(*answer(*(f"Paragraph {place}. " * 20 + "\n\n" for place in range(20))))
    monkeypatch.setattr(asked.client.session, "msg_header", classic(asked.client.session.msg_header))
    ran = asked.run("%%chat --once\nhi")
    assert [m["msg_type"] for m in ran.messages] == ["status", "execute_input", "display_data", "status"]
    assert shown(ran.bundles[0]) == "text/html"


def test_where_code_cannot_become_a_cell_the_answer_says_where_it_is(asked, service):
    service.say(*answer("```python\nx = 41 + 1\n```"))
    ran = asked.run("%%chat --once --code\nhi")
    assert ran.status == "ok"
    said = "Colab makes no cell of code: it is in chat_response.code_blocks."
    assert said in ran.bundles[0]["text/html"]
    assert asked.value("chat_response.code_blocks") == "['x = 41 + 1']"
    service.say(*answer("no code"))
    assert said not in asked.run("%%chat --once --code\nhi").bundles[0]["text/html"]
    assert said not in asked.run("%%chat --once\nhi").bundles[0]["text/html"]
