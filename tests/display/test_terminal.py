"""Text where no HTML is shown."""

import io
import itertools

import pytest

from jupyter_prem.display import TerminalText, bundle, error_text, plain, terminal_text

SEQUENCES = [
    "\x1b[31m",
    "\x1b[2J",
    "\x1b]8;;http://evil.example\x07",
    "\x1b]52;c;ZXZpbA==\x1b\\",
    "\x1bP1$r\x1b\\",
    "\x9b1m",
    "\x9d0;title\x9c",
    "\x1bc",
    "\x1b(0",
    "\x1b[38;5;1m",
]


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_escape_sequences_are_taken_out(sequence):
    assert terminal_text(f"a{sequence}b") == "ab"


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_also_when_split_between_deltas(sequence, size):
    stream = io.StringIO()
    sink = TerminalText(stream)
    text = f"a{sequence}b"
    for at in range(0, len(text), size):
        sink.feed(text[at : at + size])
        assert "\x1b" not in stream.getvalue()
    sink.finish(bundle(text))
    assert stream.getvalue() == "ab\n"


@pytest.mark.parametrize("first", SEQUENCES)
@pytest.mark.parametrize("second", SEQUENCES)
def test_nothing_that_acts_is_left(first, second):
    for text in (first + second, first[:-1] + second, first[:2] + second[:3] + "x", "\x1b" + first):
        shown = terminal_text(text)
        assert not set(shown) & {
            chr(code) for code in itertools.chain(range(9), range(11, 32), range(127, 160))
        }
        assert terminal_text(shown) == shown


def test_lines_and_tabs_are_kept():
    assert terminal_text("a\n\tb\r\nc\rd") == "a\n\tb\nc\nd"
    assert terminal_text("a\x07\x08b") == "a\u2407\u2408b"
    assert terminal_text("a\u202eb") == "a⟨U+202E⟩b"
    assert plain("a\ud800\x1b[1m") == "a\ufffd\u241b[1m"


def test_an_escape_that_never_ends_is_not_held_for_ever():
    stream = io.StringIO()
    sink = TerminalText(stream)
    sink.feed("\x1b]0;" + "x" * 5000)
    sink.feed("\nmore")
    sink.finish(bundle("unused"))
    assert stream.getvalue().endswith("\nmore\n")
    assert "\x1b" not in stream.getvalue()


def test_text_is_written_as_it_arrives():
    stream = io.StringIO()
    sink = TerminalText(stream)
    sink.status("Fetching …", 0.5)
    sink.feed("Hel")
    assert stream.getvalue() == "Hel"
    sink.tick()
    sink.feed("lo\r")
    sink.feed("\nx")
    sink.finish(bundle("Hello\r\nx"))
    assert stream.getvalue() == "Hello\nx\n"
    sink.close()
    assert stream.getvalue() == "Hello\nx\n"


def test_an_answer_that_was_not_streamed_is_written_at_the_end():
    stream = io.StringIO()
    TerminalText(stream).finish(bundle("Hello", badge="length"))
    assert stream.getvalue() == "Hello\n\n[length]\n"


def test_errors_are_short_and_disarmed():
    text = error_text(
        ["401 Unauthorized\nat \x1b[31mhost", "what to do", "third", "fourth"],
        "line <b>\n" * 40 + "\x1b]0;x\x07",
    )
    lines = text.split("\n")
    assert lines[:3] == ["401 Unauthorized at host", "what to do", "third"]
    assert len(lines) == 23
    assert lines[3] == "  │ line <b>"
    assert lines[-1] == "  │ … and 21 more lines"
    assert "\x1b" not in text
    assert error_text(["x"]) == "x"
    assert len(error_text(["x" * 9000], "y" * 9000)) < 1700


@pytest.mark.parametrize(
    "scheme", ["javascript:", "JavaScript://x%0a", "data:text/html,", "file:///etc", "ftp://x/", "blob:"]
)
def test_an_error_holds_no_address_that_a_page_would_link(scheme):
    shown = error_text([f"No such thing: {scheme}alert(1)"], detail=f"see ({scheme}x)")
    assert scheme not in shown
    assert shown.replace("\u2060", "") == f"No such thing: {scheme}alert(1)\n  │ see ({scheme}x)"


@pytest.mark.parametrize(
    "text", ["at https://example.com:8080/v1: 404", "metadata: 3", "a:b", "12:30", "http://x"]
)
def test_an_error_keeps_what_is_no_such_address(text):
    assert error_text([text]) == text
