"""Any tree of images: `train/<class>/*` and `val/<class>/*`, or `<class>/*` alone, of which a share is held out."""

import hashlib
import os
from pathlib import Path

import numpy as np

from transferlab.datasets.imagenet import kingdoms_of
from transferlab.datasets.images import Framing, PassedOver, as_text, find_images, is_hidden, read_image
from transferlab.datasets.kingdom_table import read_kingdoms

Files = list[tuple[str, int]]  # path and label
TABLE = "kingdoms.csv"
HELD_OUT = 5  # of <class>/* alone, one image in so many is for the test
# what others call the parts of a data set: such a folder is not taken for a class
PARTS = {"train", "training", "val", "valid", "validation", "test", "testing", "dev", "eval", "evaluation"}
SORTED_BY = (
    "torchvision.datasets.ImageNet(data_root, 'val') sorts the validation images of ImageNet into it, with "
    "ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz in data_root"
)
_said: set[str] = set()


def list_parts(name: str, data_root: str | Path | None) -> tuple[dict[str, Files], list[str], tuple[str | None, ...]]:
    """Return the files of both parts (train, test), the classes, and the kingdom of each class.

    `name` is "imagenet", which must have all of its 1000 classes, or "folder". For a folder, an optional `kingdoms.csv`
    beside the images, with the columns `class,kingdom`, says which classes are natural and which are man-made.
    `train` and `val` must hold the same classes; without either, one in HELD_OUT images of every class is for the test,
    chosen by a digest of its name. Prints, once, what else was found there and passed over (see `images`). Raises
    ValueError or FileNotFoundError.
    """
    if data_root is None:
        raise ValueError(f'the data set "{name}" needs data_root, a folder with train/<class>/* and val/<class>/*')
    root = Path(data_root).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"{root} does not exist; data_root needs train/<class>/* and val/<class>/*")
    passed, notes = PassedOver(), []
    if (root / "train").is_dir() or (root / "val").is_dir() or name == "imagenet":
        by_part = {part: _read_part(root / folder, passed) for part, folder in (("train", "train"), ("test", "val"))}
        names = sorted(by_part["train"])
        if differing := sorted({*by_part["train"]} ^ {*by_part["test"]}):
            raise ValueError(f"train and val hold different classes; only one of them has {', '.join(differing[:10])}")
    else:
        by_part = _halved(root, passed)
        names = sorted(by_part["train"])
        notes.append(f"{root} has no train and val: one in {HELD_OUT} images of every class is held out for the test")
    if told := str(passed):
        notes.append(f"Passed over in {root}: {told}")
    for note in notes:
        if note not in _said:
            print(note)
            _said.add(note)
    files = {
        part: [(path, label) for label, each in enumerate(names) for path in images[each]]
        for part, images in by_part.items()
    }
    kingdoms = kingdoms_of(names) if name == "imagenet" else read_kingdoms(root / TABLE, names)
    return files, names, kingdoms


def read_folder(data_root: str | Path | None, framing: Framing) -> dict:
    """Return the fields of a DataSet from the images under `data_root`, in memory; raises what `list_parts` raises."""
    size = framing.size
    files, names, kingdoms = list_parts("folder", data_root)
    fields = {}
    for part, listed in files.items():
        fields[f"{part}_images"] = np.empty((len(listed), 3, size, size), np.uint8)
        for index, (path, _) in enumerate(listed):
            fields[f"{part}_images"][index] = read_image(path, *framing)
        fields[f"{part}_labels"] = np.array([label for _, label in listed], np.int64)
    return fields | {"class_names": tuple(names), "kingdoms": kingdoms}


