"""A page that keeps its outputs, a clock that a test turns, and what a page may hold."""

import json

import pytest
from allowed import find_faults


@pytest.fixture(scope="session")
def faults():
    return find_faults


class Recorder:
    """A page that keeps its outputs, and counts what was sent."""

    def __init__(self, clock=lambda: 0.0):
        self.clock = clock
        self.times = []
        self.outputs = {}
        self.order = []
        self.log = []
        self.cleared = False

    def display(self, data, display_id=None, metadata=None):
        if self.cleared:
            self.outputs.clear()
            self.order.clear()
            self.cleared = False
        key = display_id or f"anonymous-{len(self.log)}"
        self.order.append(key)
        self.outputs[key] = dict(data)
        self.times.append(self.clock())
        self.log.append(("display", key, dict(data), metadata))

    def update(self, data, display_id, metadata=None):
        assert display_id in self.outputs
        self.outputs[display_id] = dict(data)
        self.times.append(self.clock())
        self.log.append(("update", display_id, dict(data), metadata))

    def watch(self, cleared):  # noqa: ARG002 - Page's signature; nobody clears this one
        return lambda: None

    def clear(self, *, wait):
        self.cleared = wait
        if not wait:
            self.outputs.clear()
            self.order.clear()
        self.times.append(self.clock())
        self.log.append(("clear", None, {}, None))

    @property
    def sent(self):
        return sum(self.sizes)

    @property
    def sizes(self):
        return [
            len(json.dumps(data, ensure_ascii=False).encode()) if data else 0 for _, _, data, _ in self.log
        ]

    def busiest(self, seconds=3):
        """Bytes in the busiest three seconds."""
        sent = list(zip(self.times, self.sizes, strict=True))
        return max(sum(size for at, size in sent if start <= at < start + seconds) for start, _ in sent)

    @property
    def html(self):
        return [self.outputs[key].get("text/html", "") for key in self.order]


class Clock:
    """A clock that a test turns, and the calls that wait for it."""

    def __init__(self):
        self.now = 0.0
        self.waiting = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.turn(seconds)

    def later(self, seconds, call):
        entry = [self.now + seconds, call]
        self.waiting.append(entry)

        class Handle:
            def cancel(handle):  # noqa: N805 - a handle inside a method
                if entry in self.waiting:
                    self.waiting.remove(entry)

        return Handle()

    def turn(self, seconds):
        end = self.now + seconds
        while due := [entry for entry in self.waiting if entry[0] <= end]:
            entry = min(due, key=lambda entry: entry[0])
            self.waiting.remove(entry)
            self.now = max(self.now, entry[0])
            entry[1]()
        self.now = end


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recorder(clock):
    return Recorder(clock)
