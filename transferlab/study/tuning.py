"""Every network its own rate: which were tried, and which is used, by condition, n and images a class.

A comparison of conditions is fair only if each is trained as well as it can be. With few images the best rate of a
fine-tuned network is a tenth of the best rate from scratch, so one rate for all decides the outcome. Here rates are
chosen on images and splits that are never reported: further training images of Kingdoms, and the seeds 101 and 102.

The search is greedy, in stages, since some networks copy others: first what is trained on copies of baseA or on
nothing, over the learning rate (and, from scratch, the weight decay); then, at the best rate of each, a lower rate for
the layers that were copied, and a longer training (with fewer than WORTH images a class, from scratch only: there it
gains a fraction of a point); then the same for what copies one of those. The best is what has the highest mean accuracy
over both splits.
"""

from functools import partial
from itertools import product
from pathlib import Path

import pandas as pd

from transferlab.lab import Lab
from transferlab.notation import Treatment
from transferlab.store import Run
from transferlab.study import PRECISION, RESULTS, ledger, published_row

Fields = dict[str, float]
Tuned = dict[str, Fields]

KINGDOMS = "kingdoms"
DATASET = f"{KINGDOMS}-validation"
SPLIT = "random"
SEEDS = (101, 102)  # of no published network
TARGET = "B"
DEPTHS = (1, 4, 7)
IMAGES = (5, 10, 20, 50, 100)  # of a class
RATES = (0.3, 0.1, 0.03, 0.01)
GENTLE = (0.1, 0.03, 0.01, 0.003)  # of a second stage
STRONG = 0.1  # a weight decay that is tried from scratch
SHORT: Fields = {"epochs": 20, "curve_every": 20}  # with few images, of as many steps as all images would take
LONG: Fields = {"epochs": 48, "curve_every": 48}
WORTH = 20  # images of a class, from which on every network is also tried with the longer training
SLOWER = 0.1  # the rate of layers that were copied, as a multiple
FIRST, SECOND = ("base", "AnB", "AnB+"), ("BnB+", "AnB++")
STAGES = 4  # rates of FIRST; what else is tuned of them; the same of SECOND
COLUMNS = (
    "images", "network", "condition", "n", "seed", "learning_rate", "weight_decay", "copied_rate", "epochs", "accuracy",
    "train_loss", "run", "hardware", "torch", "trained_at",
)  # fmt: skip
FIELDS = ["learning_rate", "weight_decay", "copied_rate", "epochs"]
ORDER = ["images", "condition", "n", *FIELDS, "seed"]


def names(conditions: tuple[str, ...]) -> list[str]:
    """List the networks of some conditions that are tuned.

    >>> names(("base", "AnB++"))
    ['baseB', 'A1B++', 'A4B++', 'A7B++']
    """
    return list(dict.fromkeys(str(Treatment.of(each, n, TARGET)) for each in conditions for n in DEPTHS))


def usual_length(images: int) -> Fields:
    """Return how long a network is trained with that many images a class, before longer trainings are tried."""
    return LONG if images == IMAGES[-1] else SHORT


def trials(images: int, stage: int, known: Tuned) -> list[Tuned]:
    """Return what to try in one of the STAGES with that many images a class, each as a recipe's `tuned`.

    `known` are the best values of the stages before.
    """
    length = usual_length(images)
    mine = names(FIRST if stage < 2 else SECOND)
    if stage in (0, 2):
        two_stage = {name: Treatment.parse(name).two_stage for name in mine}
        rates = [
            {name: {"learning_rate": gentle if second else rate} | length for name, second in two_stage.items()}
            for rate, gentle in zip(RATES, GENTLE, strict=True)
        ]
        decayed = [{"baseB": {"learning_rate": rate, "weight_decay": STRONG} | length} for rate in RATES[1:]]
        return rates + decayed * (stage == 0)
    copied = [name for name in mine if Treatment.parse(name).fine_tuned]
    longer = [name for name in mine if images >= WORTH or name == "baseB"] if length is SHORT else []
    more = [
        {name: known[name] | {"copied_rate": SLOWER} for name in copied},
        {name: known[name] | LONG for name in longer},
    ]
    return [each for each in more if each]


