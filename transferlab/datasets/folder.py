"""Any tree of images, `train/<class>/*` and `val/<class>/*`, listed by torchvision's ImageFolder."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from transferlab.datasets.imagenet import kingdoms_of

Files = list[tuple[str, int]]  # path and label


def list_parts(name: str, data_root: str | Path | None) -> tuple[dict[str, Files], list[str], tuple[str | None, ...]]:
    """Return the files of both parts (train, test), the classes, and the kingdom of each class.

    `name` is "imagenet", which must have all of its 1000 classes, or "folder". For a folder, an optional `kingdoms.csv`
    beside `train` and `val`, with the columns `class,kingdom`, says which classes are natural and which are man-made.
    `train` and `val` must hold the same classes. Raises ValueError or FileNotFoundError.
    """
    if data_root is None:
        raise ValueError(f'the data set "{name}" needs data_root, a folder with train/<class>/* and val/<class>/*')
    from transferlab.system.torchvision import torchvision  # here, since it takes a second to import

    root, files, classes = Path(data_root), {}, {}
    for part, folder in (("train", "train"), ("test", "val")):
        if not (root / folder).is_dir():
            raise FileNotFoundError(
                f"{root / folder} does not exist; data_root needs train/<class>/* and val/<class>/*"
            )
        tree = torchvision.datasets.ImageFolder(root / folder)
        files[part], classes[part] = tree.samples, tree.classes
    names = classes["train"]
    if names != classes["test"]:
        differing = sorted({*names} ^ {*classes["test"]})
        raise ValueError(f"train and val hold different classes; only one of them has {', '.join(differing[:10])}")
    return files, names, kingdoms_of(names) if name == "imagenet" else _read_kingdoms(root / "kingdoms.csv", names)


def read_folder(data_root: str | Path | None, size: int) -> dict:
    """Return the fields of a DataSet from the images under `data_root`, in memory; raises what `list_parts` raises."""
    files, names, kingdoms = list_parts("folder", data_root)
    fields = {}
    for part, listed in files.items():
        fields[f"{part}_images"] = np.empty((len(listed), 3, size, size), np.uint8)
        for index, (path, _) in enumerate(listed):
            fields[f"{part}_images"][index] = read_image(path, size)
        fields[f"{part}_labels"] = np.array([label for _, label in listed], np.int64)
    return fields | {"class_names": tuple(names), "kingdoms": kingdoms}


def read_image(path: str, size: int) -> np.ndarray:
    """Read an image of any size and mode as RGB, uint8 `[3, size, size]`: its shorter side scaled, its centre cropped.

    Raises ValueError, naming the file, if it cannot be read.
    """
    try:
        with Image.open(path) as image:
            fitted = ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.BILINEAR)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"cannot read the image {path} ({error}); repair or remove it") from error
    return np.asarray(fitted).transpose(2, 0, 1)


def _read_kingdoms(path: Path, names: list[str]) -> tuple[str | None, ...]:
    if not path.exists():
        return (None,) * len(names)
    with path.open(newline="", encoding="utf-8") as file:
        table = {row.get("class"): row.get("kingdom") for row in csv.DictReader(file)}
    wrong = [name for name in names if table.get(name) not in ("natural", "man-made")]
    if wrong:
        raise ValueError(f"{path} must say natural or man-made for every class; it does not for {', '.join(wrong)}")
    return tuple(table[name] for name in names)
