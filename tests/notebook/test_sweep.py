"""`%%sweep` in real kernels: from a line and a prompt to requests, a table, and one output."""

from __future__ import annotations

import json
import threading
from itertools import product

import pytest
from kernels import Kernel
from loopback import Reply, answer, as_json, calls, completion

from jupyter_prem.records import Cassette

NOBODY = dict.fromkeys(("PREM_ENDPOINT", "PREMAI_API_KEY", "PREM_MODEL", "CI", "PYTEST_CURRENT_TEST"))
GUARD = """
import socket
def refuse(self, address, *_):
    raise AssertionError(f"a socket was opened to {address}")
socket.socket.connect = socket.socket.connect_ex = refuse
"""


def said(service):
    return [request.body["messages"][-1]["content"] for request in service.questions]


def fields(service, *names):
    """The fields that went out, in no order: eight are asked at once."""
    return sorted(
        (tuple(request.body.get(name, "absent") for name in names) for request in service.questions), key=repr
    )


def swept(kernel, code, cell_id=None):
    ran = kernel.run(code, cell_id)
    assert ran.status == "ok", ran.error
    return ran


def column(kernel, name, runs="runs"):
    return json.loads(kernel.run(f"import json\nprint(json.dumps([row[{name!r}] for row in {runs}]))").text)


@pytest.fixture
def begin(tmp_path):
    """Start kernels in one folder, which nothing tells that they are watched by a test."""
    running = []

    def start(**env):
        kernel = Kernel({**NOBODY, **env}, cwd=str(tmp_path))
        running.append(kernel)
        swept(kernel, "%load_ext jupyter_prem")
        return kernel

    yield start
    for kernel in running:
        kernel.stop()


def test_words_and_ranges_make_a_grid_in_their_order(kernel, service):
    swept(kernel, "%%sweep city=Rome,Lima seed=0:2 temperature=0,0.7\nSee {{ city }}?")
    grid = list(product(["Rome", "Lima"], [0, 1], [0, 0.7]))
    assert list(zip(*(column(kernel, name) for name in ("city", "seed", "temperature")), strict=True)) == grid
    assert column(kernel, "text") == [f"You said: See {city}?" for city, _, _ in grid]
    assert sorted(said(service)) == sorted(f"See {city}?" for city, _, _ in grid)
    assert column(kernel, "model") == ["loopback-1"] * 8


RANGES = {"0:3": [0, 1, 2], "2:8:3": [2, 5], "3:0:-1": [3, 2, 1], "-1:1": [-1, 0]}


@pytest.mark.parametrize("words", RANGES)
def test_a_range_is_pythons(kernel, service, words):
    swept(kernel, f"%%sweep n={words}\nn {{{{ n }}}}")
    assert column(kernel, "n") == RANGES[words]


def test_quotes_hold_blanks_and_commas(kernel):
    swept(kernel, """%%sweep city="New York, NY",Rome,'La "Paz"'\n{{ city }}""")
    assert column(kernel, "city") == ["New York, NY", "Rome", 'La "Paz"']


def test_expressions_are_values_of_the_notebook(kernel):
    kernel.run("cities = ['Rome', 'x, y', '{{ z }}']; one = 'Oslo'")
    swept(kernel, "%%sweep city={{ cities[1:] + ['a b'] }} seed={{ range(1, 2) }}\n{{ city }}")
    assert column(kernel, "text") == ["You said: x, y", "You said: {{ z }}", "You said: a b"]
    swept(kernel, "%%sweep city={{one}},Rome,{{ cities[0] + '!' }}\n{{ city }}")
    assert column(kernel, "city") == ["Oslo", "Rome", "Rome!"]


def test_one_value_holds_throughout_and_is_no_column(kernel):
    kernel.run("one = 'Oslo'")
    swept(kernel, "%%sweep city={{ one }} n=0:2\n{{ city }} {{ n }}")
    assert column(kernel, "text") == ["You said: Oslo 0", "You said: Oslo 1"]
    assert kernel.value("runs.axes") == "['n', 'model', 'seed']"


