"""What an error's body says, wherever a service puts it, and however deep."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from jupyter_prem.client import Address, APIStreamError
from jupyter_prem.client._decode import Reader, words_of
from jupyter_prem.client._sse import Event
from jupyter_prem.client._status import status_error

DEEP = 500  # parsed by Python 3.11 too, whose parser stops near 1,000


class Refusal:
    status_code = 400
    headers = MappingProxyType({})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "no"}}, "no"),
        ({"detail": [{"loc": ["body", "seed"], "msg": "a number"}, "more"]}, "body.seed: a number; more"),
        ({"detail": [{"loc": ["body", 0], "msg": ""}]}, "body.0: "),
        ({"error": "", "title": "gone"}, "gone"),
        ({"other": [1]}, '{"other": [1]}'),
    ],
)
def test_words_are_found_wherever_services_put_them(body, words):
    assert words_of(body) == words


@pytest.mark.parametrize(
    ("opening", "closing"),
    [(b"[", b"]"), (b'{"error":', b"}"), (b'[{"loc":[],"msg":', b"}]"), (b'[{"msg":1,"loc":', b"}]")],
    ids=["lists", "errors", "messages", "places"],
)
def test_a_hostile_body_is_an_error_with_a_name_however_deep(opening, closing):
    depth = DEEP // len(closing)
    body = b'{"error":' + opening * depth + b"[1]" + closing * depth + b"}"
    error = status_error(Refusal(), body, Address("https://a.example"))
    assert error.what == "The service answered 400."
    assert len(error.detail) <= 201
    with pytest.raises(APIStreamError, match="reported an error"):
        Reader().chunk(Event("message", body))


def test_words_are_looked_for_in_data_that_no_parser_gave():
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert words_of(deep) == "an error that is nested too deeply"
