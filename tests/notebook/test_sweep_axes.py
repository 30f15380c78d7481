"""`%%sweep` in a real kernel: axes, prompts and fields as they are typed, and as they go out."""

from __future__ import annotations

from itertools import product

import pytest
from swept import column, fields, said, swept


def test_words_and_ranges_make_a_grid_in_their_order(kernel, service):
    swept(kernel, "%%sweep city=Rome,Lima seed=0:2 temperature=0,0.7\nSee {{ city }}?")
    grid = list(product(["Rome", "Lima"], [0, 1], [0, 0.7]))
    assert list(zip(*(column(kernel, name) for name in ("city", "seed", "temperature")), strict=True)) == grid
    assert column(kernel, "text") == [f"You said: See {city}?" for city, _, _ in grid]
    assert sorted(said(service)) == sorted(f"See {city}?" for city, _, _ in grid)
    assert column(kernel, "model") == ["loopback-1"] * 8


RANGES = {"0:3": [0, 1, 2], "2:8:3": [2, 5], "3:0:-1": [3, 2, 1], "-1:1": [-1, 0]}


@pytest.mark.parametrize("words", RANGES)
def test_a_range_is_pythons(kernel, service, words):
    swept(kernel, f"%%sweep n={words}\nn {{{{ n }}}}")
    assert column(kernel, "n") == RANGES[words]


def test_quotes_hold_blanks_and_commas(kernel):
    swept(kernel, """%%sweep city="New York, NY",Rome,'La "Paz"'\n{{ city }}""")
    assert column(kernel, "city") == ["New York, NY", "Rome", 'La "Paz"']


def test_expressions_are_values_of_the_notebook(kernel):
    kernel.run("cities = ['Rome', 'x, y', '{{ z }}']; one = 'Oslo'")
    swept(kernel, "%%sweep city={{ cities[1:] + ['a b'] }} seed={{ range(1, 2) }}\n{{ city }}")
    assert column(kernel, "text") == ["You said: x, y", "You said: {{ z }}", "You said: a b"]
    swept(kernel, "%%sweep city={{one}},Rome,{{ cities[0] + '!' }}\n{{ city }}")
    assert column(kernel, "city") == ["Oslo", "Rome", "Rome!"]


def test_an_expression_may_hold_braces_and_quotes(kernel):
    swept(kernel, "%%sweep city={{ {'a':{'b':['x','y']}}['a']['b'] }} n={{ 'it\\'s' }},b\n{{ city }} {{ n }}")
    assert column(kernel, "text") == [f"You said: {city} {n}" for city in "xy" for n in ("it's", "b")]


def test_one_value_holds_throughout_and_is_no_column(kernel):
    kernel.run("one = 'Oslo'")
    swept(kernel, "%%sweep city={{ one }} n=0:2\n{{ city }} {{ n }}")
    assert column(kernel, "text") == ["You said: Oslo 0", "You said: Oslo 1"]
    assert kernel.value("runs.axes") == "['n', 'model', 'seed']"


def test_zipped_axes_go_together(kernel):
    kernel.run("pairs = [('Peru', 'Lima'), ('Italy', 'Rome')]")
    swept(kernel, "%%sweep land,city={{ pairs }} seed=1\nIs {{ city }} in {{ land }}?")
    assert column(kernel, "text") == ["You said: Is Lima in Peru?", "You said: Is Rome in Italy?"]
    assert column(kernel, "land") == ["Peru", "Italy"]


def test_the_prompt_is_a_template_over_the_notebook(kernel, service):
    kernel.run("def shout(text): return text.upper() + '!'\ntopic, city = 'food', 'not this'")
    swept(kernel, "%%sweep city=Rome seed=1\n{{ shout(city) }} {{ topic }} {{ 1 + 1 }} {x} $y$ {% z")
    assert said(service) == ["ROME! food 2 {x} $y$ {% z"]


def test_a_prompt_of_constants_alone_is_filled_too(kernel, service):
    swept(kernel, "%%sweep seed=1\n{{ 2 * 3 }} {{ 'x' }}")
    assert said(service) == ["6 x"]


def test_bare_words_that_are_not_written_as_numbers_stay_text(kernel):
    words = "1.10,007,1e3,+1,none,true,1_000,12:30,-0"
    swept(kernel, f"%%sweep v={words}\n{{{{ v }}}}")
    assert column(kernel, "v") == words.split(",")
    assert column(kernel, "text") == [f"You said: {word}" for word in words.split(",")]


