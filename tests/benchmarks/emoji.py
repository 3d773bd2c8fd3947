"""Drawing the data set emoji, compared with Pillow, which turns and scales one image at a time.

    python tests/benchmarks/emoji.py        about a minute on 2 cores; writes emoji.csv into this machine's folder in
                                            book/results/machines

Both make the same images of the same designs (these are made up here: nothing is fetched), on all cores, in turn.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import place
from PIL import Image

from transferlab.datasets import emoji
from transferlab.datasets.emoji import poses
from transferlab.datasets.emoji.prepare import SIDE
from transferlab.system.machine import cores, hardware

SIZE, SETS, DRAWS = 32, 9, 8
IMAGES = 1000 * SETS * DRAWS  # what the goal is for
GOAL = 60  # seconds, on 2 cores
OURS, PILLOW = "whole arrays", "Pillow, an image at a time"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--classes", type=int, default=100, help="that are drawn; seconds are those of 1,000")
    parser.add_argument("--out", type=Path, help="the table (default: emoji.csv of this machine)")
    arguments = parser.parse_args()
    table = summary(measure(arguments.classes, arguments.repetitions))
    print(f"{hardware('cpu')}, {cores()} cores; seconds of {IMAGES:,} images\n{table.to_string(index=False)}")
    table.to_csv(place.table("emoji.csv", arguments.out), index=False, float_format="%.4g")


def measure(classes: int, repetitions: int) -> pd.DataFrame:
    """Seconds of all IMAGES, a row a repetition, from drawing some classes. The first time does not count."""
    some = designs(classes)
    ways = {OURS: lambda: emoji._draw(some, np.arange(classes), DRAWS, SIZE, 0), PILLOW: lambda: one_by_one(some)}
    rows = []
    for _ in range(repetitions + 1):
        rows.append({name: timed(draw) * 1000 / classes for name, draw in ways.items()})
    return pd.DataFrame(rows[1:])


def timed(draw) -> float:
    """Seconds of a call."""
    started = perf_counter()
    draw()
    return perf_counter() - started


def designs(classes: int) -> dict[int, dict[int, np.ndarray]]:
    """Made-up designs, by set and class: a coloured ellipse each."""
    draw, (y, x) = np.random.default_rng(0), np.indices((SIDE, SIDE)) / (SIDE / 2) - 1
    made: dict[int, dict[int, np.ndarray]] = {number: {} for number in range(SETS)}
    for number in made:
        for label in range(classes):
            wide, high, *colour = draw.uniform(0.3, 1, 5)
            inside = np.clip((1 - np.hypot(x / wide, y / high)) * SIDE / 4, 0, 1)
            made[number][label] = np.rint(255 * np.stack([*(np.full_like(x, each) for each in colour), inside], -1))
            made[number][label] = made[number][label].astype(np.uint8)
    return made


def one_by_one(some: dict[int, dict[int, np.ndarray]]) -> np.ndarray:
    """The images that `emoji._draw` makes, in its order, in as many threads."""

    def one_class(label: int) -> list[np.ndarray]:
        drawn = [by_pillow(of_set[label], DRAWS, [0, label, number]) for number, of_set in some.items()]
        return [each[draw] for draw in range(DRAWS) for each in drawn]

    with ThreadPoolExecutor(cores()) as pool:
        return np.stack([image for images in pool.map(one_class, range(len(some[0]))) for image in images])


def by_pillow(design: np.ndarray, count: int, seeds: list[int]) -> list[np.ndarray]:
    """What `poses.draw` does, one image after the other: uint8 `[3, SIZE, SIZE]` each."""
    scene, grain = (np.random.Generator(np.random.PCG64(s)) for s in np.random.SeedSequence(seeds).spawn(2))
    known, images = Image.fromarray(design).convert("RGBa"), []
    fine = SIZE * ceil(SIDE / SIZE / poses.PITCH)
    for _ in range(count):
        roll = scene.random(poses.ROLLS, np.float32)
        turn, (across, down) = poses.TURN * (2 * roll[0] - 1), 2 * roll[1:3] - 1
        scale = poses.SIZES[0] + (poses.SIZES[1] - poses.SIZES[0]) * roll[3]
        cos, sin = np.cos(turn) / scale, np.sin(turn) / scale
        x, y = (SIDE / 2 * (1 + each * (1 - scale)) for each in (across, down))
        shift = SIDE / 2 - cos * x - sin * y, SIDE / 2 + sin * x - cos * y
        cos, sin = cos * SIDE / fine, sin * SIDE / fine
        back = cos, sin, shift[0], -sin, cos, shift[1]
        posed = known.transform((fine, fine), Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
        pixels = np.asarray(posed.reduce(fine // SIZE), np.float32).transpose(2, 0, 1) / 255
        pixels = pixels[:3] + (1 - pixels[3]) * poses._ground(roll[None, 4:], SIZE)[0]
        pixels = pixels * (poses.LIGHT[0] + (poses.LIGHT[1] - poses.LIGHT[0]) * roll[4])
        pixels += poses.GRAIN * grain.standard_normal(pixels.shape, np.float32)
        images.append(np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8))
    return images


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """A row for each way; `ratio` is its time over ours, the median over the repetitions."""
    return pd.DataFrame({
        "how": rows.columns,
        "median": rows.median().array,
        "lowest": rows.min().array,
        "highest": rows.max().array,
        "ratio": rows.div(rows[OURS], axis=0).median().array,
        "repetitions": len(rows),
        "goal": GOAL,
    }).assign(met=lambda table: table["median"] <= table.goal)  # fmt: skip


if __name__ == "__main__":
    main()
