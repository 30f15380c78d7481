"""Statuses, usage, models and addresses on the wire."""

from __future__ import annotations

import copy
import pickle
import socket
import subprocess
import sys

import pytest
from loopback import Reply, answer, as_json

import jupyter_prem
from jupyter_prem.client import APIStatusError

STATUSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    402: "APIStatusError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    413: "APIStatusError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "InternalServerError",
    529: "InternalServerError",
}


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_is_a_named_error_with_the_services_words(service, status, clients):
    service.script = lambda _: as_json(
        {"error": {"message": "because of X"}}, status, **{"x-request-id": "r-1"}
    )
    with clients(service.url) as client, pytest.raises(APIStatusError) as caught:
        client.chat("hi", model="m")
    error = caught.value
    assert type(error).__name__ == STATUSES[status]
    assert error.status_code == status
    assert error.request_id == "r-1"
    assert str(status) in error.what
    assert "because of X" in error.detail
    assert "127.0.0.1" in error.where
    assert "r-1" in error.where


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "plain"}, "plain"),
        ({"message": "mine"}, "mine"),
        ({"detail": [{"loc": ["body", "seed"], "msg": "not an int"}]}, "body.seed: not an int"),
        ({"detail": "gone"}, "gone"),
        (b"<html>Bad gateway</html>", "Bad gateway"),
        (b"", ""),
        ({"error": {"message": "x" * 10_000}}, "x…"),
        ({"error": {"message": "\x1b[2Jline\nline"}}, "[2Jline line"),
    ],
)
def test_words_are_found_cleaned_and_cut(service, body, words, clients):
    service.script = lambda _: as_json(body, 500)
    with clients(service.url) as client, pytest.raises(jupyter_prem.InternalServerError) as caught:
        client.chat("hi", model="m")
    assert words in caught.value.detail
    assert len(caught.value.detail) <= 201
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("", "/api/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/x/", "/x/api/v1/chat/completions"),
        ("/user/jane@uni.edu/proxy/8000/v1", "/user/jane@uni.edu/proxy/8000/v1/chat/completions"),
    ],
)
def test_the_paths_of_prem_and_of_v1(service, base, path, clients):
    with clients(service.url + base) as client:
        client.chat("hi", model="m")
        assert client.models()[0].id == "loopback-1"
    assert [request.path for request in service.requests] == [
        path,
        path.replace("chat/completions", "models"),
    ]


def test_nothing_listens(clients):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        clients(f"http://127.0.0.1:{port}") as client,
        pytest.raises(jupyter_prem.APIConnectionError) as caught,
    ):
        client.chat("hi", model="m")
    assert f"127.0.0.1:{port}" in str(caught.value)


def test_no_such_host(clients):
    with (
        clients("https://no-such-host.invalid") as client,
        pytest.raises(jupyter_prem.APIConnectionError) as caught,
    ):
        client.chat("hi", model="m")
    assert "no-such-host.invalid" in str(caught.value)


def test_silence_before_the_answer_may_have_been_billed(service, clients):
    with (
        clients(service.url, timeout=0.2) as client,
        pytest.raises(jupyter_prem.APITimeoutError, match="billed"),
    ):
        service.script = lambda _: (service.closed.wait(1), Reply([]))[1]
        client.chat("hi", model="m")
    assert len(service.questions) == 1


def test_a_loopback_service_is_not_asked_through_a_proxy(service, monkeypatch, clients):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with clients(service.url) as client:
        assert client.chat("hi", model="m").text == "You said: hi"


def test_usage_is_asked_for_until_a_service_refuses(service, clients):
    def strict(request):
        if "stream_options" in request.body:
            return as_json({"error": "no such field stream_options"}, 422)
        return Reply(answer("ok"))

    service.script = strict
    with clients(service.url) as client:
        for _ in range(2):
            with client.stream("hi", model="m") as stream:
                list(stream)
    assert ["stream_options" in request.body for request in service.questions] == [True, False, False]
    assert stream.response.text == "ok"


@pytest.mark.parametrize(("setting", "sent"), [("always", True), ("never", False)])
def test_usage_as_it_was_set(service, setting, sent, clients):
    service.script = lambda _: as_json({"error": "refused"}, 422)
    with (
        clients(service.url, stream_usage=setting) as client,
        pytest.raises(jupyter_prem.UnprocessableEntityError),
        client.stream("hi", model="m"),
    ):
        pass
    assert ["stream_options" in request.body for request in service.questions] == [sent]


def test_a_fault_of_another_field_is_the_error_that_is_shown(service, clients):
    service.script = lambda _: as_json({"error": "bad temperature"}, 422)
    with (
        clients(service.url) as client,
        pytest.raises(jupyter_prem.UnprocessableEntityError, match="bad temperature"),
        client.stream("hi", model="m"),
    ):
        pass


def test_the_only_model_is_taken_and_of_several_one_must_be_named(service, monkeypatch, clients):
    with clients(service.url) as client:
        client.chat("hi")
    assert service.questions[0].body["model"] == "loopback-1"
    service.models = ["a", "b"]
    with clients(service.url) as client, pytest.raises(jupyter_prem.ConfigurationError, match="a, b"):
        client.chat("hi")
    monkeypatch.setenv("PREM_MODEL", "b")
    with clients(service.url) as client:
        client.chat("hi")
    assert service.questions[-1].body["model"] == "b"


def test_out_of_range_sends_nothing(service, clients):
    with clients(service.url) as client, pytest.raises(jupyter_prem.RequestError):
        client.chat("hi", temperature=9)
    assert service.requests == []


def test_a_client_after_a_fork_has_sockets_of_its_own(service):
    script = f"""if True:
        import os
        from jupyter_prem import Client
        client = Client({service.url!r})
        client.chat("before", model="m")
        child = os.fork()
        if child == 0:
            os._exit(0 if client.chat("child", model="m").text == "You said: child" else 1)
        assert client.chat("parent", model="m").text == "You said: parent"
        assert os.waitpid(child, 0)[1] == 0
    """
    subprocess.run([sys.executable, "-c", script], check=True)
    assert len(service._connections) == 2


def test_a_model_that_is_gone_is_asked_for_anew(service, clients):
    service.script = lambda r: (
        service.echo(r) if r.body["model"] in service.models else as_json({"error": "gone"}, 404)
    )
    with clients(service.url) as client:
        client.chat("hi")
        service.models = ["two"]
        with pytest.raises(jupyter_prem.NotFoundError):
            client.chat("hi")
        assert client.chat("hi").text == "You said: hi"


def test_errors_go_through_pickle(service, clients):
    service.script = lambda _: as_json({"error": "gone"}, 404)
    with clients(service.url) as client, pytest.raises(jupyter_prem.NotFoundError) as caught:
        client.chat("hi", model="m")
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert (type(again), str(again), again.status_code) == (type(caught.value), str(caught.value), 404)
    refused = copy.copy(jupyter_prem.RequestError("seed", 1.5, "must be an integer"))
    assert (refused.field, refused.value, str(refused)) == ("seed", 1.5, "seed is 1.5: must be an integer.")


@pytest.mark.parametrize("kind", ["Text/Event-Stream; charset=latin-1", None])
def test_a_stream_is_known_by_its_type_in_any_case_or_by_none(service, kind, clients):
    service.script = lambda _: Reply(answer("Grüße"), headers={"content-type": kind} if kind else {})
    with clients(service.url) as client, client.stream("hi", model="m") as stream:
        list(stream)
    assert stream.response.text == "Grüße"
