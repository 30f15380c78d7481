"""Taking a conversation up from a saved notebook: whole, edited, reordered, doubled, deleted, forked."""

from __future__ import annotations

import copy
import json

import nbformat
import pytest
from loopback import Reply, answer
from resumed import BRIEF, as_output, bare, exchanges


def test_a_saved_notebook_is_taken_up_whole(page, service):
    ran = page.resume()
    assert ran.status == "ok", ran.error
    shown = ran.bundles[0]["text/plain"]
    assert "Taken up from page.ipynb" in shown
    assert "system message taken from the file:\n  │ brief" in shown
    assert page.said() == ["brief", *exchanges("a", "b", "c")]
    assert page.kernel.value("chat_conversation.head.response.usage.total_tokens") == "8"
    assert page.kernel.value(
        "chat_conversation.head.response.request['seed'] if 0 else chat_conversation.head.fields"
    ) == ("{'model': 'loopback-1'}")
    page.run("d", "%%chat\nd")
    assert [m["content"] for m in service.questions[-1].body["messages"]] == [
        "brief",
        *exchanges("a", "b", "c"),
        "d",
    ]


def test_a_cell_run_again_after_a_restart_replaces_its_saved_exchange(page):
    page.resume()
    page.run("b", "%%chat\nb2")
    assert page.said() == ["brief", *exchanges("a", "b2")]
    page.kernel.run("%prem undo")
    assert page.said() == ["brief", *exchanges("a", "b", "c")]


def test_taking_it_up_twice_changes_nothing_more_and_undo_takes_it_back(page):
    page.resume()
    before = page.said()
    page.kernel.run(f"%prem resume '{page.path}'")
    assert page.said() == before
    page.kernel.run("%prem undo\n%prem undo")
    assert page.said() == []


def test_regenerate_goes_on_from_a_saved_answer(page, service):
    page.resume()
    service.requests.clear()
    assert page.kernel.run("%prem regenerate").status == "ok"
    assert [m["content"] for m in service.questions[0].body["messages"]][-1] == "c"


def test_reordered_cells_keep_the_order_in_which_they_followed(page):
    page.cells.reverse()
    page.resume()
    assert page.said() == ["brief", *exchanges("a", "b", "c")]


def test_an_edited_cell_is_what_it_said_when_it_was_asked_and_is_named(page):
    page.cells[1]["source"] = "%%chat\nsomething else"
    ran = page.resume()
    assert "cell 2, edited since it was asked" in ran.bundles[0]["text/plain"]
    assert page.said() == ["brief", *exchanges("a", "b", "c")]


def test_a_copied_cell_counts_once_and_is_named(page):
    twin = copy.deepcopy(page.cells[1])
    twin["id"] = "twin"
    page.cells.insert(2, twin)
    ran = page.resume()
    assert "cell 3: a copy of the answer of cell 2" in ran.bundles[0]["text/plain"]
    assert page.said() == ["brief", *exchanges("a", "b", "c")]
    page.run("twin", "%%chat\nb")
    assert page.said() == ["brief", *exchanges("a", "b", "c", "b")]


def test_what_follows_a_deleted_cell_is_left_out_and_named(page):
    del page.cells[1]
    ran = page.resume()
    assert "cell 2: it follows an answer that is not in the notebook any more" in ran.bundles[0]["text/plain"]
    assert page.said() == BRIEF


def test_a_cell_whose_output_was_cleared_is_as_deleted(page):
    page.cells[2]["outputs"] = []
    page.resume()
    assert page.said() == ["brief", *exchanges("a", "b")]


def test_cells_that_fell_out_stay_out(page):
    page.run("a", "%%chat -s brief\na2")
    ran = page.resume()
    assert page.said() == ["brief", *exchanges("a2")]
    assert ran.bundles[0]["text/plain"].count("it follows an answer") == 2


def test_of_several_ends_the_one_finished_last_is_the_head(page):
    page.kernel.run("%prem undo")
    page.cells.insert(0, nbformat.v4.new_code_cell("", id="d"))
    page.run("d", "%%chat\nd")
    for cell, second in zip(page.cells, (9, 1, 2, 3), strict=True):
        cell["outputs"][0]["metadata"]["jupyter_prem"]["finished"] = f"2026-01-01T00:00:0{second}+00:00"
    page.resume()
    assert page.said() == ["brief", *exchanges("a", "b", "d")]
    assert "├─○" in page.kernel.run("%prem history").bundles[0]["text/plain"]


