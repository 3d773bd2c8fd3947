"""Emoji: a thousand things in the designs of six houses of artists, tested on houses that were never trained on.

`archives` says whose designs they are, `classes` which things, `prepare` fetches and draws each design once, and `poses`
makes many images of a design.
"""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from csv import DictReader
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from transferlab.numbers import is_whole
from transferlab.system.cache import cached
from transferlab.system.files import checksum
from transferlab.system.machine import cores, one_thread

from .prepare import MANIFEST, default_folder, designs_of, read_manifest

HELD_OUT = "noto"  # the lineage that recipes are chosen on
AGAIN = "run python -m transferlab prepare emoji"


def read_emoji(
    data_root: str | Path | None,
    size: int,
    draws: int,
    test_draws: int,
    seed: int,
    classes: int | None,
    validation: bool,
) -> dict:
    """Return the fields of a DataSet; see `datasets.load` for the options.

    With `validation` the lineage HELD_OUT is tested on, and the sets that are tested on otherwise are not looked at.
    """
    folder = default_folder() if data_root is None else Path(data_root).expanduser()
    if not (folder / MANIFEST).exists():
        raise ValueError(f"there is nothing prepared in {folder}; {AGAIN} --out {folder}")
    manifest = read_manifest(folder)
    table = list(DictReader(manifest["table"].splitlines()))
    for name, value, least in (
        ("size", size, 8),
        ("draws", draws, 1),
        ("test_draws", test_draws, 1),
        ("seed", seed, 0),
    ):
        if not is_whole(value, least):
            raise ValueError(f"{name} is {value!r}; it must be a whole number, {least} or more")
    if classes is not None and not is_whole(classes, 4, len(table) + 1):
        raise ValueError(f"classes is {classes!r}; it must be a whole number from 4 to {len(table)}, or None for all")
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(table))
    chosen = np.sort(order[:classes])
    parts = {name: _part(one, validation) for name, one in manifest["sets"].items()}
    digest = hashlib.sha256(
        repr((manifest["table"], parts, [one["sha256"] for one in manifest["sets"].values()])).encode()
    )
    digest.update(Path(__file__).with_name("poses.py").read_bytes() + Path(__file__).read_bytes())
    options = f"{size}-{draws}-{test_draws}-{seed}-{len(chosen)}"

    def draw() -> dict[str, np.ndarray]:
        designs = {name: _designs(folder, name, one["sha256"]) for name, one in manifest["sets"].items()}
        arrays: dict[str, np.ndarray] = {}
        for part, count in (("train", draws), ("test", test_draws)):
            of_part = {name: each for name, each in designs.items() if parts[name] == part}
            arrays[f"{part}_images"], arrays[f"{part}_labels"] = _draw(of_part, chosen, size, count, seed, [*designs])
        return arrays

    return {
        "class_names": tuple(table[row]["class"] for row in chosen),
        "kingdoms": tuple(table[row]["kingdom"] or None for row in chosen),
        "families": tuple(table[row]["family"] for row in chosen),
        **cached(f"emoji-{options}-{digest.hexdigest()[:12]}", draw),
    }


def _part(one: dict, validation: bool) -> str:
    if not validation:
        return one["part"]
    return "none" if one["part"] == "test" else "test" if one["lineage"] == HELD_OUT else "train"


def _designs(folder: Path, name: str, sha256: str) -> dict[int, np.ndarray]:
    """Return the designs of a set by class; raise ValueError if they are not what they were."""
    path = designs_of(folder, name)
    try:
        arrays = load_file(path) if checksum(path) == sha256 else {}
    except (OSError, SafetensorError):
        arrays = {}
    if not arrays:
        raise ValueError(f"{path} is damaged or missing; {AGAIN} --out {folder}, and only that is drawn again")
    return dict(zip(arrays["classes"].tolist(), arrays["designs"], strict=True))


def _draw(designs: dict, chosen: np.ndarray, size: int, count: int, seed: int, names: list[str]) -> tuple:
    from .poses import draw  # here, since it imports torch

    def one_class(label: int) -> np.ndarray:
        row = int(chosen[label])
        images = [
            draw(of_set[row], count, size, [seed, row, names.index(name)])
            for name, of_set in designs.items() if row in of_set
        ]  # fmt: skip
        # the first images of a class are one of each design
        return np.stack(images, 1).reshape(-1, 3, size, size)

    with one_thread(), ThreadPoolExecutor(cores()) as pool:
        images = list(pool.map(one_class, range(len(chosen))))
    labels = np.repeat(np.arange(len(chosen)), [len(each) for each in images])
    return np.concatenate(images), labels
