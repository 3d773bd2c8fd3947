"""The study for networks of today's shapes, each with its own recipe: a small residual network and a small transformer.

Each learns Kingdoms, and 80 classes of Emoji. Rates and decays are tried for its bases there, on validation images and
splits that no other table reports, and the recipe with the highest mean accuracy is used for all conditions of that
network, as one recipe was in 2014. The best is then trained for twice as many epochs, to say how far from converged it
is.
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
from transferlab.study import DISSIMILAR, PRECISION, RESULTS, STUDIES, Study, ledger, publish, published_row
from transferlab.study import read as read_networks
from transferlab.study.tuning import KINGDOMS, SEEDS, SPLIT, TARGET

EMOJI = "emoji"


@dataclass(frozen=True)
class Search:
    """What is tried for the bases of a network on one data set, and what all its recipes share."""

    network: str
    dataset: str
    rates: tuple[float, ...]
    decays: tuple[float, ...]
    epochs: int
    fields: dict[str, Any] = field(default_factory=dict)

    def recipe(self, learning_rate: float, weight_decay: float, epochs: int) -> dict[str, Any]:
        """Return the fields of a recipe, as `Lab` takes them."""
        return self.fields | {"learning_rate": learning_rate, "weight_decay": weight_decay, "epochs": epochs}


# a transformer overfits the laptop scale's 100 images of a class, so it has five times as many, in fewer epochs, and on
# Emoji three times as many draws of each design; and bfloat16 slows its small matrices down
MANY = {"train_per_class": 500, "test_per_class": 200}
FEW_CLASSES = STUDIES["emoji_80"].changes["data"]  # those of the plain network's study, to be compared with
MANY_DRAWS = {**FEW_CLASSES, "draws": 3 * FEW_CLASSES["draws"]}
OF_RESNET = {"precision": PRECISION}
OF_VIT = {"optimizer": "adamw", "precision": "float32"}
SEARCHES = {  # by the name of the study that uses the best
    "mini_resnet": Search("mini_resnet", KINGDOMS, (0.3, 0.1, 0.03), (3e-2, 1e-2, 3e-3), 48, OF_RESNET),
    "mini_vit": Search("mini_vit", KINGDOMS, (12e-3, 6e-3, 3e-3), (0.1,), 10, {**OF_VIT, "data": MANY}),
    "mini_resnet_emoji": Search(
        "mini_resnet", EMOJI, (0.3, 0.1, 0.03), (1e-2,), 24, {**OF_RESNET, "data": FEW_CLASSES, "curve_every": 24}
    ),
    "mini_vit_emoji": Search(
        "mini_vit", EMOJI, (12e-3, 6e-3, 3e-3), (0.1,), 6, {**OF_VIT, "data": MANY_DRAWS, "curve_every": 6}
    ),
}
LONGER = 2  # times the epochs of the best recipe, to see whether it is converged
TUNED = {"shapes_tuning": KINGDOMS, "shapes_tuning_emoji": EMOJI}  # the tables of what was tried, and where
STUDY = Study(((DISSIMILAR, DEPTHS, "random", range(3), TASKS),))
FIELDS = ["learning_rate", "weight_decay", "epochs"]
ORDER = ["shape", *FIELDS, "seed"]
COLUMNS = (*ORDER, "accuracy", "train_loss", "run", "hardware", "torch", "trained_at")


def studies(dataset: str) -> tuple[str, ...]:
    """Return the names of the studies on a data set.

    >>> studies("emoji")
    ('mini_resnet_emoji', 'mini_vit_emoji')
    """
    return tuple(name for name, search in SEARCHES.items() if search.dataset == dataset)


def tuning_table(name: str) -> str:
    """Return the name of the table of what was tried for a study.

    >>> tuning_table("mini_vit_emoji")
    'shapes_tuning_emoji'
    """
    return next(table for table, dataset in TUNED.items() if dataset == SEARCHES[name].dataset)


def plan(path: Path) -> str:
    """Say how many bases are tried, or how many networks a study has, and how many the table at `path` holds.

    >>> plan(Path("shapes_tuning.csv")), plan(Path("nowhere/mini_resnet.csv"))
    ('28 bases are tried; 0 are in shapes_tuning.csv', '174 networks; 0 are in nowhere/mini_resnet.csv')
    """
    tried = [SEARCHES[name] for name in studies(TUNED[path.stem])] if path.stem in TUNED else []
    recipes = sum(len(search.rates) * len(search.decays) + 1 for search in tried)
    what = f"{recipes * len(SEEDS)} bases are tried" if tried else f"{len(STUDY.jobs())} networks"
    return f"{what}; {len(ledger.read(path, ('run',)))} are in {path}"


def tune(path: Path, **options) -> pd.DataFrame:
    """Train what the table at `path`, one of TUNED, lacks, write the rows of each recipe when it is finished.

    `options` are those of `Lab`. Returns the table. Raises ValueError if another process is writing it.
    """
    with ledger.writing(path):
        for name in studies(TUNED[path.stem]):
            search = SEARCHES[name]
            for rate, decay in product(search.rates, search.decays):
                _try(path, search, search.recipe(rate, decay, search.epochs), **options)
            _try(path, search, best(read_tried(path), name) | {"epochs": LONGER * search.epochs}, **options)
    return read_tried(path)


def _try(path: Path, search: Search, recipe: dict[str, Any], **options) -> None:
    lab = Lab(f"{search.dataset}-validation", network=search.network, **recipe, **options)
    jobs = [(f"base{TARGET}", SPLIT, seed) for seed in SEEDS]
    ledger.train(path, lab, jobs, partial(_row, search.network, {name: recipe[name] for name in FIELDS}), ORDER)


def _row(shape: str, tried: dict[str, Any], run: Run) -> pd.DataFrame:
    return published_row(run).assign(shape=shape, **tried)[list(COLUMNS)]


def read_tried(path: Path) -> pd.DataFrame:
    """Read the table of `tune` at `path`; without rows if there is no file."""
    return ledger.read(path, COLUMNS)


def best(tried: pd.DataFrame, name: str) -> dict[str, Any]:
    """Return the recipe of a study: of its search, if tried on every split, that of the highest mean accuracy.

    Raises ValueError if none was tried.
    """
    search = SEARCHES[name]
    means = _means(tried, name)
    means = means[means.index.get_level_values("epochs") == search.epochs]
    if not len(means):
        raise ValueError(f"no recipe was tried for {name}; run python -m transferlab study {tuning_table(name)} first")
    rate, decay, epochs = means.idxmax()
    return search.recipe(float(rate), float(decay), int(epochs))


def gained(tried: pd.DataFrame, name: str) -> float:
    """Return what a study's bases gain from LONGER times the epochs of its recipe, in points; NaN if not tried."""
    known = best(tried, name)
    at = (known["learning_rate"], known["weight_decay"])
    means = _means(tried, name)
    return 100 * (means.get((*at, LONGER * known["epochs"]), float("nan")) - means[(*at, known["epochs"])])


