"""Designs in a pose, on a ground, in a light: an icon becomes many images, as a thing has many photographs.

Whole arrays are computed at once. Colours are weighted by their coverage (premultiplied), and a pixel is the mean of
the area that it covers.
"""

from functools import reduce
from math import ceil

import numpy as np
import torch
from torch.nn import functional

CHUNK = 48  # images drawn at once: few enough for their arrays to stay in the processor's cache
TURN = 0.35  # rad, either way
SIZES = (0.6, 1.0)  # of the image's side
PITCH = 1  # of the samples of a pixel in each direction, in pixels of a design of full size; 1.7 at the smallest
LIGHT = (0.7, 1.1)
GRAIN = 0.03  # standard deviation of the noise
KNOTS = 5  # of the clouds, in each direction
ROLLS = 16 + KNOTS**2  # random numbers set aside for each image

Array = np.ndarray


def draw(design: Array, count: int, size: int, seeds: list[int]) -> Array:
    """Draw the first `count` images of a design: uint8 `[count, 3, size, size]`.

    An image depends on `seeds` and its own place: a longer draw begins with the shorter one.

    Args:
        design: uint8 `[side, side, 4]`: red, green, blue, and how much of a pixel is covered.
        count: how many images.
        size: their side in pixels.
        seeds: whole numbers, 0 or more, that tell this design from all others.
    """
    scene, grain = (np.random.Generator(np.random.PCG64(s)) for s in np.random.SeedSequence(seeds).spawn(2))
    known = design.astype(np.float32) / 255
    known[..., :3] *= known[..., 3:]
    source = torch.from_numpy(known).permute(2, 0, 1)[None]
    images = np.empty((count, 3, size, size), np.uint8)
    for start in range(0, count, CHUNK):
        n = min(CHUNK, count - start)
        rolls = scene.random((n, ROLLS), np.float32)
        posed = _posed(source, rolls[:, :4], size)
        pixels = _ground(rolls[:, 4:], size)
        pixels *= 1 - posed[:, 3:]
        pixels += posed[:, :3]
        pixels *= LIGHT[0] + (LIGHT[1] - LIGHT[0]) * rolls[:, 4, None, None, None]
        pixels += GRAIN * grain.standard_normal((n, 3, size, size), np.float32)
        images[start : start + n] = np.rint(np.clip(pixels, 0, 1) * 255)
    return images


def _posed(source: torch.Tensor, rolls: Array, size: int) -> Array:
    """Turn, scale and shift a design, premultiplied: float32 `[n, 4, size, size]`. It stays within the image."""
    turn, across, down = (2 * rolls[:, i] - 1 for i in (0, 1, 2))
    scale = SIZES[0] + (SIZES[1] - SIZES[0]) * rolls[:, 3]
    cos, sin = np.cos(TURN * turn) / scale, np.sin(TURN * turn) / scale
    x, y = across * (1 - scale), down * (1 - scale)
    # from a place in the image to that in the design, both from -1 to 1
    back = np.stack([cos, sin, -cos * x - sin * y, -sin, cos, sin * x - cos * y], 1).reshape(-1, 2, 3)
    finer = ceil(source.shape[-1] / size / PITCH)
    fine = size * finer
    places = functional.affine_grid(torch.from_numpy(back), [len(back), 4, fine, fine], align_corners=False)
    posed = functional.grid_sample(source, places.reshape(1, -1, fine, 2), align_corners=False)
    posed = posed[0]
    posed = reduce(torch.add, [posed[:, i::finer] for i in range(finer)])
    posed = reduce(torch.add, [posed[..., i::finer] for i in range(finer)]) / finer**2
    return posed.reshape(4, len(back), size, size).transpose(0, 1).numpy()


def _ground(rolls: Array, size: int) -> Array:
    """Return grounds of one or two random colours, a quarter of each kind: float32 `[n, 3, size, size]`."""
    n, ticks = len(rolls), np.linspace(-1, 1, size, dtype=np.float32)
    kind = np.floor(4 * rolls[:, 1]).astype(int)  # plain, shaded, striped, cloudy
    one, other = rolls[:, 2:5, None, None], rolls[:, 5:8, None, None]
    turn = 2 * np.pi * rolls[:, 8, None, None]
    along = np.cos(turn) * ticks + np.sin(turn) * ticks[:, None]
    mixed = np.zeros((n, size, size), np.float32)
    for each, ground in enumerate((None, _shaded, _striped, _cloudy)):
        if ground and (some := kind == each).any():
            mixed[some] = ground(along[some], rolls[some, 9:])
    return one + (other - one) * mixed[:, None]


def _shaded(along: Array, rolls: Array) -> Array:
    return 0.5 + along / (2 * np.sqrt(2, dtype=np.float32))


def _striped(along: Array, rolls: Array) -> Array:
    count, start = 2 + 6 * rolls[:, 0, None, None], rolls[:, 1, None, None]
    wave = np.sin(np.pi * (count * along + 2 * start))
    return np.clip(0.5 + along.shape[-1] / (2 * np.pi * count) * wave, 0, 1)  # edges one pixel wide


def _cloudy(along: Array, rolls: Array) -> Array:
    knots = torch.from_numpy(rolls[:, -(KNOTS**2) :].reshape(-1, 1, KNOTS, KNOTS))
    return functional.interpolate(knots, along.shape[-1], mode="bilinear", align_corners=True)[:, 0].numpy()
