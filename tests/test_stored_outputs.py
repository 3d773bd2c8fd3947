"""Chapters store what nbval compares, and nothing else, and JupyterLab folds what the page folds."""

import copy
from pathlib import Path

import nbformat
import pytest
import store_outputs

CHAPTERS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_stores_only_what_is_compared(path):
    notebook = nbformat.read(path, as_version=4)
    stripped = copy.deepcopy(notebook)
    store_outputs.strip(stripped)
    assert stripped == notebook, f"run: python tests/store_outputs.py notebooks/{path.name}"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_jupyterlab_folds_what_the_page_folds(path):
    notebook = nbformat.read(path, as_version=4)
    folded = copy.deepcopy(notebook)
    store_outputs.fold(folded)
    assert folded == notebook, f"run: python tests/store_outputs.py notebooks/{path.name}"


def test_a_folded_solution_hides_its_answer_and_a_check_shows_what_it_says():
    code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    check = code("check()", metadata={"tags": ["hide-cell"]})
    start, end = ("````{solution-" + step + "}" + name + "\n````" for step, name in (("start", " ex"), ("end", "")))
    cells = [code("answer = ..."), check, text(start), code("answer = 3"), text(f"Three.\n\n{end}"), text("Next")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    for _ in range(2):  # the second time changes nothing
        store_outputs.fold(notebook)
        folds = [cell.metadata.get("jupyter", {}) for cell in notebook.cells]
        hidden = {"source_hidden": True}
        assert folds == [{}, hidden, {}, {**hidden, "outputs_hidden": True}, hidden, {}]
        assert [cell.source.splitlines()[0] for cell in notebook.cells[3:5]] == ["# a solution", ""]
        assert notebook.cells[3].source.endswith("\nanswer = 3")


def test_a_solution_is_cut_out_of_the_cells_that_it_shares():
    text = nbformat.v4.new_markdown_cell
    start = "````{solution-start} ex\n:class: dropdown\n````"
    end, next_one = "````{solution-end}\n````", "```{exercise} Next\n:label: next\n```"
    whole = "```{solution} next\n:class: dropdown\n\nSeven.\n```"
    cells = [text(f"{start}\n\nThree."), text("\n\n".join((end, next_one, whole, "End")))]
    notebook = nbformat.v4.new_notebook(cells=cells)
    for _ in range(2):  # the second time changes nothing
        store_outputs.fold(notebook)
        nbformat.validate(notebook)
        seen = [(cell.source, "jupyter" in cell.metadata) for cell in notebook.cells]
        assert seen == [
            (start, False),
            ("\nThree.", True),
            (f"\n{end}", True),
            (f"{next_one}\n\n```{{solution-start}} next\n:class: dropdown\n```", False),
            ("\nSeven.\n\n```{solution-end}\n```", True),
            ("End", False),
        ]
