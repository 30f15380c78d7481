"""Blocks of `record` in each other and in several threads, and questions of running loops."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import threading
import weakref

import pytest
from loopback import Reply, answer
from taped import client
from wire_asked import until

from jupyter_prem import AsyncClient, CassetteError, record
from jupyter_prem.records import Cassette, _async_taped


@pytest.mark.usefixtures("either")
def test_each_thread_has_the_error_of_its_own_answer(service, monkeypatch):
    start, caught = threading.Barrier(6), {}

    def ask(number):
        start.wait()
        try:
            client(service.url).chat(f"question {number}", model="m")
        except CassetteError as error:
            caught[number] = error

    with record("/dev/full", "all"):
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {number: error.response.text for number, error in caught.items()} == {
        number: f"You said: question {number}" for number in range(6)
    }
    assert len(set(map(id, caught.values()))) == 6


def test_blocks_lie_in_each_other_and_hold_for_every_thread(path, service):
    inner = path.with_name("inner.chat.jsonl")
    with record(path, "new_episodes"):
        with record(inner, "new_episodes"):
            client(service.url).chat("inside")
        done: list[bool] = []
        thread = threading.Thread(target=lambda: done.append(client(service.url).chat("outside").replayed))
        thread.start()
        thread.join()
    client(service.url).chat("after")
    assert (len(Cassette(inner)), len(Cassette(path)), done) == (1, 1, [False])

    @record(path, "none")
    def replay():
        return client(service.url).chat("outside").replayed

    assert replay()
    assert replay()


def test_blocks_that_cross_are_each_of_their_own_thread(path, service):
    other = path.with_name("other.chat.jsonl")
    entered, done = threading.Barrier(2), threading.Barrier(2)

    def ask(place, text):
        with record(place, "all"):
            entered.wait()
            client(service.url).chat(text, model="m")
            done.wait()

    threads = [threading.Thread(target=ask, args=(place, place.stem)) for place in (path, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [[one.response.text for one in Cassette(place)] for place in (path, other)] == [
        ["You said: a.chat"],
        ["You said: other.chat"],
    ]


def test_two_blocks_that_ask_the_same_at_once_are_answered_alike(path, service):
    numbers = iter(range(100))
    service.script = lambda _: Reply(answer(f"answer {next(numbers)}"))

    @record(path, "new_episodes")
    async def ask():
        async with AsyncClient(service.url) as asker:
            return (await asker.chat("hello", model="m", stream=True)).text

    async def both():
        return await asyncio.gather(ask(), ask())

    assert asyncio.run(both()) == asyncio.run(both()) == ["answer 0", "answer 0"]
    assert len(service.questions) == 1


def test_one_record_object_may_be_entered_by_several_threads(path, service):
    block, entered, done = record(path, "all"), threading.Barrier(2), threading.Barrier(2)

    def ask(text):
        with block as tape:
            entered.wait()
            client(service.url).chat(text, model="m")
            done.wait()
            assert tape.used

    threads = [threading.Thread(target=ask, args=(text,)) for text in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client(service.url).chat("after", model="m")
    assert sorted(one.response.text for one in Cassette(path)) == ["You said: one", "You said: two"]


def test_threads_that_wait_for_the_loop_do_not_keep_it_from_writing(path, service):
    async def ask():
        loop = asyncio.get_running_loop()
        async with AsyncClient(service.url) as asker:

            def wait(number):
                question = asker.chat(f"question {number}", model="m")
                return asyncio.run_coroutine_threadsafe(question, loop).result(30).text

            return await asyncio.gather(*(asyncio.to_thread(wait, number) for number in range(40)))

    with record(path):
        assert len(asyncio.run(ask())) == 40
    assert len(Cassette(path)) == 40


def test_loops_that_have_ended_are_not_kept(path, service):
    loops = []

    async def ask(number):
        loops.append(weakref.ref(asyncio.get_running_loop()))
        async with AsyncClient(service.url) as asker:
            await asker.chat(f"question {number}", model="m")

    with record(path):
        for number in range(5):
            asyncio.run(ask(number))
    gc.collect()
    assert sum(loop() is not None for loop in loops) <= 1


def test_a_loop_that_ends_before_its_answers_are_written_is_not_kept_and_they_are_written(
    path, service, monkeypatch
):
    add, keep, more, kept, loops = Cassette.add_lines, _async_taped.keep, threading.Event(), [], []
    monkeypatch.setattr(Cassette, "add_lines", lambda *args: (more.wait(10), add(*args)))
    monkeypatch.setattr(_async_taped, "keep", lambda *args: kept.append(True) or keep(*args))

    async def ask():
        loops.append(weakref.ref(asyncio.get_running_loop()))
        async with AsyncClient(service.url) as asker:
            asked = [
                asyncio.ensure_future(asker.chat(f"question {number}", model="m")) for number in range(3)
            ]
            while len(kept) < 3:  # noqa: ASYNC110 - no event tells it
                await asyncio.sleep(0.001)
            for one in asked:
                one.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    with record(path):
        asyncio.run(ask())
    more.set()
    assert until(lambda: len(Cassette(path)) == 3, 10)
    assert until(lambda: gc.collect() is not None and loops[0]() is None, 10)


def test_a_coroutine_is_recorded_while_it_runs_and_a_generator_refused(path, service):
    @record(path, "new_episodes")
    async def ask(text):
        await asyncio.sleep(0)
        return await asyncio.to_thread(client(service.url).chat, text, model="m")

    async def both():
        return await asyncio.gather(ask("one"), ask("two"))

    asyncio.run(both())
    assert len(Cassette(path)) == 2
    assert asyncio.run(ask("one")).replayed

    def pieces():
        yield client(service.url).chat("one")

    with pytest.raises(TypeError, match="A generator runs in pieces"):
        record(path)(pieces)


def test_what_a_loop_finishes_together_is_synced_together(path, service, monkeypatch):
    syncs = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (syncs.append(handle), real(handle)))

    async def ask():
        async with AsyncClient(service.url) as client:
            return await asyncio.gather(*(client.chat(f"question {n}", model="m") for n in range(100)))

    with record(path):
        answers = asyncio.run(ask())
        written = len(Cassette(path))
    assert [one.text for one in answers] == [f"You said: question {n}" for n in range(100)]
    assert (written, len(syncs) < 60) == (100, True)
    assert sum("recordings" in thread.name for thread in threading.enumerate()) == 1
    with record(path, "none"):
        assert all(one.replayed for one in asyncio.run(ask()))


@pytest.mark.usefixtures("either")
def test_an_answer_that_could_not_be_written_leaves_its_number_to_the_next(path, service, monkeypatch):
    real, full = os.fsync, [True]

    def fsync(handle):
        if full:
            full.clear()
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    asker = client(service.url)
    with record(path, "new_episodes"):
        with pytest.raises(CassetteError, match="The disk is full") as caught:
            asker.chat("hi", model="m")
        assert caught.value.response.text == "You said: hi"
        asker.chat("hi", model="m")
    assert [one.n for one in Cassette(path)] == [1]
