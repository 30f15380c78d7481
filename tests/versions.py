"""Test the wheel away from the tree, with old and new versions of what it depends on, on each Python there is.

Run: python tests/versions.py WHEEL [--quick] [--only WORDS]

`--quick` is fewer tests, and the lowest set alone where none is named. Each set has an environment of its own, which holds
the wheel, pytest and what the tests import; tests run from a copy. The table at the end says what was left out.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXTRAS = ("experiments", "keyring")
TOOLS = (
    "brotli",
    "html5lib",
    "hypothesis",
    "ipykernel",
    "jupyter-client",
    "jupyter-console",
    "nbformat",
    "polars",
    "psutil",
    "pyarrow",
    "pytest",
    "pytest-timeout",
)
QUICK = (
    "test_import.py",
    "client/test_keys.py",
    "client/test_request.py",
    "client/test_stream.py",
    "client/test_stream_parts.py",
    "conversation/test_session.py",
    "conversation/test_template.py",
    "display/test_frame.py",
    "display/test_kernel.py",
    "display/test_terminal.py",
    "experiments/test_html.py",
    "experiments/test_runs.py",
    "notebook/test_elsewhere.py",
    "notebook/test_magics.py",
    "notebook/test_magics_faults.py",
    "notebook/test_magics_options.py",
    "notebook/test_terminal.py",
    "objects/test_schema.py",
    "records/test_key.py",
    "records/test_record.py",
)
CORE = (
    *QUICK,
    "client/test_async.py",
    "client/test_async_left.py",
    "client/test_http.py",
    "client/test_http_keys.py",
    "client/test_sse.py",
    "conversation/test_tree.py",
    "conversation/test_tree_random.py",
    "display/test_live.py",
    "experiments/test_agreement.py",
    "experiments/test_plan.py",
    "experiments/test_plot.py",
    "experiments/test_sweep.py",
    "experiments/test_sweep_limits.py",
    "experiments/test_sweep_stops.py",
    "notebook/test_conversations.py",
    "notebook/test_conversations_told.py",
    "notebook/test_schemas.py",
    "notebook/test_schemas_faults.py",
    "notebook/test_sweep.py",
    "notebook/test_sweep_axes.py",
    "notebook/test_sweep_shown.py",
    "notebook/test_tools.py",
    "notebook/test_tools_faults.py",
    "objects/test_tool.py",
    "objects/test_tool_calls.py",
    "panel/test_panel.py",
    "panel/test_panel_conversations.py",
    "panel/test_panel_messages.py",
    "panel/test_panel_settings.py",
    "panel/test_panel_transcript.py",
    "panel/test_panel_turns.py",
    "records/test_cassette.py",
    "records/test_cassette_writes.py",
    "records/test_tape.py",
    "records/test_tape_blocks.py",
    "records/test_tape_modes.py",
    "records/test_tape_numbers.py",
    "records/test_tape_processes.py",
)
LAB = (
    "browser/test_conversation_lab.py",
    "browser/test_lab.py",
    "browser/test_panel.py::test_cells_and_panel_share_one_conversation",
    "browser/test_panel.py::test_code_is_copied_and_inserted_and_formulas_are_typeset",
    "browser/test_panel.py::test_enter_sends_shift_enter_breaks_the_line_and_the_answer_streams",
    "browser/test_sweep_lab.py",
)
OLD_IPYTHON = {
    "notebook/test_terminal.py::test_tab_completes_our_options": "IPython has matchers from 8.6 on",
    "notebook/test_tools.py::test_tab_completes_functions_and_choices": "IPython has matchers from 8.6 on",
}
OLD_IPYKERNEL = {
    f"panel/{name}": "ipykernel has subshells from 7 on"
    for name in (
        "test_panel.py::test_a_page_that_comes_late_or_missed_something_shows_the_same[True]",
        "test_panel_settings.py::test_a_template_that_takes_its_time_keeps_nobody_waiting",
        "test_panel_conversations.py::test_a_click_in_a_subshell_is_heard_while_a_cell_runs",
        "test_panel_conversations.py::test_an_interrupt_of_the_kernel_leaves_a_panels_answer_alone",
        "test_panel_conversations.py::test_a_conversation_that_a_cell_asks_in_is_busy",
    )
}
EMBEDDED = {
    "browser/test_lab.py::test_the_quickstart_is_answered_on_the_page_and_saved": "it needs the embedded model",
    "experiments/test_sweep.py::test_the_embedded_model_gives_the_same_table_whatever_the_width": "it needs the embedded model",
}
SHOWN = ("ipython", "ipykernel", "ipywidgets", "httpx", "pydantic", "anywidget", "jupyterlab")


@dataclass(frozen=True)
class Kind:
    """A set of versions: what pins it, what is tested, and what is left out, with the reason."""

    name: str
    pins: tuple[str, ...]
    tests: tuple[str, ...]
    left_out: dict[str, str]
    more: tuple[str, ...] = ()


def lowest(requirement: str) -> str:
    """Return a requirement's lower bound as a pin."""
    name, bound = re.match(r"([\w-]+)>=([\w.]+)", requirement).groups()
    return f"{name}=={bound}"


