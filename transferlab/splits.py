"""The two tasks: the classes of a data set in two halves, divided at random or by kingdom.

Where the first layers come from elsewhere (`Lab(donor=...)`), task A is the donor's, and all classes may be task B.
Then a split says which of its images are held out.
"""

from dataclasses import dataclass, replace

import numpy as np

from transferlab.datasets import DataSet
from transferlab.datasets.alike import groups
from transferlab.datasets.rows import Joined, Rows
from transferlab.notation import TASKS
from transferlab.numbers import is_whole, seed_from

SPLITS = ("random", "kingdom")
# of one task: one of FOLDS parts of all images, by seed; as the data set has it, but that what is tested on is not
# trained on, not as a copy either; one of FOLDS parts of the training images alone
OF_ONE = ("folds", "held-out", "validation")
FOLDS = 5
Halves = tuple[np.ndarray, np.ndarray]


def random_halves(num_classes: int, seed: int) -> Halves:
    """Divide the classes 0..num_classes-1 into two random halves A and B, each sorted, as the paper did.

    The paper's recipe (its supplement and released scripts) seeds NumPy's legacy generator with the one-element list
    `[seed]` and takes the first half of a permutation. With 1000 classes, seeds 0 to 3 are the paper's own four
    splits. If the number is odd, B has one class more.

    >>> random_halves(1000, 0)[0][:10].tolist()
    [0, 1, 2, 5, 9, 10, 15, 16, 17, 19]
    """
    if num_classes < 4:
        raise ValueError(f"there are {num_classes} classes; two tasks need at least 4")
    order = _generator(seed).permutation(num_classes)
    half = num_classes // 2
    return np.sort(order[:half]), np.sort(order[half:])


def _generator(seed: int) -> np.random.RandomState:
    return np.random.RandomState([seed_from(seed)])


def stratified_halves(families: tuple[str, ...], seed: int) -> Halves:
    """Divide the classes at random, but every family as evenly as possible between A and B.

    With the 1000 classes of ImageNet, chance alone puts dogs and vehicles into both halves. With 80 it does not: a half
    could miss a whole family, and two tasks that are meant to be similar would differ. Where a family has an odd
    number of classes, chance decides which half gets the extra one, and the halves stay equal in size.
    """
    halves: tuple[list[int], list[int]] = ([], [])
    generator = _generator(seed)
    names = list(dict.fromkeys(families))
    for place in generator.permutation(len(names)):
        members = generator.permutation([i for i, family in enumerate(families) if family == names[place]])
        smaller = 0 if len(halves[0]) <= len(halves[1]) else 1
        middle = (len(members) + 1) // 2
        halves[smaller].extend(members[:middle])
        halves[1 - smaller].extend(members[middle:])
    return np.sort(halves[0]), np.sort(halves[1])


def kingdom_halves(kingdoms: tuple[str | None, ...]) -> Halves:
    """A: the man-made classes, B: the natural ones (the letters of the paper's Section 4.2); others are in neither."""
    table = np.array(kingdoms, dtype=object)
    halves = np.flatnonzero(table == "man-made"), np.flatnonzero(table == "natural")
    if min(map(len, halves)) < 2:
        raise ValueError(
            'the split "kingdom" needs at least two natural and two man-made classes. Of '
            f'{len(kingdoms)} classes {len(halves[1])} are natural and {len(halves[0])} man-made. Use split="random", '
            "or list the kingdom of every class in kingdoms.csv (see datasets.load)"
        )
    return halves


def halves(data: DataSet, split: str, seed: int) -> Halves:
    """Return the class indices of tasks A and B. The random split divides each family where the data set asks for it.

    In a split of OF_ONE, B has all classes, and A none of them.
    """
    if split in OF_ONE:
        return np.arange(0), np.arange(len(data.class_names))
    if split == "kingdom":
        return kingdom_halves(data.kingdoms)
    if split != "random":
        raise ValueError(f"no split {split!r}; there are {', '.join(SPLITS)}")
    if data.families and data.stratified:
        return stratified_halves(data.families, seed)
    return random_halves(len(data.class_names), seed)


@dataclass(frozen=True, eq=False)
class Task:
    """One half of a data set: uint8 images `[N, 3, H, W]`, labels int64 `[N]` as ranks among its own `classes`."""

    name: str
    classes: np.ndarray
    train_images: np.ndarray | Rows
    train_labels: np.ndarray
    test_images: np.ndarray | Rows
    test_labels: np.ndarray

    def limited(self, train_per_class: int | None) -> "Task":
        """Return the task with only the first `train_per_class` training images of every class (None: all of them)."""
        if train_per_class is None:
            return self
        if not is_whole(train_per_class, 1):
            raise ValueError(f"train_per_class is {train_per_class!r}; it must be a whole number of images, 1 or more")
        place = np.empty(len(self.train_labels), np.int64)
        for label in range(len(self.classes)):
            members = np.flatnonzero(self.train_labels == label)
            if len(members) < train_per_class:
                raise ValueError(
                    f"train_per_class is {train_per_class} for task {self.name}, but one of its classes has only "
                    f"{len(members)} training images"
                )
            place[members] = np.arange(len(members))
        few = place < train_per_class
        return replace(self, train_images=_some(self.train_images, few), train_labels=self.train_labels[few])


