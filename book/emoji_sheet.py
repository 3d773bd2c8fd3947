"""Draw the sheet of designs of chapter 14, book/emoji_sheet.webp: a row a thing, a column a set.

    python -m transferlab prepare emoji; python book/emoji_sheet.py

Each design is in a random pose on a random ground, as networks see it, but at 64 pixels. The sheet is derived from the
sets, whose licences the data sheet names; a book is built without them, so the picture is kept.
"""

from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from PIL import Image

from transferlab.datasets.emoji import archives, classes, poses, prepared

THINGS = ("dog-face", "bicycle", "banana", "rocket", "tomato", "octopus", "saxophone")
PATH = Path(__file__).with_suffix(".webp")


def main():
    folder = prepared.default_folder()
    manifest = prepared.finished_manifest(folder)
    names = [thing.name for thing in classes.parsed(manifest["table"])]
    figure, axes = plt.subplots(
        len(THINGS), len(archives.SETS), figsize=(9.6, 7.9), gridspec_kw={"wspace": 0.04, "hspace": 0.04}
    )
    for column, (each, ends) in enumerate(zip(archives.SETS, axes.T, strict=True)):
        designs = prepared.read_designs(folder, each.name, manifest["sets"][each.name]["sha256"])
        for ax, thing in zip(ends, THINGS, strict=True):
            row = names.index(thing)
            if row in designs:
                ax.imshow(np.moveaxis(poses.draw(designs[row], 1, 64, [1, row, column])[0], 0, -1))
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        ends[0].set_title(each.name.replace("-", "\n", 1), fontsize=10)
        ends[-1].set_xlabel(each.part, fontsize=10, weight="bold" if each.part == "test" else "normal")
    pixels = BytesIO()
    figure.savefig(pixels, dpi=100, bbox_inches="tight", facecolor="white")
    Image.open(pixels).convert("RGB").save(PATH, quality=85)


if __name__ == "__main__":
    main()
