"""`%prem login` in real kernels, with a real prompt."""

from __future__ import annotations

import json

import pytest
from logins import KEY, OTHER, key_row, keys, said
from loopback import Service
from terminal import ipython


def test_a_key_is_asked_for_hidden_and_held_in_the_kernel(kernel, service):
    assert key_row(kernel) == "none"
    ran, asked = kernel.typed("%prem login", f"  {KEY}\n")
    host = service.url.removeprefix("http://")
    assert asked == {"prompt": f"API key for {host}: ", "password": True}
    assert said(ran) == f"This kernel now has a key for {host}. Nothing was sent yet."
    assert service.requests == []
    assert kernel.run("%%chat\nhi").status == "ok"
    assert keys(service) == [f"Bearer {KEY}"]
    assert key_row(kernel) == "from %prem login, in this kernel"
    assert kernel.value("'PREMAI_API_KEY' in os.environ") == "False"
    assert (
        kernel.value(
            f"[name for name, value in globals().items() if {KEY[:4]!r} + {KEY[4:8]!r} in repr(value)]"
        )
        == "[]"
    )


def test_it_comes_before_the_environment_and_a_second_replaces_it(kernel, service):
    kernel.run("os.environ['PREMAI_API_KEY'] = 'of-the-environment'")
    assert key_row(kernel) == "PREMAI_API_KEY is set"
    kernel.typed("%prem login", KEY)
    kernel.run("%%chat\nhi")
    kernel.typed("%prem login", OTHER)
    kernel.run("%%chat\nhi")
    kernel.run(
        "from jupyter_prem import Client, AsyncClient\nClient().chat('hi')\nawait AsyncClient().chat('hi')"
    )
    kernel.run("Client(api_key='given-to-it').chat('hi')")
    kernel.run("from jupyter_prem import sweep\nsweep('hi', seed=[1])")
    assert keys(service) == [f"Bearer {key}" for key in (KEY, OTHER, OTHER, OTHER, "given-to-it", OTHER)]
    kernel.run("%unload_ext jupyter_prem\nClient().chat('hi')")
    assert keys(service)[-1] == "Bearer of-the-environment"
    kernel.run("%load_ext jupyter_prem")


@pytest.mark.parametrize("typed", ["", " ", "\n"])
def test_nothing_typed_changes_nothing(kernel, service, typed):
    kernel.typed("%prem login", KEY)
    ran, _ = kernel.typed("%prem login", typed)
    assert said(ran) == "Nothing was typed; all is as it was."
    kernel.run("%%chat\nhi")
    assert keys(service) == [f"Bearer {KEY}"]


def test_a_file_of_recordings_does_not_get_it_sent_to_an_address_that_it_names(kernel, service, tmp_path):
    other, path = Service(), tmp_path / "a.chat.jsonl"
    kernel.run(
        f"%prem record all {path}",
    )
    kernel.run("%%chat\nhi")
    kernel.run(f"%prem record off\nos.environ['PREM_ENDPOINT'] = {other.url!r}")
    kernel.typed("%prem login", KEY)
    said(kernel.run(f"%prem verify {path}"))
    kernel.run("%%chat\nhi")
    other.stop()
    assert keys(service) == [None, None]
    assert keys(other) == [f"Bearer {KEY}"]


def test_a_login_goes_to_the_host_it_was_asked_for_alone(kernel, service):
    other = Service()
    kernel.typed("%prem login", KEY)
    kernel.run(f"%%chat --endpoint {other.url}\nhi")
    kernel.run(f"from jupyter_prem import Client, AsyncClient, sweep\nClient({other.url!r}).chat('hi')")
    kernel.run(
        f"await AsyncClient({other.url!r}).chat('hi')\nsweep('hi', seed=[1], client=AsyncClient({other.url!r}))"
    )
    kernel.run(f"Client({other.url.replace('127.0.0.1', 'localhost')!r}).chat('hi')")
    assert keys(other) == [None] * 5
    kernel.run(f"%config PremMagics.endpoint = {other.url!r}")
    mine, its = (one.url.removeprefix("http://") for one in (service, other))
    assert key_row(kernel) == f"none; %prem login has one for {mine}"
    ran, asked = kernel.typed("%prem login", OTHER)
    assert asked["prompt"] == f"API key for {its}: "
    assert said(ran) == f"This kernel now has a key for {its}. Nothing was sent yet."
    kernel.run("%%chat\nhi")
    kernel.run(f"%%chat --endpoint {service.url}/\nhi")
    other.stop()
    assert keys(other)[5:] == [f"Bearer {OTHER}"]
    assert keys(service) == [f"Bearer {KEY}"]


