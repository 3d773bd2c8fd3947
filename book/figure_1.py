"""Draw the treatments, after the paper's Figure 1: book/assets/figure_1.svg."""

import sys
from pathlib import Path

from matplotlib import pyplot as plt

from transferlab import Treatment
from transferlab.chapters import figures

NAMES = ("baseB", "B3B", "B3B+", "A3B", "A3B+", "R3B")


def main(path: Path = Path(__file__).parent / "assets" / "figure_1.svg"):
    # names stay text, and the file is the same whenever it is drawn
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "figure 1"}):
        figure, axes = plt.subplots(len(NAMES), figsize=(6.4, 8.4), layout="constrained")
        for name, ax in zip(NAMES, axes, strict=True):
            figures.diagram(Treatment.parse(name), ax)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