def test_zipped_axes_go_together(kernel):
    kernel.run("pairs = [('Peru', 'Lima'), ('Italy', 'Rome')]")
    swept(kernel, "%%sweep land,city={{ pairs }} seed=1\nIs {{ city }} in {{ land }}?")
    assert column(kernel, "text") == ["You said: Is Lima in Peru?", "You said: Is Rome in Italy?"]
    assert column(kernel, "land") == ["Peru", "Italy"]


def test_the_prompt_is_a_template_over_the_notebook(kernel, service):
    kernel.run("def shout(text): return text.upper() + '!'\ntopic, city = 'food', 'not this'")
    swept(kernel, "%%sweep city=Rome seed=1\n{{ shout(city) }} {{ topic }} {{ 1 + 1 }} {x} $y$ {% z")
    assert said(service) == ["ROME! food 2 {x} $y$ {% z"]


def test_a_prompt_of_constants_alone_is_filled_too(kernel, service):
    swept(kernel, "%%sweep seed=1\n{{ 2 * 3 }} {{ 'x' }}")
    assert said(service) == ["6 x"]


def test_bare_words_that_are_not_written_as_numbers_stay_text(kernel):
    words = "1.10,007,1e3,+1,none,true,1_000,12:30,-0"
    swept(kernel, f"%%sweep v={words}\n{{{{ v }}}}")
    assert column(kernel, "v") == words.split(",")
    assert column(kernel, "text") == [f"You said: {word}" for word in words.split(",")]


def test_bare_numbers_of_the_prompt_are_numbers(kernel):
    swept(kernel, "%%sweep v=1,2.5,-3,'4'\n{{ v }}")
    assert column(kernel, "v") == [1, 2.5, -3, "4"]


def test_fields_have_their_types(kernel, service):
    line = (
        "temperature=0.70 max_completion_tokens=none stop=END model=1 top_p=1 "
        "frequency_penalty=-1 presence_penalty=1e-1 seed=7"
    )
    swept(kernel, f"%%sweep {line}\nhi")
    body = service.questions[0].body
    names = [
        "temperature",
        "max_completion_tokens",
        "stop",
        "model",
        "top_p",
        "frequency_penalty",
        "presence_penalty",
        "seed",
    ]
    assert [body[name] for name in names] == [0.7, None, ["END"], "1", 1, -1, 0.1, 7]


def test_several_stops_are_several_requests(kernel, service):
    swept(kernel, "%%sweep stop=a,'b c' seed=1\nhi")
    assert fields(service, "stop") == [(["a"],), (["b c"],)]
    swept(kernel, "%%sweep stop={{ ['a', 'b'] }} seed=2\nhi")
    assert service.questions[-1].body["stop"] == ["a", "b"]


def test_a_field_may_be_null_and_a_number(kernel, service):
    swept(kernel, "%%sweep temperature=none,0 model=a,b seed=1\nhi")
    assert fields(service, "model", "temperature") == [("a", 0), ("a", None), ("b", 0), ("b", None)]
    assert column(kernel, "temperature") == [None, None, 0, 0]


def test_results_are_bound_to_runs_or_to_the_name_that_is_given(kernel):
    ran = swept(kernel, "%%sweep n=0:2\n{{ n }}")
    assert ran.outputs[-1]["data"]["text/plain"] == "Runs(2 of 2 answered, 16 tokens)"
    assert kernel.value("_ is runs") == "True"
    swept(kernel, "%%sweep n=0:3 -o mine\n{{ n }}")
    swept(kernel, "%%sweep n=0:4 --output=theirs\n{{ n }}")
    assert kernel.value("[len(runs), len(mine), len(theirs)]") == "[2, 3, 4]"


def test_the_results_are_a_table_a_summary_and_a_figure(kernel):
    swept(kernel, "%%sweep n=0:2 seed=1,2\n{{ n }}")
    assert kernel.value("list(runs.to_frame().columns[:4])") == "['n', 'seed', 'model', 'text']"
    assert kernel.value("runs.agreement().n.tolist()") == "[0, 1]"
    assert swept(kernel, "runs.plot();").status == "ok"


