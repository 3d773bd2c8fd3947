"""Kingdoms: the built-in data set, a miniature ImageNet drawn from a seed.

2 kingdoms x 8 families x 5 species = 80 classes. A species is identified by its shape and texture, never by
its colour: pose, colours, background, clutter, light and noise are random. Natural things are warped and lie among
blobs on a cloudy background; man-made things are straight and lie among bars on a ruled or shaded one.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from . import manmade, natural
from .shapes import Array, Canvas, mix, stripes, union

FAMILIES = {"natural": natural.FAMILIES, "man-made": manmade.FAMILIES}
TREE = {kingdom: {f.__name__: names for f, names in each.items()} for kingdom, each in FAMILIES.items()}
PARTS = {"train": 0, "test": 1}
CHUNK = 64  # images drawn at once: few enough for their arrays to stay in the processor's cache
ROLLS = 600  # random numbers set aside for each image


@dataclass(frozen=True)
class Species:
    """One class and its place in the tree; `index` counts within the family."""

    kingdom: str
    family: str
    name: str
    index: int

    @property
    def title(self) -> str:
        """Such as "flower/poppy"."""
        return f"{self.family}/{self.name}"


CLASSES = tuple(
    Species(kingdom, family, name, index)
    for kingdom, families in TREE.items()
    for family, names in families.items()
    for index, name in enumerate(names)
)


def draw(
    *, size: int = 32, per_class: int, seed: int = 0, part: str = "train", workers: int | None = None
) -> tuple[Array, Array]:
    """Draw `per_class` images of each class in `workers` threads (default: one per processor).

    Returns images, uint8 [80 * per_class, 3, size, size], and labels, int64 [80 * per_class], class by class.
    """
    one_class = partial(draw_class, count=per_class, size=size, seed=seed, part=part)
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        images = list(pool.map(one_class, range(len(CLASSES))))
    return np.concatenate(images), np.repeat(np.arange(len(CLASSES), dtype=np.int64), per_class)


def draw_class(index: int, count: int, *, size: int = 32, seed: int = 0, part: str = "train") -> Array:
    """Draw the first `count` images of class `index`: uint8 [count, 3, size, size].

    An image depends on seed, class, part and its own place: a longer draw begins with the shorter one.
    Raises ValueError for a part, class, count, size or seed that does not exist.
    """
    if part not in PARTS:
        raise ValueError(f"part is {part!r}; it must be one of {', '.join(map(repr, PARTS))}")
    if not 0 <= index < len(CLASSES):
        raise ValueError(f"class index is {index}; it must be from 0 to {len(CLASSES) - 1}")
    if count < 0 or seed < 0 or size < 8:
        raise ValueError(f"count {count} and seed {seed} must be at least 0, and size {size} at least 8")
    seeds = np.random.SeedSequence([seed, index, PARTS[part]]).spawn(2)
    scene, grain = (np.random.Generator(np.random.PCG64(s)) for s in seeds)
    images = np.empty((count, 3, size, size), np.uint8)
    ticks = (np.arange(size) + 0.5) * (2 / size) - 1
    for start in range(0, count, CHUNK):
        n = min(CHUNK, count - start)
        rolls = iter(scene.random((n, ROLLS)).T[:, :, None, None])
        x, y = (np.broadcast_to(t, (n, size, size)) for t in (ticks, -ticks[:, None]))
        frame = Canvas(x, y, np.full((n, 1, 1), 2 / size), rolls)
        pixels = _photograph(CLASSES[index], frame, grain.standard_normal((n, 3, size, size)))
        images[start : start + n] = np.rint(np.clip(pixels, 0, 1) * 255)
    return images


def _photograph(species: Species, frame: Canvas, noise: Array) -> Array:
    """The scene in a light from one side, with contrast and grain: [n, 3, size, size], about [0, 1]."""
    light = 1 + frame.uniform(-0.3, 0.3) * frame.x + frame.uniform(-0.3, 0.3) * frame.y
    contrast, brightness = frame.uniform(0.5, 1.1), frame.uniform(0.4, 0.6)
    image = _scene(species, frame) * light[:, None] - 0.5
    return image * contrast[:, None] + brightness[:, None] + noise * frame.uniform(0.01, 0.09)[:, None]


def _scene(species: Species, frame: Canvas) -> Array:
    """Ground, clutter, object and occluder in their colours."""
    natural_kind = species.kingdom == "natural"
    ground, blot = (_cloudy_ground, _blob) if natural_kind else (_ruled_ground, _bar)
    if natural_kind:
        frame = replace(frame, x=frame.x + 0.08 * frame.noise(5), y=frame.y + 0.08 * frame.noise(5))
    # the brightness of ground, object and its inside: the object stands apart from the ground, on either side
    lights = frame.uniform(0.2, 0.4), frame.uniform(0.6, 0.9), frame.uniform(0.35, 0.55)
    negative = frame.uniform(-1, 1) < 0
    light, main, inner = (np.where(negative, 1 - light, light) for light in lights)
    image = mix(_colour(frame, light - 0.12), _colour(frame, light + 0.12), ground(frame)[:, None])
    _scatter(frame, image, blot, 4, 0.7)
    cover, tone = _object(species, frame)
    if natural_kind:
        tone = np.clip(tone + 0.15 * frame.noise(8), 0, 1)
    image = mix(image, mix(_colour(frame, main), _colour(frame, inner), tone[:, None]), cover[:, None])
    _scatter(frame, image, blot, 2, 0.4)
    return image


def _object(species: Species, frame: Canvas) -> tuple[Array, Array]:
    """Coverage and tone of the object in a random pose."""
    glyph = species.family == "glyph"
    scale, stretch, shear = frame.uniform(0.55, 0.95), frame.uniform(0.85, 1.18), frame.uniform(-0.15, 0.15)
    turn = frame.uniform(-1, 1) * (0.3 if glyph else 0.6)
    mirror = 1 if glyph else np.where(frame.uniform(-1, 1) < 0, -1, 1)
    x, y = frame.x - frame.uniform(-0.25, 0.25), frame.y - frame.uniform(-0.25, 0.25)
    cos, sin = np.cos(turn) / scale, np.sin(turn) / scale
    x, y = (cos * x + sin * y) * stretch, (cos * y - sin * x) / stretch
    family = next(f for f in FAMILIES[species.kingdom] if f.__name__ == species.family)
    return family(Canvas(mirror * (x + shear * y), y, frame.pixel / scale, frame.rolls), species.name)


def _colour(frame: Canvas, brightness: Array) -> Array:
    """A colour of random hue: [n, 3, 1, 1]."""
    hue = frame.uniform(0, 2 * np.pi) + np.array([0, 2, 4])[:, None] * (np.pi / 3)
    return (brightness + frame.uniform(0, 0.25) * np.cos(hue))[..., None]


def _scatter(frame: Canvas, image: Array, blot, count: int, chance: float) -> None:
    """Paint `count` blots of random colours on the image, in place, each with probability `chance`."""
    for _ in range(count):
        cover = blot(frame) * (frame.uniform(0, 1) < chance)
        image += (_colour(frame, frame.uniform(0.15, 0.85)) - image) * cover[:, None]


def _cloudy_ground(frame: Canvas) -> Array:
    return 0.5 + 0.6 * frame.noise(3) + 0.4 * frame.noise(6) + 0.3 * frame.noise(12)


def _ruled_ground(frame: Canvas) -> Array:
    turn, period = frame.uniform(0, np.pi), frame.uniform(5, 20)
    along = np.cos(turn) * frame.x + np.sin(turn) * frame.y
    ruled = stripes(period * along + frame.uniform(0, 6), 0, 0.6)
    return np.where(frame.uniform(-1, 1) < 0, ruled, 0.5 + 0.5 * along)


def _blob(frame: Canvas) -> Array:
    x, y, radius = frame.uniform(-1, 1), frame.uniform(-1, 1), frame.uniform(0.1, 0.3)
    return frame.fill(union(frame.disc(x, y, radius), frame.disc(x + radius, y, 0.6 * radius)))


def _bar(frame: Canvas) -> Array:
    x, y, turn = frame.uniform(-1, 1), frame.uniform(-1, 1), frame.uniform(0, np.pi)
    end = x + 0.8 * np.cos(turn), y + 0.8 * np.sin(turn)
    return frame.fill(frame.stroke((x, y), end, frame.uniform(0.04, 0.14)))