def test_conversations_are_kept_apart_and_once_is_none(page):
    page.run("o", "%%chat -c other\nx")
    page.run("p", "%%chat --once\ny")
    page.run("q", "%%chat -c other\nz")
    page.resume()
    assert page.said() == ["brief", *exchanges("a", "b", "c")]
    page.kernel.run("%prem switch other")
    assert page.said() == exchanges("x", "z")


def test_a_fork_is_taken_up_with_what_it_began_from(page):
    page.kernel.run("%prem fork alt")
    page.run("d", "%%chat\nd")
    page.kernel.run("%prem switch default")
    page.run("e", "%%chat\ne")
    page.resume()
    assert page.said() == ["brief", *exchanges("a", "b", "c", "e")]
    page.kernel.run("%prem switch alt")
    assert page.said() == ["brief", *exchanges("a", "b", "c", "d")]


def test_several_answers_of_one_cell_are_all_taken(page):
    page.run("l", "for word in ('x', 'y'):\n    %chat {{ word }}")
    page.resume()
    assert page.said() == ["brief", *exchanges("a", "b", "c", "x", "y")]
    page.run("l", "%%chat\nz")
    assert page.said() == ["brief", *exchanges("a", "b", "c", "z")]


def test_an_interrupted_answer_is_taken_as_one(page, service):
    import threading

    from loopback import Reply, chunk, event

    arrived = threading.Event()

    def pieces():
        yield event(chunk("partial"))
        arrived.set()
        yield threading.Event()

    service.script = lambda _: Reply(pieces())
    message = page.kernel.start("%%chat\nd", "d")
    assert arrived.wait(10)
    assert not service.closed.wait(0.2)
    page.kernel.interrupt()
    ran = page.kernel.finish(message)
    outputs = [as_output(output) for output in ran.outputs if "data" in output]
    page.cells.append(nbformat.v4.new_code_cell("%%chat\nd", id="d", outputs=outputs))
    page.resume()
    assert page.said()[-2:] == ["d", "partial"]
    assert page.kernel.value("chat_conversation.head.response.interrupted") == "True"
    service.script = service.echo
    assert page.kernel.run("%prem continue").status == "ok"


def test_a_long_notebook_is_taken_up(kernel, tmp_path):
    kernel.run("%prem switch default")
    kernel.run("for n in range(1500): chat_conversation.ask(str(n))", timeout=100)
    path = tmp_path / "long.ipynb"
    kernel.run(f"%prem export {path}", timeout=100)
    kernel.run("%unload_ext jupyter_prem\n%load_ext jupyter_prem")
    assert kernel.run(f"%prem resume {path}", timeout=60).status == "ok"
    assert kernel.value("len(chat_conversation)") == "1500"


def heads(page):
    code = (
        "import json; print(json.dumps({n: [[m.content for m in c.messages], c.head.response.model]"
        " for n, c in find_magics(get_ipython()).notebook.conversations.items()}))"
    )
    return json.loads(page.kernel.run(f"from jupyter_prem.notebook import find_magics\n{code}").text)


def test_equal_answers_of_other_cells_are_no_copies(kernel, tmp_path, service):
    service.script = lambda _: Reply(answer("4"))
    page = bare(kernel, tmp_path)
    page.run("a", "%%chat -c one -m m1\n2+2?")
    page.run("b", "%%chat -c two -m m2\n2+2?")
    page.run("c", "%%chat -c two --new\n2+2?")
    ran = page.resume()
    assert "left out" not in ran.bundles[0]["text/plain"]
    assert {name: said for name, (said, _) in heads(page).items()} == {
        "one": ["2+2?", "4"],
        "two": ["2+2?", "4"],
    }
    page.run("b", "%%chat -c two -m m3\n3+3?")
    page.run("a", "%%chat -c one\n1+1?")
    assert page.kernel.value("[m.content for m in chat_conversation.messages]") == "['1+1?', '4']"


