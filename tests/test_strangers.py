"""What others hand over is data and nothing else: no name leads elsewhere or into a page. (Ruff's S: no pickles.)"""

import re
import sys

import pytest
from in_process import execute
from PIL import Image

from transferlab import Lab, datasets
from transferlab.chapters import batch
from transferlab.datasets import prepare
from transferlab.parallel.processes import INSECURE, safe

HOSTILE = ["<img src=x onerror=alert(1)>", "a $b$ \\frac{", "..", "; rm -rf ~", "'\"><b>"]


@pytest.fixture
def hostile(tmp_path):
    """A folder of images whose classes have the names of HOSTILE, as far as they can be folders."""
    if sys.platform == "win32":
        pytest.skip("Windows does not let a folder have such a name")
    root = tmp_path / "images"
    for part in ("train", "val"):
        for name in [*(name for name in HOSTILE if name != ".."), "... up", "six"]:
            folder = root / part / name
            folder.mkdir(parents=True)
            for index in range(4):
                Image.new("RGB", (32, 32), (40 * index, 90, 10)).save(folder / f"{index} $x$ <i>.png")
    return root


def test_names_of_classes_and_files_are_only_names(hostile, tmp_path):
    lab = Lab(dataset="folder", scale="smoke", runs=tmp_path / "runs", data_root=hostile)
    run = lab.run("A1B")
    assert run.path.parent == tmp_path / "runs" / "networks"
    assert HOSTILE[0] in lab.data.class_names
    prepared = tmp_path / "prepared"
    assert prepare.prepare("folder", hostile, prepared, size=32, workers=1) == []
    assert set(tmp_path.iterdir()) == {hostile, prepared, tmp_path / "runs"}
    assert datasets.load("folder", data_root=prepared, size=32).class_names == lab.data.class_names


def test_names_of_classes_are_text_in_the_chapters(hostile, tmp_path):
    """Chapters that show class names draw or escape them; none lets one become markup."""
    parameters = {"dataset": "folder", "data_root": str(hostile), "scale": "smoke", "runs": str(tmp_path / "runs")}
    for chapter in batch.find(["01", "02"]):
        shown = execute(chapter, parameters, tmp_path / "ipython")
        pages = [each[kind] for each in shown for kind in ("text/html", "text/markdown") if kind in each]
        assert pages and not [page for page in pages if "<img src=x" in page]


@pytest.mark.parametrize("name", ["dataset", "split", "scale", "network"])
def test_parameters_that_are_no_names_never_reach_a_page(name, tmp_path):
    with pytest.raises(ValueError):
        batch_lab = {"dataset": "kingdoms", "scale": "smoke", "runs": tmp_path, name: "<script>alert(1)</script>"}
        split = batch_lab.pop("split", "random")
        Lab(**batch_lab).spec("baseB", split, 0)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("tcp://127.0.0.1:8786", True),
        ("tcp://localhost:8786", True),
        ("tls://10.0.0.1:8786", True),
        ("tcp://10.0.0.1:8786", False),
        ("tcp://127.0.0.1.example.org:8786", False),
        ("ws://10.0.0.1", False),
        ("tcp://[::1]:8786", True),
    ],
)
def test_which_schedulers_are_safe(address, expected):
    assert safe(address) == expected


def test_an_open_scheduler_elsewhere_is_refused_unless_it_is_said_to_be_safe(lab, tmp_path):
    file = tmp_path / "scheduler.json"
    file.write_text('{"address": "tcp://192.0.2.1:8786"}')
    for address in ("tcp://192.0.2.1:8786", str(file)):
        with pytest.raises(ValueError, match="on another machine and not encrypted.*tls://.*" + re.escape(INSECURE)):
            lab.sweep(("base",), seeds=(77,), cluster=address)
