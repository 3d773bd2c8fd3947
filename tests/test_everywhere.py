"""All chapters by papermill, unchanged, on every data set in its real format on disk, and with modern networks."""

import hashlib
import os

import pytest
from formats import write_cifar100, write_tree

from transferlab.chapters import batch
from transferlab.datasets import prepare

WORDNET = [f"n{number:08d}" for number in range(1000)]  # in place of ImageNet's, which lie as close together
NATURAL = ("alga", "bee", "crab", "deer")
MANMADE = ("lamp", "mast", "nail", "oven")
NAMES = [chapter.stem for chapter in batch.find([])]
HALVES = pytest.mark.parametrize("chapters", [NAMES[::2], NAMES[1::2]], ids=["odd", "even"])  # for two cores


def cifar100(root):
    """CIFAR-100; gives what makes the sums of these pickles those that are asked for."""
    _, sums = write_cifar100(root)
    return (
        "from transferlab.system.torchvision import torchvision\n"
        "published = torchvision.datasets.CIFAR100\n"
        f"published.train_list, published.test_list = [['train', {sums['train']!r}]], [['test', {sums['test']!r}]]\n"
        f"published.meta = {{'filename': 'meta', 'key': 'fine_label_names', 'md5': {sums['meta']!r}}}\n"
    )


def imagenet(root, monkeypatch):
    """ImageNet, prepared from a tree of 1000 classes; gives what makes these classes those of ImageNet."""
    digest = hashlib.sha256(" ".join(WORDNET).encode()).hexdigest()
    monkeypatch.setattr("transferlab.datasets.imagenet.SHA256", digest)
    prepare.prepare("imagenet", write_tree(root / "photographs", WORDNET, 2, 1), root / "prepared", size=32, workers=1)
    return f"import transferlab.datasets.imagenet as it\nit.SHA256 = {digest!r}\n"


def run_all(tmp_path, names=(), **parameters):
    parameters = {"scale": "smoke", "seeds": [1], "layers": [1, 4], "runs": str(tmp_path / "runs")} | parameters
    rows = batch.run(batch.find(names), parameters, tmp_path / "out")
    assert len(rows) >= 3
    assert rows[rows.error != ""].empty, rows[rows.error != ""].to_string()


def in_kernels(tmp_path, monkeypatch, setup):
    """Run `setup` at the start of every Python, the chapters' kernels and their workers among them."""
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "sitecustomize.py").write_text(setup)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "first"))


@pytest.fixture(autouse=True)
def one_core():
    """Networks this small are trained before worker processes have started: with one core there are none."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    mine = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % len(before)
    os.sched_setaffinity(0, {sorted(before)[mine]})
    yield
    os.sched_setaffinity(0, before)


@HALVES
def test_every_chapter_runs_on_cifar100(tmp_path, monkeypatch, chapters):
    in_kernels(tmp_path, monkeypatch, cifar100(tmp_path))
    run_all(tmp_path, chapters, dataset="cifar100", data_root=str(tmp_path))


@HALVES
def test_every_chapter_runs_on_imagenet(tmp_path, monkeypatch, chapters):
    in_kernels(tmp_path, monkeypatch, imagenet(tmp_path, monkeypatch))
    run_all(tmp_path, chapters, dataset="imagenet", data_root=str(tmp_path / "prepared"))


@pytest.fixture
def photographs(tmp_path):
    """A folder of 8 classes whose kingdoms are told."""
    root = write_tree(tmp_path / "photographs", NATURAL + MANMADE, 6, 4)
    kingdoms = [f"{name},{'natural' if name in NATURAL else 'man-made'}\n" for name in NATURAL + MANMADE]
    (root / "kingdoms.csv").write_text("class,kingdom\n" + "".join(kingdoms))
    return str(root)


@HALVES
def test_every_chapter_runs_on_a_folder_with_a_resnet(tmp_path, photographs, chapters):
    run_all(
        tmp_path, chapters, dataset="folder", data_root=photographs, network="resnet18", split="kingdom", layers=[4]
    )


def test_chapters_run_with_a_vision_transformer(tmp_path, photographs):
    run_all(tmp_path, ["02", "03", "04"], dataset="folder", data_root=photographs, network="vit", layers=[4])