def kinds(project: dict) -> list[Kind]:
    """Return the sets: the lowest is the first."""
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(one for extra in EXTRAS for one in extras[extra])]
    also = [one for one in extras["test"] if one.startswith(("ipykernel", "pyarrow"))]
    low = tuple(lowest(one) for one in (*wanted, *also))
    lab = ("jupyterlab==4.0.*", "notebook==7.0.*")
    return [
        Kind("lowest", low, CORE, OLD_IPYTHON | OLD_IPYKERNEL | EMBEDDED),
        Kind("IPython 8", ("ipython==8.*",), CORE, {}),
        Kind("newest", (), CORE, {}),
        Kind(
            "JupyterLab 4.0",
            lab,
            LAB,
            EMBEDDED,
            ("axe-playwright-python", "jupyterlab", "notebook", "playwright"),
        ),
    ]


def pythons() -> list[str]:
    """Return the Pythons from 3.11 on: those of the path, and pyenv's where there is one."""
    found = [shutil.which(f"python3.{minor}") for minor in range(11, 16)]
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=True).stdout.strip()
        found += sorted(str(path) for path in Path(root, "versions").glob("3.*/bin/python"))
    versions = {}
    for path in filter(None, [sys.executable, *found]):
        done = subprocess.run(
            [path, "-c", "import sys; print(sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0 and (version := tuple(map(int, re.findall(r"\d+", done.stdout)))) >= (3, 11):
            versions.setdefault(version, path)
    return [path for _, path in sorted(versions.items())]


def prepare(folder: Path, python: str, kind: Kind, wheel: str, project: dict) -> Path:
    """Make an environment with a set in it and return its Python."""
    subprocess.run([python, "-m", "venv", folder], check=True)
    mine = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    names = {*TOOLS, *kind.more}
    tools = [
        one for one in project["optional-dependencies"]["test"] if re.match(r"[\w-]+", one).group() in names
    ]
    pinned = {pin.partition("=")[0] for pin in kind.pins}
    tools = [one for one in tools if re.match(r"[\w-]+", one).group() not in pinned]
    command = [mine, "-m", "pip", "install", "-q", f"{wheel}[{','.join(EXTRAS)}]", *kind.pins, *tools]
    subprocess.run(command, check=True)
    return mine


def run(folder: Path, python: Path, tests: tuple[str, ...], left_out: dict[str, str]) -> tuple[bool, str]:
    """Run tests from a copy of them; return whether they passed, and the line that says so."""
    away = folder / "away"
    shutil.copytree(ROOT / "tests", away / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "notebooks", away / "notebooks")
    shutil.copy(ROOT / "pyproject.toml", away)
    # Old packages warn of what became old since.
    command = [python, "-m", "pytest", "-q", "-W", "default", "-p", "no:cacheprovider"]
    command += [word for name in left_out for word in ("--deselect", f"tests/{name}")]
    command += [f"tests/{name}" for name in tests]
    env = {**os.environ, "PYTHONSAFEPATH": "1"}
    done = subprocess.run(command, cwd=away, env=env, capture_output=True, text=True, check=False)
    said = done.stdout.strip().splitlines()
    if done.returncode:
        print("\n".join(said[-150:]), done.stderr, sep="\n", flush=True)
    return done.returncode == 0, said[-1] if said else done.stderr[-200:]


def versions(python: Path) -> str:
    """Return what of note is installed."""
    code = (
        "import sys\nfrom importlib.metadata import distributions\n"
        "there = {d.metadata['Name'].lower(): d.version for d in distributions()}\n"
        "print(*(f'{name} {there[name]}' for name in sys.argv[1:] if name in there), sep=', ')"
    )
    return subprocess.run(
        [python, "-c", code, *SHOWN], capture_output=True, text=True, check=True
    ).stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("wheel")
    parser.add_argument("--quick", action="store_true", help="fewer tests; without --only, the lowest set")
    parser.add_argument("--only", metavar="WORDS", default="", help="sets whose name holds these words")
    options = parser.parse_args()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wheel = str(Path(options.wheel).resolve())
    every = [kind for kind in kinds(project) if options.only.lower() in kind.name.lower()]
    there = pythons()
    if options.quick and not options.only:
        plan = [(there[0], every[0])]
    else:
        plan = [(there[0], kind) for kind in every]
        plan += [(python, kind) for python in there[1:] for kind in every if kind.name == "newest"]
    rows, failed = [], False
    for python, kind in plan:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            mine = prepare(folder / "env", python, kind, wheel, project)
            tests = QUICK if options.quick and kind.tests is CORE else kind.tests
            passed, said = run(folder, mine, tests, kind.left_out)
            number = subprocess.run([mine, "-V"], capture_output=True, text=True, check=True).stdout.split()[
                1
            ]
            rows.append(f"| {number} | {kind.name} | {versions(mine)} | {said} |")
        failed |= not passed
        print(f"{number} {kind.name}: {said} ({time.monotonic() - began:.0f} s in all)", flush=True)
        for name, reason in kind.left_out.items():
            print(f"  left out: {name}: {reason}", flush=True)
    print("| Python | set | versions | tests |", "| --- | --- | --- | --- |", *rows, sep="\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
