"""The bundle of a finished cell, and what stands around the answer."""

import json
import subprocess
import sys

import pytest

from jupyter_prem.display import MIME, Call, bundle, call_line, inert_markdown, render
from jupyter_prem.display._frame import stylesheet


def test_a_bundle_has_the_three_forms():
    made = bundle("Hi *you*")
    assert set(made) == {"text/html", "text/markdown", "text/plain"}
    assert made["text/plain"] == "Hi *you*"
    assert made["text/markdown"] == "Hi *you*"
    assert "<p>Hi <em>you</em></p>" in made["text/html"]


def test_the_same_words_give_the_same_bytes():
    arguments = {
        "footer": ["m", "", "3 tokens"],
        "notes": ["n"],
        "reasoning": "r",
        "badge": "length",
        "data": {"a": 1},
    }
    assert bundle("Hi", **arguments) == bundle("Hi", **arguments)


def test_data_is_carried_and_can_be_saved():
    assert bundle("x", data={"a": ("b\ud800", {"c\udfff": None}), "n": 1})[MIME] == {
        "a": ["b\ufffd", {"c\ufffd": None}],
        "n": 1,
    }


def test_footer_notes_badge_reasoning_and_refusal():
    made = bundle(
        "Hi",
        footer=["model <x>", "", "3 tokens"],
        notes=["Answered by\nthe embedded model"],
        reasoning="*think*",
        refusal="no\nway",
        badge="interrupted",
    )
    html = made["text/html"]
    assert "<span>model &lt;x&gt; · 3 tokens</span>" in html
    assert '<div class="pm-note">Answered by the embedded model</div>' in html
    assert "<details><summary>Reasoning</summary><p><em>think</em></p></details>" in html
    assert '<div class="pm-refusal">no<br>way</div>' in html
    assert '<span class="pm-badge">interrupted</span>' in html
    assert made["text/plain"] == "Hi\n\nAnswered by the embedded model\nno\nway\n[interrupted]"
    assert "Answered by the embedded model" in made["text/markdown"]


def test_an_empty_answer_is_an_empty_frame():
    made = bundle("")
    assert made["text/plain"] == ""
    assert "pm-body" not in made["text/html"].split("</style>")[1]
    assert "pm-foot" not in made["text/html"].split("</style>")[1]


def test_the_stylesheet_keeps_to_our_elements():
    css = stylesheet()
    assert "</" not in css
    assert "url(" not in css
    assert "@import" not in css
    for rule in css.replace("@media(prefers-reduced-motion: reduce){", "").split("}"):
        selector = rule.partition("{")[0].strip()
        assert not selector or selector.startswith((".jupyter-prem", "@", "50%")), selector


def test_code_is_exact_and_coloured():
    html = render("```python\ndef f(x):\n\treturn '<b>' & x\n\n\n```")
    assert '<div class="pm-lang">Python</div>' in html
    assert '<span class="pm-k">def' in html
    import html5lib

    tree = html5lib.parseFragment(html, treebuilder="etree", namespaceHTMLElements=False)
    assert "".join(tree.find(".//code").itertext()) == "def f(x):\n\treturn '<b>' & x\n\n"


def test_an_unknown_language_is_plain():
    assert render("```brainfuck\n+<\n```") == '<div class="pm-code"><pre><code>+&lt;</code></pre></div>'


def test_formulas_are_formulas_and_prices_prose():
    html = render(r"$x<y$ costs $5 and $10, \(a\) and \[b\] and $$c$$")
    assert html.count("mathjax_process") == 4
    assert r"\(x&lt;y\)" in html
    assert r"\[c\]" in html
    assert "$5 and $10" in html
    for prose in (
        "It is $5 per month or about 6$ a week.",
        "US$5 and US$6",
        "$HOME:$PATH",
        "from $20K-$30K",
        r"\$x\$",
        "a $ b $ c",
    ):
        assert "mathjax" not in render(prose), prose
    for formula in (
        "$x$",
        "$x = 5$",
        "$10^{-6}$",
        "($n$)",
        "$n$-th",
        r"$\alpha$,",
        "**$x$**",
        "$\\text{if } x$",
    ):
        assert "mathjax_process" in render(formula), formula


def test_a_formula_of_several_lines_is_one():
    html = render("So\n$$\n- x\n+ y\n= z\n$$\nand\n\\[\n# a\n\\]\n")
    assert html.count("<p>") == 1
    assert html.count("pm-display") == 2


def test_what_a_page_must_not_run_is_shown_instead():
    assert render(r"$\href{javascript:alert(1)}{x}$") == r"<p>$\href{javascript:alert(1)}{x}$</p>"
    assert "mathjax" not in render(r"$\def\x{y}$ $\newcommand{\x}{y}$ $\unicode{65}$")
    assert r"\label" not in render(r"$$x \label{eq:1}$$")


def test_inert_markdown_reads_the_same():
    text = "# T\n\n- **a** [b](http://x.example) ![c](http://y.example/z.png)\n\n"
    text += "```python title=x\nd < e\n```\n$f$ $5\n"
    inert = inert_markdown(text)
    shown = inert.replace("\u2060", "").replace("\\$", "$")
    assert shown == text.replace("python title=x", "python")
    assert inert_markdown("```mermaid\nx\n```").startswith("```\n")


def test_importing_the_room_is_cheap():
    code = (
        "import sys, jupyter_prem.display\n"
        "print(sorted({'markdown', 'nh3', 'pygments', 'jinja2', 'IPython', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def bytes_of(made):
    return len(json.dumps(made, ensure_ascii=False).encode())


def test_an_ordinary_answer_has_every_type():
    assert set(bundle("x " * 20_000, data={"a": 1})) == {"text/html", "text/markdown", "text/plain", MIME}


def test_what_nobody_sees_of_a_large_answer_is_left_out():
    text = "```python\nfor i in range(3):\n    print(i, 'x')\n```\n\n" * 7_000
    made = bundle(text, data={"text": text})
    assert set(made) == {"text/html", "text/plain", MIME}
    assert made["text/html"].count("print(i, 'x')") == 7_000
    assert made["text/plain"] == text
    assert made[MIME] == {"text": text}
    assert bytes_of(made) < 2_800_000


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a" * 1_000_000, {"text/html", "text/plain", MIME}),
        ("<b> " * 300_000, {"text/html", "text/plain", MIME}),
        ("word " * 600_000, {"text/html", "text/plain"}),
    ],
)
def test_the_pages_server_lets_the_longest_answer_through(text, kinds, faults):
    made = bundle(text, footer=["the model"], data={"text": text})
    assert set(made) == kinds
    assert bytes_of(made) <= 2_800_000
    assert "the model" in made["text/html"]
    assert "chat_response.text" in made["text/plain"]
    assert faults(made["text/html"][-2_000:]) == []


def test_a_line_of_a_megabyte_is_shown_whole():
    assert bundle("a" * 1_000_000, data={"text": "a" * 1_000_000})["text/html"].count("a") > 1_000_000


@pytest.mark.parametrize("deep", range(900, 1_000))
def test_arguments_at_the_edge_of_what_python_reads_are_shown_as_they_came(deep):
    assert call_line(Call("f", '{"a":' + "[" * deep + "]" * deep + "}")).startswith("f(")
