"""A place in a line, counted in columns (CommonMark 2.2: a tab reaches to the next multiple of four)."""

_TAB = 4


class Cursor:
    """Walks through one line's indentation and markers.

    Attributes:
        text: The whole line.
        next: Where the next character that is no blank stands.
        indent: How many columns lie before it.
        char: That character, or nothing at the line's end.
        blank: Whether only blanks are left.
    """

    __slots__ = ("_at", "_column", "_pad", "blank", "char", "indent", "next", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._at = self._column = self._pad = 0
        self.next = self.indent = 0
        self.char = ""
        self.blank = True

    def look(self) -> None:
        """Find the next character that is no blank."""
        text, at, column = self.text, self._at, self._column + self._pad
        char = text[at : at + 1]
        if char == " ":
            blanks = len(text) - at - len(text[at:].lstrip(" "))
            column += blanks
            at += blanks
            char = text[at : at + 1]
        while char and char in " \t":
            column += 1 if char == " " else _TAB - column % _TAB
            at += 1
            char = text[at : at + 1]
        self.next, self.indent = at, column - self._column
        self.char = char
        self.blank = not self.char

    def enter(self) -> None:
        """Go to the next character that is no blank."""
        self._column += self.indent
        self._at, self._pad = self.next, 0

    def skip(self, columns: int) -> None:
        """Go past blanks, and into a tab where need be.

        Args:
            columns: How many columns at most.
        """
        if not self._pad and self.text.startswith(" " * columns, self._at):
            self._at += columns
            self._column += columns
            return
        while columns > 0:
            if self._pad:
                step = min(self._pad, columns)
                self._pad -= step
                self._column += step
                columns -= step
            elif self.text.startswith("\t", self._at):
                self._pad = _TAB - self._column % _TAB
                self._at += 1
            elif self.text.startswith(" ", self._at):
                self._at += 1
                self._column += 1
                columns -= 1
            else:
                return

    def marker(self, width: int) -> None:
        """Go past a quote's marker and one blank after it.

        Args:
            width: The marker's length.
        """
        self.enter()
        self._at += width
        self._column += width
        self.skip(1)

    def item(self, width: int) -> int:
        """Go past a list item's marker and the blanks that belong to it (CommonMark 5.2).

        Args:
            width: The marker's length.

        Returns:
            The columns from the marker to the item's content.
        """
        self.enter()
        self._at += width
        self._column += width
        self.look()
        blanks = 1 if self.blank or self.indent > _TAB else self.indent
        self.skip(blanks)
        return width + blanks

    def rest(self) -> str:
        """The rest of the line, blanks included."""
        return " " * self._pad + self.text[self._at :]
