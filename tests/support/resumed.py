"""A notebook that is run, saved and taken up by a kernel."""

from __future__ import annotations

import nbformat
from cells import said


def as_output(output):
    kind = "display_data" if "data" in output else "stream"
    return nbformat.from_dict({"output_type": kind, "data": output["data"], "metadata": output["metadata"]})


class Page:
    """A notebook: its cells are run in a kernel, saved, and taken up by a fresh one."""

    def __init__(self, kernel, path):
        self.kernel, self.path, self.cells, self.count = kernel, path, [], 0

    def run(self, cell_id, source):
        ran = self.kernel.run(source, cell_id)
        self.count += 1
        cell = next((cell for cell in self.cells if cell["id"] == cell_id), None)
        if cell is None:
            cell = nbformat.v4.new_code_cell(source, id=cell_id)
            self.cells.append(cell)
        cell["source"], cell["execution_count"] = source, self.count
        cell["outputs"] = [as_output(output) for output in ran.outputs if "data" in output]
        return ran

    def save(self):
        nbformat.write(nbformat.v4.new_notebook(cells=self.cells), self.path)

    def resume(self):
        """Take it up as a kernel would that was just started."""
        self.save()
        return self.resume_file()

    def resume_file(self):
        self.kernel.run("%unload_ext jupyter_prem\n%reset -f\n%load_ext jupyter_prem")
        return self.kernel.run(f"%prem resume '{self.path}'")

    def said(self):
        return said(self.kernel)


BRIEF = ["brief", "a", "You said: a"]


def exchanges(*names):
    return [text for name in names for text in (name, f"You said: {name}")]


def bare(kernel, tmp_path):
    return Page(kernel, tmp_path / "bare.ipynb")
