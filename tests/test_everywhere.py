"""All chapters, unchanged, on data sets in their real formats on disk, and with modern networks."""

import hashlib

import pytest
from formats import write_cifar100, write_emoji, write_tree
from in_process import execute

from transferlab.chapters import batch
from transferlab.datasets import prepare
from transferlab.datasets.emoji import prepare as drawings
from transferlab.system import cache
from transferlab.system.torchvision import torchvision

WORDNET = [f"n{number:08d}" for number in range(1000)]  # in place of ImageNet's, which lie as close together
NATURAL = ("alga", "bee", "crab", "deer")
MANMADE = ("lamp", "mast", "nail", "oven")
EVERY = [chapter.stem for chapter in batch.find([])]
# the others mostly read the published tables, or train on Kingdoms whatever the data set: once is enough for them
ON_THE_DATA = [name for name in EVERY if name[:2] not in ("08", "09", "10", "11", "13")]
TRAINING = [name for name in EVERY if name[:2] in ("02", "03", "04")]
CROPS = {"crop": 24, "mirror": True, "divide_by": 63.75}  # fields of a recipe that crops, as those for ImageNet do


def run_all(tmp_path, names, **parameters):
    few = {"scale": "smoke", "seeds": [1], "layers": [1, 4], "few_layers": [4], "runs": str(tmp_path / "runs")}
    for chapter, share in batch.share_out(batch.find(names), few | parameters).items():
        shown = execute(chapter, share, tmp_path / "ipython")
        assert any("text/html" in each or "text/markdown" in each for each in shown), f"{chapter.stem} shows nothing"


@pytest.fixture
def cifar100(tmp_path, monkeypatch):
    """CIFAR-100's files with a few images."""
    _, sums = write_cifar100(tmp_path)
    published = torchvision.datasets.CIFAR100
    monkeypatch.setattr(published, "train_list", [["train", sums["train"]]])
    monkeypatch.setattr(published, "test_list", [["test", sums["test"]]])
    monkeypatch.setattr(published, "meta", {**published.meta, "filename": "meta", "md5": sums["meta"]})
    return {"dataset": "cifar100", "data_root": str(tmp_path)}


@pytest.fixture
def emoji(tmp_path, monkeypatch):
    """Emoji's archives with eleven things, prepared."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    assert drawings.prepare(tmp_path, *write_emoji(tmp_path)) == []
    return {"dataset": "emoji", "data_root": str(tmp_path), "recipe": {"batch": 4}}


@pytest.fixture
def one_strength(monkeypatch):
    """Chapter 15 has little else to do than to choose the regularisation of its probes."""
    monkeypatch.setattr("transferlab.advice.probes.STRENGTHS", (0.1,))


def test_chapters_run_on_cifar100(tmp_path, cifar100, one_strength):
    run_all(tmp_path, ON_THE_DATA[::2], **cifar100)


def test_the_others_run_on_emoji(tmp_path, emoji, one_strength):
    run_all(tmp_path, ON_THE_DATA[1::2], **emoji)


@pytest.mark.nightly
@pytest.mark.parametrize(("dataset", "first"), [("cifar100", 0), ("emoji", 1)])
def test_the_rest_runs_on_them_as_well(tmp_path, request, one_strength, dataset, first):
    done = ON_THE_DATA[first::2]
    run_all(tmp_path, [name for name in EVERY if name not in done], **request.getfixturevalue(dataset))


@pytest.mark.nightly
def test_chapters_run_on_imagenet(tmp_path, monkeypatch):
    """Prepared from a tree of 1000 classes, which pass for those of ImageNet."""
    digest = hashlib.sha256(" ".join(WORDNET).encode()).hexdigest()
    monkeypatch.setattr("transferlab.datasets.imagenet.SHA256", digest)
    tree, prepared = write_tree(tmp_path / "photographs", WORDNET, 2, 1), tmp_path / "prepared"
    prepare.prepare("imagenet", tree, prepared, size=32, workers=1)
    run_all(tmp_path, ON_THE_DATA, dataset="imagenet", data_root=str(prepared))


@pytest.fixture
def photographs(tmp_path):
    """A folder of 8 classes whose kingdoms are told."""
    root = write_tree(tmp_path / "photographs", NATURAL + MANMADE, 6, 4)
    kingdoms = [f"{name},{'natural' if name in NATURAL else 'man-made'}\n" for name in NATURAL + MANMADE]
    (root / "kingdoms.csv").write_text("class,kingdom\n" + "".join(kingdoms))
    return {"dataset": "folder", "data_root": str(root), "layers": [4]}


@pytest.mark.nightly
def test_chapters_run_on_a_folder_with_a_resnet(tmp_path, photographs):
    run_all(tmp_path, ON_THE_DATA, **photographs, network="resnet18", split="kingdom")


@pytest.mark.nightly
def test_chapters_run_with_a_vision_transformer(tmp_path, photographs):
    run_all(tmp_path, TRAINING, **photographs, network="vit", recipe=CROPS)
