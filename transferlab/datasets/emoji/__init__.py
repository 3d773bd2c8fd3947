"""Emoji: a thousand things in the designs of six houses of artists, tested on houses that were never trained on.

`archives` says whose designs they are, and `classes` which things. `prepare` fetches and draws each design once, and
`prepared` reads them; `poses` makes many images of one.
"""

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from transferlab.numbers import is_whole
from transferlab.system.cache import cached
from transferlab.system.machine import cores, one_thread

from .archives import SETS
from .classes import TABLE, parsed
from .prepared import default_folder, finished_manifest, read_designs

# what recipes are chosen on, for it has a design of every class; with it held out, every class has two others or more
HELD_OUT = "noto"
LEAST = {"size": 8, "draws": 1, "test_draws": 1, "seed": 0}


def read_emoji(
    data_root: str | Path | None, classes: int | None, validation: bool, *, size: int, draws: int, test_draws: int,
    seed: int,
) -> dict:  # fmt: skip
    """Return the fields of a DataSet. The images are drawn once, and then kept in the cache.

    An image depends on `seed`, on its class, set and size, and on its own place among the draws, and on nothing else.
    Those of a class begin with one of each of its designs.

    Args:
        data_root: a folder made by `prepare`; None: the default one.
        classes: how many of the classes, chosen by a shuffle that is always the same; None: all.
        validation: test on the lineage HELD_OUT instead of on the sets of the part "test", which are left out.
        size: the side of the images in pixels.
        draws, test_draws: how many images there are of each design to train on, and to test on.
        seed: of the draws.

    Raises:
        ValueError: for an option out of range, and for a folder that is not prepared, or damaged.
    """
    options = {"size": size, "draws": draws, "test_draws": test_draws, "seed": seed}
    for name, value in options.items():
        if not is_whole(value, LEAST[name]):
            raise ValueError(f"{name} is {value!r}; it must be a whole number, {LEAST[name]} or more")
    folder = default_folder() if data_root is None else Path(data_root).expanduser()
    manifest = finished_manifest(folder)
    things = parsed(manifest["table"])
    if classes is not None and not is_whole(classes, 4, len(things) + 1):
        raise ValueError(f"classes is {classes!r}; it must be a whole number from 4 to {len(things)}, or None for all")
    rows = _rows(len(things), classes)
    sets = {name: (number, _part(manifest["sets"][name], validation)) for number, name in enumerate(manifest["names"])}
    counts = {"train": draws, "test": test_draws}

    def draw() -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = {}
        for part, count in counts.items():
            designs = {
                number: read_designs(folder, name, manifest["sets"][name]["sha256"])
                for name, (number, of_part) in sets.items() if of_part == part
            }  # fmt: skip
            arrays[f"{part}_images"], arrays[f"{part}_labels"] = _draw(designs, rows, count, size, seed)
        return arrays

    code = b"".join(path.read_bytes() for path in (Path(__file__), Path(__file__).with_name("poses.py")))
    known = repr((options, rows.tolist(), sets, [one["sha256"] for one in manifest["sets"].values()]))
    return {
        "class_names": tuple(things[row].name for row in rows),
        "kingdoms": tuple(things[row].kingdom for row in rows),
        "families": tuple(things[row].family for row in rows),
        **cached(f"emoji-{size}-{draws}-{len(rows)}-{hashlib.sha256(code + known.encode()).hexdigest()[:12]}", draw),
    }


def count(classes: int | None, validation: bool, *, draws: int, test_draws: int) -> tuple[int, int, int]:
    """Return how many images there are to train on and to test on, and how many classes, without looking at any.

    Arguments as in `read_emoji`.

    >>> count(None, False, draws=1, test_draws=1)
    (6227, 2000, 1000)
    """
    things = parsed(TABLE.read_text("utf-8"))
    rows = _rows(len(things), classes)
    parts = {each.name: _part({"part": each.part, "lineage": each.lineage}, validation) for each in SETS}
    designs = Counter(parts[name] for row in rows for name in things[row].sets)
    return designs["train"] * draws, designs["test"] * test_draws, len(rows)


def _rows(count: int, classes: int | None) -> np.ndarray:
    """Return which of `count` classes are taken, in order: the first ones of a shuffle that is always the same."""
    return np.sort(np.random.Generator(np.random.PCG64(0)).permutation(count)[:classes])


def _part(one: dict, validation: bool) -> str | None:
    """What a set is for; None: it is left out."""
    if not validation:
        return one["part"]
    return None if one["part"] == "test" else "test" if one["lineage"] == HELD_OUT else "train"


def _draw(
    designs: dict[int, dict[int, np.ndarray]], rows: np.ndarray, count: int, size: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw `count` images of every design, by number of its set and row of its class: images, and labels."""
    from .poses import draw  # here, since it imports torch

    having = [[number for number, of_set in designs.items() if row in of_set] for row in rows]
    ends = np.cumsum([len(numbers) * count for numbers in having])
    images = np.empty((ends[-1], 3, size, size), np.uint8)

    def one_class(label: int) -> None:
        row, numbers = int(rows[label]), having[label]
        mine = images[ends[label] - len(numbers) * count : ends[label]].reshape(count, len(numbers), 3, size, size)
        for place, number in enumerate(numbers):
            mine[:, place] = draw(designs[number][row], count, size, [seed, row, number])

    with one_thread(), ThreadPoolExecutor(cores()) as pool:
        list(pool.map(one_class, range(len(rows))))
    return images, np.repeat(np.arange(len(rows), dtype=np.int64), np.diff(ends, prepend=0))
