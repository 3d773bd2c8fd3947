"""Every data set in one form: arrays of uint8 images, labels, class names, and the kingdom of each class."""

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from transferlab.datasets import kingdoms as _kingdoms
from transferlab.datasets.cifar100 import read_cifar100
from transferlab.datasets.emoji import read_emoji
from transferlab.datasets.folder import read_folder
from transferlab.datasets.images import Framing
from transferlab.datasets.prepared import is_prepared, read_prepared
from transferlab.numbers import plain
from transferlab.system.cache import cached as _cached
from transferlab.system.machine import cores


@dataclass(frozen=True, eq=False)
class DataSet:
    """A labelled set of images, in memory or mapped from disk.

    Images are uint8 `[N, 3, H, W]`, labels int64 `[N]` indices into `class_names` (-1: not to be used). `kingdoms`
    says "natural" or "man-made" for each class (None if unknown), `families` which classes are close relatives (None if
    the data set has no such groups). `stratified` says whether a random split divides each family evenly; else chance
    decides, as in the paper. `fingerprint` is a digest of everything.
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    kingdoms: tuple[str | None, ...]
    families: tuple[str, ...] | None = None
    fingerprint: str = ""
    stratified: bool = True

    def __post_init__(self):
        """Compute the fingerprint once, unless it is known: a SHA-256 over every image, label and class."""
        if self.fingerprint:
            return
        digest = hashlib.sha256(repr((self.class_names, self.kingdoms, self.families)).encode())
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(repr((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array).data)
        object.__setattr__(self, "fingerprint", digest.hexdigest()[:16])

    def for_validation(self, train_per_class: int) -> "DataSet":
        """Return the same classes without the test images, to choose recipes on; test images are never used for that.

        The first `train_per_class` training images of each class are for training, the remaining ones for testing.
        """
        rank = np.empty(len(self.train_labels), np.int64)
        for label in range(len(self.class_names)):
            members = np.flatnonzero(self.train_labels == label)
            if len(members) <= train_per_class:
                raise ValueError(
                    f"class {self.class_names[label]} has {len(members)} training images; to hold some out for "
                    f"validation it needs more than train_per_class={train_per_class}"
                )
            rank[members] = np.arange(len(members))
        train, held_out = rank < train_per_class, rank >= train_per_class
        return replace(
            self,
            name=f"{self.name}-validation",
            fingerprint="",
            train_images=self.train_images[train],
            train_labels=self.train_labels[train],
            test_images=self.train_images[held_out],
            test_labels=self.train_labels[held_out],
        )


def load(name: str, **options) -> DataSet:
    """Load the data set `name`: "kingdoms" (drawn, not downloaded), "emoji", "cifar100", "imagenet" or "folder".

    Options of kingdoms: `size` (pixels, 32), `train_per_class` (100), `test_per_class` (200), `seed` (0).
    It is drawn once and then kept in a cache folder (`TRANSFERLAB_CACHE`, else `~/.cache/transferlab`).
    "kingdoms-validation" is for choosing recipes: it takes the same options, but tests on further *training* images.
    Options of emoji: `data_root`, a folder made by `python -m transferlab prepare emoji` (None: the default one),
    `size` (32), `draws` and `test_draws` (24 and 4 images of each design), `seed` (0), and `classes` (None: all 1,000).
    "emoji-validation" takes the same options, but holds one of the training houses out, and tests on it.
    Options of cifar100: `data_root`, the folder that holds `cifar-100-python/`, and `download` (False).
    Options of imagenet: `data_root`, a folder made by `python -m transferlab prepare`, and `size`, as prepared (256).
    Options of folder: `data_root` with `train/<class>/*` and `val/<class>/*` inside, or `<class>/*` alone, or prepared;
    `size` (32), and `resize` and `interpolation` (see `images.Framing`), which published weights may ask for. What
    counts as an image, and which pixels it has, says `transferlab.datasets.images`.

    >>> load("kingdoms", train_per_class=2, test_per_class=2).train_images.shape
    (160, 3, 32, 32)
    """
    if name not in LOADERS:
        raise ValueError(f"no data set {name!r}; there are {', '.join(LOADERS)}")
    loader, options = LOADERS[name], plain(options)
    try:
        inspect.signature(loader).bind(**options)
    except TypeError as error:
        known = ", ".join(inspect.signature(loader).parameters)
        raise ValueError(f"the data set {name} does not take these options ({error}); it takes {known}") from None
    return loader(**options)


def options_of(name: str, data: dict, data_root: str | Path | None) -> dict:
    """Return the options with which a Lab loads a data set: those of its recipe if it is drawn, and its folder.

    >>> options_of("kingdoms", {"train_per_class": 10}, None)
    {'train_per_class': 10}
    """
    known = inspect.signature(LOADERS[name]).parameters if name in LOADERS else ()
    return (dict(data) if name in DRAWN else {}) | ({"data_root": data_root} if "data_root" in known else {})


def _load_kingdoms(size: int = 32, train_per_class: int = 100, test_per_class: int = 200, seed: int = 0) -> DataSet:
    options = f"{size}-{train_per_class}-{test_per_class}-{seed}"
    drawing = hashlib.sha256(b"".join(p.read_bytes() for p in sorted(Path(_kingdoms.__file__).parent.glob("*.py"))))

    def draw() -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = {}
        for part, count in (("train", train_per_class), ("test", test_per_class)):
            arrays[f"{part}_images"], arrays[f"{part}_labels"] = _kingdoms.draw(
                size=size, per_class=count, seed=seed, part=part, workers=cores()
            )
        return arrays

    return DataSet(
        name="kingdoms",
        class_names=tuple(species.title for species in _kingdoms.CLASSES),
        kingdoms=tuple(species.kingdom for species in _kingdoms.CLASSES),
        families=tuple(species.family for species in _kingdoms.CLASSES),
        **_cached(f"kingdoms-{options}-{drawing.hexdigest()[:12]}", draw),
    )


def _load_validation(size: int = 32, train_per_class: int = 100, test_per_class: int = 200, seed: int = 0) -> DataSet:
    return _load_kingdoms(size, train_per_class + test_per_class, 1, seed).for_validation(train_per_class)


def _load_cifar100(data_root: str | Path | None = None, size: int = 32, download: bool = False) -> DataSet:
    return DataSet(name="cifar100", **read_cifar100(data_root, size, download))


def _load_emoji(
    validation: bool,
    /,
    data_root: str | Path | None = None,
    size: int = 32,
    draws: int = 24,
    test_draws: int = 4,
    seed: int = 0,
    classes: int | None = None,
) -> DataSet:
    options = {"size": size, "draws": draws, "test_draws": test_draws, "seed": seed}
    name = "emoji-validation" if validation else "emoji"
    return DataSet(name, stratified=False, **read_emoji(data_root, classes, validation, **options))


DRAWN = ("kingdoms", "kingdoms-validation", "emoji", "emoji-validation")  # these take the options of a recipe's `data`
LOADERS: dict[str, Callable[..., DataSet]] = {
    "kingdoms": _load_kingdoms,
    "kingdoms-validation": _load_validation,
    "cifar100": _load_cifar100,
    "emoji": partial(_load_emoji, False),
    "emoji-validation": partial(_load_emoji, True),
    "imagenet": lambda data_root=None, size=256: DataSet(name="imagenet", **read_prepared(data_root, "imagenet", size)),
    "folder": lambda data_root=None, size=32, resize=None, interpolation="bilinear": DataSet(
        name="folder", **_read_tree(data_root, Framing(size, resize, interpolation))
    ),
}


def _read_tree(data_root: str | Path | None, framing: Framing) -> dict:
    if is_prepared(data_root):
        return read_prepared(data_root, "folder", framing.size, framing=framing)
    return read_folder(data_root, framing)
