"""What is read, in small: real data sets' formats on disk instead of 150 GB, and a book of one page."""

import hashlib
import pickle
import shutil
import sys
from pathlib import Path

import nbformat
import numpy as np
import yaml
from PIL import Image

from transferlab.datasets.cifar100 import COARSE

ROOT = Path(__file__).parents[1]
BUILD = [sys.executable, ROOT / "book" / "build.py", "build"]


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


def write_book(folder, url="", hub=""):
    """A book of one chapter with the book's own settings; `url` is the repository's address, `hub` a JupyterHub's."""
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    settings["repository"]["url"] = url
    settings["launch_buttons"]["jupyterhub_url"] = hub
    settings["execute"]["execute_notebooks"] = "off"
    (folder / "_config.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (folder / "_toc.yml").write_text("format: jb-book\nroot: notebooks/chapter\n", encoding="utf-8")
    (folder / "notebooks").mkdir()
    chapter = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A chapter")])
    chapter.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(chapter, folder / "notebooks" / "chapter.ipynb")
    shutil.copytree(ROOT / "book", folder / "book", ignore=shutil.ignore_patterns("mathjax", "widgets", "results"))
