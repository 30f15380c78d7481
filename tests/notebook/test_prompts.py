"""What a prompt may name: cells, their results, the last error; and what Tab offers on the way."""

from __future__ import annotations

import pytest


def prompt(kernel, service, text, options="--once"):
    ran = kernel.run(f"%%chat {options}\n{text}")
    assert ran.status == "ok", ran.error
    return service.questions[-1].body["messages"][-1]["content"]


def number(kernel):
    return int(kernel.value("len(In) - 1"))


def test_cells_and_their_results_can_be_named(kernel, service):
    kernel.run("x = 6 * 7  # as typed!\nx")
    place = number(kernel) - 1
    assert prompt(kernel, service, f"{{{{ In[{place}] }}}} is {{{{ Out[{place}] }}}}") == (
        "x = 6 * 7  # as typed!\nx is 42"
    )
    kernel.run("%%chat --once\nwhat?")
    place = number(kernel) - 1
    assert prompt(kernel, service, f"{{{{ In[{place}] }}}} gave {{{{ Out[{place}] }}}}") == (
        "%%chat --once\nwhat? gave You said: what?"
    )
    ran = kernel.run("%%chat\n{{ Out[999] }}")
    assert (ran.ename, "999" in ran.error) == ("TemplateError", True)


def test_the_last_error_is_its_cell_and_a_short_traceback(kernel, service):
    kernel.run("def half(n):\n    return n / 0")
    kernel.run("a = 1\nhalf(a)")
    shown = prompt(kernel, service, "Why?\n{{ last_error }}")
    lines = shown.split("\n")
    assert lines[:4] == ["Why?", f"In [{number(kernel) - 2}]:", "a = 1", "half(a)"]
    assert lines[5] == "Traceback (most recent call last):"
    assert lines[7].strip() == "half(a)"
    assert "in half" in lines[8]
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert "\x1b" not in shown
    assert "IPython" not in shown


def test_a_function_of_pythons_is_no_value_but_may_be_called(kernel, service):
    for magic in ("%%chat --once", "%%sweep"):
        before = len(service.requests)
        ran = kernel.run(f"{magic}\nItem {{{{ id }}}}")
        assert (ran.ename, "id" in ran.error) == ("PlanError" if "sweep" in magic else "TemplateError", True)
        assert len(service.requests) == before
    assert prompt(kernel, service, "{{ len('abc') }}") == "3"
    kernel.run("id = 7")
    assert prompt(kernel, service, "Item {{ id }}") == "Item 7"
    kernel.run("del id")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def f(:", "SyntaxError"),
        ("  x = 1\n y", "IndentationError"),
        ("import json; json.loads('[')", "JSONDecodeError"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("def f(n): return f(n + 1)\nf(0)", "RecursionError"),
        ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E", "E"),
        ("raise ValueError('x' * 100_000)", "characters left out"),
        ("x = '" + "y" * 5_000 + "'\n1/0", "characters left out"),
        ("undefined_name", "NameError"),
        (
            "try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise RuntimeError('outer') from e",
            "RuntimeError: outer\nwhich came from:\nZeroDivisionError: division by zero",
        ),
        (
            "raise ExceptionGroup('g', [ValueError('a'), TypeError('b')])",
            "  | ValueError: a\n  | TypeError: b",
        ),
        ("raise ValueError('<unknown> token')", "ValueError: <unknown> token"),
    ],
)
def test_errors_of_every_kind_are_told_shortly(kernel, service, code, words):
    kernel.run(code)
    shown = prompt(kernel, service, "{{ last_error }}")
    assert words in shown
    assert len(shown) < 4_500


def test_an_error_of_ours_is_not_the_last_error(kernel, service):
    kernel.run("1/0")
    assert kernel.run("%%chat -t 9\nhi").status == "error"
    assert kernel.run("%%chat\n{{ nope }}").status == "error"
    assert "ZeroDivisionError" in prompt(kernel, service, "{{ last_error }}")


def test_without_an_error_it_says_so_and_a_name_of_the_users_wins(kernel, service):
    ran = kernel.run("%%chat\n{{ last_error }}")
    assert "No cell has failed yet" in ran.error
    kernel.run("last_error = 'mine'")
    kernel.run("1/0")
    assert prompt(kernel, service, "{{ last_error }}") == "mine"


def test_no_exception_hook_is_taken(kernel):
    kernel.run("get_ipython().set_custom_exc((ValueError,), lambda shell, *_, **__: print('theirs'))")
    assert "theirs" in kernel.run("raise ValueError").text
    kernel.run("get_ipython().set_custom_exc((), None)")
    kernel.run("%unload_ext jupyter_prem")
    kernel.run("1/0")
    assert kernel.run("%load_ext jupyter_prem").status == "ok"
    assert kernel.run("%%chat\n{{ last_error }}").ename == "TemplateError"


def tab(kernel, code, at=None):
    kernel.client.complete(code, len(code) if at is None else at)
    while True:
        reply = kernel.client.get_shell_msg(timeout=10)
        if reply["msg_type"] == "complete_reply":
            content = reply["content"]
            return [code[: content["cursor_start"]] + match for match in content["matches"]]


