"""A panel's turns: regenerated, edited, continued, forked, taken back, also while an answer is on its way."""

from __future__ import annotations

from loopback import Reply, answer, as_json, held


def test_regenerated_and_edited_turns_have_branches(page, service):
    page.ask("one")
    page.ask("two")
    service.script = lambda _: Reply(answer("another"))
    first, second = (number for number, _, _ in page.turns)
    page.do("regenerate", turn=second)
    page.until(lambda: page.state["asking"] is None)
    assert [count for _, _, count in page.turns] == [1, 2]
    assert "another" in page.answers()[1]
    page.do("regenerate", turn=first, text="one, edited")
    page.until(lambda: page.state["asking"] is None)
    assert page.shown() == ["one, edited"]
    assert page.turns[0][1:] == [2, 2]
    page.do("branch", turn=page.turns[0][0], step=-1)
    page.until(lambda: len(page.turns) == 2)
    assert page.shown() == ["one", "two"]
    assert "another" in page.answers()[1]
    page.do("branch", turn=page.turns[1][0], step=-1)
    page.until(lambda: page.turns[1][1] == 1)
    assert "You said: two" in page.answers()[1]
    page.do("branch", turn=page.turns[1][0], step=-1)  # there is none before
    assert "You said: two" in page.answers()[1]


def test_an_edit_keeps_what_the_question_was_asked_with(page, service):
    page.kernel.run("%%chat -t 0.5 --seed 3 -s 'Be brief.' --name Ada\nfrom a cell")
    page.until(lambda: page.turns)
    page.do("regenerate", turn=page.turns[0][0], text="edited")
    page.until(lambda: page.state["asking"] is None)
    body = service.questions[-1].body
    assert (body["temperature"], body["seed"]) == (0.5, 3)
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "edited", "name": "Ada"},
    ]
    page.kernel.run("%%chat\nagain", cell_id=None)
    assert len(service.questions) == 3


def test_while_an_edit_is_answered_what_follows_is_put_aside(page, service):
    page.ask("one")
    page.ask("two")
    more = held(service, "half")
    page.do("regenerate", turn=page.turns[0][0], text="edited")
    page.until(lambda: "half" in page.live)
    assert (page.state["asking"]["keep"], page.state["asking"]["text"]) == (0, "edited")
    page.do("stop")
    page.until(lambda: page.state["asking"] is None)
    assert page.shown() == ["edited"]
    more.set()


def test_an_answer_that_was_cut_is_continued(page, service):
    service.script = lambda _: Reply(answer("half", finish="length"))
    page.ask("one")
    page.shown()
    assert page.html[str(page.turns[0][0])]["cut"] is True
    service.script = lambda _: Reply(answer("whole"))
    page.do("continue")
    page.until(lambda: len(page.turns) == 2 and page.state["asking"] is None)
    assert page.shown() == ["one", "Continue."]
    page.do("continue")
    page.until(lambda: page.state["failed"])
    assert "was not cut" in page.state["failed"]["error"]


def test_a_fork_goes_on_elsewhere(page, service):
    page.ask("one")
    page.ask("two")
    page.do("fork", turn=page.turns[0][0])
    page.until(lambda: page.state["conversation"] == "default-fork")
    assert page.shown() == ["one"]
    assert page.kernel.value("chat_conversation.name") == "'default-fork'"
    page.do("switch", name="default")
    page.until(lambda: len(page.turns) == 2)


def test_undo_redo_and_a_fresh_start(page, service):
    page.ask("one")
    assert (page.state["undo"], page.state["redo"]) == (True, False)
    page.do("move", how="reset")
    page.until(lambda: page.turns == [])
    page.do("move", how="undo")
    page.until(lambda: len(page.turns) == 1)
    page.do("move", how="redo")
    page.until(lambda: page.turns == [] and page.state["redo"] is False)
    page.do("move", how="__class__")
    page.do("move", how="redo")
    page.until(lambda: page.state["failed"])
    assert "nothing to redo" in page.state["failed"]["error"]
    page.do("dismiss")
    page.until(lambda: page.state["failed"] is None)


def test_an_edit_that_has_no_answer_is_put_back(page, service):
    page.ask("one")
    number = page.turns[0][0]
    more = held(service)
    page.do("regenerate", turn=number, text="one, edited")
    page.until(lambda: len(service.questions) == 2)
    page.do("regenerate", turn=number, text="one, edited again")
    page.until(lambda: {"type": "restore", "text": "one, edited again"} in page.heard)
    page.do("stop")
    page.until(lambda: {"type": "restore", "text": "one, edited"} in page.heard)
    more.set()
    service.script = lambda _: as_json({"error": {"message": "no"}}, 500)
    page.do("regenerate", turn=number, text="refused")
    page.until(lambda: page.state["failed"])
    assert page.state["failed"]["edit"] is True
    page.do("move", how="undo")
    page.until(lambda: {"type": "restore", "text": "refused"} in page.heard)


def test_a_turn_off_the_branch_is_asked_again_where_it_was(page, service):
    page.ask("a")
    page.ask("b")
    page.do("regenerate", turn=page.turns[0][0], text="a2")
    page.until(lambda: page.state["asking"] is None)
    more = held(service, "half")
    page.kernel.run("panel.regenerate(panel.conversation.all_turns[1])")
    page.until(lambda: "half" in page.live)
    assert page.state["asking"]["keep"] == 0  # a2 is not what it follows
    more.set()
    page.until(lambda: page.state["asking"] is None)
    assert page.shown() == ["a", "b"]


def test_a_move_while_an_answer_is_on_its_way_is_refused_and_changes_nothing(page, service):
    page.ask("one")
    more = held(service, "half")
    page.do("ask", text="two")
    page.until(lambda: "half" in page.live)
    for how in ("undo", "reset"):
        page.do("move", how=how)
    page.do("continue")
    notices = [said["text"] for said in page.heard if said["type"] == "notice"]
    assert len(notices) == 3
    assert "still answering" in notices[0]
    assert page.state["failed"] is None
    assert "ConversationBusyError" in page.kernel.run("panel.undo()").error
    more.set()
    page.until(lambda: page.state["asking"] is None)
    assert page.shown() == ["one", "two"]
