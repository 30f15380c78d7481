"""Drawing once: replay, nbval, nbclient, papermill and everything else that no one watches."""

from collections.abc import Mapping

from ._page import Page
from ._steps import Call


class OnceHtml:
    """The methods of :class:`LiveHtml`, of which only ``finish`` draws."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def status(self, text: str, fraction: float | None = None) -> None:
        """Draw nothing.

        Args:
            text: What would be shown.
            fraction: How much is done.
        """

    def feed(self, text_delta: str) -> None:
        """Draw nothing.

        Args:
            text_delta: More of the answer.
        """

    def step(self, step: Call | str) -> None:
        """Draw nothing.

        Args:
            step: A call, or a note.
        """

    def tick(self) -> None:
        """Draw nothing."""

    def finish(self, bundle: Mapping[str, object], metadata: Mapping[str, object] | None = None) -> None:
        """Show the answer.

        Args:
            bundle: What :func:`bundle` made.
            metadata: The output's metadata, where what varies between runs belongs.
        """
        self._page.display(bundle, None, metadata)

    def close(self) -> None:
        """Draw nothing."""
