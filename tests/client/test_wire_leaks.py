"""H45 to H48, S57 to S59, H37: what is left behind, and what is held, when an answer ends in another way."""

from __future__ import annotations

import subprocess
import sys
import threading
import zlib

import psutil
import pytest
from loopback import Reply, answer, chunk, event
from wire_asked import ask, of, open_to, until
from wire_cases import timeouts
from wire_faults import FAULTS
from wire_server import EVENTS, Again, head, whole

CLIENTS = ["threads", "aiohttp", "httpx"]


# Of AsyncClient: test_async_left.py, "two hundred streams of which half are cancelled leave nothing".
@of("H45")
def test_two_hundred_streams_of_which_half_are_left_leave_nothing(case, server, clients):
    threads = set(threading.enumerate())
    more = threading.Event()
    server.script = lambda _: Reply([event(chunk("one")), more, *answer(" two")])
    with clients(server.url, timeout=timeouts({})) as client:
        own = set(threading.enumerate()) - threads
        contexts = [client.stream("hi", model="m") for _ in range(200)]
        streams = [context.__enter__() for context in contexts]
        assert [str(next(iter(stream))) for stream in streams] == ["one"] * 200
        for context in contexts[::2]:
            context.__exit__(None, None, None)
        more.set()
        for stream, context in zip(streams[1::2], contexts[1::2], strict=True):
            list(stream)
            context.__exit__(None, None, None)
        assert [stream.response.text for stream in streams] == ["one", "one two"] * 100
        assert until(lambda: len(open_to(server)) <= 100, 1)
        server.script = server.echo
        assert ask(client).response.text == "You said: hi"
    assert until(lambda: open_to(server) == [], 1)
    assert until(lambda: len(server.left) == server.connections, 1)
    left = set(threading.enumerate()) - threads - own
    assert [thread for thread in left if "(_serve)" not in thread.name] == []


# Also test_http.py and test_async.py, "a fork has sockets of its own".
@pytest.mark.parametrize("name", CLIENTS)
@of("H46")
def test_a_fork_asks_over_a_connection_of_its_own(case, server, name):
    code = f"{start(name, server)}\n{THREAD if name == 'threads' else LOOP}\n{FORK}"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    assert server.connections == 2


THREAD = """
client = Client(URL)
def say(text): return client.chat(text, model="m").text
"""
LOOP = """
client, loops = AsyncClient(URL), {}
def say(text):
    loop = loops.setdefault(os.getpid(), None) or asyncio.new_event_loop()
    loops[os.getpid()] = loop
    return loop.run_until_complete(client.chat(text, model="m")).text
"""
FORK = """
assert say("before") == "You said: before"
child = os.fork()
if child == 0:
    os._exit(0 if say("child") == "You said: child" else 1)
assert os.waitpid(child, 0)[1] == 0
assert say("parent") == "You said: parent"
os._exit(0)
"""


def test_a_fork_closes_a_client_whose_lock_was_held(server):
    subprocess.run(
        [sys.executable, "-c", f"{start('threads', server)}\n{THREAD}\n{CLOSED}"], check=True, timeout=30
    )
    assert server.connections == 1


CLOSED = """
assert say("before") == "You said: before"
with client._wire._lock:  # as a thread that takes a connection holds it
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        client.close()
        os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert say("parent") == "You said: parent"
os._exit(0)
"""


def start(name, server):
    return (
        "import asyncio, os, queue, random, signal, sys, threading, time\n"
        f"if {name == 'httpx'}: sys.modules['httpx_aiohttp'] = None\n"
        f"from jupyter_prem import AsyncClient, Client\nURL = {server.url!r}"
    )


@pytest.mark.parametrize("name", CLIENTS)
@of("H47")
def test_a_client_answers_where_a_loop_runs(case, kernel, service, name):
    code = f"""
import sys
from jupyter_prem import AsyncClient, Client
if {name == "httpx"}: sys.modules["httpx_aiohttp"] = None
try:
    if {name == "threads"}:
        with Client({service.url!r}) as client:
            first = client.chat("hi", model="m").text
            with client.stream("hi", model="m") as stream:
                second = "".join(map(str, stream))
    else:
        async with AsyncClient({service.url!r}) as client:
            first = (await client.chat("hi", model="m")).text
            async with client.stream("hi", model="m") as stream:
                second = "".join([str(delta) async for delta in stream])
finally:
    if {name == "httpx"}: del sys.modules["httpx_aiohttp"]
"""
    ran = kernel.run(code)
    assert ran.status == "ok", ran.error
    assert kernel.value("first, second") == str(("You said: hi",) * 2)
    assert kernel.value("[name for name in sys.modules if 'nest_asyncio' in name]") == "[]"


