"""Secrets: one key through all that a kernel, a service and a front end can do with it, and nothing that holds it.

The search knows the key raw, URL-encoded, as base64 in its three alignments, as hex, escaped as in JSON, HTML and Python,
as UTF-16 and backwards, whole and from 8 characters of its ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from canary import CANARY, FORMS, HEAD, TAIL, Mine, hits
from canary_echoes import ANSWERS, ECHOES
from canary_way import IMPORTS
from canary_ways import WAYS
from loopback import Reply, as_json
from nbconvert import HTMLExporter

PATHS = {name: f"K{number:03} {name}" for number, name in enumerate([*ECHOES, *WAYS, *ANSWERS], 1)}


def numbered(names) -> list:
    """Return each path with its number."""
    return [pytest.param(name, id=PATHS[name]) for name in names]


@pytest.fixture(scope="module")
def shared_mine() -> Iterator[Mine]:
    mine = Mine()
    mine.log_in()
    mine.run(IMPORTS)
    yield mine
    mine.stop()


@pytest.fixture
def mine(shared_mine) -> Mine:
    shared_mine.service.script, shared_mine.service.models = shared_mine.service.echo, ["loopback-1"]
    return shared_mine


def refused(_) -> Reply:
    return as_json({"error": {"message": f"The key {CANARY} is wrong"}}, 401, **{"x-request-id": CANARY})


@pytest.mark.parametrize("name", numbered(ECHOES))
def test_an_error_that_tells_the_key_back(mine, name):
    echo = ECHOES[name]
    mine.service.script = echo.reply
    ran = mine.run("%%chat\nhi")
    assert ran.ename == echo.ename
    assert echo.words in ran.error
    assert mine.service.requests[-1].headers["authorization"] == f"Bearer {CANARY}"
    assert mine.found() == []


@pytest.mark.parametrize("name", [name for name in ECHOES if not name.startswith("error_")])
def test_an_error_that_tells_the_key_back_with_every_frame_of_python(mine, name):
    mine.service.script = ECHOES[name].reply
    shown = "print(''.join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))"
    mine.run("import traceback\n%xmode Verbose")
    mine.run(f"try:\n    for _ in Client().stream('hi'): pass\nexcept Exception as error: {shown}")
    ran = mine.run("async with AsyncClient().stream('hi') as stream:\n    async for _ in stream: pass")
    assert ran.ename == ECHOES[name].ename
    assert mine.found() == []


@pytest.mark.parametrize("name", numbered(WAYS))
def test_a_way_to_tell(mine, name):
    way = WAYS[name]
    if way.echo:
        mine.service.script = refused
    if name == "refused models":
        mine.service.models = None
    mine.run(*way.cells[:-1])
    if way.holds:
        ran = mine.interrupted(way.cells[-1], stop=name != "timeout")
    else:
        ran = mine.run(way.cells[-1], typed=way.typed)
    if name == "unload":
        mine.log_in()
    found = mine.found()
    if way.ends is not None:
        assert ran.ename == way.ends, (ran.error, ran.outputs)
    assert found == []


@pytest.mark.parametrize("name", numbered(ANSWERS))
def test_an_answer_that_holds_the_key(mine, name):
    mine.service.script = ANSWERS[name]
    mine.run("%%chat --new\nhi", "print(chat_response.to_dict())")
    assert mine.service.requests[-1].headers["authorization"] == f"Bearer {CANARY}"
    assert mine.found() == []


FILES = [
    "work/a.md",
    "work/a.json",
    "work/a.ipynb",
    "work/talk.json",
    "work/runs.jsonl",
    "work/failed.jsonl",
    "work/saved.py",
    "work/a.chat.jsonl",
    "work/fault.log",
    "ipython/profile_default/history.sqlite",
    "kernel.log",
]


@pytest.fixture(scope="module")
def quiet() -> Iterator[Mine]:
    """A kernel whose service says nothing of the key: what it writes is its own."""
    mine = Mine()
    mine.log_in()
    mine.run(IMPORTS)
    for way in WAYS.values():
        if not way.holds:
            mine.service.script = refused if way.echo else mine.service.echo
            mine.ran += [mine.run(code) for code in way.cells] if not way.typed else []
    mine.kernel.stop()
    yield mine
    mine.service.stop()


def test_the_files_of_a_kernel(quiet):
    written = {str(path.relative_to(quiet.folder)) for path in quiet.folder.rglob("*") if path.is_file()}
    assert [name for name in FILES if name not in written] == []
    assert quiet.files() == {}


def test_a_saved_notebook_and_its_page(quiet, tmp_path):
    outputs = [output for ran in quiet.ran for output in ran.notebook_outputs()]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=outputs)])
    nbformat.write(book, tmp_path / "saved.ipynb")
    page, _ = HTMLExporter().from_notebook_node(book)
    assert len(page) > 500_000
    assert "[key]" in page
    assert hits((tmp_path / "saved.ipynb").read_bytes() + page.encode()) == []


def test_a_key_of_the_environment(tmp_path):
    mine = Mine(PREMAI_API_KEY=CANARY)
    mine.run(
        "%load_ext jupyter_prem\nimport os", "%%chat -o mine\nhi", "print(mine.provenance, mine.to_dict())"
    )
    mine.run("%env", "%prem status", "%%chat --dry-run\nhi", "%xmode Verbose", "1 / 0")
    mine.run(
        "os.environ['PREMAI_API_KEY'] = os.environ['PREMAI_API_KEY'] + ' x'", "%%chat\nhi", "%prem status"
    )
    mine.run("from jupyter_prem import Client", "Client()", "%tb")
    mine.stop()
    assert mine.service.questions[0].headers["authorization"] == f"Bearer {CANARY}"
    assert mine.found() == []
    assert mine.files() == {}


@pytest.mark.parametrize("form", FORMS)
def test_the_search_finds_a_key_that_is_there(mine, form):
    for text in (CANARY, CANARY[:8], CANARY[-8:], CANARY[:20]):
        assert [name for name in hits(f"said: {FORMS[form](text)}!".encode()) if name.startswith(form)]
    code = f"key = {HEAD[:4]!r} + {CANARY[4:]!r}\nwritten = {FORMS[form](CANARY)[::-1]!r}[::-1]"
    quoted = json.dumps(code)
    mine.kernel.run(f"exec({quoted})")
    mine.found()
    mine.run("print(written)\nopen('planted.txt', 'w').write(written)")
    assert [name for name in mine.found() if name.startswith(form)]
    assert [
        name for name in hits((mine.folder / "work" / "planted.txt").read_bytes()) if name.startswith(form)
    ]
    mine.run("del key, written")
    Path(mine.folder / "work" / "planted.txt").unlink()
    mine.found()


def test_there_are_paths_enough():
    assert len(PATHS) + len(FILES) > 150
    assert TAIL not in HEAD