def test_data_is_a_row_a_request_and_keeps_its_index(kernel, service):
    kernel.run("import pandas as pd\ndf = pd.DataFrame({'city': ['Rome', 'Lima'], 'x': 1}, index=['r', 'l'])")
    swept(kernel, "%%sweep --data df seed=1:3\nSee {{ city }}?")
    assert kernel.value("runs.to_frame().index.tolist()") == "['r', 'r', 'l', 'l']"
    assert column(kernel, "city") == ["Rome", "Rome", "Lima", "Lima"]


def test_repeats_ask_again_with_another_seed(kernel, service):
    swept(kernel, "%%sweep city=Rome,Lima --repeats 3\n{{ city }}")
    assert column(kernel, "repeat") == [0, 1, 2] * 2
    seeds = column(kernel, "seed")
    assert len(set(seeds)) == 6
    swept(kernel, "%%sweep city=Rome,Lima --repeats 3\n{{ city }}")
    assert column(kernel, "seed") == seeds


def test_a_record_file_is_asked_before_the_service(kernel, service, tmp_path):
    file = tmp_path / "my study.chat.jsonl"
    swept(kernel, f"%%sweep n=0:3 --record '{file}'\n{{{{ n }}}}")
    assert len(Cassette(file)) == 3
    swept(kernel, f"%%sweep n=0:5 --record='{file}'\n{{{{ n }}}}")
    assert column(kernel, "replayed") == [True] * 3 + [False] * 2
    assert len(service.questions) == 5


def test_a_schema_checks_each_answer(kernel, service):
    service.script = lambda request: as_json(
        completion('{"a": 1}' if request.body["messages"][-1]["content"] == "good" else "no")
    )
    kernel.run("shape = {'type': 'object', 'properties': {'a': {'type': 'integer'}}, 'required': ['a']}")
    swept(kernel, "%%sweep word=good,bad --schema shape seed=1\n{{ word }}")
    assert column(kernel, "parsed") == [{"a": 1}, None]
    assert column(kernel, "error")[0] is None
    assert "StructuredOutputError" in column(kernel, "error")[1]
    assert service.questions[0].body["response_format"]["json_schema"]["schema"]["required"] == ["a"]


def test_functions_are_called_for_each_request(kernel, service):
    def script(request):
        asked = request.body["messages"][-1]
        if asked["role"] == "tool":
            return Reply(answer(f"It is {asked['content']}."))
        return Reply(calls(("add", f'{{"a": {asked["content"]}, "b": 1}}')))

    service.script = script
    kernel.run("def add(a: int, b: int) -> int:\n    'Add.'\n    return a + b")
    swept(kernel, "%%sweep n=1,2 seed=1 --tools add --tool-choice auto\n{{ n }}")
    assert column(kernel, "text") == ["It is 2.", "It is 3."]
    assert service.questions[0].body["tool_choice"] == "auto"


def test_a_system_message_goes_before_each_and_is_filled_as_the_prompt_is(kernel, service):
    kernel.run("style = '{{ role }} brief'")
    swept(kernel, "%%sweep -s 'As a {{ role }}, {{ style }}.' role=cook,poet seed=1\nhi")
    assert sorted(request.body["messages"][0]["content"] for request in service.questions) == [
        "As a cook, {{ role }} brief.",
        "As a poet, {{ role }} brief.",
    ]
    assert service.questions[0].body["messages"][0]["role"] == "system"


def test_raw_sends_braces(kernel, service):
    swept(kernel, "%%sweep --raw seed=1 -s '{{ y }}'\n{{ x }}")
    assert [m["content"] for m in service.questions[0].body["messages"]] == ["{{ y }}", "{{ x }}"]


def test_the_endpoint_option_decides_who_answers(kernel, service):
    kernel.run(f"import os; os.environ['PREM_ENDPOINT'] = 'http://127.0.0.1:9'; url = {service.url!r}")
    swept(kernel, "%%sweep seed=1,2 --endpoint {{ url }}/v1\nhi")
    assert {request.path for request in service.questions} == {"/v1/chat/completions"}


