"""Conversations in a real kernel: what follows the page, what is replaced, kept apart and sent."""

from __future__ import annotations

import json

import nbformat
import pytest
from cells import ask, said, text
from loopback import Reply, answer, as_json


def test_running_a_cell_in_the_middle_again_replaces_and_cuts(kernel, service):
    for name in "abc":
        ask(kernel, name, name)
    number = kernel.value("len(In) - 2")
    again = ask(kernel, "b, but better", "b")
    assert said(kernel) == ["a", "You said: a", "b, but better", "You said: b, but better"]
    assert "follows “a”" in again.bundles[0]["text/html"]
    history = text(kernel.run("%prem history"))
    assert f"ask after its last answer:\n   [{number}]  c" in history
    assert history.index("●  ") < history.index("├─○") < history.index("b, but better")
    ask(kernel, "c", "c")
    assert said(kernel)[-2:] == ["c", "You said: c"]
    assert "No longer" not in text(kernel.run("%prem history"))
    assert len(service.questions) == 5


def test_all_answers_of_one_cell_are_replaced_together(kernel):
    loop = "for word in {}:\n    %chat {{{{ word }}}}"
    kernel.run(loop.format(["x", "y", "z"]), "loop")
    ask(kernel, "after", "after")
    kernel.run(loop.format(["x2", "y2"]), "loop")
    assert said(kernel) == ["x2", "You said: x2", "y2", "You said: y2"]


def test_a_cell_that_asks_from_python_is_replaced_too(kernel):
    ask(kernel, "a", "a")
    for _ in range(2):
        kernel.run("_ = chat_conversation.ask('b')", "b")
    assert said(kernel) == ["a", "You said: a", "b", "You said: b"]


def test_headless_cells_append(kernel):
    ask(kernel, "a")
    ask(kernel, "a")
    assert len(said(kernel)) == 4


def test_undo_takes_back_a_rerun_a_reset_and_new(kernel):
    for name in "ab":
        ask(kernel, name, name)
    before = said(kernel)
    for change in (
        lambda: ask(kernel, "a2", "a"),
        lambda: kernel.run("%prem reset"),
        lambda: ask(kernel, "new", "n", "--new"),
    ):
        change()
        assert said(kernel) != before
        assert "Back in 'default', 2 exchanges, after “b”" in text(kernel.run("%prem undo"))
        assert said(kernel) == before


def test_a_system_message_is_replaced_from_its_turn_on_and_seen(kernel, service):
    first = ask(kernel, "one", "1", "-s 'be <b>brief</b>'")
    assert "system “be &lt;b&gt;brief&lt;/b&gt;”" in first.bundles[0]["text/html"]
    second = ask(kernel, "two", "2")
    assert "system “" not in second.bundles[0]["text/html"]
    third = ask(kernel, "three", "3", "-s ''")
    assert "no system message any more" in third.bundles[0]["text/html"]
    firsts = [request.body["messages"][0] for request in service.questions]
    assert [message["role"] for message in firsts] == ["system", "system", "user"]


def test_every_role_of_the_api_goes_out(kernel, service):
    ask(kernel, "one", options="-s brief --name ada")
    kernel.run("chat_conversation.append('tool', '42', tool_call_id='c1')")
    ask(kernel, "two")
    assert service.questions[1].body["messages"] == [
        {"role": "system", "content": "brief"},
        {"role": "user", "content": "one", "name": "ada"},
        {"role": "assistant", "content": "You said: one"},
        {"role": "tool", "content": "42", "tool_call_id": "c1"},
        {"role": "user", "content": "two"},
    ]


