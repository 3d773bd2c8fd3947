"""Chapters without a kernel each: their cells run in this process, which has imported torch already."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import nbformat
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib import pyplot as plt
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_output
from traitlets.config import Config


def execute(chapter: Path, parameters: dict, home: Path) -> list[dict[str, object]]:
    """Run the code cells of a chapter with `parameters`, as papermill would, and draw its figures.

    Networks are trained in this process too: with one core, the Lab starts no workers, which would not see what a test
    patches. Returns what cells print and display, by media type. `home` is a folder for IPython's own files. Raises
    whatever a cell raises.
    """
    injected = "# Parameters\n" + "".join(f"{name} = {value!r}\n" for name, value in parameters.items())
    shown = []
    with mock.patch("dask.system.cpu_count", lambda: 1), _shell(home, chapter.parent) as shell:
        for cell in nbformat.read(chapter, as_version=4).cells:
            if cell.cell_type != "code":
                continue
            sources = [cell.source, injected] if "parameters" in cell.metadata.get("tags", []) else [cell.source]
            for source in sources:
                with capture_output() as captured:
                    result = shell.run_cell(source, store_history=True)
                result.raise_error()
                shown += [{"text/plain": captured.stdout}, *(output.data for output in captured.outputs)]
                if result.result is not None:
                    shown.append(shell.display_formatter.format(result.result)[0])
            for number in plt.get_fignums():  # as the kernel does, to put them on the page
                plt.figure(number).canvas.draw()
            plt.close("all")
    return shown


class Client:
    """In place of nbclient's NotebookClient, as `classroom` uses it: without a kernel, and without a limit of time.

    What cells print, and their errors, become their outputs; no figure does.
    """

    home: Path  # a folder for IPython's own files

    def __init__(self, notebook, timeout, kernel_name, resources, on_cell_start):
        self.notebook, self.on_cell_start, self.folder = notebook, on_cell_start, Path(resources["metadata"]["path"])

    def execute(self) -> None:
        """Run all cells, or as many as run without an error that they do not announce."""
        with mock.patch("dask.system.cpu_count", lambda: 1), _shell(self.home, self.folder) as shell:
            for place, cell in enumerate(self.notebook.cells):
                if cell.cell_type != "code":
                    continue
                self.on_cell_start(cell=cell, cell_index=place)
                with capture_output() as captured:
                    result = shell.run_cell(cell.source, store_history=True)
                cell.outputs = [new_output("stream", name="stdout", text=captured.stdout)]
                if error := result.error_before_exec or result.error_in_exec:
                    name, value = type(error).__name__, str(error)
                    cell.outputs.append(new_output("error", ename=name, evalue=value))
                    if "raises-exception" not in cell.metadata.get("tags", []):
                        raise CellExecutionError("", name, value)


@contextmanager
def _shell(home: Path, folder: Path) -> Iterator[InteractiveShell]:
    """An IPython that works in `folder`, and leaves this process as it found it."""
    config = Config()
    config.HistoryManager.enabled = False
    main, before = sys.modules["__main__"], Path.cwd()
    os.chdir(folder)
    try:
        yield InteractiveShell.instance(config=config, ipython_dir=str(home))
    finally:
        plt.close("all")
        InteractiveShell.clear_instance()
        sys.modules["__main__"] = main
        os.chdir(before)
