"""Store in each chapter the outputs that nbval compares: python tests/store_outputs.py (make store-outputs).

Runs the chapters at smoke scale and keeps what cells print, but not for cells tagged nbval-ignore-output
(their result depends on the scale), nor pictures and widgets, which nbval does not compare.
"""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

from transferlab.system.kernels import quiet_kernels

COMPARED = ("text/plain", "text/html", "text/markdown")


def main():
    quiet_kernels()
    for path in sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, resources={"metadata": {"path": path.parent}}).execute()
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
            if cell.cell_type != "code":
                continue
            ignored = "nbval-ignore-output" in cell.metadata.get("tags", [])
            cell.outputs = [] if ignored else [kept for kept in map(_compared, cell.outputs) if kept]
            if not cell.outputs:
                cell.execution_count = None
        notebook.metadata.pop("widgets", None)
        nbformat.write(notebook, path)
        print(path.name)


def _compared(output):
    if output.output_type == "stream":
        return output if output.name == "stdout" else None
    if "image/png" in output.data:
        return None
    output.data = {kind: value for kind, value in output.data.items() if kind in COMPARED}
    return output


if __name__ == "__main__":
    main()
