from __future__ import annotations

import re
from typing import Any

import html5lib
import pandas as pd
import pytest
from hostile import PAYLOADS
from hypothesis import given, strategies as st

from jupyter_prem.experiments._html import to_html

HTML = "{http://www.w3.org/1999/xhtml}"
TAGS = {"div", "p", "table", "thead", "tbody", "tr", "th", "td"}

pytestmark = pytest.mark.usefixtures("any_text")


def run(rows: list[dict[str, Any]], **columns: Any) -> pd.DataFrame:
    plain = {
        "text": None,
        "parsed": None,
        "finish_reason": None,
        "prompt_tokens": None,
        "completion_tokens": None,
    }
    more = {
        "total_tokens": None,
        "latency": 0.5,
        "response_model": "m",
        "system_fingerprint": "f",
        "id": "i",
        "error": None,
        "replayed": False,
    }
    return pd.DataFrame([row | plain | more | row for row in rows], **columns)


def table(page: str) -> list[list[str]]:
    tree = html5lib.parse(page)
    return [["".join(cell.itertext()) for cell in row] for row in tree.iter(f"{HTML}tr")]


def headline(page: str) -> str:
    (line,) = html5lib.parse(page).iter(f"{HTML}p")
    return "".join(line.itertext())


def assert_inert(page: str) -> None:
    """Only the tags and attributes of our own are there, and no character that hides or turns others."""
    body = html5lib.parse(page).find(f"{HTML}body")
    for element in body.iter():
        if element is not body:
            assert element.tag.removeprefix(HTML) in TAGS
            assert set(element.attrib) <= {"class", "border", "style"}
            assert element.get("style", "text-align:left") == "text-align:left"
            assert element.get("class", "dataframe") in {
                "dataframe",
                "jupyter-prem-runs mathjax_ignore tex2jax_ignore",
            }
    assert len(re.findall("<", page)) == len(re.findall(">", page))
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]",
        page,
    )
    page.encode()


def test_a_run_is_a_headline_and_a_table() -> None:
    frame = run(
        [
            {
                "city": "Rome",
                "temperature": 0.7,
                "seed": 1,
                "text": "Italy",
                "finish_reason": "stop",
                "completion_tokens": 2,
                "total_tokens": 1200,
            },
            {"city": "Oslo", "temperature": None, "seed": 2, "error": "timeout"},
        ],
        index=["r", 7],
    )
    page = to_html(frame, ["city", "temperature", "seed"], asked=2, total=1000, name="runs")
    assert headline(page) == "runs: 2 of 1,000 requests, 1 failed, 1,200 tokens"
    assert table(page) == [
        ["", "city", "temperature", "seed", "text", "completion_tokens", "error"],
        ["r", "Rome", "0.7", "1", "Italy", "2", ""],
        ["7", "Oslo", "None", "2", "", "", "timeout"],
    ]
    assert_inert(page)


def test_counts_stay_whole_beside_rows_that_have_none() -> None:
    frame = run([{"completion_tokens": 2, "text": "a"}, {"completion_tokens": None, "text": "b"}])
    assert [row[2] for row in table(to_html(frame, [], asked=2, total=2))] == ["completion_tokens", "2", ""]


def test_how_an_answer_ended_is_shown_where_one_did_not_simply_stop() -> None:
    frame = run([{"text": "a", "finish_reason": "stop"}, {"text": "b", "finish_reason": "length"}])
    assert [row[2] for row in table(to_html(frame, [], asked=2, total=2))] == [
        "finish_reason",
        "stop",
        "length",
    ]


def test_of_many_rows_the_first_and_the_last_are_shown() -> None:
    frame = run([{"n": n, "text": f"t{n}"} for n in range(1000)])
    page = to_html(frame, ["n"], asked=1000, total=1000)
    assert [row[1] for row in table(page)] == ["n", *"01234", "…", "995", "996", "997", "998", "999"]
    assert len(table(to_html(frame[:10], ["n"], asked=10, total=10))) == 11


def test_long_texts_are_cut_and_lines_joined() -> None:
    page = to_html(run([{"text": "one\ntwo\t " + "x" * 1000}]), [], asked=1, total=1)
    (shown,) = [row[1] for row in table(page)[1:]]
    assert shown.startswith("one two x")
    assert len(shown) == 120
    assert shown.endswith("x…")


def test_what_varies_from_run_to_run_is_not_in_it() -> None:
    then = run([{"n": 1, "text": "a", "latency": 0.123, "replayed": False}])
    now = run([{"n": 1, "text": "a", "latency": 4.567, "replayed": True}])
    pages = [to_html(frame, ["n"], asked=1, total=1) for frame in (then, now)]
    assert pages[0] == pages[1]
    assert "latency" not in pages[0]
    assert "replayed" not in pages[0]


def test_parsed_values_are_shown_where_there_are_any() -> None:
    page = to_html(run([{"text": "t", "parsed": {"name": "Öl", "n": [1]}}]), [], asked=1, total=1)
    assert table(page)[1][2] == '{"name": "Öl", "n": [1]}'


@pytest.mark.parametrize("frame", [pd.DataFrame(), run([{"n": 1}]).iloc[:0]])
def test_a_run_of_which_nothing_is_done_has_an_empty_table(frame: pd.DataFrame) -> None:
    page = to_html(frame, ["n"], asked=0, total=20)
    assert headline(page) == "0 of 20 requests"
    assert table(page) == [["", "n", "text", "completion_tokens"]]


def test_labels_of_several_levels_are_shown() -> None:
    frame = run([{"text": "a"}], index=pd.MultiIndex.from_tuples([("x", 1)]))
    assert table(to_html(frame, [], asked=1, total=1))[1][0] == "x, 1"


@pytest.mark.parametrize("payload", [text for texts in PAYLOADS.values() for text in texts])
def test_nothing_hostile_acts(payload: str) -> None:
    row = {payload: payload, "text": payload, "parsed": [payload], "finish_reason": payload, "error": payload}
    assert_inert(to_html(run([row], index=[payload]), [payload], asked=1, total=1, name=payload))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_no_text_acts(text: str) -> None:
    row = {f"axis {text}": text, "text": text, "parsed": {text: [text]}, "finish_reason": text}
    frame = run([row], index=[text])
    page = to_html(frame, [f"axis {text}"], asked=1, total=1, name=text)
    assert_inert(page)
    assert len(table(page)) == 2
    assert page == to_html(frame.copy(), [f"axis {text}"], asked=1, total=1, name=text)


def test_characters_that_turn_a_line_are_made_visible_or_taken_out() -> None:
    page = to_html(run([{"text": "a\u202eb\u200fc\x00d\x1be"}]), [], asked=1, total=1)
    assert table(page)[1][1] == "a⟨U+202E⟩bc\ufffdd␛e"


def test_parsed_values_that_are_no_json_are_shown_as_python_shows_them() -> None:
    page = to_html(run([{"text": "t", "parsed": {"at": {1}}}]), [], asked=1, total=1)
    assert table(page)[1][2] == "{'at': {1}}"
