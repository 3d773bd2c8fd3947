"""Store in each chapter the outputs that nbval compares: python tests/store_outputs.py (make store-outputs).

Runs the chapters at smoke scale and keeps what cells print, but not for cells tagged nbval-ignore-output
(their result depends on the scale), nor pictures and widgets, which nbval does not compare. What the page folds is
folded in JupyterLab too: code by its tag, a solution as a whole, in cells of its own. With names of notebooks it runs
nothing, and only removes from them what would not be kept, and folds (a hook of pre-commit).
"""

import copy
import re
import sys
from itertools import pairwise
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from transferlab.system.kernels import own_kernels

# a solution's first line, its last one, and a solution that is one block
START = re.compile(r"^(`{3,})\{solution-start\}.*?^\1$", re.DOTALL | re.MULTILINE)
END = re.compile(r"^(`{3,})\{solution-end\}\n\1$", re.MULTILINE)
BLOCK = re.compile(r"^(`{3,})\{solution\} (\S+)((?:\n:\w+:[^\n]*)*)\n(.*?)\n\1$", re.DOTALL | re.MULTILINE)
COMPARED = ("text/plain", "text/html", "text/markdown")


def main():
    own_kernels()
    named = [Path(name) for name in sys.argv[1:]]
    for path in named or sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb")):
        before = path.read_text(encoding="utf-8")
        notebook = nbformat.reads(before, as_version=4)
        if not named:
            NotebookClient(notebook, resources={"metadata": {"path": path.parent}}).execute()
        strip(notebook)
        fold(notebook)
        after = nbformat.writes(notebook) + "\n"
        if after != before:
            path.write_text(after, encoding="utf-8", newline="\n")
            print(path.name)


def strip(notebook):
    """Remove, in place, what nbval does not compare."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        ignored = "nbval-ignore-output" in cell.metadata.get("tags", [])
        cell.outputs = [] if ignored else [kept for kept in map(_compared, cell.outputs) if kept]
        if not cell.outputs:
            cell.execution_count = None
    notebook.metadata.pop("widgets", None)


def fold(notebook):
    """Have JupyterLab fold, in place, what the page folds. A cell where a solution begins stays: it is the title.

    JupyterLab shows the first line of what is folded, so in a solution that line gives nothing away.
    """
    notebook.cells = [part for cell in notebook.cells for part in _parts(cell)]
    solution = False
    for cell in notebook.cells:
        inside, tags = solution, cell.metadata.get("tags", [])
        for step in re.findall(r"^`{3,}\{solution-(start|end)\}", cell.source, re.MULTILINE):
            solution = step == "start"
        if inside:
            cell.metadata["jupyter"] = {"source_hidden": True}
            if cell.cell_type == "code":
                cell.metadata["jupyter"]["outputs_hidden"] = True
                if not cell.source.startswith(("import ", "from ", "def ", "class ", "#")):
                    cell.source = f"# a solution\n{cell.source}"
            elif not cell.source.startswith("\n"):
                cell.source = f"\n{cell.source}"
        elif cell.cell_type == "code" and {"hide-input", "hide-cell"} & set(tags):
            cell.metadata["jupyter"] = {"source_hidden": True}  # what a check says is seen
        else:
            cell.metadata.pop("jupyter", None)


def _parts(cell):
    """A cell, or the cells into which it has to be cut: JupyterLab folds whole cells only."""
    if cell.cell_type != "markdown":
        return [cell]
    text = BLOCK.sub("\\1{solution-start} \\2\\3\n\\1\n\n\\4\n\n\\1{solution-end}\n\\1", cell.source)
    cuts = [0, *(edge.end() for kind in (START, END) for edge in kind.finditer(text)), len(text)]
    cuts.sort()
    parts = [text[start:end] for start, end in pairwise(cuts) if text[start:end].strip()]
    if len(parts) < 2:
        return [cell]
    cells = []
    for number, part in enumerate(parts, 1):
        cells.append(copy.deepcopy(cell))
        cells[-1].source = part.strip("\n")
        cells[-1].id = cell.id if number == 1 else f"{cell.id}-{number}"
    return cells


def _compared(output):
    if output.output_type == "stream":
        return output if output.name == "stdout" else None
    if output.output_type == "error":
        return output
    if "image/svg+xml" in output.data or "image/png" in output.data:
        return None
    output.data = {kind: value for kind, value in output.data.items() if kind in COMPARED}
    return output


if __name__ == "__main__":
    main()
