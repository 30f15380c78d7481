"""Where our own HTML waits while the model's text passes the allow-list.

A token is a number between two control characters. No text from outside holds those: ``_text.clean``
has shown them as pictures, and the serialiser keeps them out of attributes.
"""

import re

_TOKEN = re.compile("\x11(\\d+)\x12")
_BLOCK = re.compile("<pre>\x11(\\d+)\x12</pre>")


class Stash:
    """Our own HTML, and the source it stands for, by token."""

    def __init__(self) -> None:
        self._kept: list[tuple[str, str]] = []

    def keep(self, html: str, source: str = "") -> str:
        """Put trusted HTML aside.

        Args:
            html: HTML of ours, in which everything from outside is escaped.
            source: The text it was made from.

        Returns:
            The token that :meth:`restore` replaces.
        """
        self._kept.append((html, source))
        return f"\x11{len(self._kept) - 1}\x12"

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

    def restore(self, html: str) -> str:
        """Put what was kept back into sanitised HTML.

        Args:
            html: What the allow-list let through.

        Returns:
            The finished fragment.
        """
        if "\x11" not in html:
            return html
        return _TOKEN.sub(self._html, _BLOCK.sub(self._html, html))

    def source(self, text: str) -> str:
        """Replace the tokens in an address by the text they stand for.

        Args:
            text: Text that becomes an attribute.

        Returns:
            The text as the model wrote it.
        """
        return _TOKEN.sub(lambda found: self._kept[int(found.group(1))][1], text)

    def _html(self, found: re.Match[str]) -> str:
        return self._kept[int(found.group(1))][0]
