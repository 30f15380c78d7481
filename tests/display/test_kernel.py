"""The sink in a real kernel: what the timer's thread draws lands in the cell that asked."""

import queue

import pytest
from jupyter_client.manager import start_new_kernel

CELL = """
import threading
from jupyter_prem.display import IPythonPage, LiveHtml, bundle
sink = LiveHtml(IPythonPage())
sink.feed("one ")
sink.feed("two")
for _ in range(200):            # silence, until the timer has drawn
    if sink._timer is None:
        break
    threading.Event().wait(0.02)
drawn = threading.active_count()
sink.finish(bundle("one two", footer=["model"]), {"latency": 1})
"""


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(kernel_name="python3")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client, code):
    """The messages of one cell, all of them its own."""
    asked = client.execute(code)
    messages = []
    while True:
        try:
            message = client.get_iopub_msg(timeout=30)
        except queue.Empty:  # pragma: no cover - a kernel that hangs
            pytest.fail("the kernel is silent")
        assert message["parent_header"].get("msg_id") == asked
        messages.append((message["msg_type"], message["content"]))
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return messages


def test_the_timer_draws_into_the_cell_that_asked(kernel):
    messages = run(kernel, CELL)
    shown = [(kind, content) for kind, content in messages if kind not in ("status", "execute_input")]
    assert [kind for kind, _ in shown] == [
        "display_data",
        "update_display_data",
        "clear_output",
        "display_data",
    ], shown
    assert "two" not in shown[0][1]["data"]["text/html"]
    assert "one two" in shown[1][1]["data"]["text/html"]
    assert shown[2][1] == {"wait": True}
    assert set(shown[3][1]["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert shown[3][1]["metadata"] == {"latency": 1}


def test_an_interrupt_while_drawing_leaves_the_sink_usable(kernel):
    messages = run(
        kernel,
        "sink = LiveHtml(IPythonPage())\n"
        "try:\n"
        "    sink.feed('par')\n"
        "    raise KeyboardInterrupt\n"
        "except KeyboardInterrupt:\n"
        "    sink.finish(bundle('par', badge='interrupted'))\n",
    )
    last = [content for kind, content in messages if kind == "display_data"][-1]
    assert "pm-badge" in last["data"]["text/html"]