TABS = {
    "%%chat --temp": ["%%chat --temperature"],
    "%%prem --win": ["%%prem --window"],
    "%chat --cod": ["%chat --code"],
    "y = %chat --dry": ["y = %chat --dry-run"],
    "%%chat -m ": ["%%chat -m 'b c'", "%%chat -m loopback-1"],
    "%%chat -t 1 -m loop": ["%%chat -t 1 -m loopback-1"],
    "%%chat --model=loop": ["%%chat --model=loopback-1"],
    "%%chat -c ": ["%%chat -c default", "%%chat -c other"],
    "%%chat -o my_n": ["%%chat -o my_name"],
    "%%chat --endpoint e": ["%%chat --endpoint embedded"],
    "%prem his": ["%prem history"],
    "%prem switch o": ["%prem switch other"],
    "%prem regenerate --see": ["%prem regenerate --seed"],
    "%prem continue -m l": ["%prem continue -m loopback-1"],
    "x = %prem regenerate --see": ["x = %prem regenerate --seed"],
    "%%chat -s 'be brief' --see": ["%%chat -s 'be brief' --seed"],
    "%%chat -s {{ a + b }} --see": ["%%chat -s {{ a + b }} --seed"],
    "%%chat -m b": ["%%chat -m 'b c'"],
    "%%chat -m 'b": ["%%chat -m 'b c'"],
    "%%chat --model='b": ["%%chat --model='b c'"],
    "%%chat --conversation=z": ["%%chat --conversation=z"],
    "%prem switch d": ["%prem switch default"],
    "%%sweep temp": ["%%sweep temperature="],
    "%%sweep seed=0:5 max": ["%%sweep seed=0:5 max_completion_tokens="],
    "%%sweep city='a b' --max-r": ["%%sweep city='a b' --max-requests"],
    "%%sweep model=": ["%%sweep model='b c'", "%%sweep model=loopback-1"],
    "%%sweep model=m1,loop": ["%%sweep model=m1,loopback-1"],
    "%%sweep --data my_n": ["%%sweep --data my_name"],
    "%%sweep -o my_n": ["%%sweep -o my_name"],
    "%%sweep --endpoint=e": ["%%sweep --endpoint=embedded"],
}


@pytest.fixture
def tabbed(kernel, service):
    service.models = ["loopback-1", "b c"]
    kernel.run("my_name = 1\n%prem switch default\n_ = %chat -m m1 -c other hi")
    return kernel


@pytest.mark.parametrize("code", TABS)
def test_tab_completes_options_and_values(tabbed, code):
    assert tab(tabbed, code) == TABS[code]


def test_tab_offers_an_option_once_and_all_subcommands(tabbed):
    offered = tab(tabbed, "%%chat -t 1 --stop a --")
    assert "%%chat -t 1 --stop a --temperature" not in offered
    assert "%%chat -t 1 --stop a --stop" in offered
    assert {"%prem resume", "%prem history", "%prem models"} <= set(tab(tabbed, "%prem "))


def test_tab_on_the_line_of_a_sweep_offers_fields_and_options_once(tabbed):
    offered = tab(tabbed, "%%sweep temperature=0,1 -o x ")
    assert "%%sweep temperature=0,1 -o x top_p=" in offered
    assert "%%sweep temperature=0,1 -o x --repeats" in offered
    assert not {"temperature=", "--output", "--once"} & {match.split()[-1] for match in offered}
    assert "%%sweep city={{ my_name" in tab(tabbed, "%%sweep city={{ my_n")


def test_tab_in_the_prompt_completes_names_and_not_options(tabbed):
    assert "%%chat\n{{ my_name" in tab(tabbed, "%%chat\n{{ my_n")
    assert not any("--temperature" in match for match in tab(tabbed, "%%chat\nwords --t"))
    assert not any("--temperature" in match for match in tab(tabbed, "%chat words --t"))
    assert not any("--temperature" in match for match in tab(tabbed, "x = 1 --t"))


def test_tab_waits_for_no_service_that_does_not_answer(tabbed, service):
    import threading
    import time

    from loopback import Reply

    hold = threading.Event()
    reply = service._reply
    service._reply = lambda request: Reply([hold]) if request.method == "GET" else reply(request)
    tabbed.run("%unload_ext jupyter_prem\n%load_ext jupyter_prem")
    before = time.monotonic()
    tab(tabbed, "%%chat -m x")
    assert time.monotonic() - before < 10
    hold.set()


def test_unloading_takes_tab_back(tabbed):
    tabbed.run("%unload_ext jupyter_prem")
    assert "%%chat --temperature" not in tab(tabbed, "%%chat --temp")


@pytest.mark.parametrize(
    "options", ["--once", "--once -s {{ {'a':{'b':'z'}}['a']['b'] }}", r"--once -s {{ 'z\'s' }}"]
)
def test_braces_outside_of_expressions_go_out_as_typed(kernel, service, options):
    kernel.run("x = 'water'")
    assert prompt(kernel, service, r"Fe $\mathrm{Ca^{2+}}$ and $e^{-{t-}}$ in {{ x }}", options) == (
        r"Fe $\mathrm{Ca^{2+}}$ and $e^{-{t-}}$ in water"
    )
    first = service.questions[-1].body["messages"][0]["content"]
    assert first in {"z", "z's"} or options == "--once"


def test_a_method_may_name_its_object(kernel, service):
    ran = kernel.run(
        "class Course:\n    topic = 'cells'\n    def ask(self):\n        %chat --once on {{ self.topic }}\nCourse().ask()"
    )
    assert ran.status == "ok", ran.error
    assert service.questions[-1].body["messages"][-1]["content"] == "on cells"