def test_a_window_sends_less_and_says_so(kernel, service):
    for name in "abc":
        ask(kernel, name)
    ran = ask(kernel, "d", options="--window 1")
    assert "Sent without the first 2 exchanges" in text(ran)
    assert [m["content"] for m in service.questions[-1].body["messages"]] == ["c", "You said: c", "d"]
    kernel.run("%config PremMagics.window = 0")
    ask(kernel, "e")
    assert [m["content"] for m in service.questions[-1].body["messages"]] == ["e"]
    assert len(said(kernel)) == 10
    assert "between" not in kernel.run("%config PremMagics.window = -1").text
    assert kernel.run("%%chat --window x\nhi").ename == "OptionError"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (
            400,
            {
                "error": {
                    "message": "This model's maximum context length is 4096 tokens",
                    "code": "context_length_exceeded",
                }
            },
        ),
        (
            400,
            {
                "error": {
                    "message": "the request exceeds the available context size",
                    "type": "exceed_context_size_error",
                }
            },
        ),
        (422, {"error": "`inputs` tokens + `max_new_tokens` must be <= 4096"}),
        (400, {"message": "prompt is too long: 209122 tokens > 200000 maximum"}),
        (
            413,
            {"detail": "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"},
        ),
        (500, {"error": "input length exceeds maximum context length"}),
    ],
)
def test_a_full_context_window_is_named_and_nothing_is_lost(kernel, service, status, body):
    ask(kernel, "one")
    service.script = lambda _: as_json(body, status)
    ran = kernel.run("%%chat\ntwo")
    assert ran.ename == "ContextWindowExceededError"
    assert "context window" in ran.error
    assert "--window" in ran.error
    assert len(ran.traceback) <= 4
    assert said(kernel) == ["one", "You said: one"]


def test_other_refusals_are_not_called_a_full_window(kernel, service):
    service.script = lambda _: as_json({"error": {"message": "temperature is too high"}}, 400)
    assert kernel.run("%%chat\ntwo").ename == "BadRequestError"
    service.script = lambda _: as_json({"error": {"message": "Too many requests, context: burst"}}, 429)
    assert kernel.run("%%chat\ntwo").ename == "RateLimitError"


def test_fork_switch_and_conversations(kernel):
    ask(kernel, "a")
    assert "Now in 'alt', 1 exchange" in text(kernel.run("%prem fork alt"))
    ask(kernel, "b")
    assert "Now in 'default', 1 exchange" in text(kernel.run("%prem switch default"))
    assert said(kernel) == ["a", "You said: a"]
    table = text(kernel.run("%prem conversations"))
    assert "| → | `default` | `1` |" in table
    assert "| `alt` | `2` |" in table
    assert kernel.run("%prem fork alt").ename == "ConversationError"
    turn = kernel.value("chat_conversation.all_turns[0].hash[:8]").strip("'")
    assert "after “a”" in text(kernel.run(f"%prem fork old {turn}"))
    assert kernel.run("%prem fork x zzzz").ename == "PremError"
    assert "the new conversation 'fresh'" in text(kernel.run("%prem switch fresh"))
    ask(kernel, "c")
    assert said(kernel) == ["c", "You said: c"]


def test_a_page_can_be_run_from_top_to_bottom_again_and_again(kernel):
    page = {
        "a": "%%chat -s brief\na",
        "b": "%%chat\nb",
        "u": "%prem undo",
        "c": "%%chat\nc",
        "r": "%prem regenerate",
        "f": "%prem fork alt",
        "d": "%%chat --window 1\nd",
        "s": "%prem switch default",
        "e": "%%chat\ne",
    }
    seen = []
    for _ in range(3):
        for cell, source in page.items():
            ran = kernel.run(source, cell)
            assert ran.status == "ok", (source, ran.error)
        kernel.run("%prem switch alt", "x")
        other = said(kernel)
        kernel.run("%prem switch default", "y")
        seen.append((said(kernel), other))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0] == ["brief", "a", "You said: a", "c", "You said: c", "e", "You said: e"]
    assert seen[0][1] == ["brief", "a", "You said: a", "c", "You said: c", "d", "You said: d"]


