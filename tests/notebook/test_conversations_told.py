"""What is told and exported of conversations in a real kernel: usage, budgets, code, notebooks, help."""

from __future__ import annotations

import json

import nbformat
import pytest
from cells import ask, said, text
from executed import MIME
from loopback import Reply, answer, as_json, completion

from jupyter_prem.notebook import SUBCOMMANDS


def test_usage_adds_up_and_says_unknown_where_the_service_did(kernel, service):
    ask(kernel, "a", "a")
    ask(kernel, "a", "a")
    ask(kernel, "b", "b", "-c 'other | <i>one</i>'")
    service.script = lambda _: as_json({**completion("x"), "usage": None})
    ask(kernel, "c", "c", "--once")
    table = text(kernel.run("%prem usage"))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.split("\n")]
    counts = {row[0]: row[1:5] for row in rows[2:]}
    assert [row for name, row in counts.items() if name.startswith("cell")] == [
        ["2", "6", "10", "16"],
        ["1", "3", "5", "8"],
        ["1", "unknown", "unknown", "unknown"],
    ]
    assert counts["conversation `default`"] == ["2", "6", "10", "16"]
    assert counts["this kernel"] == ["4", "9 + 1 unknown", "15 + 1 unknown", "24 + 1 unknown"]
    assert "<i>" not in kernel.run("%prem usage").bundles[0]["text/html"]
    kernel.run("%config PremMagics.prices = {'loopback-1': (1, 2)}")
    assert "| 0.000039 + 1 unknown |" in text(kernel.run("%prem usage"))


@pytest.mark.parametrize("prices", ["{'m': 3}", "{'m': (1,)}", "{'m': (1, -2)}", "{'m': ('a', 2)}", "3"])
def test_prices_are_pairs(kernel, prices):
    before = kernel.value("get_ipython().magics_manager.registry['PremMagics'].prices")
    kernel.run(f"%config PremMagics.prices = {prices}")
    assert kernel.value("get_ipython().magics_manager.registry['PremMagics'].prices") == before


def test_a_budget_refuses_before_sending_and_says_what_it_cannot_know(kernel, service):
    assert "There is no budget" in text(kernel.run("%prem budget"))
    ask(kernel, "a")
    assert "8 of 20 tokens" in text(kernel.run("%prem budget 20"))
    ran = kernel.run("%%chat --max-tokens 13\nb")
    assert ran.ename == "BudgetError"
    assert "8 are used, and up to 13 more" in ran.error
    assert len(service.questions) == 1
    ask(kernel, "b", options="--max-tokens 12")
    service.script = lambda _: as_json({**completion("x"), "usage": None})
    assert "the budget cannot count this answer" in text(ask(kernel, "c"))
    kernel.run("%prem budget 16")
    assert "usage of 1 answer is unknown" in kernel.run("%%chat\nd").error
    assert kernel.run("%prem budget many").ename == "PremError"
    kernel.run("%prem budget none")
    ask(kernel, "d")


def test_code_goes_into_one_next_cell(kernel, service):
    service.script = lambda _: Reply(answer("Try:\n```python\nx = 1\n```\nand\n```\ny = 2\n```"))
    ran = kernel.run("%%chat --code\nhi")
    assert ran.payload == [{"source": "set_next_input", "text": "x = 1\n\ny = 2", "replace": False}]
    assert kernel.value("chat_response.code_blocks, chat_response.code_blocks[0].language") == (
        "(['x = 1', 'y = 2'], 'python')"
    )
    service.script = service.echo
    ran = kernel.run("%%chat --code\nhi")
    assert ran.payload == []
    assert "holds no code block" in text(ran)


@pytest.mark.parametrize("ending", ["md", "json", "ipynb"])
def test_an_export_is_taken_up_again(kernel, tmp_path, ending):
    ask(kernel, "one", options="-s 'be brief' --seed 3")
    ask(kernel, "two")
    before = said(kernel)
    path = tmp_path / f"my chat.{ending}"
    assert "Saved 2 exchanges" in text(kernel.run(f"%prem export '{path}'"))
    kernel.run("%unload_ext jupyter_prem\n%load_ext jupyter_prem")
    shown = text(kernel.run(f"%prem resume '{path}'"))
    assert "be brief" in shown
    assert said(kernel) == before
    ask(kernel, "three")
    assert said(kernel)[:-2] == before


def test_an_export_leaves_other_files_alone(kernel, tmp_path):
    ask(kernel, "one")
    for name in ("a.md", "a.json", "a.ipynb", "a.txt"):
        (tmp_path / name).write_text("mine")
        assert kernel.run(f"%prem export {tmp_path / name}").ename == "ConversationFileError"
        assert (tmp_path / name).read_text() == "mine"


PROMPTS = [
    "plain words",
    "two\nlines",
    "{{ braces }} and { one }",
    'apostrophe\'s "quotes" \\ back $x ${y} ! % #',
    "  indented and trailing  \n\n",
    "%%chat in a prompt",
    "a\rb\x0bc\u2028d",
    "ends with a question?",
    "日本 é 🎉",
    "'''\"\"\"",
]