def test_a_login_of_another_host_leaves_the_environments_key_as_it_is(kernel, service):
    other = Service()
    kernel.typed("%prem login", KEY)
    kernel.run("os.environ['PREMAI_API_KEY'] = 'of-the-environment'")
    kernel.run(f"%%chat --endpoint {other.url}\nhi")
    kernel.run("%%chat\nhi")
    other.stop()
    assert keys(other) == ["Bearer of-the-environment"]
    assert keys(service) == [f"Bearer {KEY}"]


def test_recordings_of_prem_studio_do_not_get_the_login_of_another_host(kernel, service, tmp_path):
    other, path = Service(), tmp_path / "a.chat.jsonl"
    kernel.run(f"%prem record all {path}")
    kernel.run("%%chat\nhi")
    kernel.run(f"%prem record off\nos.environ['PREM_ENDPOINT'] = {other.url!r}")
    kernel.typed("%prem login", KEY)
    ran = kernel.run(
        "import dataclasses\n"
        "from jupyter_prem.backends import asking_again\n"
        "from jupyter_prem.records import Cassette, verify\n"
        f"os.environ['PREM_AI_BASE_URL'] = {service.url!r}\n"
        f"record, = Cassette({str(path)!r})\n"
        "with asking_again() as ask:\n"
        "    verify([dataclasses.replace(record, endpoint='prem')], ask)\n"
        f"    verify([dataclasses.replace(record, endpoint={other.url!r})], ask)"
    )
    assert ran.status == "ok", ran.error
    other.stop()
    assert keys(service) == [None, None]
    assert keys(other) == [f"Bearer {KEY}"]


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("127.0.0.1:9", "no http or https address"),
        ("http://gateway.example", "anyone on the way"),
        ("https://me@gateway.example", "user name"),
    ],
)
def test_no_key_is_asked_for_where_none_could_be_sent(kernel, endpoint, words):
    kernel.run(f"%config PremMagics.endpoint = {endpoint!r}")
    ran = kernel.run("%prem login")
    assert ran.ename == "ConfigurationError"
    assert words in ran.error
    kernel.run("%config PremMagics.allow_http_hosts = ['gateway.example']")
    if words == "anyone on the way":
        ran, asked = kernel.typed("%prem login", KEY)
        assert asked["prompt"] == "API key for gateway.example: "


def test_what_is_no_key_is_refused_and_not_shown(kernel):
    ran, _ = kernel.typed("%prem login", f"{KEY[:10]} {KEY[10:]}")
    assert ran.ename == "InvalidKeyError"
    assert "a space at position 11" in ran.error
    assert KEY[:8] not in json.dumps([message["content"] for message in ran.messages])
    assert key_row(kernel) == "none"


def test_without_anybody_to_ask_it_says_what_to_do(kernel):
    ran = kernel.run("%prem login")
    assert ran.ename == "LoginError"
    assert "Nobody can be asked for a key here" in ran.error
    assert "Set PREMAI_API_KEY" in ran.error
    assert len(ran.traceback) == 2


def test_a_notebook_that_is_replayed_needs_no_key(kernel, tmp_path):
    path = tmp_path / "a.chat.jsonl"
    path.touch()
    kernel.run(f"%prem record none {path}")
    assert said(kernel.run("%prem login")) == "Nobody is asked for a key: answers come from recordings."
    kernel.run("%prem record off")


def test_it_makes_prem_the_endpoint(kernel):
    kernel.run("del os.environ['PREM_ENDPOINT']")
    assert "embedded" in said(kernel.run("%prem status"))
    ran, asked = kernel.typed("%prem login", KEY)
    assert asked["prompt"] == "API key for studio.premai.io: "
    assert "https://studio.premai.io" in said(kernel.run("%prem status"))
    kernel.run("%config PremMagics.endpoint = 'embedded'")
    ran, _ = kernel.typed("%prem login", KEY)
    assert "set as the endpoint and needs no key" in said(ran)


