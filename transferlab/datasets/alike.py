"""Images that are the same picture, though not the same file: a perceptual hash, and then a closer look.

The hash is the usual one (pHash): 63 signs of the lowest frequencies of a small grey picture. Flat pictures have
similar ones although they differ, so those whose hashes are close are compared at a few pixels before they count as the
same.
"""

from functools import lru_cache

import numpy as np

from transferlab.datasets import DataSet

SIDE = 32  # pixels of the grey picture
LOW = 8  # frequencies along a side
BITS_APART = 8  # of 63, at most: saving a picture again changes up to 6; two Kingdoms differ in 12 or more
GREY_APART = 8.0  # levels of 255, on average: saving again changes up to 7; two Kingdoms differ by 18 or more
SHARE = 512  # images looked at together


def groups(data: DataSet) -> np.ndarray:
    """Return for each image of a data set, training images first, which picture it is: int64 `[N]`, from 0 up.

    Images of one number are one picture: saved again, scaled, or a little brighter. The result is kept for the data
    set's fingerprint.
    """
    return _groups(_Known(data))


class _Known:
    """A data set that is told from others by its fingerprint."""

    def __init__(self, data: DataSet):
        self.data = data

    def __hash__(self) -> int:
        return hash(self.data.fingerprint)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and other.data.fingerprint == self.data.fingerprint


@lru_cache(8)
def _groups(known: _Known) -> np.ndarray:
    small = np.concatenate([_small(images) for images in (known.data.train_images, known.data.test_images)])
    return same_pictures(small)


def same_pictures(small: np.ndarray) -> np.ndarray:
    """Return which picture each of `small`, grey pictures float32 `[N, SIDE, SIDE]`, is: int64 `[N]`.

    >>> dots = np.random.default_rng(0).uniform(0, 255, (2, SIDE, SIDE)).astype("float32")
    >>> same_pictures(np.stack([dots[0], dots[1], dots[0] + 1])).tolist()
    [0, 1, 0]
    """
    from scipy.sparse import coo_array  # here, since SciPy takes a third of a second to import, and most need no folds
    from scipy.sparse.csgraph import connected_components

    signs = _signs(small)
    first, second = [], []
    for start in range(0, len(small), SHARE):
        # of two vectors of signs, the product counts where they agree, less where they do not
        apart = (signs.shape[1] - signs[start : start + SHARE] @ signs.T) / 2
        for one, other in zip(*np.nonzero(apart <= BITS_APART), strict=True):
            if other > start + one and np.abs(small[start + one] - small[other]).mean() <= GREY_APART:
                first.append(start + one)
                second.append(other)
    links = coo_array((np.ones(len(first), bool), (first, second)), shape=(len(small), len(small)))
    return connected_components(links, directed=False)[1].astype(np.int64)


def _signs(small: np.ndarray) -> np.ndarray:
    """Return the signs, -1 or 1, of the lowest frequencies, but that of the mean: float32 `[N, LOW * LOW - 1]`."""
    from scipy.fft import dctn  # here, as above

    low = dctn(small, axes=(1, 2), norm="ortho")[:, :LOW, :LOW].reshape(len(small), -1)[:, 1:]
    return np.where(low > np.median(low, axis=1, keepdims=True), 1, -1).astype(np.float32)


def _small(images: np.ndarray) -> np.ndarray:
    """Return images, uint8 `[N, 3, H, W]`, as grey pictures, float32 `[N, SIDE, SIDE]`, of mean values."""
    side = images.shape[-1]
    edges = np.linspace(0, side, SIDE + 1).astype(int)[:-1] if side > SIDE else np.arange(SIDE) * side // SIDE
    found = np.empty((len(images), SIDE, SIDE), np.float32)
    for start in range(0, len(images), SHARE):
        grey = np.asarray(images[start : start + SHARE]).astype(np.float32).mean(1)
        if side > SIDE:
            widths = np.diff([*edges, side])
            grey = np.add.reduceat(np.add.reduceat(grey, edges, 1), edges, 2) / np.outer(widths, widths)
        else:
            grey = grey[:, edges][:, :, edges]
        found[start : start + SHARE] = grey
    return found
