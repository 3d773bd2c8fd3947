"""The natural kingdom: eight families that grow.

A family is a function from a canvas and the name of a species to two arrays [n, size, size]: the coverage of
the object, in [0, 1], and its tone, in [0, 1], which blends its two colours.
"""

import numpy as np

from .shapes import Array, Canvas, mix, stripes, union

PETALS = {"trillium": 3, "poppy": 4, "buttercup": 5, "lily": 6, "cosmos": 8}


def flower(c: Canvas, species: str) -> tuple[Array, Array]:
    """Petals around a core: the species is their number."""
    petal = np.abs(np.cos(PETALS[species] * c.angle / 2)) ** c.uniform(0.5, 1.4)
    reach = mix(c.uniform(0.25, 0.45), 1.0, petal)
    return c.fill(0.6 * (c.radius - reach)), c.fill(c.radius - c.uniform(0.1, 0.4))


LEAVES = {  # half-width, how slowly it widens from the base and narrows to the tip, depth of the lobes
    "willow": (0.3, 0.8, 0.8, 0),
    "beech": (0.5, 0.6, 0.6, 0),
    "linden": (0.6, 0.3, 0.9, 0),
    "magnolia": (0.55, 0.9, 0.3, 0),
    "oak": (0.6, 0.6, 0.5, 0.35),
}


def leaf(c: Canvas, species: str) -> tuple[Array, Array]:
    """A blade on a stalk, with veins: the species is its outline."""
    width, base, tip, lobes = LEAVES[species]
    t = np.clip((c.y + 0.8) / 1.75, 1e-6, 1 - 1e-6)  # 0 at the base, 1 at the tip
    widest = base / (base + tip)
    profile = (t / widest) ** base * ((1 - t) / (1 - widest)) ** tip * (1 - lobes * np.cos(25 * t - 2))
    blade = 0.8 * np.maximum(np.abs(c.x) - width * c.uniform(0.8, 1.2) * profile, np.abs(c.y - 0.07) - 0.88)
    ribs = stripes(c.uniform(10, 18) * (c.y - c.uniform(0.2, 1) * np.abs(c.x)), -0.7)
    stalk = c.stroke((0, -1.05), (0, -0.6), 0.05)
    return c.fill(union(blade, stalk)), np.maximum(ribs, c.fill(np.abs(c.x) - 0.04))


def shell(c: Canvas, species: str) -> tuple[Array, Array]:
    """Coils, fans and cones."""
    bands = c.uniform(8, 14)
    if species == "snail":
        turns = np.log(c.radius + 0.02) / np.log(c.uniform(1.6, 2))
        return c.fill(c.radius - 0.85), stripes(c.angle - 2 * np.pi * turns, -0.2)
    if species == "nautilus":
        chambers = stripes(np.rint(bands) * c.angle + 9 * c.radius, -0.6)
        return c.fill(c.radius - 0.62 * np.exp(0.13 * c.angle)), chambers
    if species == "scallop":
        reach, turn = c.disc(0, -0.75, 0), np.arctan2(c.x, c.y + 0.75)  # from the hinge
        fan = np.maximum(reach - 1.5, (np.abs(turn) - c.uniform(0.6, 1)) * reach)
        return c.fill(union(fan, c.box(0, -0.7, 0.45, 0.12))), stripes(bands * turn)
    if species == "auger":
        cone = np.maximum(np.abs(c.x) - c.uniform(0.2, 0.3) * (1 - c.y), np.abs(c.y) - 0.95)
        return c.fill(cone), stripes(bands * (c.y + 0.35 * c.x), -0.3)
    oval = np.sqrt((c.x / c.uniform(0.55, 0.75)) ** 2 + (c.y / 0.92) ** 2) - 1  # cowrie
    slit = np.abs(c.x) - 0.09 - 0.1 * stripes(2 * bands * c.y)
    return c.fill(0.7 * oval), c.fill(np.maximum(slit, np.abs(c.y) - 0.75))


TREES = {  # how often it forks, the angles at which it does, how much shorter the twigs are
    "poplar": (3, (-0.25, 0.25), 0.75),
    "elm": (3, (-0.7, 0.7), 0.72),
    "birch": (2, (-0.6, 0, 0.6), 0.65),
    "fir": (2, (-1.4, 0, 1.4), 0.65),
    "palm": (1, (-1.9, -1, 0, 1, 1.9), 1),
}


def branch(c: Canvas, start, turn, length, width, forks: int, angles, shrink: float) -> Array:
    """Signed distance to a branch and its twigs, `forks` times over, at about these angles to it."""
    end = start[0] + length * np.sin(turn), start[1] + length * np.cos(turn)
    twigs = [turn + angle + c.uniform(-0.2, 0.2) for angle in angles] if forks else []
    further = (length * shrink, width * 0.75, forks - 1, angles, shrink)
    return union(c.stroke(start, end, width), *(branch(c, end, twig, *further) for twig in twigs))


