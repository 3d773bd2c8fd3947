"""Some images of a data set that may be larger than memory."""

from collections.abc import Sequence

import numpy as np


class Rows:
    """Some images of an array that may be larger than memory: they are read only when they are indexed."""

    def __init__(self, array: "np.ndarray | Joined", rows: np.ndarray):
        self.array, self.rows = array, rows
        self.shape, self.dtype = (len(rows), *array.shape[1:]), array.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index) -> np.ndarray:
        """Return the images at `index`, in memory."""
        return np.asarray(self.array[self.rows[index]])

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        """Return all of them, in memory."""
        return self[:].astype(dtype or self.dtype, copy=False)


class Joined:
    """Arrays of images one behind the other, as one: nothing is copied before it is indexed.

    >>> both = Joined([np.zeros((2, 3)), np.ones((1, 3))])
    >>> both.shape, both[np.array([2, 0])].mean(1).tolist()
    ((3, 3), [1.0, 0.0])
    """

    def __init__(self, arrays: Sequence[np.ndarray]):
        self.arrays = arrays
        self.starts = np.cumsum([0, *map(len, arrays)])
        self.shape, self.dtype = (int(self.starts[-1]), *arrays[0].shape[1:]), arrays[0].dtype

    def __getitem__(self, rows: np.ndarray | int) -> np.ndarray:
        """Return the images `rows`, or the image of one, in memory."""
        chosen = np.atleast_1d(rows)
        found = np.empty((len(chosen), *self.shape[1:]), self.dtype)
        for start, array in zip(self.starts, self.arrays, strict=False):
            mine = (chosen >= start) & (chosen < start + len(array))
            found[mine] = array[chosen[mine] - start]
        return found if np.ndim(rows) else found[0]
