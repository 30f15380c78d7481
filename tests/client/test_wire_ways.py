"""H01 to H04, H10, H15, H18, H40, H42 to H44: the way to a service, by names, certificates and keys."""

from __future__ import annotations

import re
import time

import pytest
from loopback import as_json
from wire_asked import ask, of, until
from wire_cases import SECRET, Act, timeouts
from wire_http import YES
from wire_places import nobody, taken
from wire_server import Server, whole

from jupyter_prem.client import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    InvalidKeyError,
    NotFoundError,
    RedirectRefused,
    Timeouts,
)


@of("H01")
def test_a_name_that_is_not_found_is_looked_up_again(case, clients, hosts, retried):
    with clients("https://no-such-host.invalid", SECRET) as client:
        error = ask(client).error
    assert type(error) is APIConnectionError
    assert "no-such-host.invalid" in str(error)
    assert "/api/v1" not in str(error)
    assert len(retried) == 2
    assert (
        hosts["no-such-host.invalid"] >= 2
    )  # a look-up may serve two tries, since nothing is waited between them


@of("H02")
def test_a_refused_connection_is_tried_again(case, clients, retried):
    port = nobody()
    with clients(f"http://127.0.0.1:{port}") as client:
        error = ask(client).error
        assert type(error) is APIConnectionError
        assert f"127.0.0.1:{port}" in error.where
        assert len(retried) == 2
        servers = []
        retried.before = lambda: servers or servers.append(Server(port=port))
        response = ask(client).response
    assert response.text == "You said: hi"
    assert len(servers[0].questions) == 1
    servers[0].stop()


@of("H03")
def test_a_connection_that_is_not_made_in_time_is_tried_again(case, clients, retried):
    assert Timeouts().connect == 5.0
    with taken() as port, clients(f"http://127.0.0.1:{port}", timeout=timeouts({"connect": 0.15})) as client:
        started = time.monotonic()
        error = ask(client).error
        seconds = time.monotonic() - started
    assert type(error) is APITimeoutError
    assert "billed" not in str(error)
    assert len(retried) == 2
    assert 0.45 <= seconds < 1.5


@of("H04-self-signed", "H04-expired", "H04-wrong-host")
def test_a_certificate_that_does_not_hold_is_refused(case, clients, authority, retried):
    context = {
        "H04-self-signed": authority.alone,
        "H04-expired": lambda: authority.server("expired", "127.0.0.1", days=-1),
        "H04-wrong-host": lambda: authority.server("other", "other.example"),
    }[case]()
    server = Server(context=context)
    with clients(server.url, SECRET, verify=authority.trusted()) as client:
        error = ask(client).error
    server.stop()
    assert type(error) is APIConnectionError
    assert "certificate" in str(error)
    assert re.search(
        {"H04-self-signed": "self", "H04-expired": "expired", "H04-wrong-host": "match|valid for"}[case],
        str(error),
    )
    assert not re.search(r"verify ?= ?False|insecure|disable|CERT_NONE", str(error))
    assert retried == []
    assert server.requests == []
    assert server.connections == 1


@of("H04-good")
def test_a_certificate_that_holds_is_taken(case, clients, authority):
    server = Server(context=authority.server("good", "127.0.0.1"))
    with clients(server.url, SECRET, verify=authority.trusted()) as client:
        assert ask(client).response.text == "You said: hi"
    server.stop()


@of(*(f"H10-{status}" for status in (301, 302, 303, 307, 308)))
def test_no_other_host_hears_of_a_question(case, server, clients):
    other = Server()
    server.turns(whole("", int(case[4:]), location=f"{other.url}/api/v1/chat/completions"))
    with clients(server.url, SECRET) as client:
        for stream in (True, False):
            error = ask(client, stream=stream).error
            assert type(error) is RedirectRefused
            assert other.url in str(error)
    assert other.connections == 0
    other.stop()


@of("H15-near")
def test_a_model_that_is_not_there_is_answered_with_those_like_it(case, server, clients, retried):
    server.models = ["llama-3.1-8b-instruct", "qwen-2.5", "mistral-small"]
    server.script = lambda _: as_json({"error": {"message": "no such model"}}, 404)
    with clients(server.url, SECRET) as client, pytest.raises(NotFoundError) as caught:
        client.chat("hi", model="llama-3.1-8b")
    assert "llama-3.1-8b-instruct" in str(caught.value)
    assert "qwen" not in str(caught.value)
    assert len(server.questions) == 1


