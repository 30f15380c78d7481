from __future__ import annotations

import copy
import json
import pickle

import pytest

from jupyter_prem.client import ConfigurationError, Key, check_base_url, scrub

SECRET = "prem-0123456789abcdef"


@pytest.mark.parametrize("outer", ["", "\n", "\r\n", " ", "\t\n "])
def test_white_space_around_a_key_is_dropped(outer):
    assert Key(outer + SECRET + outer).header() == f"Bearer {SECRET}"


@pytest.mark.parametrize("bad", ["\n", "\r", "\0", " ", "\u2019", "\u00a0", "é", "\x7f"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(bad):
    with pytest.raises(ConfigurationError) as caught:
        Key(SECRET[:10] + bad + SECRET[10:])
    shown = str(caught.value) + repr(caught.value) + repr(caught.value.__cause__)
    assert SECRET[:6] not in shown
    assert SECRET[-6:] not in shown
    assert "position 11" in shown


@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_an_empty_key_is_refused(empty):
    with pytest.raises(ConfigurationError, match="empty"):
        Key(empty)


def test_a_key_is_never_shown_pickled_or_copied():
    key = Key(SECRET)
    for shown in (repr(key), str(key), f"{key}", "%s" % key, str([key]), str({"k": key})):  # noqa: UP031 - one more way
        assert SECRET[:6] not in shown
    for leak in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            leak(key)
    assert not hasattr(key, "__dict__")


def test_a_key_and_its_fragments_are_scrubbed():
    key = Key(SECRET)
    assert scrub(f"bad key {SECRET}!", key) == "bad key [key]!"
    assert SECRET[:8] not in scrub(f"bad key {SECRET[:12]}...", key)
    assert SECRET[-8:] not in scrub(f"ends in {SECRET[-8:]}", key)
    assert scrub("nothing here", key) == "nothing here"
    assert scrub("nothing here", None) == "nothing here"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://studio.premai.io", "https://studio.premai.io"),
        (" https://studio.premai.io/ ", "https://studio.premai.io"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        ("http://localhost:11434/v1", "http://localhost:11434/v1"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("https://example.org/proxy/prem", "https://example.org/proxy/prem"),
        (
            "https://hub.example.com/user/jane@uni.edu/proxy/8000/v1",
            "https://hub.example.com/user/jane@uni.edu/proxy/8000/v1",
        ),
        ("http://localhost/@/a:b@c/", "http://localhost/@/a:b@c"),
    ],
)
def test_a_base_url_is_kept(url, path):
    assert check_base_url(url, keyed=True) == path


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("studio.premai.io", "https://studio.premai.io"),
        ("localhost:8000", "https://localhost:8000"),
        ("ftp://x.org", "no http"),
        ("", "no http"),
        ("https://", "no http"),
        ("https://ada:secret@x.org", "user name"),
        ("ada:secret@x.org", "user name"),
        ("https://a:secret@x/p", "user name"),
        ("https://secret@x.org/user/jane@uni.edu", "user name"),
        ("https://@x.org", "user name"),
        ("https:\\\\ada:secret@x.org", "user name"),
        ("https://x.org\\ada:secret@y.org", "user name"),
        ("https://x.org\\@secret.org/v1", "user name"),
        ("//ada:secret@x.org", "user name"),
        ("ht\ntps:/\t/ada:secret@x.org", "user name"),
        ("https:/ada:secret@x.org", "no http"),
        ("https:///ada:secret@x.org", "no http"),
        ("ada:sec/secret@x.org", "no http"),
        ("hub.example.com/user/jane@secret.edu/v1", "no http"),
        ("https://ada:secret/y@x.org", "no URL"),
        ("https://ada:secret%40x.org", "no URL"),
        ("https://[secret@x.org", "user name"),
        ("https://ada:secret?y@x.org", "query"),
        ("https://x.org?a=b", "query"),
        ("https://x.org:port", "no URL"),
        ("http://x.org", "https://x.org"),
        ("http://127.0.0.1.evil.org/v1", "https://127.0.0.1.evil.org/v1"),
        ("http://192.168.0.7:8000", "https://192.168.0.7:8000"),
    ],
)
def test_a_base_url_that_cannot_work_is_refused_with_what_would(url, words):
    with pytest.raises(ConfigurationError) as caught:
        check_base_url(url, keyed=True)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_plain_http_is_for_the_keyless_and_the_allowed():
    assert check_base_url("http://x.org", keyed=False) == "http://x.org"
    assert check_base_url("http://x.org", keyed=True, allow_http_hosts=["x.org"]) == "http://x.org"


def test_a_key_of_this_process_is_hidden_wherever_it_comes_back():
    other = Key("Hb5n-zyxwvutsrqponmlkj")
    word = Key("ollama")
    assert scrub("The key Hb5n-zyxwvutsrqponmlkj is wrong.", None) == "The key [key] is wrong."
    assert scrub("The key Hb5n-zyxwvutsrqponmlkj is wrong.", Key(SECRET)) == "The key [key] is wrong."
    assert scrub("There is no ollama.", None) == "There is no ollama."
    assert scrub("There is no ollama, nor ollamas.", word) == "There is no [key], nor ollamas."
    del other


def test_every_fragment_of_a_text_is_hidden():
    first, last = SECRET[:8], SECRET[-8:]
    assert scrub(f"{first} or {last} or {first}", Key(SECRET)) == "[key] or [key] or [key]"