def tree(c: Canvas, species: str) -> tuple[Array, Array]:
    """Branches that fork: the species is how."""
    start, turn = (0, -1), c.uniform(-0.15, 0.15)
    return c.fill(branch(c, start, turn, 0.75, 0.11, *TREES[species])), c.fill(c.y - c.uniform(-0.8, 0.2))


def coat(c: Canvas, species: str) -> tuple[Array, Array]:
    """A patch of fur with spots or stripes."""
    cover = c.fill(c.radius - 0.85 - 0.2 * c.noise(4))
    if species in ("zebra", "tiger"):
        across = c.uniform(12, 16) * (c.x + 0.1 * c.noise(4))
        wide = 2.5 * np.abs(c.y) - 1.4 if species == "tiger" else 0  # a tiger's stripes end short of its middle
        return cover, stripes(across, wide)
    near, second = c.voronoi(3 if species == "giraffe" else 4)
    if species == "cheetah":
        return cover, c.fill(near - c.uniform(0.1, 0.16))
    if species == "leopard":
        return cover, c.fill(np.abs(near - 0.18) - 0.06)
    return cover, c.fill(0.1 - (second - near))  # giraffe


CELLS = {"pair": 2, "triad": 3, "tetrad": 4, "pentad": 5, "hexad": 6}


def cell(c: Canvas, species: str) -> tuple[Array, Array]:
    """A ring of round cells with nuclei: the species is their number."""
    turns = 2 * np.pi * np.arange(CELLS[species]) / CELLS[species]
    radius = 1 / (1 + 1 / np.sin(np.pi / CELLS[species]))  # so that neighbours touch
    ring = (1 - radius) * c.uniform(0.8, 1)
    body = union(*(c.disc(ring * np.sin(t), ring * np.cos(t), radius * c.uniform(0.8, 1.1)) for t in turns))
    return c.fill(body), c.fill(body + radius * c.uniform(0.4, 0.8))


def coral(c: Canvas, species: str) -> tuple[Array, Array]:
    """Colonies of polyps."""
    if species == "staghorn":
        stem = branch(c, (0, -0.9), c.uniform(-0.2, 0.2), 0.65, 0.2, 2, (-0.5, 0.5), 0.75)
        return c.fill(stem), c.fill(stem + 0.1)
    colony = c.radius - 0.8 - 0.15 * c.noise(4)
    if species == "mushroom":
        return c.fill(colony), stripes(np.rint(c.uniform(10, 18)) * c.angle)
    if species == "brain":
        return c.fill(colony), stripes(c.uniform(6, 9) * c.noise(6))
    near, second = c.voronoi(4)
    if species == "bubble":
        return c.fill(np.maximum(near - 0.25, colony)), np.clip(near / 0.25, 0, 1)
    return c.fill(colony), c.fill(0.12 - (second - near))  # honeycomb


def animal(c: Canvas, species: str) -> tuple[Array, Array]:
    """Small animals, some of them banded."""
    bands = stripes(c.uniform(6, 12) * c.x, c.uniform(-1.4, -0.3))
    if species == "fish":
        body = np.sqrt(((c.x - 0.15) / 0.75) ** 2 + (c.y / c.uniform(0.3, 0.5)) ** 2) - 1
        tail = np.maximum(np.abs(c.y) + 0.9 * (c.x + 0.45), -0.95 - c.x)
        return c.fill(union(0.5 * body, tail)), bands
    if species == "butterfly":
        wings = np.abs(np.sin(2 * c.angle)) ** c.uniform(0.4, 0.8) * (0.85 + 0.2 * np.cos(c.angle))
        return c.fill(union(0.6 * (c.radius - wings), c.stroke((0, -0.5), (0, 0.55), 0.09))), bands
    if species == "starfish":
        arms = 0.3 + 0.7 * np.abs(np.cos(2.5 * c.angle)) ** c.uniform(1.5, 3)
        return c.fill(0.5 * (c.radius - arms)), bands
    if species == "jellyfish":
        bell = np.maximum(c.disc(0, 0.1, 0.75), -c.y)
        arms = 0.1 - 0.17 * np.cos(c.uniform(11, 17) * (c.x + 0.08 * np.sin(7 * c.y)))
        return c.fill(union(bell, np.maximum(arms, c.box(0, -0.45, 0.6, 0.5)))), bands
    wave = c.uniform(0.2, 0.4) * np.sin(c.uniform(3, 5.5) * c.x + c.uniform(0, 6))  # worm
    return c.fill(np.maximum(0.6 * (np.abs(c.y - wave) - 0.25), np.abs(c.x) - 0.95)), bands


FAMILIES = {
    flower: tuple(PETALS),
    leaf: tuple(LEAVES),
    shell: ("snail", "nautilus", "scallop", "auger", "cowrie"),
    tree: tuple(TREES),
    coat: ("zebra", "tiger", "cheetah", "leopard", "giraffe"),
    cell: tuple(CELLS),
    coral: ("brain", "honeycomb", "bubble", "mushroom", "staghorn"),
    animal: ("fish", "butterfly", "starfish", "jellyfish", "worm"),
}
