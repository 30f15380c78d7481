"""`%%sweep` in real kernels: what it asks, with which settings, what it binds, and what ends it."""

from __future__ import annotations

import threading

import pytest
from loopback import Reply, answer, as_json, calls, completion
from swept import column, fields, swept

from jupyter_prem.records import Cassette


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
