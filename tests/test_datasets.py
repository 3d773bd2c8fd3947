"""The real data sets in their on-disk formats, made small by the tests."""

import errno
import hashlib
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from formats import write_cifar100
from PIL import Image

from transferlab import Lab, datasets, splits
from transferlab.datasets import cifar100, imagenet, prepare
from transferlab.datasets.cifar100 import COARSE

# --- CIFAR-100 -------------------------------------------------------------------------------------------


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """CIFAR-100 in its own pickles, 4 + 2 images a class, with the md5 sums of these files."""
    from transferlab.system.torchvision import torchvision

    files, sums = write_cifar100(tmp_path)
    published = torchvision.datasets.CIFAR100
    monkeypatch.setattr(published, "train_list", [["train", sums["train"]]])
    monkeypatch.setattr(published, "test_list", [["test", sums["test"]]])
    monkeypatch.setattr(published, "meta", {"filename": "meta", "key": "fine_label_names", "md5": sums["meta"]})
    return tmp_path, files


def test_cifar100_is_read_image_by_image(cifar):
    root, files = cifar
    data = datasets.load("cifar100", data_root=root)
    assert data.train_images.shape == (400, 3, 32, 32) and data.test_images.shape == (200, 3, 32, 32)
    assert data.train_images[7].reshape(-1).tolist() == files["train"]["data"][7].tolist()
    assert data.train_labels.tolist() == files["train"]["fine_labels"]
    assert data.class_names[3] == sorted(COARSE)[3]


def test_the_kingdoms_of_cifar100(cifar):
    data = datasets.load("cifar100", data_root=cifar[0])
    made, natural = splits.halves(data, "kingdom", 0)
    assert (len(made), len(natural)) == (30, 70)
    named = dict(zip(data.class_names, data.kingdoms, strict=True))
    assert (named["clock"], named["maple_tree"], named["woman"]) == ("man-made", "natural", "natural")
    assert set(np.unique(data.families, return_counts=True)[1]) == {5}


def test_a_lab_trains_on_cifar100(cifar, tmp_path):
    lab = Lab("cifar100", "smoke", runs=tmp_path / "runs", data_root=cifar[0], device="cpu", epochs=1)
    assert 0 <= lab.run("A3B").accuracy <= 1