def task(data: DataSet, split: str, seed: int, name: str) -> Task:
    """Return task "A" or "B" of a split: the images of its classes, relabelled 0..len(classes)-1 in class order."""
    if name not in TASKS:
        raise ValueError(f"no task {name!r}; there are A and B")
    if split in OF_ONE:
        return _only_task(data, split, seed, name)
    classes = halves(data, split, seed)[TASKS.index(name)]

    def mine(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray | Rows, np.ndarray]:
        chosen = np.isin(labels, classes)
        return _some(images, chosen), np.searchsorted(classes, labels[chosen])

    train = mine(data.train_images, data.train_labels)
    return Task(name, classes, *train, *mine(data.test_images, data.test_labels))


def sizes(data: DataSet, split: str, seed: int, name: str) -> tuple[int, int]:
    """Return how many images a task trains on and is tested on, without looking at them."""
    if split in OF_ONE:
        only = _only_task(data, split, seed, name)
        return len(only.train_labels), len(only.test_labels)
    classes = halves(data, split, seed)[TASKS.index(name)]
    train, test = (int(np.isin(labels, classes).sum()) for labels in (data.train_labels, data.test_labels))
    return train, test


def fold_count(data: DataSet) -> int:
    """How many folds the images of a data set have: FOLDS, or fewer where a class has fewer images; 2 at least."""
    labels = np.concatenate([data.train_labels, data.test_labels])
    return max(2, min(FOLDS, int(np.bincount(labels[labels >= 0]).min())))


def folds(labels: np.ndarray, pictures: np.ndarray, count: int) -> np.ndarray:
    """Divide images into folds, each class as evenly as possible, and no picture into two.

    Args:
        labels: int64 `[N]`; images of a label below 0 get no fold.
        pictures: which images are the same picture, as in `datasets.alike.groups`; int64 `[N]`.
        count: how many folds.

    Returns:
        int64 `[N]`: 0..count-1, or -1.

    >>> folds(np.array([0, 0, 0, 1, 1]), np.array([7, 7, 8, 9, 5]), 2).tolist()
    [0, 0, 1, 1, 0]
    """
    fold = np.full(len(labels), -1)
    of_picture: dict[int, int] = {}
    everywhere = np.zeros(count, int)
    for label in range(labels.max(initial=-1) + 1):
        filled = np.zeros(count, int)
        for row in np.flatnonzero(labels == label):
            picture = int(pictures[row])
            if picture not in of_picture:  # to the fold with the fewest of the class, then with the fewest of all
                of_picture[picture] = int(np.lexsort((everywhere, filled))[0])
            fold[row] = of_picture[picture]
            filled[fold[row]] += 1
            everywhere[fold[row]] += 1
    return fold


def _only_task(data: DataSet, split: str, seed: int, name: str) -> Task:
    """Return task B of a split of OF_ONE: all classes."""
    if name != "B":
        raise ValueError(
            f"task {name} is the donor's, whose images are not here; all classes of {data.name} are task B"
        )
    classes = np.arange(len(data.class_names))
    if split == "held-out":
        trained, tested = held_out(data)
        return Task(
            name, classes, Rows(data.train_images, trained), data.train_labels[trained],
            Rows(data.test_images, tested), data.test_labels[tested],
        )  # fmt: skip
    images, labels, fold = in_folds(data, split)
    count = fold_count(data)
    parts = (np.flatnonzero((fold != seed % count) & (fold >= 0)), np.flatnonzero(fold == seed % count))
    train, test = ((Rows(images, rows), labels[rows]) for rows in parts)
    return Task(name, classes, *train, *test)


def held_out(data: DataSet) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that the split "held-out" trains on, of the training images, and tests on, of the others."""
    pictures, trained, tested = groups(data), data.train_labels >= 0, data.test_labels >= 0
    trained &= ~np.isin(pictures[: len(trained)], pictures[len(trained) :][tested])
    return np.flatnonzero(trained), np.flatnonzero(tested)


def in_folds(data: DataSet, split: str) -> tuple[Joined, np.ndarray, np.ndarray]:
    """Return all images that the split "folds" or "validation" divides, their labels, and the fold of each."""
    arrays, named = [data.train_images], [data.train_labels]
    if split == "folds":
        arrays, named = [*arrays, data.test_images], [*named, data.test_labels]
    labels = np.concatenate(named)
    pictures = groups(data)[: len(labels)]
    return Joined(arrays), labels, folds(labels, pictures, fold_count(data))


def _some(images: np.ndarray | Rows, chosen: np.ndarray) -> np.ndarray | Rows:
    """Copy the chosen images; of an array on disk, keep only the row numbers."""
    if isinstance(images, Rows):
        return Rows(images.array, images.rows[chosen])
    return Rows(images, np.flatnonzero(chosen)) if isinstance(images, np.memmap) else images[chosen]
