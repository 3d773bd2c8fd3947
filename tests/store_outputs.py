"""Store in each chapter the outputs that nbval compares: python tests/store_outputs.py (make store-outputs).

Runs the chapters at smoke scale and keeps what cells print, but not for cells tagged nbval-ignore-output
(their result depends on the scale), nor pictures and widgets, which nbval does not compare. With names of notebooks
it runs nothing, and only removes from them what would not be kept (a hook of pre-commit).
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from transferlab.system.kernels import own_kernels, quiet_kernels

COMPARED = ("text/plain", "text/html", "text/markdown")


def main():
    quiet_kernels()
    own_kernels()
    named = [Path(name) for name in sys.argv[1:]]
    for path in named or sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb")):
        before = path.read_text(encoding="utf-8")
        notebook = nbformat.reads(before, as_version=4)
        if not named:
            NotebookClient(notebook, resources={"metadata": {"path": path.parent}}).execute()
        strip(notebook)
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
