"""The man-made kingdom: eight families that are built. See `natural` for what a family's function returns."""

from itertools import pairwise

import numpy as np

from .shapes import Array, Canvas, fold, mix, stripes, union

GEARS = {"pinion": 6, "cog": 9, "crown": 12, "ratchet": 8, "sprocket": 8}


def gear(c: Canvas, species: str) -> tuple[Array, Array]:
    """A toothed disc with a hole: the species is the number and shape of the teeth."""
    turns = GEARS[species] * c.angle / (2 * np.pi)
    if species in ("ratchet", "sprocket"):
        tooth = turns % 1 if species == "ratchet" else 1 - 2 * np.abs(fold(turns, 1))
    else:
        tooth = stripes(2 * np.pi * turns, c.uniform(-0.4, 0.4))
    disc, hole = c.radius - mix(c.uniform(0.6, 0.75), 0.98, tooth), c.radius - c.uniform(0.1, 0.4)
    return c.fill(np.maximum(disc, -hole)), c.fill(np.abs(c.radius - c.uniform(0.3, 0.6)) - 0.06)


SPOKES = {"steering": 3, "valve": 4, "alloy": 5, "flywheel": 6, "wagon": 8}


def wheel(c: Canvas, species: str) -> tuple[Array, Array]:
    """A rim, spokes and a hub: the species is the number of spokes."""
    side = c.radius * np.sin(fold(c.angle, 2 * np.pi / SPOKES[species]))
    spoke = np.maximum(np.abs(side) - c.uniform(0.05, 0.12), c.radius - 0.9)
    rim = np.abs(c.radius - 0.86) - c.uniform(0.06, 0.14)
    hub = c.radius - c.uniform(0.12, 0.35)
    return c.fill(union(rim, spoke, hub)), c.fill(hub)


CORNERS = {"yield": 3, "diamond": 4, "school": 5, "stop": 8, "star": 5}


def sign(c: Canvas, species: str) -> tuple[Array, Array]:
    """A plate with a border and a bar: the species is its outline."""
    half = np.pi / CORNERS[species]
    if species == "star":
        plate = c.radius * np.cos(np.abs(fold(c.angle, 2 * half)) - 2 * half) - 0.31
    else:
        plate = c.radius * np.cos(fold(c.angle + half, 2 * half)) - 0.95 * np.cos(half)
    bar = c.box(0, c.uniform(-0.3, 0.3), c.uniform(0.0, 0.5), 0.09)
    return c.fill(plate), c.fill(union(np.abs(plate + c.uniform(0.05, 0.25)) - 0.06, bar))


def building(c: Canvas, species: str) -> tuple[Array, Array]:
    """A front with windows: the species is its roof."""
    width, eaves = c.uniform(0.5, 0.9), c.uniform(0.1, 0.6)
    across = c.x / width
    rise = {
        "block": 0 * across,
        "house": 0.6 * (1 - np.abs(across)),
        "hall": 0.45 * np.sqrt(np.clip(1 - across**2, 0, 1)),
        "factory": 0.4 * (1.5 * (across + 1) % 1),
        "castle": 0.25 * stripes(2.5 * np.pi * across),
    }[species]
    wall = np.maximum(np.abs(c.x) - width, np.maximum(0.8 * (c.y - eaves - rise), -0.85 - c.y))
    windows = stripes(c.uniform(11, 15) * c.x, -0.1) * stripes(c.uniform(11, 15) * c.y, -0.1)
    return c.fill(wall), windows * c.fill(np.maximum(wall + 0.1, c.y - eaves))


