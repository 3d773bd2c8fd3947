"""What the chapters say of a network's answers is what its accuracy counts, also where images are cropped.

Their own code cells are executed here, on Kingdoms with a small crop recipe.
"""

from pathlib import Path

import nbformat
import numpy as np
import pytest
from matplotlib import pyplot as plt

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
CROPS = {"crop": 24, "mirror": True, "divide_by": 63.75, "epochs": 1}


def execute(chapter, cells, **parameters):
    """Execute the code cells of a chapter that contain one of `cells`, after its parameters; returns their names."""
    namespace = {}
    (path,) = NOTEBOOKS.glob(f"{chapter}_*.ipynb")
    for cell in nbformat.read(path, as_version=4).cells:
        if "parameters" in cell.metadata.get("tags", ()):
            exec(cell.source, namespace)
            namespace |= parameters
        elif cell.cell_type == "code" and any(part in cell.source for part in cells):
            exec(cell.source, namespace)
    plt.close("all")
    return namespace


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The parameters of a small crop recipe."""
    runs = tmp_path_factory.mktemp("runs")
    return {"scale": "smoke", "runs": runs, "device": "cpu", "recipe": dict(CROPS)}


def test_the_errors_of_chapter_2_are_those_of_the_accuracy(small):
    cells = ("open_lab(", "import networks", "bases = [", "b = bases[1]", "right = ")
    names = execute("02", cells, **small)
    assert names["lab"].recipe.crop == 24
    assert np.mean(names["right"]) == names["b"].accuracy


def test_the_answers_of_chapter_12_are_those_of_the_accuracy(small):
    names = execute("12", ("open_lab(", "import networks", "bases = {", "def answers(", "def linear_cka"), **small)
    labels = names["task"].test_labels
    assert len(names["some"]) == len(labels)
    assert (names["answers"]("baseB", 8).argmax(1).numpy() == labels).mean() == names["bases"]["baseB"].accuracy
    assert names["units"]("baseB", 1).shape == (len(labels), 16)
    likeness = names["linear_cka"](*(names["answers"](name, 3).flatten(1) for name in ("baseB", "baseB")))
    assert likeness == pytest.approx(1, abs=1e-4)


def test_the_solution_of_chapter_7_changes_the_random_filters_and_nothing_else(tmp_path):
    tiny = {"data": {"train_per_class": 2, "test_per_class": 1}, "epochs": 1}
    parameters = {"scale": "smoke", "runs": tmp_path, "device": "cpu", "network": "resnet18", "recipe": tiny}
    names = execute(
        "07", ("open_lab(", "lab.changed(random_filters=filters)", 'random_filters="gaussian"'), **parameters
    )
    recipes = [run.spec["recipe"] for run in names["lab"].store.runs() if str(run.treatment) == "R7B"]
    assert len(recipes) == 2
    kaiming, gaussian = sorted(recipes, key=lambda recipe: "random_filters" in recipe)
    assert kaiming["network"] == "resnet18"
    assert gaussian == kaiming | {"random_filters": "gaussian"}
