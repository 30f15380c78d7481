"""A grid of requests at a service that is slow, limits or fails: what is asked again, what is a row's error."""

from __future__ import annotations

import threading
import time

import pytest
from loopback import Reply, as_json, completion
from spoken import prompt_of

from jupyter_prem import (
    AsyncClient,
    Client,
    sweep,
)

pytestmark = pytest.mark.usefixtures("folder")


def test_no_more_are_on_their_way_than_allowed(ask, service):
    lock, now, most = threading.Lock(), [0], [0]

    def script(request):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1
        return service.echo(request)

    service.script = script
    ask("{{ a }}", a=range(30), max_concurrency=5)
    assert 2 <= most[0] <= 5


def test_a_request_that_fails_is_a_row_with_its_error(ask, service):
    def script(request):
        if prompt_of(request) == "1":
            return as_json({"error": {"message": "Not that one."}}, 400)
        if prompt_of(request) == "2":
            return Reply([b'{"cut'], 200, {"content-type": "application/json"}, end="cut")
        return service.echo(request)

    service.script = script
    frame = ask("{{ a }}", a=range(4)).to_frame()
    assert frame.text.tolist() == ["You said: 0", None, None, "You said: 3"]
    assert frame.error[1] == "BadRequestError: The service answered 400. Not that one."
    assert "StreamInterrupted" in frame.error[2]
    assert frame.total_tokens.isna().tolist() == [False, True, True, False]


def test_a_limit_slows_the_sweep_and_fails_nothing(ask, service):
    asked: dict[str, int] = {}
    lock = threading.Lock()

    def script(request):
        with lock:
            asked[prompt_of(request)] = asked.get(prompt_of(request), 0) + 1
            first = asked[prompt_of(request)] == 1 and prompt_of(request) in {"0", "3", "7"}
        if first:
            return as_json({"error": {"message": "slow down"}}, 429, **{"retry-after-ms": "50"})
        return service.echo(request)

    service.script = script
    runs = ask("{{ a }}", a=range(12), max_concurrency=4)
    assert runs.to_frame().error.isna().all()
    assert sum(asked.values()) == 15


def test_what_a_service_cannot_do_now_is_asked_again(ask, service):
    asked: dict[str, int] = {}

    def script(request):
        asked[prompt_of(request)] = times = asked.get(prompt_of(request), 0) + 1
        if prompt_of(request) == "1" and times < 3:
            return as_json({"error": {"message": "overloaded"}}, 503, **{"retry-after-ms": "1"})
        if prompt_of(request) == "2":
            return as_json({"error": {"message": "broken"}}, 500, **{"retry-after-ms": "1"})
        return service.echo(request)

    service.script = script
    frame = ask("{{ a }}", a=range(4), max_concurrency=1).to_frame()
    assert frame.text.tolist()[:2] == ["You said: 0", "You said: 1"]
    assert frame.error.isna().tolist() == [True, True, False, True]
    assert asked == {"0": 1, "1": 3, "2": 3, "3": 1}


SPENT = {
    "a quota that is used up": ({"error": {"message": "x", "code": "insufficient_quota"}}, {}),
    "an hour": ({"error": {"message": "later"}}, {"retry-after": "3600"}),
}


@pytest.mark.parametrize(("body", "headers"), SPENT.values(), ids=SPENT)
def test_a_limit_that_will_not_pass_fails_its_row(ask, service, body, headers):
    service.script = lambda _: as_json(body, 429, **headers)
    frame = ask("{{ a }}", a=range(2)).to_frame()
    assert frame.error.str.startswith("RateLimitError").all()
    assert len(service.questions) == 2


def test_errors_of_the_client_are_not_swallowed(service):
    service.models = ["a", "b"]
    with pytest.raises(Exception, match="No model is named, and the service has 2"):
        sweep("{{ a }}", a=range(3), client=AsyncClient(service.url), progress=False)
    with Client(service.url) as client:
        assert client.chat("hi", model="a").text


def test_rows_that_fail_are_of_the_model_that_was_asked(ask, service):
    def script(request):
        if request.body["seed"] == 2:
            return as_json({"error": {"message": "no"}}, 400)
        if request.body["seed"] == 3:
            return as_json(completion("no JSON"))
        return as_json(completion('"yes"'))

    service.script = script
    schema = {"type": "string"}
    for more in ({}, {"record": "runs.chat.jsonl"}, {"record": "runs.chat.jsonl"}):
        runs = ask("x", seed=[1, 2, 3], response_format=schema, **more)
        assert runs.to_frame().model.tolist() == ["loopback-1"] * 3
        assert runs.agreement()[["model", "answers", "errors"]].to_numpy().tolist() == [["loopback-1", 1, 2]]
    service.script = lambda _: as_json(completion('"yes"'))
    assert runs.compare(ask("x", seed=[1, 2, 3], response_format=schema)).status.tolist() == [
        "same",
        "error",
        "error",
    ]


def test_rows_whose_functions_fail_are_of_the_model_that_was_asked(ask, service):
    def look(city: str) -> str:
        """Look."""
        return city

    service.script = lambda _: as_json({"error": {"message": "no"}}, 400)
    frame = ask("{{ a }}", a=range(2), tools=[look]).to_frame()
    assert frame.model.tolist() == ["loopback-1"] * 2
    assert frame.error.notna().all()


MODELS = {"id": "m", "object": "model", "created": 1, "owned_by": "tests"}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("record", [None, "runs.chat.jsonl"])
def test_a_list_of_models_that_fails_first_is_asked_for_again_and_by_one(ask, service, status, record):
    service.models, lists = None, []

    def script(request):
        if request.method == "POST":
            return service.echo(request)
        lists.append(1)
        if len(lists) < 5:  # more often than the client asks again by itself
            return as_json({"error": {"message": "busy"}}, status, **{"retry-after-ms": "20"})
        return as_json({"object": "list", "data": [MODELS]})

    service.script = script
    frame = ask("{{ a }}", a=range(30), record=record).to_frame()
    assert frame.text.tolist() == [f"You said: {a}" for a in range(30)]
    assert frame.model.tolist() == ["m"] * 30
    assert (len(lists), len(service.questions)) == (5, 30)


def test_a_list_of_models_that_always_fails_fails_its_rows_unsent(ask, service):
    service.models = None
    service.script = lambda _: as_json({"error": {"message": "busy"}}, 503, **{"retry-after-ms": "1"})
    frame = ask("{{ a }}", a=range(3), max_concurrency=1).to_frame()
    assert frame.error.str.startswith("InternalServerError: The service answered 503").all()
    assert (frame.model.tolist(), service.questions) == (["-"] * 3, [])
    with_tape = ask("{{ a }}", a=range(3), record="runs.chat.jsonl").to_frame()
    assert with_tape.error.str.contains("503").all()
    assert (with_tape.model.tolist(), service.questions) == (["-"] * 3, [])
