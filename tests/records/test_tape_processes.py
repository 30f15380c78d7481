"""Recordings of several processes: one file that they share, killed in the middle, forked, somewhere else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from taped import client, streamed

from jupyter_prem import record
from jupyter_prem.records import Cassette

NO_LOCKS = """
import errno, fcntl
import portalocker.portalocker
def refuse(*_):
    raise OSError(errno.ENOLCK, "No locks available")
portalocker.portalocker.LOCKER = fcntl.flock = fcntl.lockf = refuse
from jupyter_prem import CassetteError, Client, record
with record({path!r}, "new_episodes"), Client({url!r}) as client:
    try:
        client.chat("hello", model="m")
    except CassetteError as error:
        print(error.response, error.what)
"""


def test_where_nothing_can_be_locked_the_answer_is_kept(path, service):
    code = NO_LOCKS.format(path=str(path), url=service.url)
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30
    )
    assert ran.stdout.startswith("You said: hello The answer was not recorded."), ran.stdout + ran.stderr
    assert "takes no locks" in ran.stdout


MANY = """
import asyncio, resource
from jupyter_prem import AsyncClient, record
from jupyter_prem.records import Cassette

_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, hard))

async def ask():
    async with AsyncClient({url!r}) as asker:
        return await asyncio.gather(*(asker.chat(f"question {{n}}", model="m") for n in range(1_500)))

with record({path!r}):
    answers = asyncio.run(asyncio.wait_for(ask(), 60))
print(len(answers), len(Cassette({path!r})))
"""


def test_many_questions_at_once_open_few_files(path, service):
    code = MANY.format(url=service.url, path=str(path))  # a process of its own: others' files are not counted
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=90
    )
    assert ran.stdout.split() == ["1500", "1500"], ran.stderr


MANY_FILES = """
import asyncio, os
from pathlib import Path
from jupyter_prem import AsyncClient, Client, record
async def ask():
    async with AsyncClient({url!r}) as asker:
        await asker.chat("hi", model="m")
def once(number):
    with record(Path({folder!r}) / f"{{number}}.chat.jsonl"), Client({url!r}) as asker:
        asker.chat("hi", model="m")
    with record(Path({folder!r}) / f"{{number}}-async.chat.jsonl"):
        asyncio.run(ask())
once(0)
before = len(os.listdir("/proc/self/fd"))
for number in range(1, 20):
    once(number)
print(len(os.listdir("/proc/self/fd")) - before)
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the open files are counted in /proc")
def test_a_file_that_nobody_records_to_any_more_costs_no_open_file(tmp_path, service):
    code = MANY_FILES.format(url=service.url, folder=str(tmp_path))
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=90
    )
    assert ran.stdout.split() == ["0"], ran.stderr


PROCESS = """
import sys
from jupyter_prem import Client, record
with record({path!r}, "new_episodes"):
    client = Client({url!r})
    for number in range({first}, {last}):
        assert client.chat(f"question {{number}}", model="m").text == f"You said: question {{number}}"
        print(number, flush=True)
"""


def start(path, url, first, last):
    code = PROCESS.format(path=str(path), url=url, first=first, last=last)
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(
    ("processes", "each"),
    [(4, 50), pytest.param(8, 500, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])],
)
def test_processes_that_share_a_file_ask_each_question_once(path, service, processes, each):
    fresh = each * 4 // 5
    running = [start(path, service.url, worker * fresh, worker * fresh + each) for worker in range(processes)]
    for process in running:
        out, err = process.communicate(timeout=1700)
        assert process.returncode == 0, err
        assert len(out.split()) == each
    asked = [request.body["messages"][-1]["content"] for request in service.questions]
    every = {f"question {number}" for number in range(fresh * (processes - 1) + each)}
    assert sorted(asked) == sorted(every)
    cassette = Cassette(path)
    assert {record.body["messages"][-1]["content"] for record in cassette} == every
    assert (len(cassette), cassette.faults) == (len(every), [])


