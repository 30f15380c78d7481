"""Options that name a variable: each error says which option, and what to do next."""

from __future__ import annotations

import pytest

from jupyter_prem.conversation import evaluate, expand
from jupyter_prem.notebook import OptionError, PremMagics, parse_words
from jupyter_prem.notebook._sweep import SWEEP_OPTIONS, experiment_of


@pytest.mark.parametrize("word", ["1x", "a.b", "class", "two words"])
@pytest.mark.parametrize("flag", ["--output", "--schema"])
def test_what_no_variable_can_be_called_is_told_by_the_option(flag, word):
    with pytest.raises(OptionError) as caught:
        parse_words(PremMagics.chat.parser, [f"{flag}={word}"])
    assert caught.value.what == f"{flag} {word}: that is no name of a variable."
    assert caught.value.hint


@pytest.mark.parametrize("flag", ["--output", "--data"])
def test_a_sweep_names_its_own_option(flag):
    with pytest.raises(OptionError, match=f"{flag} 1x: that is no name"):
        parse_words(PremMagics.sweep.parser, [f"{flag}=1x"], SWEEP_OPTIONS, "%%sweep")


@pytest.mark.parametrize(
    ("names", "hint"),
    [({"cities": []}, "Did you mean cities?"), ({"x": 1}, "Define it in a cell above.")],
)
def test_data_that_is_not_there_has_one_that_is_near(names, hint):
    with pytest.raises(OptionError, match="--data citys: there is no variable 'citys'") as caught:
        experiment_of(
            "--data citys",
            PremMagics.sweep.parser,
            names,
            lambda text: evaluate(text, names),
            lambda text: expand(text, names),
        )
    assert caught.value.hint == hint