def test_regenerate_and_continue_take_options_and_their_cells_can_be_run_again(kernel, service):
    ask(kernel, "one", "a", "--seed 1 -m m1")
    kernel.run("%prem regenerate --seed 2 -o mine", "r")
    bodies = [request.body for request in service.questions]
    assert (bodies[1]["seed"], bodies[1]["model"], bodies[1]["messages"]) == (2, "m1", bodies[0]["messages"])
    assert kernel.value("mine is chat_response") == "True"
    ask(kernel, "two", "b")
    kernel.run("%prem regenerate --seed 3", "r")
    assert said(kernel) == ["one", "You said: one"]
    service.script = lambda _: Reply(answer("cut", finish="length"))
    ask(kernel, "long", "l")
    service.script = service.echo
    for _ in range(2):
        ran = kernel.run("%prem continue --max-tokens 9", "k")
        assert len(ran.bundles) == 1
        assert len(said(kernel)) == 6
    assert service.questions[-1].body["max_completion_tokens"] == 9
    assert kernel.run("%prem continue more please").ename == "PremError"


def test_a_dry_run_of_regenerate_shows_what_it_would_send(kernel, service):
    service.models = ["a", "b"]
    kernel.run("%unload_ext jupyter_prem\n%load_ext jupyter_prem")
    ask(kernel, "one", options="-m a --seed 1")
    shown = text(kernel.run("%prem regenerate --dry-run --seed 2"))
    assert json.loads(shown[shown.index("{") : shown.rindex("}") + 1]) == service.questions[0].body | {
        "seed": 2
    }
    assert len(service.questions) == 1


def test_undo_and_redo_at_the_ends_are_clear_errors(kernel):
    for what in ("undo", "redo"):
        ran = kernel.run(f"%prem {what}")
        assert (ran.ename, len(ran.traceback)) == ("ConversationError", 1)


def test_a_prompt_goes_out_as_typed_whatever_ipython_makes_of_it(kernel, service):
    for body in (">>> 1/0\nTraceback", "In [1]: x = 3\n   ...: y", "a\n>>> b", "!ls\n%time\n?x"):
        kernel.run(f"%%chat --once\n{body}")
        assert service.questions[-1].body["messages"][0]["content"] == body


def test_a_conversation_can_have_any_name_but_none(kernel, tmp_path):
    for line in ("switch ''", "switch ' '", "fork ''"):
        assert "needs a name" in kernel.run(f"%prem {line}").error
    kernel.run("get_ipython().run_line_magic('prem', \"switch 'a\\nb'\")\n%chat hi")
    assert kernel.run(f"%prem export {tmp_path / 'n.ipynb'}").status == "ok"
    for cell in nbformat.read(tmp_path / "n.ipynb", 4).cells:
        assert kernel.run(cell.source).status == "ok"
    assert kernel.value("chat_conversation.name") == repr("a\nb")


def test_what_is_only_shown_or_refused_begins_no_conversation(kernel, service):
    kernel.run("%chat --dry-run -c nope hi")
    assert kernel.run("%prem regenerate -c nowhere").ename == "ConversationError"
    ask(kernel, "one")
    for flag in ("--new", "--name ada"):
        assert "takes no --n" in kernel.run(f"%prem regenerate {flag}").error
    shown = text(kernel.run("%prem conversations"))
    assert "nope" not in shown
    assert "nowhere" not in shown


def test_what_is_asked_again_goes_to_whom_it_was_asked(kernel, service, tmp_path):
    from loopback import Service

    other = Service()
    kernel.run(
        f"%chat --endpoint {other.url} -m special hi\n%prem regenerate\n%prem regenerate --endpoint {service.url}"
    )
    other.stop()
    assert [request.body["model"] for request in other.questions] == ["special", "special"]
    assert [request.body["model"] for request in service.questions] == ["special"]


def test_a_continued_answer_is_sent_with_its_continuation(kernel, service):
    service.script = lambda _: Reply(answer("cut", finish="length"))
    ask(kernel, "a")
    ask(kernel, "b", options="--window 0")
    for line, length in (
        ("%prem continue", 3),
        ("%prem continue --window 0", 3),
        ("%prem continue --window 2", 7),
    ):
        kernel.run(line)
        assert len(service.questions[-1].body["messages"]) == length, line


def test_a_cell_without_a_number_is_no_panel(kernel):
    ask(kernel, "a")
    kernel.client.execute("%chat hi", store_history=False)
    kernel.client.get_shell_msg(timeout=20)
    shown = text(kernel.run("%prem usage"))
    assert "panel" not in shown
    assert "| cell |" in shown