def _means(tried: pd.DataFrame, name: str) -> pd.Series:
    """Return the mean accuracy of each recipe that was tried on every split, by FIELDS."""
    means = tried[tried["shape"] == SEARCHES[name].network].groupby(FIELDS).accuracy.agg(["mean", "count"])
    return means[means["count"] == len(SEEDS)]["mean"]


def laboratory(name: str, tried: pd.DataFrame, **options) -> Lab:
    """Return the Lab that trains a study with the best of what was tried; `options` as of `Lab`.

    Raises ValueError as `best` does.
    """
    search = SEARCHES[name]
    return Lab(search.dataset, network=search.network, **best(tried, name), **options)


def train(path: Path, tried: pd.DataFrame, overwrite: bool = False, **options) -> pd.DataFrame:
    """Train what the table at `path`, named after one of SEARCHES, lacks; write each row, and return the table.

    `tried` is the table of `tune`. Raises ValueError as `best` and `study.publish` do.
    """
    return publish(laboratory(path.stem, tried, **options), path, STUDY, overwrite)


def published(name: str) -> pd.DataFrame:
    """Return the published table of a study."""
    return read_networks(RESULTS / f"{name}.csv")


def published_tuning(name: str) -> pd.DataFrame:
    """Return the published table of what was tried for a study."""
    return read_tried(RESULTS / f"{tuning_table(name)}.csv")


def recipe(name: str) -> dict[str, Any]:
    """Return the recipe of a published study, as `best` does."""
    return best(published_tuning(name), name)
