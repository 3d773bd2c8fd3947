"""What the drawings of Kingdoms are made of: random numbers, a canvas, distances, stripes and noise.

Everything is float64 and every edge is soft, so that a seed draws the same pictures on every machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Canvas:
    """`n` pictures as their object sees them: it stands upright at the centre and reaches to about 1.

    x, y: the place of every pixel, [n, size, size], y pointing up; pixel: its width, [n, 1, 1];
    rolls: yields random numbers in [0, 1), one per picture at a time, [n, 1, 1].
    """

    x: Array
    y: Array
    pixel: Array
    rolls: Iterator[Array]

    @cached_property
    def radius(self) -> Array:
        """Distance from the centre."""
        return np.sqrt(self.x**2 + self.y**2)

    @cached_property
    def angle(self) -> Array:
        """Angle from straight up, in [-pi, pi]."""
        return np.arctan2(self.x, self.y)

    def uniform(self, low: float, high: float) -> Array:
        """One random number per picture, [n, 1, 1]."""
        return low + (high - low) * next(self.rolls)

    def noise(self, cells: int) -> Array:
        """Smooth noise in [-1, 1] over the picture: cells x cells squares between random heights."""
        place = (np.arange(self.x.shape[-1]) + 0.5) * (cells / self.x.shape[-1])
        left = place.astype(int)
        share = (place - left) ** 2 * (3 - 2 * (place - left))
        lines = [np.concatenate([self.uniform(-1, 1) for _ in range(cells + 1)], 2) for _ in range(cells + 1)]
        lines = [mix(line[:, :, left], line[:, :, left + 1], share) for line in lines]
        grid = np.concatenate(lines, 1)
        return mix(grid[:, left], grid[:, left + 1], share[:, None])

    def fill(self, distance: Array) -> Array:
        """Coverage in [0, 1]: full where `distance` < 0, with an edge one pixel wide."""
        return np.clip(0.5 - distance / self.pixel, 0, 1)

    def disc(self, x, y, radius) -> Array:
        """Signed distance to a disc."""
        return np.sqrt((self.x - x) ** 2 + (self.y - y) ** 2) - radius

    def box(self, x, y, width, height) -> Array:
        """Signed distance to a box of half-width `width` and half-height `height`."""
        return np.maximum(np.abs(self.x - x) - width, np.abs(self.y - y) - height)

    def stroke(self, start, end, width) -> Array:
        """Signed distance to the line between two points, thick by `width` on either side."""
        (ax, ay), (bx, by) = start, end
        dx, dy, px, py = bx - ax, by - ay, self.x - ax, self.y - ay
        along = np.clip((px * dx + py * dy) / (dx * dx + dy * dy), 0, 1)
        return np.sqrt((px - along * dx) ** 2 + (py - along * dy) ** 2) - width

    def voronoi(self, cells: int) -> tuple[Array, Array]:
        """Distances to the nearest and second nearest of cells x cells scattered points."""
        nearest = second = np.full_like(self.x, 9.0)
        for i in range(cells * cells):
            row, column = divmod(i, cells)
            x = (column + row % 2 / 2 + self.uniform(-0.1, 0.6)) * 2 / cells - 1
            y = (row + self.uniform(0.15, 0.85)) * 2 / cells - 1
            square = (self.x - x) ** 2 + (self.y - y) ** 2
            second = np.minimum(second, np.maximum(nearest, square))
            nearest = np.minimum(nearest, square)
        return np.sqrt(nearest), np.sqrt(second)


def union(*distances: Array) -> Array:
    """Signed distance to several shapes together."""
    return reduce(np.minimum, distances)


def mix(a, b, share: Array) -> Array:
    """From `a` (share 0) to `b` (share 1)."""
    return a + (b - a) * share


def stripes(phase: Array, duty=0.0, sharpness: float = 1.5) -> Array:
    """Soft stripes in [0, 1], one per 2 pi of `phase`; `duty` from -1 (thin) to 1 (wide)."""
    return np.clip(0.5 + sharpness * (np.cos(phase) + duty), 0, 1)


def fold(value: Array, period) -> Array:
    """Signed distance to the nearest multiple of `period`."""
    return value - period * np.rint(value / period)