def best(tried: pd.DataFrame, images: int) -> Tuned:
    """Return the best fields of every network with that many images a class: the highest mean accuracy over SEEDS.

    Only what was tried on every seed counts. `tried` is a table of COLUMNS.
    """
    rows = tried[tried.images == images]
    means = rows.groupby(["network", *FIELDS]).accuracy.agg(["mean", "count"])
    means = means[means["count"] == len(SEEDS)]["mean"].reset_index()
    winners = means.sort_values("mean", kind="stable").groupby("network").tail(1)
    return {row.network: fields(row) for row in winners.itertuples()}


def at_rates(tried: pd.DataFrame, images: int) -> pd.DataFrame:
    """Return what was tried with that many images a class and differs in nothing but its learning rate.

    `tried` is a table of COLUMNS; the result has some of its rows.
    """
    plain = (tried.copied_rate == 1) & (tried.weight_decay != STRONG)
    return tried[plain & (tried.images == images) & (tried.epochs == usual_length(images)["epochs"])]


def fields(row) -> Fields:
    """Return what a row of the table says of its network's training, as a recipe's `tuned` has it."""
    own = {name: getattr(row, name) for name in FIELDS}
    return own | {"epochs": int(row.epochs), "curve_every": int(row.epochs)}


def plan(path: Path) -> str:
    """Say how many networks are tried, at most, and how many of them the table at `path` holds.

    >>> plan(Path("nowhere.csv")).partition(";")[2]
    ' 0 are in nowhere.csv'
    """
    first = {name: {"learning_rate": RATES[0]} for name in names((*FIRST, *SECOND))}
    count = sum(
        len(trial) * len(SEEDS)
        for images in IMAGES
        for stage in range(STAGES)
        for trial in trials(images, stage, first)
    )
    return (
        f"{count} networks on {len(SEEDS)} splits, for {len(IMAGES)} numbers of images; {len(read(path))} are in {path}"
    )


def tune(path: Path, images: tuple[int, ...] = IMAGES, **options) -> pd.DataFrame:
    """Train what the table at `path` lacks, write the rows of each trial when it is finished, and return the table.

    `options` are those of `Lab`, such as `runs`. A network that is in the table, by the digest of all that determines
    it, is not trained again. Raises ValueError if another process is writing the table.
    """
    whole = Lab(DATASET, precision=PRECISION, **options)
    with ledger.writing(path):
        for count, stage in product(images, range(STAGES)):
            known = best(read(path), count)
            for trial in trials(count, stage, known):
                lab = whole.changed(**recipe(count, known | trial))
                jobs = [(name, SPLIT, seed) for name in trial for seed in SEEDS]
                ledger.train(path, lab, jobs, partial(_row, lab, count), ORDER)
    return read(path)


def read(path: Path) -> pd.DataFrame:
    """Read the table at `path`; without rows if there is no file."""
    return ledger.read(path, COLUMNS)


def published() -> pd.DataFrame:
    """Return what was tried for the published networks."""
    return read(RESULTS / "tuning.csv")


def recipe(images: int, tuned: Tuned, target: str = TARGET) -> dict:
    """Return the changes of a recipe for a target task with that many images a class; `tuned` is as for TARGET."""
    into = {str(Treatment.parse(name).into(target)): own for name, own in tuned.items()}
    return {"train_per_class": {target: int(images)}, "tuned": into}


def _row(lab: Lab, images: int, run: Run) -> pd.DataFrame:
    own = lab.recipe.of(run.treatment)
    return published_row(run).assign(images=images, **{name: getattr(own, name) for name in FIELDS})[list(COLUMNS)]