def test_bare_numbers_of_the_prompt_are_numbers(kernel):
    swept(kernel, "%%sweep v=1,2.5,-3,'4'\n{{ v }}")
    assert column(kernel, "v") == [1, 2.5, -3, "4"]


def test_fields_have_their_types(kernel, service):
    line = (
        "temperature=0.70 max_completion_tokens=none stop=END model=1 top_p=1 "
        "frequency_penalty=-1 presence_penalty=1e-1 seed=7"
    )
    swept(kernel, f"%%sweep {line}\nhi")
    body = service.questions[0].body
    names = [
        "temperature",
        "max_completion_tokens",
        "stop",
        "model",
        "top_p",
        "frequency_penalty",
        "presence_penalty",
        "seed",
    ]
    assert [body[name] for name in names] == [0.7, None, ["END"], "1", 1, -1, 0.1, 7]


def test_several_stops_are_several_requests(kernel, service):
    swept(kernel, "%%sweep stop=a,'b c' seed=1\nhi")
    assert fields(service, "stop") == [(["a"],), (["b c"],)]
    swept(kernel, "%%sweep stop={{ ['a', 'b'] }} seed=2\nhi")
    assert service.questions[-1].body["stop"] == ["a", "b"]


def test_a_field_may_be_null_and_a_number(kernel, service):
    swept(kernel, "%%sweep temperature=none,0 model=a,b seed=1\nhi")
    assert fields(service, "model", "temperature") == [("a", 0), ("a", None), ("b", 0), ("b", None)]
    assert column(kernel, "temperature") == [None, None, 0, 0]


def test_data_is_a_row_a_request_and_keeps_its_index(kernel, service):
    kernel.run("import pandas as pd\ndf = pd.DataFrame({'city': ['Rome', 'Lima'], 'x': 1}, index=['r', 'l'])")
    swept(kernel, "%%sweep --data df seed=1:3\nSee {{ city }}?")
    assert kernel.value("runs.to_frame().index.tolist()") == "['r', 'r', 'l', 'l']"
    assert column(kernel, "city") == ["Rome", "Rome", "Lima", "Lima"]


def test_a_system_message_goes_before_each_and_is_filled_as_the_prompt_is(kernel, service):
    kernel.run("style = '{{ role }} brief'")
    swept(kernel, "%%sweep -s 'As a {{ role }}, {{ style }}.' role=cook,poet seed=1\nhi")
    assert sorted(request.body["messages"][0]["content"] for request in service.questions) == [
        "As a cook, {{ role }} brief.",
        "As a poet, {{ role }} brief.",
    ]
    assert service.questions[0].body["messages"][0]["role"] == "system"


def test_raw_sends_braces(kernel, service):
    swept(kernel, "%%sweep --raw seed=1 -s '{{ y }}'\n{{ x }}")
    assert [m["content"] for m in service.questions[0].body["messages"]] == ["{{ y }}", "{{ x }}"]


