"""Thousands of answers through one panel: what they leave behind is what was said, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kernels import Kernel
from loopback import Service
from panels import Page

MEASURE = """
import gc, os, threading, comm, psutil, tracemalloc
gc.collect()
process = psutil.Process()
seen = (
    threading.active_count(),
    len(comm.get_comm_manager().comms),
    len([c for c in process.net_connections() if c.status == 'ESTABLISHED']),
    process.num_fds(),
    tracemalloc.get_traced_memory()[0],
)
print(*seen)
"""
# Every answer leaves the conversation: what is measured is what the panel keeps beside it.
ASK = """
for _ in range({count}):
    panel.ask('hi')
    panel.wait()
    conversation = panel.conversation
    conversation._turns.clear(); conversation._past.clear(); conversation._head = None
    panel._pages.turns.__init__(); panel._chat.notebook.ledger.entries.clear()
    panel._transcript._known.clear()
"""


@pytest.fixture
def bare_kernel(service: Service) -> Iterator[Kernel]:
    """A kernel that nothing measures: coverage keeps something of every thread."""
    # Nor one that looks for recordings, as under pytest: paths are interned, whose table grows now and then.
    unset = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START", "PYTEST_CURRENT_TEST", "CI")
    kernel = Kernel({**dict.fromkeys(unset), "PREM_ENDPOINT": service.url})
    kernel.run("%load_ext jupyter_prem")
    yield kernel
    kernel.stop()


@pytest.mark.parametrize(
    "count", [200, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_answers_leak_nothing(bare_kernel, count):
    kernel = bare_kernel
    kernel.run(
        "from jupyter_prem import ChatPanel\npanel = ChatPanel()\nimport tracemalloc\ntracemalloc.start()"
    )
    page = Page(kernel)
    kernel.run(ASK.format(count=50))
    before = [int(word) for word in kernel.run(MEASURE).text.split()]
    ran = kernel.run(ASK.format(count=count), timeout=1500)
    assert ran.status == "ok", ran.error
    after = [int(word) for word in kernel.run(MEASURE).text.split()]
    threads, comms, sockets, files, memory = (now - then for now, then in zip(after, before, strict=True))
    assert threads <= 1  # a timer that is about to fire
    assert comms == 0
    assert sockets <= 0
    assert files <= 2
    assert memory / count < 500  # bytes an answer; a turn has some 3,000
    assert len(page.state["conversations"]) == 1


def test_panels_and_views_that_are_gone_leave_nothing(kernel, service):
    kernel.run(
        "from jupyter_prem import ChatPanel\nimport gc, weakref, comm\nbefore = len(comm.get_comm_manager().comms)"
    )
    ran = kernel.run(
        "gone = []\nfor _ in range(20):\n    panel = ChatPanel()\n    panel.ask('hi')\n    panel.wait()\n"
        "    gone.append(weakref.ref(panel))\n    panel.layout.close()\n    panel.close()\n    del panel\ngc.collect()"
    )
    assert ran.status == "ok", ran.error
    kernel.run(
        "import time\nuntil = time.monotonic() + 10\n"  # a thread that has just sent its last word
        "while any(one() is not None for one in gone) and time.monotonic() < until: gc.collect(); time.sleep(0.02)"
    )
    assert kernel.value("sum(one() is not None for one in gone)") == "0"
    assert kernel.value("len(comm.get_comm_manager().comms) - before") == "0"
    kernel.run("%%chat\nstill here")
    assert kernel.value("len(chat_conversation.turns)") == "21"
