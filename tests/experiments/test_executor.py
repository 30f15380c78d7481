"""Asking from other processes: a pool's, and a Dask cluster's, with workers that die in the middle."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from loopback import Service, as_json

from jupyter_prem import (
    APIConnectionError,
    APIStreamError,
    AsyncClient,
    ConfigurationError,
    PlanError,
    PremError,
    RateLimitError,
    RequestError,
    sweep,
)
from jupyter_prem.experiments import _executor, ask_one
from jupyter_prem.records import Cassette

KEY = "sk-0123456789abcdef0123"


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COVERAGE_PROCESS_START", "")
    for name in ("JUPYTER_PREM_RECORD", "JUPYTER_PREM_CASSETTE", "PREM_MODEL", "PREMAI_API_KEY", "CI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def pool():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


def pids(service):
    return {request.headers.get("x-worker", "") for request in service.questions}


def test_a_pool_gives_the_table_that_this_process_gives(service, pool):
    asked = {"a": range(12), "client": AsyncClient(service.url), "progress": False}
    here = sweep("{{ a }}", **asked).to_frame()
    there = sweep("{{ a }}", executor=pool, record="pool.chat.jsonl", **asked).to_frame()
    assert there.drop(columns="latency").equals(here.drop(columns="latency"))
    assert (there.latency > 0).all()
    again = sweep("{{ a }}", executor=pool, record="pool.chat.jsonl", **asked).to_frame()
    assert again.replayed.all()
    assert len(service.questions) == 24
    assert len(Cassette("pool.chat.jsonl")) == 12


def test_what_goes_wrong_in_a_worker_is_the_same_error(service, pool):
    def script(request):
        asked = request.body["messages"][-1]["content"]
        return as_json({"error": {"message": "Not that."}}, 400) if asked == "1" else service.echo(request)

    service.script = script
    frame = sweep(
        "{{ a }}", a=range(3), executor=pool, client=AsyncClient(service.url), progress=False
    ).to_frame()
    assert frame.error[1] == "BadRequestError: The service answered 400. Not that."
    assert frame.text[2] == "You said: 2"


def test_structured_answers_are_checked_here(service):
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    service.script = service.echo
    with ThreadPoolExecutor(2) as executor:
        runs = sweep(
            "x", response_format=schema, executor=executor, client=AsyncClient(service.url), progress=False
        )
    assert "StructuredOutputError" in runs.to_frame().error[0]


def test_functions_stay_in_this_process(service, pool):
    def look() -> str:
        """Look."""
        return ""

    with pytest.raises(PlanError, match="called in this process"):
        sweep("x", tools=[look], executor=pool, client=AsyncClient(service.url))
    assert service.requests == []


def test_a_worker_without_a_key_fails_before_the_first_request(service, pool):
    client = AsyncClient(service.url, KEY)
    with pytest.raises(ConfigurationError, match="A worker has no key; nothing was sent") as caught:
        sweep("{{ a }}", a=range(50), model="m", executor=pool, client=client, progress=False)
    assert "PREMAI_API_KEY" in caught.value.hint
    assert service.requests == []


def test_a_key_travels_by_the_workers_environment_alone(service, monkeypatch):
    sent = []

    class Watched(ProcessPoolExecutor):
        def submit(self, function, task):
            sent.append(task)
            return super().submit(function, task)

    monkeypatch.setenv("PREMAI_API_KEY", KEY)
    with Watched(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        client = AsyncClient(service.url)
        assert len(sweep("{{ a }}", a=range(3), executor=executor, client=client, progress=False)) == 3
    assert KEY not in "".join(sent)
    assert json.loads(sent[0]).keys() == {"endpoint", "keyed", "allow_http_hosts", "timeout", "body"}
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in service.questions)


def test_a_task_is_json_in_and_json_out(service):
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    task = {"endpoint": service.url, "keyed": False, "timeout": 5, "body": body}
    told = json.loads(ask_one(json.dumps(task)))
    assert told["answer"]["choices"][0]["message"]["content"] == "You said: hi"
    service.stop()
    told = json.loads(ask_one(json.dumps({**task, "endpoint": "http://127.0.0.1:9"})))
    assert told["error"] == "APIConnectionError"


def test_a_worker_s_key_goes_over_plain_http_only_where_the_client_may(monkeypatch):
    monkeypatch.setenv("PREMAI_API_KEY", KEY)
    service = Service("0.0.0.0")  # noqa: S104 - no loopback address, and reachable here
    with ThreadPoolExecutor(1) as executor:
        client = AsyncClient(service.url, allow_http_hosts=["0.0.0.0"])  # noqa: S104 - as above
        assert (
            sweep("a", executor=executor, client=client, progress=False).to_frame().text[0] == "You said: a"
        )
    service.stop()
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    task = {"endpoint": service.url, "keyed": True, "timeout": 5, "body": body}
    told = json.loads(ask_one(json.dumps(task)))
    assert told["error"] == "ConfigurationError"
    assert "over plain http" in told["parts"]["what"]
    assert {request.headers.get("authorization") for request in service.questions} == {f"Bearer {KEY}"}


@pytest.mark.parametrize(
    "error",
    [
        APIConnectionError("lost", again=True, dropped=True, where="at a", hint="again"),
        APIStreamError("said no", type="server_error", code="c", detail="no"),
        RateLimitError("later", status_code=429, retry_after=2.0, should_retry=True, request_id="r"),
        RequestError("seed", "x", "must be an integer"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_worker_s_error_is_the_same_here(error, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr(_executor, "_client", fail)
    told = json.loads(ask_one(json.dumps({"endpoint": "http://a.example", "keyed": False, "timeout": 5})))
    here = _executor._error(told["error"], told["parts"])
    assert type(here) is type(error)
    assert str(here) == str(error)
    assert vars(here) == vars(error)


def test_a_pool_that_breaks_ends_it_and_the_rest_is_asked_by_the_next(service):
    asked = {
        "a": range(30),
        "client": AsyncClient(service.url),
        "progress": False,
        "record": "pool.chat.jsonl",
    }
    slow = threading.Event()
    service.script = lambda request: (slow.wait(0.05), service.echo(request))[1]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        worker = executor.submit(os.getpid).result()

        def kill():
            while len(Cassette("pool.chat.jsonl")) < 4:
                time.sleep(0.01)
            os.kill(worker, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(PremError, match="workers are gone") as caught:
            sweep("{{ a }}", executor=executor, **asked)
        killer.join()
    done = len(Cassette("pool.chat.jsonl"))
    assert 4 <= done < 30
    assert done - 2 <= len(caught.value.runs) <= done  # what is written may not be told any more
    slow.set()
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        frame = sweep("{{ a }}", executor=executor, **asked).to_frame()
    assert frame.text.tolist() == [f"You said: {n}" for n in range(30)]
    assert frame.replayed.sum() == done


@pytest.mark.filterwarnings("default")
def test_a_dask_cluster_of_processes_that_die_in_the_middle(service):
    import distributed

    slow = threading.Event()
    service.script = lambda request: (slow.wait(0.05), service.echo(request))[1]
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as dask,
    ):

        def kill():
            while len(Cassette("dask.chat.jsonl")) < 4:
                time.sleep(0.01)
            os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
            slow.set()

        killer = threading.Thread(target=kill)
        killer.start()
        frame = sweep(
            "{{ a }}",
            a=range(40),
            executor=dask.get_executor(),
            record="dask.chat.jsonl",
            client=AsyncClient(service.url),
            progress=False,
        ).to_frame()
        killer.join()
    assert frame.text.tolist() == [f"You said: {n}" for n in range(40)]
    assert len(Cassette("dask.chat.jsonl")) == 40
