"""Any tree of images, `train/<class>/*` and `val/<class>/*`, read through torchvision's ImageFolder."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def read_folder(data_root: str | Path | None, size: int) -> dict:
    """The fields of a DataSet from the images under `data_root`.

    Images of any size and mode become RGB, `size` x `size`: the shorter side is resized, the middle is cut out.
    `train` and `val` must hold the same classes. An optional `kingdoms.csv` beside them, with the columns
    `class,kingdom`, says which classes are natural and which man-made. Raises ValueError or FileNotFoundError.
    """
    if data_root is None:
        raise ValueError('the data set "folder" needs data_root, a folder with train/<class>/* and val/<class>/*')
    root = Path(data_root)
    for part in ("train", "val"):
        if not (root / part).is_dir():
            raise FileNotFoundError(f"{root / part} is not there; data_root needs train/<class>/* and val/<class>/*")
    train_images, train_labels, names = _read_part(root / "train", size)
    test_images, test_labels, val_names = _read_part(root / "val", size)
    if names != val_names:
        raise ValueError(f"train and val hold different classes: only in one of them {sorted({*names} ^ {*val_names})}")
    return {
        "train_images": train_images,
        "train_labels": train_labels,
        "test_images": test_images,
        "test_labels": test_labels,
        "class_names": tuple(names),
        "kingdoms": _read_kingdoms(root / "kingdoms.csv", names),
    }


def _read_part(folder: Path, size: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    from transferlab._torchvision import torchvision  # here, since it takes a second to import

    tree = torchvision.datasets.ImageFolder(folder, loader=lambda path: _read_image(path, size))
    images = np.empty((len(tree), 3, size, size), np.uint8)
    for index in range(len(tree)):
        images[index] = tree[index][0]
    return images, np.array(tree.targets, np.int64), tree.classes


def _read_image(path: str, size: int) -> np.ndarray:
    """uint8 `[3, size, size]`; an unreadable file is named."""
    try:
        with Image.open(path) as image:
            fitted = ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.BILINEAR)
    except OSError as error:
        raise ValueError(f"cannot read the image {path} ({error}); mend or remove it") from error
    return np.asarray(fitted).transpose(2, 0, 1)


def _read_kingdoms(path: Path, names: list[str]) -> tuple[str | None, ...]:
    if not path.exists():
        return (None,) * len(names)
    with path.open(newline="", encoding="utf-8") as file:
        table = {row.get("class"): row.get("kingdom") for row in csv.DictReader(file)}
    wrong = [name for name in names if table.get(name) not in ("natural", "man-made")]
    if wrong:
        raise ValueError(f"{path} must give natural or man-made for every class; it does not for {', '.join(wrong)}")
    return tuple(table[name] for name in names)
