"""Cookies of a service: none is kept."""

from __future__ import annotations

import pytest
from loopback import Reply, answer


@pytest.mark.parametrize("proxied", [False, True])
def test_no_cookie_is_kept(clients, service, monkeypatch, proxied):
    headers = {"content-type": "text/event-stream", "set-cookie": "who=you; Path=/; Max-Age=3600"}
    service.script = lambda _: Reply(answer("hi"), headers=headers)
    url = service.url
    if proxied:  # the way of httpx's own client: the service takes itself for the one that is asked
        monkeypatch.setenv("HTTP_PROXY", service.url)
        url = "http://service.invalid"
    with clients(url) as client:
        for _ in range(2):
            assert client.chat("hi", model="m", stream=True).text == "hi"
    assert [request.headers.get("cookie") for request in service.questions] == [None, None]