def test_settings_hold_where_the_line_says_nothing(kernel, service):
    kernel.run(
        "%config PremMagics.temperature = 1.5\n%config PremMagics.model = 'm2'\n"
        "get_ipython().find_line_magic('prem').__self__.system = 'Be {{ brief }}.'\n%config PremMagics.seed = 9\n%config PremMagics.top_p = 'none'"
    )
    swept(kernel, "%%sweep word=a,b\n{{ word }}")
    assert fields(service, "model", "temperature", "seed", "top_p") == [("m2", 1.5, 9, None)] * 2
    assert {request.body["messages"][0]["content"] for request in service.questions} == {"Be {{ brief }}."}
    swept(kernel, "%%sweep temperature=0 model=m3 -s Other\nc")
    body = service.questions[-1].body
    assert (body["temperature"], body["model"], body["messages"][0]["content"]) == (0, "m3", "Other")


def test_the_timeout_of_the_settings_holds(kernel, service):
    kernel.run("%config PremMagics.timeout = 0.2\n%config PremMagics.model = 'm'")
    never = threading.Event()
    service.script = lambda _: Reply([never])
    swept(kernel, "%%sweep n=0\n{{ n }}")
    assert "silent" in column(kernel, "error")[0]


def test_usage_counts_every_answer(kernel):
    swept(kernel, "%%sweep n=0:5\n{{ n }}")
    table = kernel.run("%prem usage").bundles
    assert "this kernel | 5 | 15 | 25 | 40" in table[0]["text/plain"] + table[-1]["text/plain"]


def test_a_budget_ends_it_and_keeps_the_rows_that_are_done(kernel, service):
    kernel.run("%prem budget 20")
    ran = kernel.run("%%sweep n=0:50 max_completion_tokens=5 --max-concurrency 1\n{{ n }}")
    assert (ran.status, ran.ename) == ("error", "BudgetError")
    assert len(ran.traceback) <= 3
    done = len(service.questions)
    assert 0 < done < 50
    assert kernel.value("len(runs)") == str(done)
    assert column(kernel, "text") == [f"You said: {n}" for n in range(done)]
    assert ran.bundles[0]["text/plain"] == f"{done} of 50 answered, {done * 8} tokens"


def test_requests_at_once_do_not_pass_the_budget_together(kernel, service):
    kernel.run("%prem budget 40")
    ran = kernel.run("%%sweep n=0:50 max_completion_tokens=10\n{{ n }}")
    assert ran.ename == "BudgetError"
    assert len(service.questions) == 4  # 8 tokens each; a fifth might have used 10
    kernel.run("%prem budget 1000")
    assert kernel.run("%%sweep n=0:50 max_completion_tokens=900 -o two\n{{ n }}").ename == "BudgetError"
    done = len(service.questions) - 4
    assert done == (1000 - 900 - 32) // 8 + 1


@pytest.mark.parametrize("cell_id", [None, "cell-1"], ids=["headless", "live"])
def test_an_interrupt_keeps_what_is_done_and_the_kernel_is_usable_at_once(kernel, service, cell_id):
    held, started = threading.Event(), threading.Semaphore(0)

    def script(request):
        if int(request.body["messages"][-1]["content"]) < 4:
            return service.echo(request)
        started.release()
        return Reply([held])

    service.script = script
    kernel.run("import os; os.environ.pop('PYTEST_CURRENT_TEST', None)")
    message = kernel.start("%%sweep n=0:40 -o part --max-concurrency 4\n{{ n }}", cell_id)
    for _ in range(4):
        assert started.acquire(timeout=20)
    kernel.manager.interrupt_kernel()
    ran = kernel.finish(message)
    assert ran.ename == "SweepInterrupted"
    assert len(ran.traceback) == 1
    assert "4 of 40" in ran.error
    assert ran.bundles[0]["text/plain"] == "4 of 40 answered, 32 tokens"
    assert column(kernel, "text", "part") == [f"You said: {n}" for n in range(4)]
    assert service.closed.wait(10)
    service.script = service.echo
    swept(kernel, "%%chat\nstill there?")
    swept(kernel, "%%sweep n=0:2\n{{ n }}")
    assert len(service.questions) == 4 + 4 + 1 + 2


def test_a_service_that_refuses_the_key_ends_it_in_an_error(kernel, service):
    service.script = lambda _: as_json({"error": {"message": "no"}}, 401)
    ran = kernel.run("%%sweep n=0:3\n{{ n }}")
    assert (ran.status, ran.ename) == ("error", "AuthenticationError")
    assert kernel.value("len(runs)") == "0"


