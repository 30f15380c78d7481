"""What is asked again goes to whom it was asked: from cells, from Python, and after it was saved."""

from __future__ import annotations

import json

import nbformat
import pytest
from cells import text
from executed import MIME
from loopback import Reply, Service, answer
from resumed import Page

KEY = "kk-1234567890abcdef1234"


@pytest.fixture
def other():
    service = Service()
    service.script = lambda _: Reply(answer("cut", finish="length"))
    yield service
    service.stop()


def fresh(kernel):
    assert kernel.run("%unload_ext jupyter_prem\n%reset -f\n%load_ext jupyter_prem").status == "ok"


@pytest.mark.parametrize(
    "again",
    [
        "%prem regenerate",
        "%prem continue",
        "r = chat_conversation.regenerate()",
        "r = chat_conversation.continue_()",
        "r = chat_conversation.fork().regenerate(seed=1)",
    ],
)
@pytest.mark.parametrize(
    "first", ["%chat --endpoint {0} hi", "%chat x\nchat_conversation.ask('hi', endpoint='{0}')"]
)
def test_it_is_asked_where_it_was(kernel, service, other, first, again):
    ran = kernel.run(first.format(other.url))
    assert ran.status == "ok", ran.error
    before = len(service.questions)
    ran = kernel.run(f"{again}\n{again}")
    assert ran.status == "ok", ran.error
    assert (len(other.questions), len(service.questions)) == (3, before)


@pytest.mark.parametrize(
    "again", ["%prem regenerate --endpoint {0}", "chat_conversation.regenerate(endpoint='{0}')"]
)
def test_another_may_be_named_and_a_new_question_goes_to_the_notebooks_own(kernel, service, other, again):
    kernel.run(f"%chat --endpoint {other.url} hi")
    assert kernel.run(again.format(service.url)).status == "ok"
    assert kernel.run("chat_conversation.ask('new')").status == "ok"
    assert (len(other.questions), len(service.questions)) == (1, 2)


@pytest.mark.parametrize("ending", ["json", "md", "ipynb"])
def test_an_export_keeps_where_it_was_asked(kernel, service, other, tmp_path, ending):
    kernel.run(f"%chat --endpoint {other.url} hi")
    assert kernel.run(f"%prem export {tmp_path}/e.{ending}").status == "ok"
    fresh(kernel)
    shown = text(kernel.run(f"%prem resume {tmp_path}/e.{ending}"))
    assert f"asked at '{other.url}', and again without a key unless --endpoint names it" in shown
    kernel.run("chat = get_ipython().magics_manager.registry['PremMagics'].notebook.conversation()")
    for again in ("%prem regenerate", "r = chat.continue_()"):
        assert kernel.run(again).status == "ok"
    assert (len(other.questions), len(service.questions)) == (3, 0)


def test_a_saved_page_keeps_where_it_was_asked(kernel, service, other, tmp_path):
    page = Page(kernel, tmp_path / "page.ipynb")
    page.run("a", "%%chat\na")
    page.run("b", f"%%chat --endpoint {other.url}\nb")
    about = [cell["outputs"][0]["data"][MIME].get("endpoint") for cell in page.cells]
    assert about == [None, other.url]
    assert "endpoint" not in page.cells[0]["outputs"][0]["data"][MIME]
    page.resume()
    kernel.run("%prem regenerate")
    assert (len(other.questions), len(service.questions)) == (2, 1)


def test_an_exported_notebook_asks_where_it_was_asked(kernel, service, other, tmp_path):
    kernel.run(
        f"%chat --endpoint {other.url} one\nchat_conversation.ask('two', stop='x', endpoint='{other.url}')"
    )
    kernel.run(f"%prem export {tmp_path}/e.ipynb")
    cells = nbformat.read(tmp_path / "e.ipynb", 4).cells
    fresh(kernel)
    for cell in cells:
        ran = kernel.run(cell.source)
        assert ran.status == "ok", (cell.source, ran.error)
    assert (len(other.questions), len(service.questions)) == (4, 0)


@pytest.mark.parametrize(
    ("prepare", "keyed"),
    [
        ("", False),
        ("%config PremMagics.endpoint = '{0}/'", True),
        ("%prem regenerate --endpoint {0}", True),
        ("chat_conversation.regenerate(endpoint='{0}')", True),
    ],
)
def test_no_key_goes_where_only_a_file_says(kernel, other, tmp_path, prepare, keyed):
    kernel.run(f"%chat --endpoint {other.url} hi\n%prem export {tmp_path}/e.ipynb")
    fresh(kernel)
    kernel.run(f"import os; os.environ['PREMAI_API_KEY'] = {KEY!r}")
    kernel.run(f"%prem resume {tmp_path}/e.ipynb")
    kernel.run(prepare.format(other.url))
    assert kernel.run("r = chat_conversation.regenerate()").status == "ok"
    assert kernel.run("%prem regenerate").status == "ok"
    sent = [request.headers.get("authorization") for request in other.questions[-2:]]
    assert sent == [f"Bearer {KEY}" if keyed else None] * 2


@pytest.mark.parametrize("value", [3, [], "http://a b", "https://ada:secret@x.org"])
def test_an_endpoint_that_is_none_is_left_out_or_told(kernel, other, service, tmp_path, value):
    kernel.run(f"%chat --endpoint {other.url} hi\n%prem export {tmp_path}/e.json")
    data = json.loads((tmp_path / "e.json").read_text())
    data["turns"][0]["endpoint"] = value
    (tmp_path / "e.json").write_text(json.dumps(data))
    fresh(kernel)
    ran = kernel.run(f"%prem resume {tmp_path}/e.json")
    if not isinstance(value, str):
        assert ran.ename == "ConversationFileError"
        return
    ran = kernel.run("%prem regenerate")
    assert ran.status == "error"
    assert "secret" not in ran.error
    assert (len(other.questions), len(service.questions)) == (1, 0)


def test_a_conversation_of_no_notebook_asks_again_whom_it_asked(kernel, service, other, tmp_path):
    ran = kernel.run(
        "from jupyter_prem import Client, Conversation\n"
        f"client = Client({service.url!r})\n"
        "chat = Conversation(client=client)\n"
        f"chat.ask('q', endpoint={other.url!r})\n"
        "chat.regenerate()\n"
        f"with chat.stream('p', endpoint={other.url!r}) as stream: list(stream)\n"
        "chat.ask('r')\n"
        "chat.undo()\n"
        f"chat.save('{tmp_path}/chat.json')"
    )
    assert ran.status == "ok", ran.error
    assert (len(other.questions), len(service.questions)) == (3, 1)
    # A file alone names no one that is asked.
    ran = kernel.run(f"Conversation.load('{tmp_path}/chat.json', client).regenerate()")
    assert ran.status == "ok", ran.error
    assert (len(other.questions), len(service.questions)) == (3, 2)
