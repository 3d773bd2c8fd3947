"""Accuracies and their differences on images that were held out, with intervals, and how many images would decide.

Every class weighs the same, however many images it has. Each image is tested once, by a network or probe that did not
see it. Those of different folds share training images, so their errors are not independent: the variance is that of the
images, or that between folds where it is larger, times the factor of Nadeau and Bengio (2003).
"""

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from scipy import special

SURE = float(special.ndtri(0.975))
POWER = float(special.ndtri(0.8))


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Which images were tested: the class and the fold of each, int64 `[N]`."""

    labels: np.ndarray
    fold: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def only(self, rows: np.ndarray) -> "HeldOut":
        """Return some of them."""
        return HeldOut(self.labels[rows], self.fold[rows])

    @property
    def weights(self) -> np.ndarray:
        """What an image counts, so that every class counts the same; they add up to 1."""
        _, place, counts = np.unique(self.labels, return_inverse=True, return_counts=True)
        return 1 / (len(counts) * counts[place])

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(np.unique(self.labels))


@dataclass(frozen=True)
class Estimate:
    """A value, 0..1 or a difference of two such, with its 95 % interval and standard error."""

    value: float
    low: float
    high: float
    error: float

    @property
    def half(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2


def accuracy(right: np.ndarray, tested: HeldOut) -> Estimate:
    """Return the share of right answers (bool `[N]`), by Wilson's interval, which has a width also where all are right.

    >>> few = HeldOut(np.arange(12) % 2, np.zeros(12))
    >>> [round(end, 2) for end in (accuracy(np.ones(12), few).low, accuracy(np.ones(12), few).high)]
    [0.76, 1.0]
    """
    weights = tested.weights
    value = float(weights @ right)
    count = 1 / float(weights @ weights) / _factor(right, tested, value * (1 - value))
    middle = (value + SURE**2 / (2 * count)) / (1 + SURE**2 / count)
    half = SURE * sqrt(value * (1 - value) / count + SURE**2 / (4 * count**2)) / (1 + SURE**2 / count)
    return Estimate(value, min(value, max(0.0, middle - half)), max(value, min(1.0, middle + half)), half / SURE)


def difference(right: np.ndarray, other: np.ndarray, tested: HeldOut) -> Estimate:
    """Return by how much one way is more often right than another on the same images (bool `[N]` each).

    The interval is that of Agresti and Min (2005) for pairs: two images are added, which disagree half of the time.

    >>> same = HeldOut(np.arange(40) % 2, np.zeros(40))
    >>> difference(np.arange(40) < 30, np.arange(40) < 20, same).low > 0
    True
    """
    apart = right.astype(float) - other.astype(float)
    weights = tested.weights
    value = float(weights @ apart)
    count = 1 / float(weights @ weights)
    better, worse = (count * float(weights @ (apart == sign)) + 0.5 for sign in (1, -1))
    whole = count + 2
    middle = (better - worse) / whole
    spread = (better + worse) / whole - middle**2
    error = sqrt(spread / whole * _factor(apart, tested, float(weights @ apart**2) - value**2))
    return Estimate(value, min(value, middle - SURE * error), max(value, middle + SURE * error), error)


def _factor(values: np.ndarray, tested: HeldOut, variance: float) -> float:
    """Return by what the variance of a mean over images has to be multiplied, since they were tested in folds."""
    folds = np.unique(tested.fold)
    if len(folds) < 2:
        return 1.0
    shared = 1 + len(folds) / (len(folds) - 1)
    if variance <= 0:
        return shared
    means = [float(values[tested.fold == fold].mean()) for fold in folds]
    weights = tested.weights
    between = float(np.var(means, ddof=1)) / len(folds)
    return shared * max(1.0, between / (variance * float(weights @ weights)))


def images_to_decide(apart: Estimate, tested: HeldOut) -> int | None:
    """Return how many more images a class would show a difference of this size (power 80 %), or None for over 1000.

    The spread is the measured one.

    >>> images_to_decide(Estimate(0.05, -0.05, 0.15, 0.05), HeldOut(np.arange(100) % 4, np.zeros(100)))
    200
    """
    if apart.value == 0:
        return None
    needed = len(tested) * ((SURE + POWER) * apart.error / abs(apart.value)) ** 2
    more = max(1.0, (needed - len(tested)) / tested.classes)
    if more > 1000:
        return None
    step = 10 ** (len(str(ceil(more))) - 1)
    return ceil(more / step) * step


def elsewhere(right: dict, tested: HeldOut) -> np.ndarray:
    """Return the answers of the way that is best on the other folds, for each fold: bool `[N]`.

    What is best on some images is flattered by those images. This is what the choice itself is worth.
    """
    found = np.zeros(len(tested), bool)
    for fold in np.unique(tested.fold):
        mine = tested.fold == fold
        others = tested.only(~mine)
        best = max(right, key=lambda way: float(others.weights @ right[way][~mine]))
        found[mine] = right[best][mine]
    return found