def test_an_exported_notebook_runs_and_asks_the_same(kernel, service, tmp_path):
    kernel.run(f"prompts = {PROMPTS!r}\nchat = get_ipython().run_line_magic('prem', 'switch default')")
    kernel.run("chat = chat_conversation\nfor text in prompts: chat.ask(text, seed=3)")
    kernel.run("chat.append('user', 'by hand')\nchat.append('assistant', 'yes')")
    kernel.run(
        "chat.ask('options', system='a {{ b }}\\nwith \\'lines\\'', stop=['x y', \"it's\"], temperature=None, name='ada b', window=2)\n"
        "chat.ask('{{ x }}', system='and {{ y }}')\nchat.ask('plain', system='')"
    )
    before, bodies = said(kernel), [request.body for request in service.questions]
    path = tmp_path / "again.ipynb"
    assert kernel.run(f"%prem export {path}").status == "ok"
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    kernel.run("%unload_ext jupyter_prem")
    service.requests.clear()
    for cell in notebook.cells:
        ran = kernel.run(cell.source)
        assert ran.status == "ok", (cell.source, ran.error)
        if cell.source.startswith("%%chat"):
            theirs = ran.bundles[0]
            assert theirs[MIME] == cell.outputs[0]["data"][MIME]
            assert theirs["text/plain"] == cell.outputs[0]["data"]["text/plain"]
    assert said(kernel) == before
    assert [request.body for request in service.questions] == bodies


def test_an_exported_notebook_without_python_shows_its_first_prompts_as_they_are(kernel, tmp_path):
    ask(kernel, "What is {x}?", options="-t 0.5 --stop 'a b'")
    kernel.run(f"%prem export {tmp_path / 'chat.ipynb'}")
    cells = [cell.source for cell in nbformat.read(tmp_path / "chat.ipynb", 4).cells]
    assert cells == [
        "%load_ext jupyter_prem",
        "%prem switch default",
        "%%chat --model loopback-1 --stop 'a b' --temperature 0.5\nWhat is {x}?",
    ]


def test_hostile_names_and_texts_are_shown_as_text(kernel):
    attack = "<script>alert(1)</script> ![x](http://evil.example/p) `` ` ``"
    kernel.run(f"chat = __import__('jupyter_prem').Conversation\nname = {attack!r}")
    ask(kernel, attack, options="-c {{ name }}")
    kernel.run("m = get_ipython().magics_manager.registry['PremMagics'].notebook; _ = m.switch(name)")
    for command in ("history", "conversations", "usage", "undo", "redo", "reset", "status"):
        bundle = kernel.run(f"%prem {command}").bundles[0]
        assert "<script" not in bundle["text/html"]
        assert "<img" not in bundle["text/html"]
        assert "<a " not in bundle["text/html"], command


def test_help_documents_every_subcommand_and_option(kernel):
    for magic, words in {
        "%prem?": [f"%prem {command.name}" for command in SUBCOMMANDS],
        "%%chat?": ["--window", "--code", "--conversation", "--dry-run"],
    }.items():
        shown = json.dumps(kernel.run(magic).payload)
        assert [word for word in words if word not in shown] == []


def test_a_long_history_stays_short(kernel):
    kernel.run("%prem switch default")
    kernel.run("for n in range(500): chat_conversation.append('user', str(n))")
    lines = text(kernel.run("%prem history")).split("\n")
    assert "450 earlier exchanges" in lines[1]
    assert len(lines) == 52


def test_messages_appended_by_hand_and_fields_without_an_option_are_exported(kernel, service, tmp_path):
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    service.script = lambda _: Reply(answer("{}"))
    kernel.run(
        "%prem switch default\nchat = chat_conversation\nchat.append('system', 'be brief')\n"
        f"chat.append('user', 'what?', name='ada')\nchat.append('assistant', None, tool_calls=[{call!r}])\n"
        "chat.append('tool', '42', tool_call_id='c1')\n%chat -t 0.5 and now?\n"
        f"_ = chat.ask('json', response_format={schema!r}, system='other')\n"
        f"_ = chat.ask('tools', tools=[{{'type': 'function', 'function': {{'name': 'f'}}}}, None], tool_choice='none')\n"
        "_ = chat.ask('stop', stop='x', window=2)\n%chat --no-stream --response-format text whole\n"
    )
    before, bodies = said(kernel), [request.body for request in service.questions]
    assert len(bodies) == 5
    path = tmp_path / "all.ipynb"
    assert kernel.run(f"%prem export {path}").status == "ok"
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    kernel.run("%unload_ext jupyter_prem\n%load_ext jupyter_prem")
    shown = kernel.run(f"%prem resume '{path}'")
    assert "left out" not in text(shown)
    assert said(kernel) == before
    kernel.run("%unload_ext jupyter_prem")
    service.requests.clear()
    for cell in notebook.cells:
        ran = kernel.run(cell.source)
        assert ran.status == "ok", (cell.source, ran.error)
    assert said(kernel) == before
    assert [request.body for request in service.questions] == bodies


@pytest.mark.parametrize(("magic", "name"), [("%chat?", "%chat "), ("%%chat?", "%%chat ")])
def test_help_calls_the_magic_by_its_name(kernel, magic, name):
    shown = kernel.run(magic).payload[0]["data"]["text/plain"]
    assert name in shown
    assert "chat_line" not in shown
