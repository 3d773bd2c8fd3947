"""The chapters' parameters: good ones run under papermill, bad ones stop at the first cell with a clear error."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from transferlab.chapters import open_lab

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
CHAPTERS = sorted(NOTEBOOKS.glob("*.ipynb"))


def papermill(chapter, folder, *parameters):
    """Run a chapter by the command line; the finished process and the number of code cells that were executed."""
    output = folder / "out.ipynb"
    arguments = [
        item for name, value in zip(parameters[::2], parameters[1::2], strict=True) for item in ("-p", name, value)
    ]
    command = [
        sys.executable,
        "-m",
        "papermill",
        str(chapter),
        str(output),
        "--cwd",
        str(NOTEBOOKS),
        "--no-progress-bar",
    ]
    process = subprocess.run(
        [*command, "-p", "runs", str(folder / "runs"), *arguments], capture_output=True, text=True, check=False
    )
    cells = nbformat.read(output, as_version=4).cells
    return process, sum(bool(cell.get("execution_count")) for cell in cells)


def test_there_are_chapters():
    assert len(CHAPTERS) >= 4


@pytest.mark.nightly
def test_a_chapter_runs_with_papermills_parameters(tmp_path):
    """The third, which trains. At every change test_batch runs the first by papermill, and nbval all in kernels."""
    process, _ = papermill(CHAPTERS[2], tmp_path, "scale", "smoke", "seeds", "[1]", "layers", "[1,4,7]")
    assert process.returncode == 0, process.stderr


def test_an_unknown_parameter_stops_the_first_cell(tmp_path):
    """Papermill itself only warns of it."""
    process, executed = papermill(CHAPTERS[2], tmp_path, "scale", "smoke", "sead", "3")
    assert process.returncode != 0
    assert "no parameter sead; this chapter knows dataset, scale, split, seeds" in process.stderr
    assert executed == 3  # the parameters, papermill's, and the first that does something
    assert not (tmp_path / "runs").exists()


def defaults():
    """The parameters of the third chapter as they stand in it."""
    cells = nbformat.read(CHAPTERS[2], as_version=4).cells
    (source,) = (cell.source for cell in cells if "parameters" in cell.metadata.get("tags", []))
    parameters = {}
    exec(source, parameters)
    return parameters


def test_lists_are_read_from_the_texts_that_papermill_hands_over(tmp_path):
    parameters = defaults() | {"scale": "smoke", "runs": tmp_path, "seeds": "[1]", "layers": "[1,4,7]"}
    open_lab(parameters)
    assert (parameters["seeds"], parameters["layers"]) == ([1], [1, 4, 7])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("scale", "tiny", "no scale 'tiny'; there are smoke, laptop"),
        ("layers", "[0, 9]", "layers are [0, 9]; give a list of one or more of 1, 2, 3, 4, 5, 6, 7"),
        ("layers", 3, "layers is 3; it must be a list of whole numbers"),
        ("seeds", "[]", "seeds is '[]'; it must be a list of whole numbers"),
        ("seeds", "[-1]", "the seed is -1; it must be a whole number from 0"),
        ("split", "half", "no split 'half'; there are random, kingdom"),
        ("device", "tpu", "no device 'tpu'"),
    ],
)
def test_a_wrong_parameter_says_what_is_allowed(name, value, message, tmp_path):
    with pytest.raises(ValueError) as error:
        open_lab({**defaults(), "scale": "smoke", "runs": str(tmp_path / "runs"), name: value})
    assert message in str(error.value)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_is_stored_clean(chapter):
    """Outputs are stored for the cells that nbval compares, and only for those."""
    cells = nbformat.read(chapter, as_version=4).cells
    tagged = [cell.metadata.get("tags", []) for cell in cells]
    assert sum("parameters" in tags for tags in tagged) == 1
    compared = [
        c for c, tags in zip(cells, tagged, strict=True) if c.cell_type == "code" and "nbval-ignore-output" not in tags
    ]
    assert any(cell.outputs for cell in compared)
    for cell, tags in zip(cells, tagged, strict=True):
        outputs = cell.get("outputs", [])
        assert all(output.output_type != "error" for output in outputs)
        assert not outputs or "nbval-ignore-output" not in tags, cell.source
