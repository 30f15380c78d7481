"""The embedded model behind real kernels: no key, no endpoint, nothing started by hand."""

from __future__ import annotations

import os
import time

import psutil
import pytest
from kernels import Kernel

pytestmark = pytest.mark.weights

ALONE = dict.fromkeys(("PREMAI_API_KEY", "PREM_ENDPOINT", "PREM_AI_BASE_URL", "PREM_MODEL"))
ASK = "%%chat --once --seed 5 --max-tokens 24\nName three colours."


@pytest.fixture
def kernels(weights):
    started = []

    def start(**env):
        kernel = Kernel({**ALONE, **env})
        started.append(kernel)
        assert kernel.run("%load_ext jupyter_prem").outputs == []
        return kernel

    yield start
    for kernel in started:
        kernel.stop()


def children(pid):
    return [
        child
        for child in psutil.Process(pid).children(recursive=True)
        if "backends._child" in " ".join(child.cmdline())
    ]


def gone(processes, within=10.0):
    deadline = time.monotonic() + within
    while any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_with_nothing_set_it_answers_and_one_line_says_so(kernels):
    kernel = kernels()
    ran = kernel.run(ASK, "cell-1")
    assert ran.status == "ok", ran.error
    (bundle,) = ran.bundles
    for kind in ("text/html", "text/plain"):
        assert bundle[kind].count("PREMAI_API_KEY to use Prem Studio") == 1
    assert [m for m in ran.messages if m["msg_type"] == "stream"] == []
    named = kernel.run(ASK.replace("--once", "--once --endpoint embedded"))
    assert "PREMAI_API_KEY" not in named.bundles[0]["text/plain"]
    assert (
        kernel.value("chat_usage.total_tokens > 0, len(chat_response.system_fingerprint) > 20")
        == "(True, True)"
    )


def test_two_kernels_at_once_give_the_same_text_whatever_was_asked_before(kernels):
    first, second = kernels(), kernels()
    waiting = [first.start(ASK), second.start(ASK)]
    texts = [
        kernel.finish(message).bundles[0]["text/plain"]
        for kernel, message in zip((first, second), waiting, strict=True)
    ]
    second.run("%%chat --max-tokens 30\nTell me a story.")
    second.run("%%chat --max-tokens 10\nGo on.")
    texts.append(second.run(ASK).bundles[0]["text/plain"])
    assert len(set(texts)) == 1
    assert texts[0]


def test_nothing_is_left_after_a_restart_or_a_kill(kernels):
    kernel = kernels()
    kernel.run(ASK)
    before = children(kernel.pid)
    assert len(before) == 1
    kernel.manager.restart_kernel()
    kernel.client.wait_for_ready(timeout=60)
    assert gone(before)
    kernel.run("%load_ext jupyter_prem")
    assert kernel.run(ASK).status == "ok"
    again = children(kernel.pid)
    assert len(again) == 1
    os.kill(kernel.pid, 9)
    assert gone(again)


def test_an_interrupt_stops_the_engine_too(kernels):
    kernel = kernels()
    kernel.run(ASK)
    message = kernel.start("%%chat\nCount from one to five hundred in words.", "cell-1")
    kernel.until(message, lambda m: "tex2jax_ignore pm-open" in str(m["content"]))
    kernel.interrupt()
    ran = kernel.finish(message)
    assert ran.ename == "Interrupted"
    assert kernel.run(ASK, timeout=20).status == "ok"


def test_an_unknown_model_is_a_404_that_names_what_there_is(kernels):
    ran = kernels().run("%%chat -m gpt-9\nhi")
    assert ran.ename == "NotFoundError"
    assert "SmolLM2-135M-Instruct" in ran.error


@pytest.mark.parametrize("damaged", [False, True], ids=["no_weights", "damaged_weights"])
def test_without_weights_and_network_the_cell_says_what_to_do(kernels, tmp_path, damaged):
    if damaged:
        folder = tmp_path / "jupyter_prem"
        folder.mkdir()
        (folder / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(b"GGUF" + bytes(1000))
    offline = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_CONFIG_FILE": os.devnull,
    }
    kernel = kernels(XDG_CACHE_HOME=str(tmp_path), **offline)
    ran = kernel.run(ASK, timeout=120)
    assert ran.ename == "WeightsError"
    assert "PREM_EMBEDDED_MODEL" in ran.error
    assert len(ran.traceback) <= 24
    assert ("damaged" in ran.error) == damaged


def test_a_file_that_is_no_model_is_named(kernels, tmp_path):
    ran = kernels(PREM_EMBEDDED_MODEL=str(tmp_path / "nothing.gguf")).run(ASK)
    assert ran.status == "error"
    assert "nothing.gguf" in ran.error
