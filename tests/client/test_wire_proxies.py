"""H41: proxies of the environment are used and passed by as it says, and their passwords are not shown."""

from __future__ import annotations

import base64

import pytest
from wire_asked import ask, of
from wire_cases import SECRET
from wire_places import TUNNEL, Proxy, nobody
from wire_server import Server, whole

from jupyter_prem.client import APIConnectionError

# Of httpx-aiohttp, which hands a proxy's password to aiohttp in a way that later ones will not take.
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'proxy_auth' parameter is deprecated:DeprecationWarning"),
]


@pytest.fixture
def proxy():
    proxy = Proxy()
    yield proxy
    proxy.stop()


@pytest.fixture
def through(monkeypatch, hosts):
    """Name a proxy, and the hosts that are to be asked around it."""

    def name(url, around=""):
        for variable in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(variable, url)
        for variable in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(variable, around)

    return name


HIDDEN = "hidden-pass"
BASIC = base64.b64encode(f"ada:{HIDDEN}".encode()).decode()


def masked(error):
    shown = f"{error} {error!r} {vars(error)} {error.__cause__!r} {error.__context__!r}"
    return HIDDEN not in shown and BASIC not in shown and "ada" not in shown


@of("H41-http")
def test_a_proxy_carries_what_goes_to_another_machine(case, proxy, clients, through, hosts):
    through(proxy.url_for("ada", HIDDEN))
    with clients("http://prem.example") as client:
        outcome = ask(client)
        assert outcome.error is None
        assert outcome.response.text == "You said: hi"
        assert ask(client, stream=False).response.text == "You said: hi"
    assert {question.path for question in proxy.questions} == {"http://prem.example/api/v1/chat/completions"}
    assert {question.headers["proxy-authorization"] for question in proxy.questions} == {f"Basic {BASIC}"}
    assert hosts == {}


@of("H41-https")
def test_a_tunnel_shows_the_proxy_neither_key_nor_question(case, proxy, clients, through, authority):
    server = Server(context=authority.server("prem", "prem.example"))
    proxy._target = server.port
    proxy.turns(TUNNEL)
    through(proxy.url_for("ada", HIDDEN))
    with clients("https://prem.example", SECRET, verify=authority.trusted()) as client:
        outcome = ask(client)
        assert outcome.error is None
        assert outcome.response.text == "You said: hi"
    assert [(request.method, request.path) for request in proxy.requests] == [("CONNECT", "prem.example:443")]
    assert proxy.requests[0].headers["proxy-authorization"] == f"Basic {BASIC}"
    assert "authorization" not in proxy.requests[0].headers
    assert server.questions[0].headers["authorization"] == f"Bearer {SECRET}"
    assert "proxy-authorization" not in server.questions[0].headers
    server.stop()


@pytest.mark.usefixtures("retried")
@of("H41-no-proxy")
def test_a_host_of_no_proxy_is_asked_itself(case, proxy, clients, through, hosts):
    through(proxy.url, "prem.example")
    with clients("http://prem.example") as client:
        assert type(ask(client).error) is APIConnectionError
    assert proxy.connections == 0
    assert hosts["prem.example"] > 0


@of("H41-407-http", "H41-407-https")
def test_a_proxy_that_wants_another_password(case, proxy, clients, through, retried):
    proxy.turns(whole("Proxy login", 407, proxy_authenticate='Basic realm="lounge"'))
    through(proxy.url_for("ada", HIDDEN))
    with clients(f"{case.rpartition('-')[2]}://prem.example") as client:
        error = ask(client).error
    assert isinstance(error, APIConnectionError if case.endswith("s") else Exception)
    assert "407" in str(error)
    assert "proxy" in f"{error.what} {error.hint}".lower()
    assert "prem.example" in error.where
    assert masked(error)
    assert len(proxy.requests) == 1
    assert retried == []


@of("H41-gone")
def test_a_proxy_that_is_not_there(case, clients, through, retried):
    through(f"http://ada:{HIDDEN}@127.0.0.1:{nobody()}")
    with clients("http://prem.example") as client:
        error = ask(client).error
    assert type(error) is APIConnectionError
    assert masked(error)
