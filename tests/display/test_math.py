"""What is mathematics in an answer, and what only looks like it."""

import pytest

from jupyter_prem.display import render


def formulas(text):
    return render(text).count('class="mathjax_process')


@pytest.mark.parametrize(
    "text",
    [
        "Let $x_1$ be",
        "so \\(a + b\\) is",
        "因此\\[x^2\\]成立",
        "is therefore $$\na\n= b\n- c\n$$ as claimed",
        "is therefore \\[\na\n- b\n\\]",
        "\\begin{align*}\na\n+ b\n\\end{align*}",
        "\\[\n\\text{mean of all} = 3\n\\]",
    ],
)
def test_a_formula(text):
    html = render(text)
    assert formulas(text) == 1
    assert "<ul>" not in html
    assert "<h" not in html


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5-$10, or $3.50 and $4 a month",
        "`$x$` and `\\(y\\)`",
        "a list\\[int\\] of a\\[i\\]",
        "as shown\\[1\\], [\\[2, 3\\]](https://a.example)",
        "\\[not a link\\](https://a.example)",
        "paid in $$\n- cash\n- kind",
        "$HOME and $PATH",
    ],
)
def test_no_formula(text):
    assert formulas(text) == 0


def test_an_open_dollar_pair_ends_with_its_paragraph():
    assert render("paid in $$\n\n- cash").count("<li>") == 1
