"""An answer on a live page, drawn as it arrives at a cost that is linear in its length.

What is finished is frozen: the answer lies in several outputs, of which only the last is updated, at
most once an interval. JupyterLab folds cells past 50 outputs, so when there are nearly as many the last ones
are merged into one, those merged least first: each character is sent a bounded number of times, and what a
page has to draw at once stays small. At the end one output takes the place of all; where frames have used
up what the page's server lets through, it waits until there is room.
"""

import html
import itertools
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Protocol

from ._cut import Cut, cut
from ._frame import body_of, frame, one_line, waiting
from ._markdown import draw, load
from ._page import Page
from ._rate import MOST, Rate, size_of, timer
from ._steps import Call, call_line
from ._text import clean

INTERVAL = 0.15  # seconds between two frames at least
SLOWEST = 0.25  # seconds between two frames at most, while text arrives
PACE = 8_000  # characters a second: longer frames come less often
FRAMES = MOST * 2 // 3  # bytes that frames may take of a window; the rest is for the final output
PIECE = 1_300  # characters; what is frozen is at least as long
USUAL = 2.0  # characters of HTML for one of Markdown; where it takes more, pieces are shorter
DENSEST = 4.0  # times as much; no piece is shorter than that
OUTPUTS = 44  # JupyterLab folds a cell's outputs past 50
_FEWEST, _RUN = 8, 20  # outputs that are merged into one


class _Cancel(Protocol):
    def cancel(self) -> None: ...


