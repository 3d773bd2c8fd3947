"""Is the laptop recipe converged? Asked on validation images and on seeds that are never reported.

    python tests/benchmarks/recipe.py            about 10 minutes on 2 cores; writes book/results/recipe.csv

A base network that could still improve would make every retrained network look good. So for several splits this
trains, on Kingdoms without its test images, the base, the base with twice the epochs, and B1B (a fresh network over
the base's first layer), and compares their accuracies on training images that were held out.
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import pandas as pd
from scipy import stats

from transferlab import datasets, networks, splits, training
from transferlab.engine import recipes
from transferlab.study import RESULTS
from transferlab.system.machine import one_thread
from transferlab.transplant import transplant

TASKS = [(seed, name) for seed in (101, 102, 103) for name in "AB"]
PATH = RESULTS / "recipe.csv"


def main():
    with ProcessPoolExecutor(max_workers=2) as pool:
        rows = []
        for row in pool.map(measure, TASKS):
            rows.append(row)
            print(row, flush=True)
    table = pd.DataFrame(rows)
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(PATH, index=False, float_format="%.5f")
    for name in ("twice_the_epochs", "B1B"):
        gain = 100 * (table[name] - table.base)
        low, high = stats.t.interval(0.95, len(gain) - 1, gain.mean(), stats.sem(gain))
        print(f"{name} minus base: {gain.mean():+.2f} points, 95 % [{low:+.2f}, {high:+.2f}], {len(gain)} pairs")


def measure(task: tuple[int, str]) -> dict:
    """Validation accuracies for one task of one split."""
    seed, name = task
    recipe = recipes.recipe_for("laptop").on("cpu")
    count = recipe.data["train_per_class"]
    data = datasets.load("kingdoms", train_per_class=2 * count, test_per_class=1).for_validation(count)
    mine = splits.task(data, "random", seed, name)
    longer = replace(recipe, epochs=2 * recipe.epochs)

    def trained(network, frozen, recipe, order):
        with one_thread():
            return training.train(network, frozen, mine, recipe, order)[-1]["test_accuracy"]

    def fresh(purpose):
        return networks.build(recipe.network, len(mine.classes), recipe.size, 10 * seed + purpose)

    base, twice = fresh(0), fresh(0)
    return {
        "seed": seed,
        "task": name,
        "epochs": recipe.epochs,
        "base": trained(base, 0, recipe, seed),
        "twice_the_epochs": trained(twice, 0, longer, seed),
        "B1B": trained(transplant(base, 1, fresh(1)), 1, recipe, seed + 1),
    }


if __name__ == "__main__":
    main()
