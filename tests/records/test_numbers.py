"""Which of the identical questions is which: by the cell that asks, whoever fails or finishes first."""

from __future__ import annotations

from jupyter_prem.records import Asker, Numbers


def asker(cell, run="1"):
    return Asker(cell, run)


def test_a_cell_keeps_its_numbers_and_others_take_the_next():
    numbers = Numbers()
    assert [numbers.take("k", asker("a")) for _ in range(2)] == [1, 2]
    assert numbers.take("k", asker("b")) == 3
    assert [numbers.take("k", asker("a", "2")) for _ in range(3)] == [1, 2, 4]
    assert numbers.take("other", asker("a", "2")) == 1


def test_a_failure_leaves_its_number_to_whoever_asks_next():
    numbers = Numbers()
    assert numbers.take("k", asker("a")) == 1
    numbers.give_back("k", asker("a"), 1)
    assert numbers.take("k", asker("b")) == 1  # another session, without the failure, gives it the same
    assert numbers.take("k", asker("a", "2")) == 2


def test_a_failure_of_what_is_recorded_stays_with_its_cell():
    numbers = Numbers()
    assert numbers.take("k", asker("a")) == 1
    numbers.take("k", asker("a", "2"))
    numbers.give_back("k", asker("a", "2"), 1, recorded=True)
    assert numbers.take("k", asker("b")) == 2
    assert numbers.take("k", asker("a", "2")) == 1


def test_threads_of_one_cell_may_fail_in_any_order():
    numbers = Numbers()
    assert [numbers.take("k", asker("a")) for _ in range(3)] == [1, 2, 3]
    numbers.give_back("k", asker("a"), 1)
    numbers.give_back("k", asker("a"), 3)
    assert [numbers.take("k", asker("a")) for _ in range(3)] == [1, 3, 4]
    assert [numbers.take("k", asker("a", "2")) for _ in range(4)] == [1, 2, 3, 4]


def test_an_answer_that_ends_after_its_cell_ran_again_gives_nothing_away():
    numbers = Numbers()
    assert numbers.take("k", asker("a")) == 1
    assert numbers.take("k", asker("a", "2")) == 1
    numbers.give_back("k", asker("a"), 1)  # the first run's, which lay open
    assert numbers.take("k", asker("b")) == 2
    numbers.take("k", asker("c"))
    numbers.take("k", asker("c"))
    numbers.take("k", asker("c", "2"))
    numbers.give_back("k", asker("c"), 4)
    assert numbers.take("k", asker("c", "2")) == 4


def test_who_has_no_cell_takes_the_lowest_free_and_begins_again_after_a_restart():
    numbers = Numbers()
    assert [numbers.take("k", Asker()) for _ in range(3)] == [1, 2, 3]
    numbers.give_back("k", Asker(), 2)
    numbers.give_back("k", Asker(), 2)  # once is enough
    assert [numbers.take("k", Asker()) for _ in range(2)] == [2, 4]
    assert numbers.take("k", asker("a")) == 5
    numbers.restart()
    numbers.give_back("k", Asker(), 4)  # of before: free already
    assert [numbers.take("k", Asker()) for _ in range(5)] == [1, 2, 3, 4, 6]
    assert numbers.take("k", asker("a", "2")) == 5


def test_a_plan_has_its_own_numbers_and_the_others_follow_them():
    numbers = Numbers()
    assert numbers.take("k", Asker(number=7)) == 7
    numbers.give_back("k", Asker(number=7), 7)
    assert numbers.take("k", Asker()) == 8
    assert numbers.take("k", Asker(number=2)) == 2
