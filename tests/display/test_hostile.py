"""Whatever a model writes, the page holds only what the allow-list names."""

import re

import hostile
import html5lib
import nbformat
import pytest
from markdown_it import MarkdownIt

from jupyter_prem.display import bundle, inert_markdown, render
from jupyter_prem.display._sanitize import sanitize

ALL = [pytest.param(text, id=f"{family}-{index}") for index, (family, text) in enumerate(hostile.ALL)]
# JupyterLab's trusted view passes HTML; so does this one.
TRUSTING = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def words(html):
    return "".join(html5lib.parseFragment(html, treebuilder="etree", namespaceHTMLElements=False).itertext())


def test_there_are_enough():
    assert len(hostile.ALL) >= 250


@pytest.mark.parametrize("text", ALL)
def test_a_payload_is_inert(text, faults):
    assert faults(render(text)) == []
    assert faults(render(f"before\n{text}\nafter\n\n- {text}\n\n> {text}")) == []


@pytest.mark.parametrize("text", ALL)
def test_a_payload_is_inert_in_every_field(text, faults):
    made = bundle(
        text, footer=[text, "x"], notes=[text], reasoning=text, refusal=text, badge=text, data={"a": [text]}
    )
    assert faults(made["text/html"]) == []
    assert words(made["text/html"]).count("jupyter-prem") <= 200  # the stylesheet is ours, and is one
    assert made["text/html"].count("<style>") == 1
    for part in ("text/html", "text/markdown", "text/plain"):
        made[part].encode()
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", made[part])
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("x", outputs=[nbformat.v4.new_output("display_data", data=made)])]
    )
    nbformat.writes(notebook).encode()


@pytest.mark.parametrize(("family", "text"), hostile.ALL[:: max(1, len(hostile.ALL) // 60)])
def test_every_prefix_is_as_safe(family, text, faults):
    whole = f"Look:\n{text}\n\nEnd $x$ `y`."
    for end in range(len(whole) + 1):
        assert faults(render(whole[:end])) == [], whole[:end]


@pytest.mark.parametrize("text", ALL)
def test_markdown_alone_is_inert(text):
    for source in (text, f"- {text}\n\n> {text}", f"| {text} |\n|---|\n"):
        html = TRUSTING.render(inert_markdown(source))
        tree = html5lib.parseFragment(html, treebuilder="etree", namespaceHTMLElements=False)
        for element in tree.iter():
            assert element.tag not in {
                "script",
                "img",
                "iframe",
                "svg",
                "math",
                "style",
                "form",
                "object",
                "input",
            }
            for name, value in element.items():
                assert name in {"href", "class", "start", "style"}, html
                if name == "href":
                    assert value.startswith(("http://", "https://")), html
                if name == "class":
                    assert re.fullmatch(r"language-[\w.+#-]+", value), html
                if name == "style":
                    assert re.fullmatch(r"text-align:(left|right|center)", value)


@pytest.mark.parametrize("text", ALL)
def test_the_allow_list_is_idempotent(text):
    once = sanitize(text)
    assert sanitize(once) == once


@pytest.mark.parametrize("text", ALL)
def test_the_allow_list_stands_alone(text, faults):
    assert faults(sanitize(text)) == []
    # What Python-Markdown itself would have made of it:
    assert faults(sanitize(TRUSTING.render(text))) == []


def test_images_become_links_that_name_their_host():
    html = render("![a cat](http://pictures.example/cat.png?q=1)")
    assert '<a href="http://pictures.example/cat.png?q=1"' in html
    assert "[image: a cat] (pictures.example)" in html
    assert "https://host.example/x.png" in render("![a](//host.example/x.png)")
    assert "<a" not in render("![a](x.png)")
    assert render("[![a](http://x.example/i.png)](http://y.example/)").count("<a") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[google.com](http://evil.example)", "(evil.example)"),
        ("[g\u200boogle.com](http://evil.example)", "(evil.example)"),
        ("[\u0430pple.com](http://evil.example)", "(evil.example)"),
        ("[google.com](https://google.com@evil.example/)", "(evil.example)"),
        ("[apple](https://\u0430pple.com)", "(xn--pple-43d.com)"),
        ("[stop](http://localhost:8888/api/shutdown)", "(localhost:8888)"),
        ("[ip](http://10.0.0.1/)", "(10.0.0.1)"),
        ("[http://localhost:8888/lab](https://evil.example/)", "(evil.example)"),
        ("[http://intranet/login](https://evil.example/)", "(evil.example)"),
        ("[https://[::1]:8888/](https://evil.example/)", "(evil.example)"),
        ("[https://192.168.1.1/admin](https://evil.example/)", "(evil.example)"),
        ("[192.168.1.1](https://evil.example/)", "(evil.example)"),
        ("[https://paypal\u3002com/](https://evil.example/)", "(evil.example)"),
        ("[paypal\uff61com](https://evil.example/)", "(evil.example)"),
        ("[pay@bank.example](mailto:pay@ank.example)", "(ank.example)"),
        ("[pay@bank.example](mailto:pay@evil.example,pay@bank.example)", "(evil.example, bank.example)"),
        ("[pay@bank.example](mailto:pay@bank.example?bcc=a%40evil.example)", "(bank.example, evil.example)"),
    ],
)
def test_a_link_that_hides_its_host_says_it(text, said):
    assert said in words(render(text))


@pytest.mark.parametrize(
    "text",
    [
        "[docs](https://docs.example/x)",
        "[docs.example](https://docs.example/x)",
        "https://www.docs.example/a",
        "[see https://docs.example/a.](https://docs.example/a)",
        "[ann@docs.example](mailto:ann@docs.example)",
        "[write to us](mailto:ann@docs.example?cc=ben@other.example)",
    ],
)
def test_an_honest_link_is_left_alone(text):
    assert "(" not in words(render(text))


@pytest.mark.parametrize(
    "text", ["[x](javascript:alert(1))", "[x](/api/shutdown)", "[x](java&#115;cript:alert(1))"]
)
def test_a_link_that_may_not_be_followed_is_shown_as_written(text):
    assert "<a" not in render(text)
    assert words(render(text)).startswith("[x](")


def test_hidden_characters_are_shown():
    assert "⟨U+202E⟩" in render("a\u202eb")
    assert "⟨3 hidden characters⟩" in render("hi\U000e0041\U000e0042\U000e0043")
    assert "\ufffd" in render("a\ud800b")
    assert "\U0001f600" in render("\ud83d\ude00")
    assert "\ufffd" in render("a\x00b")
    scotland = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    assert scotland in render(scotland)


def test_double_encoding_is_decoded_once():
    assert words(render("&amp;lt;script&amp;gt;")) == "&lt;script&gt;"
    assert words(render("&lt;script&gt;")) == "<script>"
    assert words(render("`&lt;`")) == "&lt;"