def tile(c: Canvas, species: str) -> tuple[Array, Array]:
    """A square panel with a regular pattern."""
    cover = c.fill(c.box(0, 0, 0.85, 0.85))
    count = c.uniform(2.2, 3.2)
    x, y = count * c.x + c.uniform(0, 1), count * c.y + c.uniform(0, 1)
    odd_row = np.floor(y) % 2
    if species == "brick":
        joint = np.minimum(np.abs(fold(y, 1)), np.abs(fold(x + odd_row, 2)))
        return cover, c.fill(joint / count - 0.06)
    if species == "checker":
        return cover, np.clip(0.5 + 3 * np.sin(np.pi * x) * np.sin(np.pi * y), 0, 1)
    if species == "zigzag":
        return cover, stripes(2 * np.pi * (y + np.abs(fold(x, 1.5))))
    if species == "lattice":
        line = np.minimum(np.abs(fold(x + y, 1.4)), np.abs(fold(x - y, 1.4)))
        return cover, c.fill(line / count - 0.06)
    weave = np.where((odd_row + np.floor(x)) % 2 < 0.5, x, y)  # basket
    return cover, stripes(4 * np.pi * weave)


GLYPHS = {"two": "ABDCEF", "four": "ACDBF", "five": "BACDFE", "six": "BACEFDC", "aitch": "AECDBF"}


def glyph(c: Canvas, species: str) -> tuple[Array, Array]:
    """A digit or the letter H, a pen's path over the points AB, CD, EF, from top to bottom."""
    width, half = c.uniform(0.08, 0.17), c.uniform(0.34, 0.46)
    points = [(half * (i % 2 * 2 - 1), 0.8 * (1 - i // 2)) for i in map("ABCDEF".index, GLYPHS[species])]
    strokes = [c.stroke(a, b, width) for a, b in pairwise(points)]
    return c.fill(union(*strokes)), c.fill(c.y - c.uniform(-1, 1))


def truss(c: Canvas, species: str) -> tuple[Array, Array]:
    """Bridges: the species is what carries the deck."""
    width, high = c.uniform(0.05, 0.08), c.uniform(0.3, 0.4)
    deck = c.stroke((-1, -high), (1, -high), width + 0.02)
    along, up = 1.5 * c.x, c.y / (2 * high)  # three bays, each one long and one high
    bay = np.abs(fold(along, 1))
    if species in ("arch", "suspension"):
        curve = high * (1.6 * c.x**2 - 0.8 if species == "suspension" else 1 - 2 * c.x**2)
        hangers = np.maximum(np.abs(fold(c.x, 1 / 3)) - 0.03, c.y - curve)
        web = union(0.7 * np.abs(c.y - curve) - width, np.maximum(hangers, -high - c.y))
    else:
        line = {
            "cross": np.abs(bay - np.abs(up)),
            "warren": np.abs(2 * bay - 0.5 - up),
            "pratt": np.minimum(np.abs(bay - 0.5), np.abs(fold(along, 1) - up)),
        }[species]
        web = union(np.maximum(0.5 * line - width, np.abs(c.y) - high), np.abs(c.y - high) - width)
    return c.fill(union(deck, np.maximum(web, np.abs(c.x) - 1))), c.fill(deck)


# half-widths at seven heights from foot to rim, in tenths
VESSELS = {"bottle": "4443211", "vase": "2554223", "goblet": "4113555", "jar": "3555543", "beaker": "3344455"}


def vessel(c: Canvas, species: str) -> tuple[Array, Array]:
    """A turned body with a band, and often a handle: the species is the profile."""
    profile = np.interp(3 * c.y / 0.9 + 3, range(7), [int(tenths) / 10 for tenths in VESSELS[species]])
    body = np.maximum(0.9 * (np.abs(c.x) - c.uniform(0.85, 1.2) * profile), np.abs(c.y) - 0.9)
    handle = np.abs(c.disc(0.4, c.uniform(0, 0.4), 0.3)) - c.uniform(-0.06, 0.1)
    return c.fill(union(body, np.maximum(handle, -body))), c.fill(np.abs(c.y - c.uniform(-0.7, 0.7)) - 0.15)


FAMILIES = {
    gear: tuple(GEARS),
    wheel: tuple(SPOKES),
    sign: tuple(CORNERS),
    building: ("block", "house", "hall", "factory", "castle"),
    tile: ("brick", "checker", "zigzag", "lattice", "basket"),
    glyph: tuple(GLYPHS),
    truss: ("cross", "warren", "pratt", "arch", "suspension"),
    vessel: tuple(VESSELS),
}
