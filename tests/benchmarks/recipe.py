"""Is the laptop recipe of a data set converged? Asked on validation images and on seeds that are never reported.

    python tests/benchmarks/recipe.py            about 10 minutes on 2 cores; writes book/results/recipe.csv
    python tests/benchmarks/recipe.py emoji      about 20 minutes; writes book/results/emoji_recipe.csv

A base network that could still improve would make every retrained network look good. So for several splits this
trains, without the test images, the base, the base with twice the epochs, and B1B (a fresh network over the base's
first layer), and compares their accuracies on images that were held out. With FIELD=VALUE it tries another recipe, and
prints what comes out without writing it.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

import pandas as pd
import yaml
from scipy import stats

from transferlab import datasets, networks, splits, training
from transferlab.engine import recipes
from transferlab.study import RESULTS
from transferlab.system.machine import one_thread
from transferlab.transplant import transplant

SEEDS = {"kingdoms": (101, 102, 103), "emoji": (101, 102)}
PATHS = {"kingdoms": RESULTS / "recipe.csv", "emoji": RESULTS / "emoji_recipe.csv"}


def main(dataset: str, changes: dict) -> None:
    tasks = [(seed, name) for seed in SEEDS[dataset] for name in "AB"]
    with ProcessPoolExecutor(max_workers=2) as pool:
        rows = []
        for row in pool.map(partial(measure, dataset, changes), tasks):
            rows.append(row)
            print(row, flush=True)
    table = pd.DataFrame(rows)
    if not changes:
        table.to_csv(PATHS[dataset], index=False, float_format="%.5f")
    for name in ("twice_the_epochs", "B1B"):
        gain = 100 * (table[name] - table.base)
        low, high = stats.t.interval(0.95, len(gain) - 1, gain.mean(), stats.sem(gain))
        print(f"{name} minus base: {gain.mean():+.2f} points, 95 % [{low:+.2f}, {high:+.2f}], {len(gain)} pairs")


def measure(dataset: str, changes: dict, task: tuple[int, str]) -> dict:
    """Validation accuracies for one task of one split."""
    seed, name = task
    recipe = recipes.recipe_for("laptop", dataset, **changes).on("cpu")
    data = held_out(dataset, recipe)
    mine = splits.task(data, "random", seed, name)
    longer = replace(recipe, epochs=2 * recipe.epochs)

    def trained(network, frozen, recipe, order):
        with one_thread():
            return training.train(network, frozen, mine, recipe, order)[-1]

    def fresh(purpose):
        return networks.build(recipe.network, len(mine.classes), recipe.size, 10 * seed + purpose)

    base, twice = fresh(0), fresh(0)
    last = trained(base, 0, recipe, seed)
    best = training.predict(base, mine.test_images, recipe).topk(5).indices.numpy()
    return {
        "seed": seed,
        "task": name,
        "epochs": recipe.epochs,
        "base": last["test_accuracy"],
        "base_top_5": float((best == mine.test_labels[:, None]).any(1).mean()),
        "train_loss": round(last["train_loss"], 4),
        "twice_the_epochs": trained(twice, 0, longer, seed)["test_accuracy"],
        "B1B": trained(transplant(base, 1, fresh(1)), 1, recipe, seed + 1)["test_accuracy"],
    }


def held_out(dataset: str, recipe: recipes.Recipe) -> datasets.DataSet:
    """Return the data set without its test images: other training images are tested on."""
    options = dict(recipe.data)
    if dataset == "kingdoms":
        options["test_per_class"] = options["train_per_class"]
    return datasets.load(f"{dataset}-validation", size=recipe.size, **options)


if __name__ == "__main__":
    asked = [each for each in sys.argv[1:] if "=" not in each]
    tried = dict(each.split("=", 1) for each in sys.argv[1:] if "=" in each)
    main(*asked or ["kingdoms"], changes={name: yaml.safe_load(value) for name, value in tried.items()})