@pytest.mark.parametrize("kills", [4, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_what_was_answered_survives_the_end_of_a_process_at_any_moment(path, service, kills):
    wanted = 60
    for kill in range(kills):
        process = start(path, service.url, 0, wanted)
        seen = 0
        for line in process.stdout:
            seen = int(line) + 1
            if seen * kills >= wanted * kill:
                break
        process.kill()
        process.communicate()
        cassette = Cassette(path)
        done = [record.body["messages"][-1]["content"] for record in cassette]
        assert done[:seen] == [f"question {number}" for number in range(seen)]
        assert all(
            fault.why in {"is no JSON", "does not begin with its key and its hash"}
            for fault in cassette.faults
        )
    process = start(path, service.url, 0, wanted)
    assert process.wait(120) == 0
    process.communicate()
    unbroken = path.with_name("unbroken.chat.jsonl")
    process = start(unbroken, service.url, 0, wanted)
    process.communicate(timeout=120)
    kept = {record.key: record.answer["choices"] for record in Cassette(path)}
    assert kept == {record.key: record.answer["choices"] for record in Cassette(unbroken)}
    # Each kill costs at most the one answer that was on its way.
    assert len(service.questions) <= 2 * wanted + kills


LOOP = """
import asyncio
from jupyter_prem import AsyncClient, record
async def main():
    async with AsyncClient({url!r}) as client:
        await asyncio.gather(*(client.chat(f"question {{number}}", model="m") for number in range(60)))
with record({path!r}, "new_episodes"):
    asyncio.run(main())
"""


def test_loops_of_processes_that_share_a_file_ask_each_question_once(path, service):
    code = LOOP.format(path=str(path), url=service.url)
    running = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]
    for process in running:
        assert process.wait(120) == 0, process.stderr.read()
        process.stderr.close()
    assert len(service.questions) == len(Cassette(path)) == 60
    assert Cassette(path).faults == []


ELSEWHERE = """
import hashlib, json, locale, os, sys, time
os.chdir("/")
from jupyter_prem import Client, record
seen = hashlib.sha256()
with record({path!r}, "none"):
    for number in range(20):
        with Client().stream(f"Grüße {{number}} 😀", temperature=number / 10) as stream:
            for delta in stream:
                seen.update(repr((delta.text, delta.index, delta.finish_reason)).encode())
            seen.update(json.dumps(stream.response.to_dict(), sort_keys=True).encode())
print(seen.hexdigest())
"""
WORLDS = [
    {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"},
    {"PYTHONHASHSEED": "1", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu"},
    {"PYTHONHASHSEED": "random", "LC_ALL": "ja_JP.UTF-8", "TZ": "America/St_Johns", "PYTHONUTF8": "1"},
]


def test_a_replay_is_the_same_wherever_it_runs(path, service):
    with record(path):
        for number in range(20):
            streamed(client(service.url), f"Grüße {number} 😀", temperature=number / 10)
    service.stop()
    digests = set()
    for world in WORLDS:
        environ = {**os.environ, **world}
        code = ELSEWHERE.format(path=str(path))
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environ
        )
        assert ran.returncode == 0, ran.stderr
        digests.add(ran.stdout)
    assert len(digests) == 1


def test_without_ipython(path, service):
    code = (
        "import sys\nsys.modules['IPython'] = None\nsys.modules['ipywidgets'] = None\n"
        f"from jupyter_prem import Client, record\nwith record({str(path)!r}):\n"
        f"    print(Client({service.url!r}).chat('hello'))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout == "You said: hello\n", ran.stderr
    assert json.loads(Path(path).read_text().splitlines()[1])["n"] == 1


FORKS = """
import asyncio, os, sys
sys.path.insert(0, sys.argv[1])
from recorded import record_of
from jupyter_prem.records import Cassette, _batch

cassette = Cassette(sys.argv[2])

async def kept(question):
    await asyncio.wait_for(_batch.keep(cassette, record_of(question)), 20)

asyncio.run(kept("before"))
_batch._lock.acquire()  # as one who writes at that moment
child = os.fork()
if not child:
    asyncio.run(kept("in the child"))
    os._exit(0)
_batch._lock.release()
assert os.waitpid(child, 0)[1] == 0
asyncio.run(kept("after"))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_that_was_forked_records_too(tmp_path):
    path = tmp_path / "a.chat.jsonl"
    support = Path(__file__).parents[1] / "support"
    subprocess.run([sys.executable, "-c", FORKS, support, path], check=True, timeout=60)
    assert len(Cassette(path)) == 3