def test_a_request_that_fails_is_a_row_and_the_cell_goes_on(kernel, service):
    service.script = lambda request: (
        as_json({"error": {"message": "not this"}}, 400)
        if request.body["messages"][-1]["content"] == "1"
        else service.echo(request)
    )
    ran = swept(kernel, "%%sweep n=0:3\n{{ n }}")
    assert ran.bundles[0]["text/plain"] == "2 of 3 answered, 1 failed, 16 tokens"
    assert "BadRequestError" in column(kernel, "error")[1]
    assert "1 failed" in ran.bundles[1]["text/html"]


BAD = {
    "bad_word": ("%%sweep hello seed=1\nhi", "OptionError", "'hello' is neither an axis nor an option"),
    "axis_without_value": ("%%sweep seed=\nhi", "OptionError", "seed=VALUE"),
    "unknown_option": ("%%sweep --repeat 3\nhi", "OptionError", "Did you mean --repeats"),
    "short_unknown_option": ("%%sweep -q\nhi", "OptionError", "-q"),
    "field_as_option": ("%%sweep --temperature 0.7\nhi", "OptionError", "temperature=VALUE"),
    "short_field_as_option": ("%%sweep -t 0.7\nhi", "OptionError", "temperature=VALUE"),
    "unknown_axis": ("%%sweep temprature=0\nhi", "PlanError", "Did you mean temperature?"),
    "unknown_name": ("%%sweep citty=Rome\nSee {{ city }}", "PlanError", "Did you mean city?"),
    "axis_of_nothing": ("%%sweep town=Rome\nhi", "PlanError", "{{ town }}"),
    "twice": ("%%sweep seed=1 seed=2\nhi", "OptionError", "twice"),
    "twice_zipped": ("%%sweep seed=1 seed,model={{ [(1, 'a')] }}\nhi", "PlanError", "twice"),
    "pairs_that_are_none": ("%%sweep seed,model={{ [(1, 'a', 2)] }}\nhi", "PlanError", "tuples of 2"),
    "empty_prompt": ("%%sweep seed=1\n  \n", "PremError", "no prompt"),
    "no_prompt": ("%%sweep seed=1", "PremError", "no prompt"),
    "too_large": ("%%sweep seed=0:2000\nhi", "PlanError", "--max-requests 2000"),
    "too_large_for_the_option": ("%%sweep seed=0:9 --max-requests 8\nhi", "PlanError", "9 requests; 8"),
    "open_quote": ("%%sweep city='Rome\n{{ city }}", "OptionError", "left open"),
    "open_braces": ("%%sweep city={{ x\n{{ city }}", "OptionError", "left open"),
    "missing_variable": ("%%sweep city={{ nope }}\n{{ city }}", "TemplateError", "nope"),
    "missing_name_in_the_prompt": ("%%sweep seed=1\n{{ nope }}", "PlanError", "nope, which has no value"),
    "missing_name_in_the_system_message": ("%%sweep -s '{{ nope }}' seed=1\nhi", "PlanError", "nope"),
    "broken_expression": ("%%sweep seed=1\n{{ 1 + }}", "TemplateError", "--raw"),
    "expression_that_fails": ("%%sweep seed=1\n{{ 1 / 0 }}", "TemplateError", "ZeroDivisionError"),
    "words_beside_an_expression": ("%%sweep city=a{{ 1 }}\n{{ city }}", "OptionError", "nothing beside it"),
    "out_of_range": ("%%sweep temperature=0,3\nhi", "RequestError", "between 0 and 2"),
    "no_number": ("%%sweep temperature=warm\nhi", "RequestError", "warm"),
    "no_whole_number": ("%%sweep seed=1.5\nhi", "RequestError", "1.5"),
    "null_where_none_is_taken": ("%%sweep stop={{ [1] }}\nhi", "RequestError", "stop"),
    "empty_axis": ("%%sweep seed=5:0\nhi", "PlanError", "empty"),
    "endless_range": ("%%sweep seed=0:5:0\nhi", "OptionError", "step 0"),
    "no_data": ("%%sweep --data nope\nhi", "OptionError", "no variable 'nope'"),
    "data_that_is_none": ("%%sweep --data os\nhi", "PlanError", "DataFrame"),
    "no_schema": ("%%sweep --schema Nope seed=1\nhi", "OptionError", "no variable 'Nope'"),
    "no_function": ("%%sweep --tools nope seed=1\nhi", "OptionError", "no variable 'nope'"),
    "choice_without_functions": ("%%sweep --tool-choice auto\nhi", "OptionError", "--tools"),
    "option_without_value": ("%%sweep seed=1 -o\nhi", "OptionError", "expected one argument"),
    "no_variable_name": ("%%sweep -o 3x\nhi", "OptionError", "3x"),
    "no_count": ("%%sweep --repeats 0\nhi", "OptionError", "--repeats 0"),
    "name_of_a_result": ("%%sweep text=a\n{{ text }}", "PlanError", "a column text of their own"),
    "endpoint_without_scheme": (
        "%%sweep --endpoint studio.premai.io\nhi",
        "ConfigurationError",
        "https://studio.premai.io",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_fails_the_cell_in_three_lines_and_sends_nothing(kernel, service, name):
    code, ename, words = BAD[name]
    ran = kernel.run(code)
    assert (ran.status, ran.ename) == ("error", ename), ran.error or ran.outputs
    assert words in ran.error
    assert len(ran.traceback) <= 3, ran.error
    assert [output for output in ran.outputs if "traceback" not in output] == []
    assert service.requests == []
    assert kernel.value("'runs' in globals()") == "False"
    swept(kernel, "%%sweep seed=1\nstill works")


def test_without_a_cell_id_one_summary_and_the_result_are_shown(kernel):
    ran = swept(kernel, "%%sweep n=0:3\n{{ n }}")
    kinds = [message["msg_type"] for message in ran.messages if message["msg_type"] != "status"]
    assert kinds == ["execute_input", "display_data", "execute_result"]
    summary, result = ran.bundles
    assert summary["text/plain"] == "3 of 3 answered, 24 tokens"
    assert set(result) == {"text/plain", "text/html"}
    assert "You said: 2" in result["text/html"]


def test_on_a_live_page_a_bar_moves_and_ends_as_the_same_summary(begin, service):
    gates = [threading.Event() for _ in range(3)]

    def script(request):
        gates[int(request.body["messages"][-1]["content"])].wait(20)
        return service.echo(request)

    service.script = script
    kernel = begin(PREM_ENDPOINT=service.url)
    message = kernel.start("%%sweep n=0:3\n{{ n }}", "cell-1")
    seen = []
    for done, gate in enumerate(gates):
        seen.append(
            kernel.until(message, lambda m, done=done: f"{done}/3" in json.dumps(m["content"]))["msg_type"]
        )
        gate.set()
    ran = kernel.finish(message)
    assert seen[0] == "display_data"
    assert set(seen[1:]) == {"update_display_data"}
    kernel.run("%config PremMagics.live = 'never'")
    headless = swept(kernel, "%%sweep n=0:3\n{{ n }}", "cell-2")
    updates = [m["content"]["data"] for m in ran.messages if m["msg_type"] == "update_display_data"]
    assert [updates[-1], ran.bundles[-1]] == headless.bundles


def test_no_progress_shows_the_result_alone(kernel):
    ran = swept(kernel, "%%sweep n=0:3 --no-progress\n{{ n }}")
    assert [set(bundle) for bundle in ran.bundles] == [{"text/plain", "text/html"}]


CELLS = [
    "%prem record once",
    "%%sweep n=0:3 temperature=0,1\n{{ n }}",
    "%%sweep word=a,a --repeats 2 -o again\n{{ word }}",
    "runs.to_frame()[['n', 'temperature', 'seed', 'text', 'total_tokens']]",
    "again.agreement()",
]


def page(kernel, cells, *, live):
    shown = []
    for place, source in enumerate(cells):
        ran = swept(kernel, source, f"cell-{place}" if live else None)
        shown.append([output.get("data") or output.get("text") for output in ran.outputs])
    return shown


def test_a_page_recorded_live_is_the_same_without_network_or_key(begin, service, tmp_path):
    numbers = iter(range(100))
    service.script = lambda _: as_json(completion(f"Answer {next(numbers)}"))
    live = page(begin(PREM_ENDPOINT=service.url), CELLS, live=True)
    assert len(service.questions) == 6 + 4
    assert list(tmp_path.iterdir()) == [tmp_path / "notebook.chat.jsonl"]
    for env in ({}, {"PYTEST_CURRENT_TEST": "notebook.ipynb::Cell 0 (call)"}):
        kernel = begin(**env)
        kernel.run(GUARD)
        assert page(kernel, CELLS, live=not env) == live
        assert column(kernel, "replayed") == [True] * 6
    assert len(service.questions) == 6 + 4


def test_a_cell_that_is_run_again_is_replayed(begin, service):
    numbers = iter(range(100))
    service.script = lambda _: as_json(completion(f"Answer {next(numbers)}"))
    kernel = begin(PREM_ENDPOINT=service.url)
    swept(kernel, "%prem record new_episodes")
    first = swept(kernel, "%%sweep n=0:3\n{{ n }}", "a").bundles[-1]
    assert swept(kernel, "%%sweep n=0:3\n{{ n }}", "a").bundles[-1] == first
    swept(kernel, "%%sweep n=0:4\n{{ n }}", "a")
    assert column(kernel, "replayed") == [True] * 3 + [False]
    assert len(service.questions) == 4


def test_help_lists_every_option(kernel):
    ran = kernel.run("%%sweep?")
    (told,) = [part["data"]["text/plain"] for part in ran.payload if part.get("source") == "page"]
    for words in (
        "NAME=VALUES",
        "--output",
        "--repeats",
        "--data",
        "--record",
        "--max-concurrency",
        "--max-requests",
        "--system",
        "--endpoint",
        "--schema",
        "--tools",
        "--tool-choice",
        "--raw",
        "--no-progress",
        "0:5",
    ):
        assert words in told
    assert "conversation" not in told


def test_sweep_from_python_asks_the_notebooks_endpoint_with_its_settings(kernel, service):
    kernel.run(
        "import os; del os.environ['PREM_ENDPOINT']\n"
        f"%config PremMagics.endpoint = {service.url!r}\n%config PremMagics.temperature = 0.5\n"
        "%config PremMagics.model = 'm2'\n%config PremMagics.system = 'Be brief.'\n%prem budget 1000"
    )
    ran = swept(kernel, "from jupyter_prem import sweep\nmine = sweep('{{ n }}', n=range(3), seed=1)")
    assert fields(service, "model", "temperature", "seed") == [("m2", 0.5, 1)] * 3
    assert service.questions[0].body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert [bundle["text/plain"] for bundle in ran.bundles] == ["3 of 3 answered, 24 tokens"]
    assert column(kernel, "text", "mine") == [f"You said: {n}" for n in range(3)]
    assert "24 of 1,000 tokens" in kernel.run("%prem budget").bundles[0]["text/plain"]


PROMPTS = [
    "What's up?",
    "why?",
    "it's a 'half open\n\nquote? \"",
    ">>> print(1)?",
    "In [1]: x?\n%time\n!ls",
    "  indented?\n\ttab?",
    "Grüße 😀?",
]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_prompt_arrives_as_typed(kernel, service, prompt):
    swept(kernel, f"%%sweep seed=1\n{prompt}")
    assert said(service) == [prompt]


@pytest.mark.parametrize("cell_id", [None, "cell-1"])
def test_without_tqdm_and_pandas_a_sweep_has_no_bar_and_its_table_is_a_line(begin, service, cell_id):
    kernel = begin(PREM_ENDPOINT=service.url)
    kernel.run("import sys; sys.modules.update(tqdm=None, pandas=None)")
    ran = swept(kernel, "%%sweep n=0:3 seed=1\n{{ n }}", cell_id)
    assert [bundle["text/plain"] for bundle in ran.bundles] == [
        "3 of 3 answered, 24 tokens",
        "Runs(3 of 3 answered, 24 tokens)",
    ]
    assert ran.text == ""
    assert sorted(column(kernel, "text")) == ["You said: 0", "You said: 1", "You said: 2"]
