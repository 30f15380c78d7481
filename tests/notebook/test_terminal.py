"""A terminal IPython and a `jupyter console`, in a real pseudo-terminal."""

from __future__ import annotations

import re

from loopback import answer
from terminal import console, ipython


def test_answers_are_plain_text_with_their_escapes_disarmed(service):
    service.say(*answer("plain ", "\x1b[31mred\x1b[0m <b>not bold</b>", finish="length"))
    shown = ipython(
        "%load_ext jupyter_prem", "%chat what's up?", "x = %chat again", PREM_ENDPOINT=service.url
    )
    assert "plain red <b>not bold</b>" in shown.replace("\r", "")
    assert "\x1b[31m" not in shown
    assert "cut at the token limit" in shown
    assert shown.count("plain red") == 2
    assert service.questions[0].body["messages"][0]["content"] == "what's up?"


def test_an_error_is_short(service):
    shown = ipython("%load_ext jupyter_prem", "%chat -t 9 hi", PREM_ENDPOINT=service.url)
    assert "RequestError: temperature is 9.0: must be a number between 0 and 2" in shown
    assert "Traceback" not in shown


def test_a_conversation_is_branched_and_told(service):
    shown = ipython(
        "%load_ext jupyter_prem",
        "%chat one",
        "%chat two",
        "%prem undo",
        "%prem regenerate --seed 2",
        "%prem history",
        "%prem usage",
        "%chat --dry-run --once {{ In[2] }} {{ last_error }}",
        PREM_ENDPOINT=service.url,
    ).replace("\r", "")
    assert "Back in 'default', 1 exchange, after “one”" in shown
    assert "●  [5]  one  →  You said: one   ← here" in shown
    assert re.search(r"○  [0-9a-f]{8}  \[3\]  two", shown)
    assert "this kernel | 3 | 9 | 15 | 24" in shown
    assert "No cell has failed yet" in shown
    assert [request.body["messages"][-1]["content"] for request in service.questions] == ["one", "two", "one"]


def test_tab_completes_our_options(service):
    shown = ipython(
        "%load_ext jupyter_prem",
        "import warnings; warnings.simplefilter('ignore')",
        "tab = lambda text: [c.text for c in get_ipython().Completer.completions(text, len(text))]",
        "print('first', tab('%chat --temp'), tab('%prem his'), tab('%%chat -m '), 'last')",
        PREM_ENDPOINT=service.url,
    )
    assert "first ['--temperature'] ['history'] ['loopback-1'] last" in shown


def test_a_terminal_waits_for_the_body_of_a_cell(service):
    shown = ipython(
        "%load_ext jupyter_prem",
        "whole = lambda text: get_ipython().input_transformer_manager.check_complete(text)[0]",
        "print('first', whole('%%chat'), whole('%%chat -t 0\\nhow are'), whole('%%chat\\nhi\\n\\n'), whole('%chat hi'), 'last')",
        PREM_ENDPOINT=service.url,
    )
    assert "first incomplete incomplete complete complete last" in shown


def test_a_sweep_leaves_its_summary_and_its_results(service):
    shown = ipython(
        "%load_ext jupyter_prem",
        "%%sweep n=0:3 seed=1\nWhat's {{ n }}?\n\n",
        "print('first', [row['text'].strip() for row in runs], 'last')",
        PREM_ENDPOINT=service.url,
    ).replace("\r", "")
    assert "Runs(3 of 3 answered, 24 tokens)" in shown
    assert """first ["You said: What's 0?", "You said: What's 1?", "You said: What's 2?"] last""" in shown


def test_a_sweep_leaves_its_summary_where_a_person_looks(service):
    environ = dict.fromkeys(("CI", "PYTEST_CURRENT_TEST"), "")
    shown = ipython(
        "%load_ext jupyter_prem",
        "%%sweep n=0:3 seed=1\n{{ n }}\n\n",
        PREM_ENDPOINT=service.url,
        **environ,
    )
    assert "3 of 3 answered, 24 tokens" in shown.replace("Runs(3 of 3 answered, 24 tokens)", "")


def test_jupyter_console_answers_in_plain_text(service):
    service.say(*answer("plain ", "**bold** <b>not bold</b>", "\n\n```python\nx = 1\n```"))
    shown = console(
        "%load_ext jupyter_prem",
        "%chat what's up?",
        "get_ipython().run_cell_magic('chat', '--code', 'again')",
        "print('first', chat_response.finish_reason, len(chat_conversation), 'last')",
        "%chat -t 9 hi",
        PREM_ENDPOINT=service.url,
    ).replace("\r", "")
    assert shown.count("plain **bold** <b>not bold</b>") == 2
    assert "<div" not in shown
    assert "first stop 2 last" in shown
    assert "RequestError: temperature is 9.0: must be a number between 0 and 2" in shown
    assert [request.body["messages"][-1]["content"] for request in service.questions] == [
        "what's up?",
        "again",
    ]
