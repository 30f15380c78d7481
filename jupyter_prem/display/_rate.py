"""How much goes to the page, and how much may.

Jupyter Server drops what a kernel says once it is over 1 MB/s in any three seconds
(``ZMQChannelsWebsocketConnection.iopub_data_rate_limit``, ``rate_limit_window``), the final output too.
An answer keeps to half of that.
"""

import contextvars
import json
import threading
from collections import deque
from collections.abc import Callable

WINDOW = 3.0  # seconds
MOST = 1_400_000  # bytes in any window, which leaves room for what is around the content of messages


def size_of(data: object) -> int:
    """The bytes that a value takes in a message.

    Args:
        data: JSON.

    Returns:
        Its length in UTF-8.
    """
    return len(json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass"))


class Rate:
    """What was sent lately.

    Args:
        clock: Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: deque[tuple[float, int]] = deque()

    def add(self, size: int) -> None:
        """Count what is sent now.

        Args:
            size: Bytes.
        """
        self._sent.append((self._clock(), size))

    def wait(self, size: int, most: int = MOST) -> float:
        """How long to wait before more is sent.

        Args:
            size: Bytes that are to be sent.
            most: Bytes that a window may hold.

        Returns:
            Seconds, 0 where there is room now; at most a window, also for what will never fit.
        """
        now = self._clock()
        while self._sent and self._sent[0][0] <= now - WINDOW:
            self._sent.popleft()
        over = sum(sent for _, sent in self._sent) + size - most
        until = now
        for at, sent in self._sent:
            if over <= 0:
                break
            over -= sent
            until = at + WINDOW
        return until - now


def timer(seconds: float, call: Callable[[], None]) -> threading.Timer:
    """Call a function after a while, in a daemon thread and a copy of this context.

    Args:
        seconds: How long.
        call: The function.

    Returns:
        What can be cancelled.
    """
    waiting = threading.Timer(seconds, contextvars.copy_context().run, (call,))
    waiting.daemon = True
    waiting.start()
    return waiting