def _read_part(folder: Path, passed: PassedOver) -> dict[str, list[str]]:
    """Return the images of each class of a part; raises ValueError or FileNotFoundError if there are none."""
    if not folder.is_dir():
        there = sorted(as_text(each.name) for each in folder.parent.iterdir() if not is_hidden(each.name))
        raise FileNotFoundError(
            f"{folder} does not exist; data_root needs train/<class>/* and val/<class>/*. It has "
            f"{', '.join(there[:10]) or 'nothing'}{', ...' * (len(there) > 10)}"
        )
    classes = _classes(folder)
    if not classes:
        loose = len(find_images([os.fspath(folder)], os.fspath(folder.parent), (), PassedOver()))
        raise FileNotFoundError(
            f"{folder} has no class folders, only {loose:,} images; each image belongs into {folder}/<class>/"
            + (f". {SORTED_BY}" if folder.name == "val" else "")
        )
    return _images(folder, classes, passed)


def _classes(folder: Path) -> dict[str, list[str]]:
    """Return the folders of each class by its name; several where their names differ only by Unicode's normal form."""
    classes: dict[str, list[str]] = {}
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir() and not is_hidden(entry.name):
                classes.setdefault(as_text(entry.name), []).append(entry.path)
    return classes


def _images(holder: Path, classes: dict[str, list[str]], passed: PassedOver) -> dict[str, list[str]]:
    """Return the images of each class; raises ValueError for a class without any, and for two in one folder."""
    real = {name: {os.path.realpath(folder) for folder in folders} for name, folders in classes.items()}
    owner: dict[str, str] = {}
    for name, folders in real.items():
        for folder in folders:
            if owner.setdefault(folder, name) != name:
                raise ValueError(
                    f"the classes {owner[folder]} and {name} of {holder} are the same folder, by a link; remove one"
                )
    with os.scandir(holder) as entries:
        for entry in entries:
            if is_hidden(entry.name):
                passed.hidden.add(entry.name)
            elif not entry.is_dir() and entry.name != TABLE:
                passed.suffixes[f"{Path(entry.name).suffix.lower() or 'file without a suffix'} outside of classes"] += 1
    images = {
        name: find_images(folders, os.fspath(holder), owner.keys() - real[name], passed)
        for name, folders in classes.items()
    }
    if empty := [name for name, found in images.items() if not found]:
        raise ValueError(
            f"{holder} has no image in {len(empty)} of {len(images)} classes: {', '.join(empty[:10])}"
            f"{f' (passed over: {passed})' * bool(str(passed))}; put images there, or remove the folder"
        )
    return images


def _halved(root: Path, passed: PassedOver) -> dict[str, dict[str, list[str]]]:
    """Divide `<class>/*` into train and test: of every class the images whose names have the lowest digests."""
    classes = _classes(root)
    alike = [name for name in classes if name.casefold() in PARTS]
    if alike or len(classes) < 2:
        raise FileNotFoundError(
            f"{root / 'train'} does not exist; data_root needs train/<class>/* and val/<class>/*, or two or more class "
            f"folders and nothing else. It has {', '.join(alike or [*classes]) or 'no folders'}"
            + "; rename them to train and val"
            * bool(alike)
        )
    here = Path(os.path.realpath(root))
    beside = sorted(each.name for each in here.parent.iterdir() if each.name.casefold() in PARTS and each != here)
    if here.name.casefold() in PARTS and beside:
        raise FileNotFoundError(
            f"{root / 'train'} does not exist; {root} is itself a part of a data set, beside {', '.join(beside)}. Give "
            f"the folder that holds them, {here.parent}"
        )
    images = _images(root, classes, passed)
    parts: dict[str, dict[str, list[str]]] = {"train": {}, "test": {}}
    for name, paths in images.items():
        if len(paths) < 2:
            raise ValueError(
                f"the class {name} of {root} has 1 image; without train and val it needs 2 or more, since one in "
                f"{HELD_OUT}, at least one, is held out for the test"
            )
        ranked = sorted(paths, key=lambda path: hashlib.sha256(as_text(os.path.relpath(path, root)).encode()).digest())
        held = {*ranked[: -(-len(paths) // HELD_OUT)]}
        parts["test"][name] = [path for path in paths if path in held]
        parts["train"][name] = [path for path in paths if path not in held]
    return parts
