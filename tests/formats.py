"""What is read, in small: real data sets' formats on disk instead of 150 GB, and a book of one page."""

import base64
import hashlib
import io
import json
import pickle
import shutil
import sys
import tarfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import yaml
from PIL import Image

from transferlab.datasets.cifar100 import COARSE
from transferlab.datasets.emoji.archives import SETS, IconSet
from transferlab.datasets.emoji.classes import choose, written
from transferlab.system.npm import Pinned

ROOT = Path(__file__).parents[1]
BUILD = [sys.executable, ROOT / "book" / "build.py", "build"]


# things in the sets' categories, each with a shape of its own; the last three are in categories, but no classes
ICONS = {
    "ant": ("Animals & Nature", '<circle cx="8" cy="20" r="6" {0}/><circle cx="22" cy="14" r="8" {0}/>'),
    "bacon": ("Food & Drink", '<path d="M2 10h28v4H2zm0 9h28v4H2z" {0}/>'),
    "banana": ("Food & Drink", '<path d="M4 4q2 20 24 22q-22 8-28-20z" {0}/>'),
    "bear": ("Animals & Nature", '<circle cx="16" cy="18" r="12" {0}/><circle cx="6" cy="6" r="5" {0}/>'),
    "hammer": ("Objects", '<path d="M4 4h24v8H18v18h-4V12H4z" {0}/>'),
    "key": ("Objects", '<circle cx="8" cy="16" r="6" {0}/><path d="M12 14h18v8h-4v-4H12z" {0}/>'),
    "love-letter": ("Smileys & Emotion", '<path d="M2 6h28v20H2z" {0}/><path d="m2 6l14 12L30 6z" fill="#f8f8f8"/>'),
    "man-walking": ("People & Body", '<circle cx="16" cy="6" r="5" {0}/><path d="M14 11h4l8 20h-4l-6-12z" {0}/>'),
    "rocket": ("Travel & Places", '<path d="M16 1l6 14v10H10V15z" {0}/>'),
    "star": ("Travel & Places", '<path d="m16 2l5 10l9 2l-7 7l2 9l-9-5l-9 5l2-9l-7-7l9-2z" {0}/>'),
    "unicorn": ("Animals & Nature", '<path d="M4 28l8-16l2-12l2 12l12 8v8z" {0}/>'),
    "woman-walking": ("People & Body", '<circle cx="16" cy="6" r="5" {0}/><path d="M14 11h4l8 20H6z" {0}/>'),
    "black-flag": ("Flags", '<path d="M4 2h2v28H4zm2 0h22v16H6z" {0}/>'),
    "nine-oclock": ("Travel & Places", '<circle cx="16" cy="16" r="14" {0}/>'),
    "ant-dark-skin-tone": ("Animals & Nature", '<circle cx="16" cy="16" r="9" {0}/>'),
}


def write_emoji(root: Path, broken: Collection[tuple[str, str]] = ()) -> tuple[list[IconSet], str]:
    """The archives of the nine sets, of a few things that are drawn here; gives the sets, and the table of classes.

    A set has colours of its own. What (set, thing) is `broken` cannot be drawn. `fxemoji` writes names in one word, and
    lacks `man-walking`; `emojione-v1` has `banana` as an alias, and `noto-v1` has `bear` only as a mirror image.
    """
    sets = []
    for number, one in enumerate(SETS):
        hue = f'fill="hsl({40 * number}, 80%, 45%)" stroke="#222" stroke-width="{number % 3}"'
        icons = {name: {"body": body.format(hue)} for name, (_, body) in ICONS.items()}
        icons |= {name: {"body": "<path d=>"} for each, name in broken if each == one.name}
        aliases, categories = {}, {}
        for name, (category, _) in ICONS.items():
            categories.setdefault(category, []).append(name)
        if one.name == "fxemoji":
            icons = {name.replace("-", ""): icon for name, icon in icons.items() if name != "man-walking"}
        if one.name == "emojione-v1":
            aliases, icons["plantain"] = {"banana": {"parent": "plantain"}}, icons.pop("banana")
        if one.name == "noto-v1":
            aliases, icons["bear-left"] = {"bear": {"parent": "bear-left", "hFlip": True}}, icons.pop("bear")
        content = {
            "icons": {"prefix": one.name, "icons": icons, "aliases": aliases, "width": 32, "height": 32},
            "metadata": {"categories": categories},
        }
        source = Pinned(one.package.name, "0.0.1", "")
        with tarfile.open(root / source.archive, "w:gz") as tar:
            for name, value in content.items():
                data = json.dumps(value).encode()
                member = tarfile.TarInfo(f"package/{name}.json")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        sha512 = base64.b64encode(hashlib.sha512((root / source.archive).read_bytes()).digest()).decode()
        sets.append(replace(one, package=replace(source, sha512=sha512), own_names={}))
    return sets, written(choose({one.name: one.read(root) for one in sets}))


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
