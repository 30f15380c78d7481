"""Replies that are no answer: each is its named error, in the service's own words and without the key."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from jupyter_prem.client import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ContextWindowExceededError,
    EmptyResponse,
    InternalServerError,
    Key,
    MalformedStream,
    NotAnAPI,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    RedirectRefused,
    UnprocessableEntityError,
)
from jupyter_prem.client._address import Address
from jupyter_prem.client._status import json_body, status_error, succeeded

KEY = "prem-zyxwvutsrqponmlk"
AT = Address("https://prem.example/v1", Key(KEY))


@dataclass
class Reply:
    status_code: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (300, RedirectRefused),
        (399, RedirectRefused),
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (409, ConflictError),
        (418, APIStatusError),
        (422, UnprocessableEntityError),
        (429, RateLimitError),
        (499, APIStatusError),
        (500, InternalServerError),
        (599, InternalServerError),
    ],
)
def test_each_status_is_its_error(status, kind):
    error = status_error(Reply(status), b'{"error": "words"}', AT)
    assert type(error) is kind
    assert (error.status_code, error.where, error.hint) == (status, "at prem.example", error.hint)
    if kind is not RedirectRefused:
        assert (error.what, error.detail) == (f"The service answered {status}.", "words")
    assert (error.code, error.request_id, error.should_retry, error.retry_after) == ("", "", None, None)


@pytest.mark.parametrize("status", [400, 413, 422, 500])
def test_a_question_that_does_not_fit_is_an_error_of_its_own(status):
    body = b'{"error": {"message": "This model\'s maximum context length is 4096 tokens."}}'
    error = status_error(Reply(status), body, AT)
    assert type(error) is ContextWindowExceededError
    assert error.what.endswith(
        f"does not fit into the model's context window; the service answered {status}."
    )
    assert type(status_error(Reply(404), body, AT)) is NotFoundError


def test_what_a_service_says_of_itself_is_kept():
    headers = {"x-request-id": "r1", "retry-after": "7", "x-should-retry": "True"}
    body = json.dumps({"error": {"message": f"no {KEY}", "code": "c1", "type": "t1"}}).encode()
    error = status_error(Reply(429, headers), body, AT)
    assert (error.where, error.request_id) == ("at prem.example, request r1", "r1")
    assert (error.retry_after, error.should_retry) == (7.0, True)
    assert (error.code, error.detail) == ("c1", "no [key]")
    error = status_error(Reply(429, {"x-should-retry": "false"}), b'{"error": {"type": "t1"}}', AT)
    assert (error.code, error.should_retry) == ("t1", False)


def test_a_redirect_says_where_to_and_nothing_of_its_page():
    error = status_error(Reply(302, {"location": f"https://x.org/?{KEY}"}), b"<html>moved</html>", AT)
    assert error.what == (
        "The service answered 302 and points to https://x.org/?[key]; no question is sent on."
    )
    assert error.detail == ""
    assert "points to elsewhere;" in status_error(Reply(301), b"", AT).what


def test_a_proxy_and_a_question_too_large_are_told_in_words():
    error = status_error(Reply(407), b"", AT)
    assert error.what == "The proxy wants a login first; it answered 407."
    assert error.hint.startswith("Set HTTPS_PROXY to http://user:password@host:port")
    error = status_error(Reply(413), b"", AT, 1_234_567)
    assert error.what == ("The service answered 413: the question of 1,234,567 bytes is too large for it.")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", ""),
        (b" \n", ""),
        (b"plain words", "plain words"),
        (b"x \xff y", "x \ufffd y"),
        (b"<!doctype html><html><title>Bad</title><body>gateway</body></html>", "Bad gateway"),
    ],
)
def test_a_body_that_is_no_json_is_quoted_as_people_read_it(body, detail):
    assert status_error(Reply(502), body, AT).detail == detail


@pytest.mark.parametrize(
    ("body", "kind", "what"),
    [
        (b" \n ", EmptyResponse, "The service answered with nothing."),
        (b'{"a": 1', ProtocolError, "The service's answer is cut off in the middle."),
        (b'{"a" 1} \n', MalformedStream, "an answer"),
        (b"hello", NotAnAPI, "The service's answer is no JSON."),
        (b"<html>hello</html>", NotAnAPI, "A web page answered, not the API."),
    ],
)
def test_what_is_no_json_says_what_it_is(body, kind, what):
    with pytest.raises(kind) as caught:
        json_body(body, Reply(), AT)
    assert what in caught.value.what
    assert "an event" not in caught.value.what
    assert "XX" not in caught.value.what
    assert caught.value.where == "at prem.example"
    if kind is not EmptyResponse:
        assert caught.value.detail


def test_a_page_is_one_by_its_name_too():
    with pytest.raises(NotAnAPI, match="A web page answered"):
        json_body(b"hello", Reply(headers={"content-type": "text/HTML".lower()}), AT)
    assert json_body(b'{"a": 1}', Reply(), AT) == {"a": 1}


def test_success_is_2xx():
    assert [status for status in (199, 200, 299, 300) if succeeded(status)] == [200, 299]


def test_an_error_of_a_status_alone_says_nothing_more():
    error = APIStatusError("No.", status_code=418)
    assert (error.request_id, error.code, error.where, error.hint, error.detail) == ("",) * 5
    assert (error.retry_after, error.should_retry) == (None, None)