class LiveHtml:
    """Draws an answer while it arrives.

    A frame that is due while nothing more arrives is drawn by a daemon timer, at most one at a time and
    none when idle. It runs in a copy of the context the sink was made in, so ipykernel gives its messages
    the parent of the cell that asked.

    Args:
        page: The cell's output area.
        alone: Whether everything in it is this answer's; else other outputs are left where they are, and
            one output shows the end of the answer while it arrives.
        style: Whether the stylesheet goes with it; a page may have it.
        outputs: In how many outputs an answer may lie; None is as many as it needs.
        clock: Seconds, monotonic.
        later: Calls a function after some seconds, in any thread; a daemon timer if left out.
        sleep: Waits some seconds.
    """

    def __init__(
        self,
        page: Page,
        *,
        alone: bool = True,
        style: bool = True,
        outputs: int | None = OUTPUTS,
        clock: Callable[[], float] = time.monotonic,
        later: Callable[[float, Callable[[], None]], _Cancel] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._page = page
        self._sleep = sleep
        self._rate = Rate(clock)
        self._alone, self._style = alone, style
        self._most = outputs or float("inf")
        self._clock = clock
        self._later = later or timer
        self._lock = threading.RLock()
        self._name = uuid.uuid4().hex
        self._new: list[str] = []
        self._text = Cut()
        self._frozen: list[tuple[int, str]] = []  # how often it was merged, and its HTML
        self._before: list[str] = []
        self._shown = self._used = 0
        self._next = float("-inf")
        self._awaited = ""
        self._density = USUAL
        self._timer: _Cancel | None = None
        self._started = self._done = False
        self._above: list[str] = []
        self._said: list[str] = []
        self._pending = ""
        self._stepped = False
        # What a function of the notebook empties takes our output with it.
        self._unwatch: Callable[[], None] = _nothing if alone else page.watch(self._cleared)

    def status(self, text: str, fraction: float | None = None) -> None:
        """Show what is awaited, until the first text arrives; load meanwhile what draws it.

        Args:
            text: A line such as ``Fetching the model …``.
            fraction: How much is done, 0 to 1, or None if that is unknown.
        """
        with self._lock:
            new = fraction == 1 or (fraction is None and text != self._awaited)
            if self._started or self._done or (self._clock() < self._next and not new):
                return
            self._awaited = text
            self._next = self._clock() + INTERVAL
            done = "" if fraction is None else f"{100 * min(max(fraction, 0.0), 1.0):.0f}%"
            bar = f'<div class="pm-bar"><div style="width:{done}"></div></div><span>{done}</span>'
            self._put(0, frame(waiting(text, bar if done else ""), style=self._style))
        load()

    def feed(self, text_delta: str) -> None:
        """Take more of the answer; draw it now, or within the interval.

        Args:
            text_delta: Text, cut anywhere.
        """
        if not text_delta:
            return
        with self._lock:
            self._new.append(text_delta)
            if not self._alone:
                self._said.append(text_delta)
            self._soon()

    def step(self, step: Call | str) -> None:
        """Show a call of a function, or a note, above the text; what was said before it goes above as well.

        It needs an output of its own, so not for one that is alone.

        Args:
            step: A call, which is shown as running until it comes again with its result; or a note.
        """
        with self._lock:
            if self._done:
                return
            said = "".join(self._said)
            if said.strip():
                self._above.append(body_of(self._drawn(said)))
            self._said, self._new, self._before, self._text = [], [], [], Cut()
            self._pending = ""
            if isinstance(step, str):
                self._above.append(f'<div class="pm-note">{html.escape(one_line(step))}</div>')
            elif step.result is None:
                self._pending = waiting(f"Calling {call_line(step)} …")
            else:
                line = html.escape(call_line(step, exact=True))
                self._above.append(f'<div class="pm-note">{line}</div>')  # to unfold once it is final
            self._started = self._stepped = True
            self._soon()

    def _soon(self) -> None:
        if self._timer is None and not self._done:
            wait = self._next - self._clock()
            if wait <= 0 or not self._started:
                self._paint()
            else:
                self._timer = self._later(wait, self._due)

    def _drawn(self, text: str) -> str:
        return draw(clean(text)[:PACE], self._text.references)

    def tick(self) -> None:
        """Draw what is due; for callers that wake up anyhow."""
        with self._lock:
            if self._new and not self._done and self._clock() >= self._next:
                self._paint()

    def finish(self, bundle: Mapping[str, object], metadata: Mapping[str, object] | None = None) -> None:
        """Put the one final output in the place of all frames.

        Args:
            bundle: What :func:`bundle` made.
            metadata: The output's metadata, where what varies between runs belongs.
        """
        with self._lock:
            if self._done:
                return
            size = size_of(bundle)
            if self._rate.wait(size) and self._new:
                self._paint()
            wait = self._rate.wait(size)
            self._stop()
            try:
                if wait:
                    self._sleep(wait)
            finally:  # an interrupt ends the wait, not the answer
                self._last(bundle, metadata)

    def _last(self, bundle: Mapping[str, object], metadata: Mapping[str, object] | None) -> None:
        if self._alone or not self._shown:
            if self._shown:
                self._page.clear(wait=True)
            self._page.display(bundle, None, metadata)
            return
        self._page.update(bundle, self._id(0), metadata)

    def close(self) -> None:
        """Stop drawing, and take away what was shown if no text ever came."""
        with self._lock:
            if not self._done:
                self._stop()
                if self._shown and not self._started:
                    if self._alone:
                        self._page.clear(wait=False)
                    else:
                        self._page.update({"text/plain": ""}, self._id(0))

    def _cleared(self) -> None:
        with self._lock:
            self._shown, self._name = 0, uuid.uuid4().hex

    def _stop(self) -> None:
        self._unwatch()
        self._done = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        with self._lock:
            self._timer = None
            if (self._new or self._stepped) and not self._done:
                self._paint()

    def _paint(self) -> None:
        self._started = True
        self._stepped = False
        arrived = "".join(self._new)
        self._new.clear()
        if arrived.endswith("\r") or "\ud800" <= arrived[-1:] <= "\udbff":
            self._new.append(arrived[-1])
            arrived = arrived[:-1]
        self._text.add(clean(arrived))
        pieces = cut(self._text, int(PIECE / min(max(1.0, self._density / USUAL), DENSEST)))
        rest = self._text.rest
        last = draw(rest, self._text.references)
        if len(rest) > PIECE / 4:
            self._density = len(last) / len(rest)
        if self._alone:
            self._put_all(pieces, last)
        else:
            self._put_end(pieces, last)
        pace = min(max(INTERVAL, len(last) / PACE), SLOWEST)
        size = 2 * (len(last) + sum(map(len, self._above)))
        self._next = self._clock() + max(pace, self._rate.wait(size, FRAMES))

    def _put_all(self, pieces: list[str], last: str) -> None:
        changed = len(self._frozen)
        for piece in pieces:
            changed = min(changed, self._freeze(piece))
        for slot in range(changed, len(self._frozen)):
            self._put(slot, frame(body_of(self._frozen[slot][1]), style=self._style and slot == 0))
        slot = len(self._frozen)
        self._put(slot, frame(body_of(last), style=self._style and slot == 0, state="pm-open"))
        for left in range(slot + 1, self._used):
            self._put(left, "")
        self._used = slot + 1

    def _put_end(self, pieces: list[str], last: str) -> None:
        """Show only the end: outputs that are not needed any more could not be taken away."""
        if pieces:
            self._before = [*self._before[-1:], *pieces]
        parts = [part for part in self._before[-1:] if len(part) <= PACE]
        more = '<div class="pm-note">…</div>' if len(parts) < len(self._before) else ""
        body = "".join([*self._above, more, body_of("\n".join([*parts, last])), self._pending])
        self._put(0, frame(body, style=self._style, state="pm-open"))

    def _freeze(self, piece: str) -> int:
        """Keep a piece; returns the first output that changes."""
        self._frozen.append((0, piece))
        if len(self._frozen) >= self._most:
            run, level = 0, -1
            while run < _FEWEST:
                level += 1
                least = itertools.takewhile(level.__ge__, (merged for merged, _ in reversed(self._frozen)))
                run = len(list(least))
            last = self._frozen[-min(run, _RUN) :]
            self._frozen[-len(last) :] = [(level + 1, "\n".join(part for _, part in last))]
        return len(self._frozen) - 1

    def _put(self, slot: int, body: str) -> None:
        data = {"text/html": body}
        self._rate.add(size_of(data))
        if slot < self._shown:
            self._page.update(data, self._id(slot))
        else:
            self._page.display(data, self._id(slot))
            self._shown = slot + 1

    def _id(self, slot: int) -> str:
        return f"{self._name}-{slot}"


def _nothing() -> None:
    """Nobody is to be told."""
