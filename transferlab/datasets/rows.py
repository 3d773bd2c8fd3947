"""Some images of a data set that may be larger than memory."""

import numpy as np


class Rows:
    """Some images of an array that may be larger than memory: they are read only when they are indexed."""

    def __init__(self, array: np.ndarray, rows: np.ndarray):
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