def test_a_regenerated_answer_stays_in_the_cells_of_both(kernel, tmp_path, service):
    service.script = lambda _: Reply(answer("4"))
    page = bare(kernel, tmp_path)
    page.run("a", "%%chat -m m1\n2+2?")
    page.run("r", "%prem regenerate -m m2")
    page.run("b", "%%chat\nand?")
    page.resume()
    assert page.said() == ["2+2?", "4", "and?", "4"]
    assert page.kernel.value("[t.fields['model'] for t in chat_conversation.turns]") == "['m2', 'loopback-1']"
    page.run("r", "%prem regenerate -m m3")
    assert page.said() == ["2+2?", "4"]
    page.run("a", "%%chat\nx")
    assert page.said() == ["x", "4"]


def test_a_page_with_a_fork_is_run_again_after_a_restart(kernel, tmp_path):
    page = bare(kernel, tmp_path)
    cells = {"a": "%%chat -c default\na", "f": "%prem fork alt", "d": "%%chat\nd"}
    for name, source in cells.items():
        page.run(name, source)
    page.resume()
    page.kernel.run("%prem switch default")
    for name, source in cells.items():
        ran = page.run(name, source)
        assert ran.status == "ok", (name, ran.error)
    assert page.said() == exchanges("a", "d")
    assert page.kernel.run("%prem switch default").status == "ok"
    assert page.kernel.run("%prem fork alt").ename == "ConversationError"  # made by a cell of this kernel


def test_the_window_and_who_gave_the_system_message_are_taken_up(page, service):
    page.run("d", "%%chat --window 1\nd")
    page.resume()
    sent = ["brief", *exchanges("c"), "d"]
    assert page.kernel.value(
        "[m['content'] for m in chat_conversation.head.response.request['messages']]"
    ) == repr(sent)
    page.kernel.run("%prem regenerate")
    assert [m["content"] for m in service.questions[-1].body["messages"]] == sent


@pytest.mark.parametrize(("given", "later"), [("-s ''", None), ("", "NEW")])
def test_a_settings_system_message_stays_the_settings(kernel, tmp_path, service, given, later):
    page = bare(kernel, tmp_path)
    kernel.run("%config PremMagics.system = 'OLD'")
    page.run("a", f"%%chat {given}\na")
    page.resume()
    kernel.run("%config PremMagics.system = 'NEW'")
    page.run("b", "%%chat\nb")
    roles = [m["content"] for m in service.questions[-1].body["messages"] if m["role"] == "system"]
    assert roles == ([later] if later else [])


def test_a_conversation_of_another_name_goes_on_after_it_is_taken_up(kernel, tmp_path):
    page = bare(kernel, tmp_path)
    page.run("a", "%%chat -c alt\na")
    ran = page.resume()
    assert "go on in 'alt'" in ran.bundles[0]["text/plain"]
    page.run("b", "%%chat\nb")
    assert page.said() == exchanges("a", "b")


def test_taking_it_up_again_adds_no_turn(page):
    page.resume()
    page.run("d", "%%chat\nd")
    page.save()
    for _ in range(2):
        page.kernel.run(f"%prem resume '{page.path}'")
        assert page.kernel.value("len(chat_conversation.all_turns)") == "4"
        assert page.said() == ["brief", *exchanges("a", "b", "c", "d")]


def test_nothing_is_taken_up_while_a_conversation_is_busy(kernel, tmp_path):
    page = bare(kernel, tmp_path)
    page.run("a", "%%chat -c aa\na")
    page.run("b", "%%chat -c default\nb")
    page.save()
    kernel.run(
        "%unload_ext jupyter_prem\n%load_ext jupyter_prem\n%prem switch default\nchat = chat_conversation"
    )
    code = f"with chat.stream('x', model='m') as s: get_ipython().run_line_magic('prem', \"resume '{page.path}'\")"
    assert kernel.run(code).ename == "ConversationBusyError"
    assert kernel.value("[len(chat.all_turns), len(chat)]") in ("[0, 0]", "[1, 1]")
    names = "sorted(find_magics(get_ipython()).notebook.conversations)"
    kernel.run("from jupyter_prem.notebook import find_magics")
    assert kernel.value(names) == "['default']"