PASTED = {
    "login": f"%prem login {KEY}",
    "login_of_words": f"%prem login {KEY} and more",
    "login_and_keyring": f"%prem login --keyring {KEY}",
    "login_quoted": f"%prem login '{KEY}",
    "login_with_an_option": f"%prem login --key={KEY}",
    "login_with_an_option_and_a_word": f"%prem login --key {KEY}",
    "login_with_a_value_of_its_option": f"%prem login --keyring={KEY}",
    "login_and_dashes": f"%prem login --{KEY}",
    "login_behind_a_tab": f"%prem login\t{KEY}",
    "login_and_equals": f"%prem login={KEY}",
    "login_and_dashes_at_once": f"%prem login--key={KEY}",
    "login_in_capitals": f"%prem LOGIN --key={KEY}",
    "option": f"%%chat --api-key {KEY}\nhi",
    "option_with_value": f"%%chat -t 0 --api_key={KEY}\nhi",
    "option_of_a_line": f"%chat --token {KEY} hi",
    "option_of_a_sweep": f"%%sweep --key={KEY} seed=1\nhi",
    "config": f"x = 1\n%config PremMagics.api_key = {KEY!r}",
    "config_of_another_name": f"%config PremMagics.PREM_TOKEN={KEY!r}",
}


@pytest.mark.parametrize("name", PASTED)
def test_a_key_on_a_line_is_refused_not_told_back_and_to_be_revoked(kernel, service, name):
    ran = kernel.run(PASTED[name])
    assert ran.ename == "PastedKeyError", (ran.outputs, ran.error)
    assert "history" in ran.error
    assert "Revoke it" in ran.error
    assert len(ran.traceback) == 2
    told = [message["content"] for message in ran.messages if message["msg_type"] != "execute_input"]
    assert KEY[:8] not in json.dumps(told)
    assert service.requests == []
    assert kernel.value("'x' in globals()") == "False"
    assert key_row(kernel) == "none"


def test_a_key_where_another_word_belongs_is_not_told_back(kernel):
    shaped = "sk-proj-" + KEY.replace("-", "") * 2
    for code in (f"%prem {shaped}", f"%%chat --endpoint {shaped}\nhi", f"%%chat -t {shaped}\nhi"):
        ran = kernel.run(code)
        assert ran.status == "error"
        told = [message["content"] for message in ran.messages if message["msg_type"] != "execute_input"]
        assert shaped[:16] not in json.dumps(told), code


def test_config_that_is_no_key_is_ipythons(kernel):
    assert kernel.run("%config PremMagics.max_completion_tokens = 5").status == "ok"
    assert kernel.value("get_ipython().find_line_magic('prem').__self__.max_completion_tokens") == "5"
    assert kernel.run("text = '''\n%config PremMagics.api_key = 1\n'''").status == "ok"
    kernel.run("%config PremMagics.max_completion_tokens = None")


def test_a_wrong_option_is_an_error(kernel):
    ran = kernel.run("%prem login --keyrng")
    assert "%prem login takes --keyring or nothing" in ran.error
    assert "keyrng" not in "".join(ran.traceback)
    assert "%prem login [--keyring]" in kernel.run("%prem login --keyring --keyring").error


def test_a_terminal_asks_without_showing(service):
    shown = ipython("%load_ext jupyter_prem", "%prem login", "%chat hi", PREM_ENDPOINT=service.url, typed=KEY)
    assert KEY[:6] not in shown
    assert "API key for 127.0.0.1" in shown
    assert keys(service) == [f"Bearer {KEY}"]


def test_tab_knows_it(service):
    shown = ipython(
        "%load_ext jupyter_prem",
        "import warnings; warnings.simplefilter('ignore')",
        "tab = lambda text: [c.text for c in get_ipython().Completer.completions(text, len(text))]",
        "print('first', tab('%prem log'), tab('%prem login --'), 'last')",
        PREM_ENDPOINT=service.url,
    )
    assert "first ['login'] ['--keyring'] last" in shown