@of("H18-size")
def test_a_question_that_is_too_large_is_measured(case, server, clients):
    server.turns(whole("", 413))
    with clients(server.url) as client, pytest.raises(APIStatusError) as caught:
        client.chat("x" * 300_000, model="m")
    assert re.search(r"\b(?:300|293|0\.3)(?:[.,]\d+)* ?(?:bytes|kB|KiB|MB|MiB)", str(caught.value))


@of(*(f"H40-outer-{number}" for number in range(4)))
def test_white_space_around_a_key_is_left_out(case, server, clients):
    before, after = [("", "\n"), (" ", " "), ("\t", "\r\n"), ("\n\n", "")][int(case[-1])]
    with clients(server.url, before + SECRET + after) as client:
        assert ask(client).response.text == "You said: hi"
    assert {question.headers["authorization"] for question in server.questions} == {f"Bearer {SECRET}"}


INNER = {
    "line-break": "\n",
    "cr": "\r",
    "nul": "\0",
    "space": " ",
    "quote": "\u2019",
    "nbsp": "\xa0",
    "bell": "\a",
}


@of(*(f"H40-{name}" for name in INNER), "H40-empty", "H40-blank")
def test_a_key_that_can_be_none_is_refused_before_a_socket(case, server, clients):
    inner = INNER.get(case[4:])
    key = "" if case == "H40-empty" else " \n" if inner is None else SECRET[:10] + inner + SECRET[10:]
    with pytest.raises(InvalidKeyError) as caught:
        clients(server.url, key)
    error = caught.value
    shown = f"{error} {error!r} {error.args} {vars(error)} {error.__cause__!r} {error.__context__!r}"
    assert not any(SECRET[at : at + 4] in shown for at in range(4, len(SECRET) - 3))
    assert server.connections == 0


@of("H42-ipv6")
def test_an_address_of_ipv6(case, clients):
    server = Server("::1")
    with clients(server.url, SECRET) as client:
        assert ask(client).response.text == "You said: hi"
    assert server.questions[0].headers["host"] == f"[::1]:{server.port}"
    server.stop()


@of("H42-idn")
def test_a_name_beyond_ascii(case, server, clients, hosts):
    name = "xn--bcher-kva.example"
    hosts[name] = 0
    with clients(f"http://bücher.example:{server.port}") as client:
        assert ask(client).response.text == "You said: hi"
    assert server.questions[0].headers["host"] == f"{name}:{server.port}"


BASES = {
    "bare": ("", "/api/v1"),
    "slash": ("/", "/api/v1"),
    "slashes": ("//", "/api/v1"),
    "v1": ("/v1", "/v1"),
    "v1-slash": ("/v1/", "/v1"),
    "prefix": ("/team/x", "/team/x/api/v1"),
    "prefix-slash": ("/team/x/", "/team/x/api/v1"),
    "prefix-v1": ("/team/v1/", "/team/v1"),
}


@of(*(f"H43-{name}" for name in BASES))
def test_a_base_with_and_without_its_slash(case, server, clients):
    base, root = BASES[case[4:]]
    with clients(server.url + base) as client:
        assert ask(client).response.text == "You said: hi"
        assert [model.id for model in client.models()] == ["loopback-1"]
    assert [request.path for request in server.requests] == [f"{root}/chat/completions", f"{root}/models"]


@of("H43-user", "H43-user-and-password")
def test_an_address_with_a_user_is_refused(case, server, clients):
    user = "ada" if case == "H43-user" else "ada:hidden-pass"
    with pytest.raises(ConfigurationError) as caught:
        clients(server.url.replace("://", f"://{user}@"))
    assert "hidden-pass" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
    assert server.connections == 0


@of("H44-closed")
def test_a_connection_that_was_closed_while_idle_is_not_used(case, server, clients, retried):
    server.turns([*whole(YES), Act.CLOSE], None)
    with clients(server.url) as client:
        assert ask(client, stream=False).response.text == "You said: hi"
        assert until(lambda: server.left, 1)
        response = ask(client).response
    assert (response.text, response.notes) == ("You said: hi", ())
    assert (len(server.questions), retried) == (2, [])


@of("H44-closed-as-it-is-asked")
def test_a_connection_that_is_closed_as_it_is_asked_is_replaced(case, server, clients, retried):
    server.turns(whole(YES), [Act.CLOSE], None)
    with clients(server.url) as client:
        assert ask(client, stream=False).response.text == "You said: hi"
        response = ask(client).response
    assert (response.text, response.notes) == ("You said: hi", ())
    assert (len(server.questions), server.connections, retried) == (3, 2, [])
