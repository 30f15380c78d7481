"""A service that asks for a pause is waited for: the page says so meanwhile, and not afterwards."""

from __future__ import annotations

import itertools
import threading

import pytest
from kernels import Kernel
from loopback import Reply, as_json


@pytest.fixture
def kernel(service):
    kernel = Kernel({"PREM_ENDPOINT": service.url})
    kernel.run("%load_ext jupyter_prem")
    yield kernel
    kernel.stop()


def busy(service, times, **headers):
    """Have so many questions refused, then answered."""
    count = itertools.count(1)

    def script(request):
        if next(count) <= times:
            return as_json({"error": {"message": "overloaded"}}, 503, **headers)
        return service.echo(request)

    service.script = script


def shown(messages):
    return [str(message["content"].get("data", {}).get("text/html", "")) for message in messages]


def test_a_live_page_says_what_is_waited_for_until_it_goes_on(kernel, service):
    busy(service, 2, **{"retry-after-ms": "400"})
    messages = []
    kernel.watchers.append(messages.append)
    ran = kernel.run("%%chat\nhi", cell_id="a")
    assert ran.status == "ok"
    assert len(service.questions) == 3
    frames = [frame for frame in shown(messages) if frame]
    assert any("The service answered 503. Asking again in 0.4 s" in frame for frame in frames)
    assert "You said: hi" in frames[-1]
    assert "503" not in frames[-1]
    assert "503" not in str(ran.outputs)


def test_a_page_that_is_drawn_once_says_nothing_of_it(kernel, service):
    busy(service, 1, **{"retry-after-ms": "1"})
    ran = kernel.run("%%chat\nhi")
    assert ran.status == "ok"
    assert len(ran.outputs) == 1
    assert "503" not in str(ran.outputs)


def test_what_stays_busy_fails_with_the_pause_it_asks_for(kernel, service):
    busy(service, 9, **{"retry-after": "3600"})
    ran = kernel.run("%%chat\nhi")
    assert ran.ename == "InternalServerError"
    assert "asks for a pause of 60 minutes" in ran.error
    assert len(service.questions) == 1


def test_the_settings_say_how_often_and_how_long(kernel, service):
    busy(service, 9, **{"retry-after-ms": "1"})
    kernel.run("%config PremMagics.max_retries = 0")
    assert kernel.run("%%chat\nhi").ename == "InternalServerError"
    assert len(service.questions) == 1
    kernel.run("%config PremMagics.max_retries = 4")
    assert "asked 5 times" in kernel.run("%%chat\nhi").error
    assert len(service.questions) == 6
    wrong = kernel.run("%config PremMagics.timeout = {'connect': 1, 'never': 2}")
    assert "There is no timeout 'never'" in wrong.error + str(wrong.outputs)
    service.script = lambda _: Reply([threading.Event()], headers={})
    kernel.run("%config PremMagics.timeout = {'progress': 0.2}")
    assert kernel.run("%%chat\nhi").ename == "IdleTimeout"


def test_an_interrupt_ends_the_wait(kernel, service):
    busy(service, 9, **{"retry-after": "25"})
    asked = threading.Event()
    refuse = service.script
    service.script = lambda request: (asked.set(), refuse(request))[1]
    started = kernel.start("%%chat\nhi", cell_id="a")
    assert asked.wait(10)
    kernel.interrupt()
    ran = kernel.finish(started, timeout=5)
    assert ran.ename == "Interrupted"
    assert len(service.questions) == 1