BAD = {
    "bad_word": ("%%sweep hello seed=1\nhi", "OptionError", "'hello' is neither an axis nor an option"),
    "axis_without_value": ("%%sweep seed=\nhi", "OptionError", "seed=VALUE"),
    "unknown_option": ("%%sweep --repeat 3\nhi", "OptionError", "Did you mean --repeats"),
    "short_unknown_option": ("%%sweep -q\nhi", "OptionError", "-q"),
    "field_as_option": ("%%sweep --temperature 0.7\nhi", "OptionError", "temperature=VALUE"),
    "short_field_as_option": ("%%sweep -t 0.7\nhi", "OptionError", "temperature=VALUE"),
    "unknown_axis": ("%%sweep temprature=0\nhi", "PlanError", "Did you mean temperature?"),
    "unknown_name": ("%%sweep citty=Rome\nSee {{ city }}", "PlanError", "Did you mean city?"),
    "axis_of_nothing": ("%%sweep town=Rome\nhi", "PlanError", "{{ town }}"),
    "twice": ("%%sweep seed=1 seed=2\nhi", "OptionError", "twice"),
    "twice_zipped": ("%%sweep seed=1 seed,model={{ [(1, 'a')] }}\nhi", "PlanError", "twice"),
    "pairs_that_are_none": ("%%sweep seed,model={{ [(1, 'a', 2)] }}\nhi", "PlanError", "tuples of 2"),
    "empty_prompt": ("%%sweep seed=1\n  \n", "PremError", "no prompt"),
    "no_prompt": ("%%sweep seed=1", "PremError", "no prompt"),
    "too_large": ("%%sweep seed=0:2000\nhi", "PlanError", "--max-requests 2000"),
    "too_large_for_the_option": ("%%sweep seed=0:9 --max-requests 8\nhi", "PlanError", "9 requests; 8"),
    "open_quote": ("%%sweep city='Rome\n{{ city }}", "OptionError", "left open"),
    "open_braces": ("%%sweep city={{ x\n{{ city }}", "OptionError", "left open"),
    "missing_variable": ("%%sweep city={{ nope }}\n{{ city }}", "TemplateError", "nope"),
    "missing_name_in_the_prompt": ("%%sweep seed=1\n{{ nope }}", "PlanError", "nope, which has no value"),
    "missing_name_in_the_system_message": ("%%sweep -s '{{ nope }}' seed=1\nhi", "PlanError", "nope"),
    "broken_expression": ("%%sweep seed=1\n{{ 1 + }}", "TemplateError", "--raw"),
    "expression_that_fails": ("%%sweep seed=1\n{{ 1 / 0 }}", "TemplateError", "ZeroDivisionError"),
    "words_beside_an_expression": ("%%sweep city=a{{ 1 }}\n{{ city }}", "OptionError", "nothing beside it"),
    "out_of_range": ("%%sweep temperature=0,3\nhi", "RequestError", "between 0 and 2"),
    "no_number": ("%%sweep temperature=warm\nhi", "RequestError", "warm"),
    "no_whole_number": ("%%sweep seed=1.5\nhi", "RequestError", "1.5"),
    "null_where_none_is_taken": ("%%sweep stop={{ [1] }}\nhi", "RequestError", "stop"),
    "empty_axis": ("%%sweep seed=5:0\nhi", "PlanError", "empty"),
    "endless_range": ("%%sweep seed=0:5:0\nhi", "OptionError", "step 0"),
    "no_data": ("%%sweep --data nope\nhi", "OptionError", "no variable 'nope'"),
    "data_that_is_none": ("%%sweep --data os\nhi", "PlanError", "DataFrame"),
    "no_schema": ("%%sweep --schema Nope seed=1\nhi", "OptionError", "no variable 'Nope'"),
    "no_function": ("%%sweep --tools nope seed=1\nhi", "OptionError", "no variable 'nope'"),
    "choice_without_functions": ("%%sweep --tool-choice auto\nhi", "OptionError", "--tools"),
    "option_without_value": ("%%sweep seed=1 -o\nhi", "OptionError", "expected one argument"),
    "no_variable_name": ("%%sweep -o 3x\nhi", "OptionError", "3x"),
    "no_count": ("%%sweep --repeats 0\nhi", "OptionError", "--repeats 0"),
    "name_of_a_result": ("%%sweep text=a\n{{ text }}", "PlanError", "a column text of their own"),
    "endpoint_without_scheme": (
        "%%sweep --endpoint studio.premai.io\nhi",
        "ConfigurationError",
        "https://studio.premai.io",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_fails_the_cell_in_three_lines_and_sends_nothing(kernel, service, name):
    code, ename, words = BAD[name]
    ran = kernel.run(code)
    assert (ran.status, ran.ename) == ("error", ename), ran.error or ran.outputs
    assert words in ran.error
    assert len(ran.traceback) <= 3, ran.error
    assert [output for output in ran.outputs if "traceback" not in output] == []
    assert service.requests == []
    assert kernel.value("'runs' in globals()") == "False"
    swept(kernel, "%%sweep seed=1\nstill works")


PROMPTS = [
    "What's up?",
    "why?",
    "it's a 'half open\n\nquote? \"",
    ">>> print(1)?",
    "In [1]: x?\n%time\n!ls",
    "  indented?\n\ttab?",
    "Grüße 😀?",
]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_prompt_arrives_as_typed(kernel, service, prompt):
    swept(kernel, f"%%sweep seed=1\n{prompt}")
    assert said(service) == [prompt]
