"""Draw the picture of the README, book/assets/picture.png, from the networks of `make train`."""

from pathlib import Path

from matplotlib import pyplot as plt

from transferlab import Lab
from transferlab.chapters import figures
from transferlab.store.sweeps import shown_jobs


def main():
    lab = Lab(scale="laptop")
    table = lab.train(shown_jobs()).query("target == 'B'")
    ax = figures.accuracy_over_n(table, chance=1 / len(lab.task("B").classes), ax=figures.new_axes(7.2, 4.2))
    ax.set_title("Kingdoms, random split, laptop scale, one network a point")
    plt.savefig(Path(__file__).parent / "assets" / "picture.png", dpi=120)


if __name__ == "__main__":
    main()