POINTS = {"threads": 200, "aiohttp": 200, "httpx": 100}
INTERRUPT = """
# One thread for all: a Timer that is collected meanwhile would take an interrupt into its weak reference's callback.
def interrupts():
    while True:
        time.sleep(due.get())
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
due, chance = queue.SimpleQueue(), random.Random(7)
threading.Thread(target=interrupts, daemon=True).start()
threads = set(threading.enumerate())
def read(client, seconds=None):
    if seconds: due.put(seconds)
    with client.stream("hi", model="m") as stream:
        for _ in stream: pass
async def read_async(seconds=None):
    if seconds: due.put(seconds)  # here: a loop that is cut while it is made is none of ours
    async with AsyncClient(URL) as client, client.stream("hi", model="m") as stream:
        async for _ in stream: pass
client = Client(URL)
def once(seconds):
    try:
        read(client, seconds) if KIND == "threads" else asyncio.run(read_async(seconds))
    except KeyboardInterrupt:
        caught.append(time.monotonic())
sent, caught = [], []
read(client) if KIND == "threads" else asyncio.run(read_async())  # what is imported on the way is no part of it
client.close()
for _ in range(POINTS):
    once(0.001 + chance.random() * 0.012)
if KIND == "threads":
    assert [it for it in set(threading.enumerate()) - threads] == []
late = [b - a for a, b in zip(sent, caught, strict=True) if b - a > 0.2]
assert late == [], late
print(*sent)
sys.stdin.read()
"""


@pytest.mark.parametrize("name", CLIENTS)
@of("H48")
def test_an_interrupt_at_any_point_closes_the_connection(case, server, name):
    server.turns(None, [head(EVENTS), Again(event(chunk("x")), 10**6, 0.001)])
    code = f"{start(name, server)}\nKIND, POINTS = {name!r}, {POINTS[name]}\n{INTERRUPT}"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert until(lambda: len(server.left) == server.connections, 1)
        connected = [it for it in psutil.Process(process.pid).net_connections("tcp") if it.raddr]
    finally:
        _, errors = process.communicate(timeout=30)
    assert errors == ""
    assert connected == []
    sent = [float(word) for word in line.split()]
    assert len(sent) == POINTS[name]
    assert server.connections > POINTS[name] / 3
    ended = [
        at for at in server.left if at >= sent[0]
    ]  # what was asked before was to have everything imported
    delays = [min(at - when for when in sent if when <= at) for at in ended]
    assert max(delays) <= 0.2


MEMORY = """
def peak(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name)) // 1024
def ask(text):
    if KIND == "threads":
        with Client(URL) as client, client.stream(text, model="m") as stream:
            for _ in stream: pass
        return
    async def main():
        async with AsyncClient(URL) as client, client.stream(text, model="m") as stream:
            async for _ in stream: pass
    asyncio.run(main())
ask("hi")
for _ in range(COUNT):
    with open("/proc/self/clear_refs", "w") as refs: refs.write("5")
    before, said = peak("VmRSS"), ""
    try: ask("flood")
    except Exception as error: said = type(error).__name__
    print(said, peak("VmHWM") - before)
"""


def floods():
    """Replies that have no end, or none that fits."""
    packer = zlib.compressobj(9, wbits=31)
    packed = b"".join(packer.compress(b"x" * 2**20) for _ in range(100)) + packer.flush()
    named = {case.name: next(case.ways())[1] for case in FAULTS if case.id in {"S57", "S58", "S59"}}
    error = whole(packed, 500, content_encoding="gzip", x_should_retry="false")
    return {**named, "H37-packed-error": error}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
@pytest.mark.parametrize("name", CLIENTS)
@of("S57-memory")
def test_a_flood_is_not_held(case, server, name):
    replies = floods()
    server.turns(None, *replies.values())
    code = f"{start(name, server)}\nKIND, COUNT = {name!r}, {len(replies)}\n{MEMORY}"
    ran = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=120, capture_output=True, text=True
    )
    came = dict(zip(replies, map(str.split, ran.stdout.splitlines()), strict=True))
    assert {reply: error for reply, (error, _) in came.items()} == {
        reply: "InternalServerError" if reply.startswith("H37") else "LimitExceeded" for reply in replies
    }
    assert {reply: int(grown) for reply, (_, grown) in came.items() if int(grown) > 32} == {}