def test_another_file_in_place_of_cifars_is_not_unpickled(cifar):
    root, _ = cifar

    class Trap:
        def __reduce__(self):
            return Path.touch, (root / "sprung",)

    (root / "cifar-100-python" / "train").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(FileNotFoundError, match="missing or incomplete"):
        datasets.load("cifar100", data_root=root)
    assert not (root / "sprung").exists()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"data_root": "nowhere"}, FileNotFoundError, "download=True"),
        ({}, ValueError, "needs data_root"),
        ({"data_root": "nowhere", "size": 64}, ValueError, "32 pixels; got size=64"),
        ({"data_root": "nowhere", "seed": 1}, ValueError, "does not take these options"),
    ],
)
def test_what_cifar100_refuses(tmp_path, monkeypatch, options, error, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        datasets.load("cifar100", **options)


# --- ImageNet --------------------------------------------------------------------------------------------


def test_natural_and_manmade_of_imagenet(monkeypatch):
    names = [f"n{number:08d}" for number in range(1000)]
    monkeypatch.setattr(imagenet, "SHA256", hashlib.sha256(" ".join(names).encode()).hexdigest())
    kingdoms = imagenet.kingdoms_of(names)
    assert (kingdoms.count("natural"), kingdoms.count("man-made")) == (449, 551)
    borders = {0: "natural", 397: "natural", 398: "man-made", 935: "man-made", 936: "natural", 958: "natural"}
    borders |= {959: "man-made", 970: "natural", 971: "man-made", 972: "natural", 998: "natural", 999: "man-made"}
    assert {index: kingdoms[index] for index in borders} == borders
    assert splits.random_halves(1000, 2)[0][:10].tolist() == [0, 2, 4, 5, 8, 9, 10, 13, 15, 17]


def test_other_classes_are_not_imagenet():
    with pytest.raises(ValueError, match=r"1000 classes, .* found 2, from cat to dog.*\"folder\""):
        imagenet.kingdoms_of(["cat", "dog"])


# --- prepared once ---------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path):
    """A tree of images of any size and mode: 4 classes, 3 + 2 images each."""
    draw = np.random.default_rng(0)
    for part, count in (("train", 3), ("val", 2)):
        for label, mode in zip("abcd", ("RGB", "L", "CMYK", "RGBA"), strict=True):
            folder = tmp_path / "photographs" / part / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = draw.integers(0, 256, (40 + number, 50, 3), dtype=np.uint8)
                name = f"{number}.png" if mode == "RGBA" else f"{number}.jpg"
                Image.fromarray(pixels).convert(mode).save(folder / name)
    return tmp_path / "photographs"


def test_a_prepared_folder_holds_the_same_images(tree, tmp_path, capsys):
    assert prepare.prepare("folder", tree, tmp_path / "out", size=16, workers=1) == []
    assert "20 images of 16 pixels need 0.0 GB" in capsys.readouterr().out
    direct, mapped = (datasets.load("folder", data_root=root, size=16) for root in (tree, tmp_path / "out"))
    for field in ("train_images", "train_labels", "test_images", "test_labels"):
        assert np.array_equal(getattr(direct, field), getattr(mapped, field))
    assert isinstance(mapped.train_images, np.memmap)
    assert (direct.class_names, direct.kingdoms) == (mapped.class_names, mapped.kingdoms)


def test_tasks_of_a_mapped_data_set_are_read_when_they_are_used(tree, tmp_path):
    prepare.prepare("folder", tree, tmp_path / "out", size=16, workers=1)
    direct, mapped = (datasets.load("folder", data_root=root, size=16) for root in (tree, tmp_path / "out"))
    for name in "AB":
        whole, rows = splits.task(direct, "random", 0, name), splits.task(mapped, "random", 0, name)
        assert isinstance(rows.train_images, splits.Rows) and rows.train_images.shape == whole.train_images.shape
        assert np.array_equal(rows.train_images, whole.train_images)
        assert np.array_equal(rows.train_images[np.array([2, 0])], whole.train_images[[2, 0]])
        assert np.array_equal(rows.limited(2).train_images, whole.limited(2).train_images)
        assert np.array_equal(rows.train_labels, whole.train_labels)


def test_an_unreadable_image_is_named_and_left_out(tree, tmp_path):
    broken = tree / "train" / "b" / "1.jpg"
    broken.write_bytes(broken.read_bytes()[:200])
    out = tmp_path / "out"
    assert prepare.prepare("folder", tree, out, size=16, workers=1) == [str(broken)]
    assert str(broken) in (out / "unreadable.txt").read_text()
    data = datasets.load("folder", data_root=out, size=16)
    assert sorted(data.train_labels.tolist()) == [-1, 0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3]
    assert sum(len(splits.task(data, "random", 0, name).train_labels) for name in "AB") == 11


def test_it_goes_on_where_it_was_stopped(tree, tmp_path, monkeypatch):
    out = tmp_path / "out"
    decoded = []

    def until_the_plug_is_pulled(path, size, *more):
        if len(decoded) == 7:
            raise KeyboardInterrupt
        decoded.append(path)
        return real(path, size, *more)

    real = prepare.read_image
    monkeypatch.setattr(prepare, "read_image", until_the_plug_is_pulled)
    with pytest.raises(KeyboardInterrupt):
        prepare.prepare("folder", tree, out, size=16, workers=1)
    with pytest.raises(ValueError, match="not finished"):
        datasets.load("folder", data_root=out, size=16)
    monkeypatch.setattr(
        prepare, "read_image", lambda path, size, *more: (decoded.append(path), real(path, size, *more))[1]
    )
    prepare.prepare("folder", tree, out, size=16, workers=1)
    assert len(decoded) == len(set(decoded)) == 20
    prepare.prepare("folder", tree, tmp_path / "afresh", size=16, workers=1)
    resumed, afresh = (datasets.load("folder", data_root=root, size=16) for root in (out, tmp_path / "afresh"))
    assert resumed.fingerprint == afresh.fingerprint


def test_one_folder_is_not_used_for_two_preparations(tree, tmp_path):
    out = tmp_path / "out"
    prepare.prepare("folder", tree, out, size=16, workers=1)
    before = json.loads((out / "manifest.json").read_text())
    with pytest.raises(ValueError, match="begun with other images, classes or size"):
        prepare.prepare("folder", tree, out, size=8, workers=1)
    assert json.loads((out / "manifest.json").read_text()) == before
    with pytest.raises(ValueError, match="prepared as folder at 16 pixels; requested is folder at 32"):
        datasets.load("folder", data_root=out, size=32)
    with pytest.raises(ValueError, match="is not empty"):
        prepare.prepare("folder", tree, tree, size=16, workers=1)


def test_a_disk_that_is_too_small_is_not_begun_on(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(prepare.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    with pytest.raises(ValueError, match=r"preparing needs 0\.0 GB, but .* left; choose another folder"):
        prepare.prepare("folder", tree, tmp_path / "out", size=16, workers=1)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="room is only taken beforehand where the system can")
def test_a_disk_that_fills_up_is_named_and_nothing_is_lost(tree, tmp_path, monkeypatch):
    taken = []

    def until_it_is_full(file, start, length):
        taken.append(length)
        if len(taken) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(prepare.os, "posix_fallocate", until_it_is_full)
        with pytest.raises(ValueError, match=r"no room for .*test_images\.npy \(.*No space left.*\).*it resumes"):
            prepare.prepare("folder", tree, out, size=16, workers=1)
    assert (out / "train_images.npy").exists() and not list(out.glob("*.part"))
    assert prepare.prepare("folder", tree, out, size=16, workers=1) == []
    assert len(datasets.load("folder", data_root=out, size=16).train_labels) == 12


def test_a_class_without_a_readable_image_is_named(tree, tmp_path):
    for path in (tree / "val" / "c").iterdir():
        path.write_bytes(b"no image")
    with pytest.raises(ValueError, match="no readable test image in 1 classes: c"):
        prepare.prepare("folder", tree, tmp_path / "out", size=16, workers=1)


def test_cifar_names_are_those_of_the_families():
    assert len(COARSE) == 100 and len(cifar100.MANMADE) == 6 and len(cifar100.NATURAL) == 14


def test_only_its_own_drawing_code_makes_the_cache_of_kingdoms_stale(monkeypatch):
    """Not an edit of another data set's module."""
    read = []
    content = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path) or content(path))
    monkeypatch.setattr(datasets, "_cached", lambda key, make: make())
    datasets.load("kingdoms", train_per_class=1, test_per_class=1)
    assert {path.name for path in read} == {"__init__.py", "natural.py", "manmade.py", "shapes.py"}
    assert {path.parent.name for path in read} == {"kingdoms"}


def test_options_that_a_data_set_does_not_take_are_named():
    with pytest.raises(ValueError, match=r"kingdoms does not take these options .*'colour'.*; it takes size, train"):
        datasets.load("kingdoms", colour=True)
    with pytest.raises(ValueError, match="it takes data_root, size, download"):
        datasets.load("cifar100", train_per_class=3)


def test_a_type_error_inside_a_loader_is_not_taken_for_wrong_options(monkeypatch):
    def broken(size=32):
        return size + "pixels"

    monkeypatch.setitem(datasets.LOADERS, "broken", broken)
    with pytest.raises(TypeError, match="unsupported operand"):
        datasets.load("broken")
