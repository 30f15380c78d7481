"""The system message that a panel and `%prem status` show is the one that the next question carries."""

from __future__ import annotations

import pytest
from cells import text


def row(kernel):
    (line,) = [line for line in text(kernel.run("%prem status")).split("\n") if line.startswith("| system")]
    return line.split("|")[2].strip().strip("`")


def sent(service):
    first = service.questions[-1].body["messages"][0]
    return first["content"] if first["role"] == "system" else ""


def configure(page, value):
    page.kernel.run(f"%config PremMagics.system = {value!r}")
    page.do("check", number=-1)


def holds(page, service, expected):
    """What is shown now is `expected`, and what is sent."""
    assert page.state["systemSet"] is None
    assert page.state["system"] == expected
    assert row(page.kernel) == (expected or "none")
    page.ask("then")
    assert sent(service) == expected


def test_the_settings_is_cleared_for_an_empty_conversation(page, service):
    configure(page, "Talk like a pirate")
    assert page.state["system"] == "Talk like a pirate"
    page.do("set", name="system", value="")
    page.ask("hello")
    assert sent(service) == ""
    holds(page, service, "")
    configure(page, "Talk like a judge")
    holds(page, service, "")


def test_the_settings_new_one_is_shown_and_sent_and_the_old_one_can_be_chosen(page, service):
    configure(page, "AAA")
    holds(page, service, "AAA")
    configure(page, "BBB")
    holds(page, service, "BBB")
    page.do("set", name="system", value="AAA")
    page.ask("with the old")
    assert sent(service) == "AAA"
    holds(page, service, "AAA")
    configure(page, "CCC")
    holds(page, service, "AAA")
    page.do("move", how="reset")
    holds(page, service, "CCC")


@pytest.mark.parametrize("chosen", ["AAA", ""])
def test_what_the_settings_say_too_can_be_chosen_and_then_stays(page, service, chosen):
    configure(page, chosen)
    page.do("set", name="system", value=chosen)
    page.ask("one")
    configure(page, "BBB")
    holds(page, service, chosen)


def test_what_was_given_already_is_not_given_again(page, service):
    page.do("set", name="system", value="AAA")
    page.ask("one")
    page.do("set", name="system", value="AAA")
    page.ask("two")
    assert page.state["systemSet"] is None
    given = page.kernel.value("[turn.system_given for turn in chat_conversation.turns]")
    assert given == "[True, True]"


def test_an_older_question_is_asked_again_with_what_was_chosen(page, service):
    page.do("set", name="system", value="AAA")
    page.ask("one")
    page.do("set", name="system", value="BBB")
    page.ask("two")
    page.do("set", name="system", value="BBB")
    page.do("regenerate", turn=page.turns[0][0])
    page.until(lambda: page.state["asking"] is None and len(service.questions) == 3)
    assert sent(service) == "BBB"


def test_cells_show_what_they_send(kernel, service):
    for source, expected in (
        ("%config PremMagics.system = 'AAA'\n%chat hi", "AAA"),
        ("%config PremMagics.system = 'BBB'", "BBB"),
        ("%chat --new -s '' hi", ""),
        ("%chat -s CCC hi", "CCC"),
        ("%prem reset", "BBB"),
    ):
        assert kernel.run(source).status == "ok"
        assert row(kernel) == (expected or "none")
        kernel.run("%chat again")
        assert sent(service) == expected
