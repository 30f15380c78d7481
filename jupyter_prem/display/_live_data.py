"""JSON on a live page: the tree of what is valid so far."""

from ._data import data_html, parse_beginning
from ._live import INTERVAL, LiveHtml
from ._steps import block

_GROWTH = 1.1  # a frame is drawn when there is so much more than in the last: their sum stays linear
_SMALL = 2_000  # characters; below, every frame is drawn


class LiveData(LiveHtml):
    """Draws a structured answer while it arrives; see :class:`LiveHtml`, in an output that is not alone."""

    _painted = 0

    def _paint(self) -> None:
        self._started = True
        self._new.clear()
        size = sum(map(len, self._said))
        self._next = self._clock() + INTERVAL
        if size > _SMALL and size < self._painted * _GROWTH and not self._stepped:
            return
        self._stepped = False
        self._painted = size
        drawn = self._drawn("".join(self._said))
        self._put_end([], drawn)
        self._next = self._clock() + max(INTERVAL, self._rate.wait(2 * len(drawn)))

    def _drawn(self, text: str) -> str:
        valid, value = parse_beginning(text)
        return data_html(value) if valid else block(text)
