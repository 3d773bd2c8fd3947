"""The study for networks of today's shapes, each with its own recipe: a small residual network and a small transformer.

Rates and decays are tried for their bases, on validation images and splits that no other table reports, and the recipe
with the highest mean accuracy is used for all conditions of that network, as one recipe was in 2014. The best is then
trained for twice as many epochs, to say how far from converged it is.
"""

from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from transferlab.lab import Lab
from transferlab.notation import DEPTHS, TASKS
from transferlab.store import Run
from transferlab.study import DISSIMILAR, PRECISION, RESULTS, Study, ledger, publish, published_row
from transferlab.study import read as read_networks
from transferlab.study.tuning import DATASET, SEEDS, SPLIT, TARGET


@dataclass(frozen=True)
class Search:
    """What is tried for the base of one shape, and what all its recipes share."""

    rates: tuple[float, ...]
    decays: tuple[float, ...]
    epochs: int
    fields: dict[str, Any] = field(default_factory=dict)

    def recipe(self, learning_rate: float, weight_decay: float, epochs: int) -> dict[str, Any]:
        """Return the fields of a recipe, as `Lab` takes them."""
        return self.fields | {"learning_rate": learning_rate, "weight_decay": weight_decay, "epochs": epochs}


# a transformer overfits the laptop scale's 100 images of a class, so it has five times as many, in fewer epochs; and
# bfloat16 slows its small matrices down
MANY = {"train_per_class": 500, "test_per_class": 200}
SEARCHES = {
    "mini_resnet": Search((0.3, 0.1, 0.03), (3e-2, 1e-2, 3e-3), 48, {"precision": PRECISION}),
    "mini_vit": Search((12e-3, 6e-3, 3e-3), (0.1,), 10, {"optimizer": "adamw", "precision": "float32", "data": MANY}),
}
NETWORKS = tuple(SEARCHES)
LONGER = 2  # times the epochs of the best recipe, to see whether it is converged
STUDY = Study(((DISSIMILAR, DEPTHS, "random", range(3), TASKS),))
FIELDS = ["learning_rate", "weight_decay", "epochs"]
ORDER = ["shape", *FIELDS, "seed"]
COLUMNS = (*ORDER, "accuracy", "train_loss", "run", "hardware", "torch", "trained_at")


def plan(path: Path) -> str:
    """Say how many bases are tried, or how many networks a study has, and how many the table at `path` holds.

    >>> plan(Path("shapes_tuning.csv")), plan(Path("nowhere/mini_resnet.csv"))
    ('28 bases are tried; 0 are in shapes_tuning.csv', '174 networks; 0 are in nowhere/mini_resnet.csv')
    """
    recipes = sum(len(search.rates) * len(search.decays) + 1 for search in SEARCHES.values())
    what = f"{len(STUDY.jobs())} networks" if path.stem in NETWORKS else f"{recipes * len(SEEDS)} bases are tried"
    return f"{what}; {len(ledger.read(path, ('run',)))} are in {path}"


def tune(path: Path, **options) -> pd.DataFrame:
    """Train what the table at `path` lacks, write the rows of each recipe when it is finished, and return the table.

    `options` are those of `Lab`. Raises ValueError if another process is writing the table.
    """
    with ledger.writing(path):
        for shape, search in SEARCHES.items():
            for rate, decay in product(search.rates, search.decays):
                _try(path, shape, search.recipe(rate, decay, search.epochs), **options)
            _try(path, shape, best(read_tried(path), shape) | {"epochs": LONGER * search.epochs}, **options)
    return read_tried(path)


def _try(path: Path, shape: str, recipe: dict[str, Any], **options) -> None:
    lab = Lab(DATASET, network=shape, **recipe, **options)
    jobs = [(f"base{TARGET}", SPLIT, seed) for seed in SEEDS]
    ledger.train(path, lab, jobs, partial(_row, shape, {name: recipe[name] for name in FIELDS}), ORDER)


def _row(shape: str, tried: dict[str, Any], run: Run) -> pd.DataFrame:
    return published_row(run).assign(shape=shape, **tried)[list(COLUMNS)]


def read_tried(path: Path) -> pd.DataFrame:
    """Read the table of `tune` at `path`; without rows if there is no file."""
    return ledger.read(path, COLUMNS)


def best(tried: pd.DataFrame, shape: str) -> dict[str, Any]:
    """Return the recipe of a network: of its search, if tried on every split, that of the highest mean accuracy.

    Raises ValueError if none was tried.
    """
    search = SEARCHES[shape]
    means = _means(tried, shape)
    means = means[means.index.get_level_values("epochs") == search.epochs]
    if not len(means):
        raise ValueError(f"no recipe was tried for {shape}; run python -m transferlab study shapes_tuning first")
    rate, decay, epochs = means.idxmax()
    return search.recipe(float(rate), float(decay), int(epochs))


def gained(tried: pd.DataFrame, shape: str) -> float:
    """Return what a network's base gains from LONGER times the epochs of its recipe, in points; NaN if not tried."""
    known = best(tried, shape)
    at = (known["learning_rate"], known["weight_decay"])
    means = _means(tried, shape)
    return 100 * (means.get((*at, LONGER * known["epochs"]), float("nan")) - means[(*at, known["epochs"])])


def _means(tried: pd.DataFrame, shape: str) -> pd.Series:
    """Return the mean accuracy of each recipe that was tried on every split, by FIELDS."""
    means = tried[tried["shape"] == shape].groupby(FIELDS).accuracy.agg(["mean", "count"])
    return means[means["count"] == len(SEEDS)]["mean"]


def train(path: Path, tried: pd.DataFrame, overwrite: bool = False, **options) -> pd.DataFrame:
    """Train what the table at `path`, named after one of NETWORKS, lacks; write each row, and return the table.

    `tried` is the table of `tune`. Raises ValueError as `best` and `study.publish` do.
    """
    shape = path.stem
    lab = Lab(network=shape, **best(tried, shape), **options)
    return publish(lab, path, STUDY, overwrite)


def published(shape: str) -> pd.DataFrame:
    """Return the published table of one of NETWORKS."""
    return read_networks(RESULTS / f"{shape}.csv")


def recipe(shape: str) -> dict[str, Any]:
    """Return the recipe of the published table of one of NETWORKS, as `best` does."""
    return best(read_tried(RESULTS / "shapes_tuning.csv"), shape)
