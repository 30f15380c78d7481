"""Check what is installed against the tree, away from it: every file is there, the magics load, a page can be drawn.

Run with the Python that has it, in another folder: python -P tests/installed.py TREE
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell


def within(package: Path) -> set[str]:
    """Return the files of a package, without what Python makes of them."""
    found = (path.relative_to(package) for path in package.rglob("*") if path.is_file())
    return {path.as_posix() for path in found if "__pycache__" not in path.parts}


def main() -> None:
    tree = Path(sys.argv[1], "jupyter_prem").resolve()
    package = Path(str(files("jupyter_prem"))).resolve()
    assert package != tree, f"{package} is the tree's"
    assert within(package) == within(tree), within(package) ^ within(tree)
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "jupyter_prem")
    for name in ("chat", "prem", "sweep"):
        assert shell.find_cell_magic(name), name
    shell.run_line_magic("chat", "--dry-run --endpoint http://127.0.0.1:9 -m any hello")
    panel = shell.ev("__import__('jupyter_prem').ChatPanel()")
    assert "export default" in panel._esm
    assert ".prem-" in panel._css
    data = sorted(name for name in within(package) if not name.endswith(".py"))
    print(f"jupyter_prem {version('jupyter_prem')} in {package.parent.name}, with", *data, sep="\n  ")


if __name__ == "__main__":
    main()
