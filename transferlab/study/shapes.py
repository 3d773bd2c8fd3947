"""The study for networks of other shapes, each with its own recipe: so far a small residual network.

Rates and decays are tried for their bases, on validation images and splits that no other table reports, and the recipe
with the highest mean accuracy is used for all conditions of that network, as one recipe was in 2014.
"""

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

NETWORKS = ("mini_resnet",)
RATES = (0.3, 0.1, 0.03)
DECAYS = (3e-2, 1e-2, 3e-3)
EPOCHS = 48  # with 24 the base of mini_resnet is not converged: B1B gains 9 points
STUDY = Study(((DISSIMILAR, DEPTHS, "random", range(3), TASKS),))
FIELDS = ["learning_rate", "weight_decay", "epochs"]
ORDER = ["shape", *FIELDS, "seed"]
COLUMNS = (*ORDER, "accuracy", "train_loss", "run", "hardware", "torch", "trained_at")


def plan(path: Path) -> str:
    """Say how many bases are tried, or how many networks a study has, and how many the table at `path` holds.

    >>> plan(Path("shapes_tuning.csv")), plan(Path("nowhere/mini_resnet.csv"))
    ('18 bases are tried; 0 are in shapes_tuning.csv', '174 networks; 0 are in nowhere/mini_resnet.csv')
    """
    tries = len(NETWORKS) * len(RATES) * len(DECAYS) * len(SEEDS)
    what = f"{len(STUDY.jobs())} networks" if path.stem in NETWORKS else f"{tries} bases are tried"
    return f"{what}; {len(ledger.read(path, ('run',)))} are in {path}"


def tune(path: Path, **options) -> pd.DataFrame:
    """Train what the table at `path` lacks, write the rows of each recipe when it is finished, and return the table.

    `options` are those of `Lab`. Raises ValueError if another process is writing the table.
    """
    with ledger.writing(path):
        for shape, rate, decay in product(NETWORKS, RATES, DECAYS):
            recipe: dict[str, Any] = {"learning_rate": rate, "weight_decay": decay, "epochs": EPOCHS}
            lab = Lab(DATASET, precision=PRECISION, network=shape, **recipe, **options)
            jobs = [(f"base{TARGET}", SPLIT, seed) for seed in SEEDS]
            ledger.train(path, lab, jobs, partial(_row, shape, recipe), ORDER)
    return read_tried(path)


def _row(shape: str, recipe: dict, run: Run) -> pd.DataFrame:
    return published_row(run).assign(shape=shape, **recipe)[list(COLUMNS)]


def read_tried(path: Path) -> pd.DataFrame:
    """Read the table of `tune` at `path`; without rows if there is no file."""
    return ledger.read(path, COLUMNS)


def best(tried: pd.DataFrame, shape: str) -> dict:
    """Return the recipe of a network: of those that were tried on every split, that of the highest mean accuracy.

    Raises ValueError if none was tried.
    """
    means = tried[tried["shape"] == shape].groupby(FIELDS).accuracy.agg(["mean", "count"])
    whole = means[means["count"] == len(SEEDS)]
    if not len(whole):
        raise ValueError(f"no recipe was tried for {shape}; run python -m transferlab study shapes_tuning first")
    rate, decay, epochs = whole["mean"].idxmax()
    return {"learning_rate": float(rate), "weight_decay": float(decay), "epochs": int(epochs)}


def train(path: Path, tried: pd.DataFrame, overwrite: bool = False, **options) -> pd.DataFrame:
    """Train what the table at `path`, named after one of NETWORKS, lacks; write each row, and return the table.

    `tried` is the table of `tune`. Raises ValueError as `best` and `study.publish` do.
    """
    shape = path.stem
    lab = Lab(precision=PRECISION, network=shape, **best(tried, shape), **options)
    return publish(lab, path, STUDY, overwrite)


def published(shape: str) -> pd.DataFrame:
    """Return the published table of one of NETWORKS."""
    return read_networks(RESULTS / f"{shape}.csv")


def recipe(shape: str) -> dict:
    """Return the recipe of the published table of one of NETWORKS, as `best` does."""
    return best(read_tried(RESULTS / "shapes_tuning.csv"), shape)
