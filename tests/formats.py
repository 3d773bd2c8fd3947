"""Real data sets' formats on disk, in small: what the tests read instead of 150 GB."""

import hashlib
import pickle
from pathlib import Path

import numpy as np
from PIL import Image

from transferlab.datasets.cifar100 import COARSE


def write_cifar100(root: Path, train: int = 4, test: int = 2) -> tuple[dict, dict]:
    """The pickles of CIFAR-100 with so many images a class; gives their contents, and their md5 sums by name."""
    folder = root / "cifar-100-python"
    folder.mkdir()
    draw, sums = np.random.default_rng(0), {}
    files: dict = {"meta": {"fine_label_names": sorted(COARSE)}}
    for part, count in (("train", train), ("test", test)):
        labels = draw.permutation(np.repeat(np.arange(100), count)).tolist()
        pixels = draw.integers(0, 256, (len(labels), 3072), dtype=np.uint8)
        files[part] = {"data": pixels, "fine_labels": labels}
    for name, content in files.items():
        (folder / name).write_bytes(pickle.dumps(content))
        sums[name] = hashlib.md5((folder / name).read_bytes()).hexdigest()
    return files, sums


def write_tree(root: Path, names: list[str], train: int, val: int) -> Path:
    """`train/<class>/*.jpeg` and `val/<class>/*.jpeg`, so many a class, of several shapes; gives `root`."""
    draw = np.random.default_rng(0)
    for part, count in (("train", train), ("val", val)):
        for name in names:
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = draw.integers(0, 256, (34 + number, 40, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / part / name / f"{number}.jpeg")
    return root
