"""The networks of the question when transfer pays: few and many images of the target, each network at its own rate.

Similar tasks (random halves) and dissimilar ones (natural and man-made), both directions, n = 1, 4 and 7. What every
network is trained with comes from `tuning`. The base that is copied is that of the other task; or one of Emoji, which
has never seen Kingdoms: then tasks are B of random halves, and rates are those that suit a base of Kingdoms.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from transferlab import study
from transferlab.lab import Lab
from transferlab.notation import OTHER, TASKS, TWO_STAGE, Job, Treatment, with_parents
from transferlab.store import Run
from transferlab.store.sweeps import COLUMNS, sweep_jobs
from transferlab.study import ORDER as WITHIN
from transferlab.study import PRECISION, RESULTS, ledger, published_row, tuning
from transferlab.study.claims import TASK

CONDITIONS = ("base", "AnB", "BnB+", "AnB+", "AnB++")
SEEDS = range(4)
IMAGES = {"random": tuning.IMAGES, "kingdom": (10, 100)}  # of a class of the target
FAR = "emoji"  # the other data set whose bases are donors: those of A of its four halves, then those of B
FAR_CONDITIONS = ("base", "AnB", "AnB++")
FAR_IMAGES = (10, 20, 50)
FAR_HALVES = 4
ORDER = ["images", *WITHIN]


@dataclass(frozen=True)
class Part:
    """The networks of one target task with that many images a class, and the data set of the base they copy."""

    split: str
    seed: int
    target: str
    images: int
    donor: str = tuning.KINGDOMS

    def jobs(self) -> list[Job]:
        """List the networks that are reported: those trained on the target."""
        conditions = FAR_CONDITIONS if self.donor == FAR else CONDITIONS
        listed = sweep_jobs(conditions, tuning.DEPTHS, self.split, [self.seed], [self.target])
        return [job for job in listed if Treatment.parse(job[0]).target == self.target]

    def base(self, whole: Lab) -> Run:
        """Return the base that is copied, found in the store of a Lab without the changes of this part, or trained."""
        if self.donor != FAR:
            return whole.run(f"base{OTHER[self.target]}", self.split, self.seed)
        name = f"base{TASKS[self.seed // FAR_HALVES]}"
        return whole.changed(dataset=FAR).run(name, "random", self.seed % FAR_HALVES)


def parts(donor: str = tuning.KINGDOMS) -> list[Part]:
    """List the study with donors of one data set, so that one that is stopped early has whole seeds.

    >>> len(parts()), len(parts()[0].jobs())
    (56, 13)
    >>> len(parts("emoji")), len(parts("emoji")[0].jobs())
    (24, 7)
    """
    if donor == FAR:
        seeds = range(len(TASKS) * FAR_HALVES)
        return [Part("random", seed, tuning.TARGET, count, FAR) for seed in seeds for count in FAR_IMAGES]
    return [
        Part(split, seed, target, count)
        for seed in SEEDS
        for split, counts in IMAGES.items()
        for target in TASKS[::-1]
        for count in counts
    ]


def plan(path: Path, donor: str = tuning.KINGDOMS) -> str:
    """Say how many networks the study has, and how many of them the table at `path` holds.

    >>> plan(Path("nowhere.csv"))
    '56 target tasks with 13 networks each, 728 in all; 0 are in nowhere.csv'
    """
    counts = [len(part.jobs()) for part in parts(donor)]
    return (
        f"{len(counts)} target tasks with {counts[0]} networks each, {sum(counts)} in all; "
        f"{len(ledger.read(path, ('run',)))} are in {path}"
    )


def train(path: Path, tried: pd.DataFrame, donor: str = tuning.KINGDOMS, **options) -> pd.DataFrame:
    """Train what the table at `path` lacks, write its rows part by part, and return the table.

    With all images a network may be one of the main study: its row is taken from there. `tried` is the table of
    `tuning.tune`, `donor` the data set whose bases are copied; `options` are those of `Lab`. Raises ValueError if some
    network has no tuned rate there.
    """
    main, whole = study.published(), Lab(precision=PRECISION, **options)
    with ledger.writing(path):
        for part in parts(donor):
            lab = whole.changed(**tuning.recipe(part.images, tuning.best(tried, part.images), part.target))
            if missing := sorted({job[0] for job in part.jobs()} - {*lab.recipe.tuned}):
                raise ValueError(
                    f"nothing is tuned for {', '.join(missing)} with {part.images} images a class; "
                    "run python -m transferlab study tuning first"
                )
            _publish(path, lab.changed(donor=part.base(whole)) if donor == FAR else lab, part, main)
    return read(path)


def _publish(path: Path, lab: Lab, part: Part, main: pd.DataFrame) -> None:
    """Take the rows of a part from the main study, as far as it has them, and train the rest."""

    def row(run: Run) -> pd.DataFrame:
        return _row(lab, part.images, published_row(run))

    runs = {lab.store.path(lab.spec(*job)).name for job in part.jobs()} - {*ledger.read(path, ("run",)).run}
    if taken := [_row(lab, part.images, one) for _, one in main[main.run.isin(runs)].groupby("run")]:
        ledger.add(path, pd.concat(taken, ignore_index=True), ORDER)
    ledger.train(path, lab, part.jobs(), row, ORDER)


def own(lab: Lab, images: int, split: str, seeds: list[int], n: int = 7) -> pd.DataFrame:
    """Train scratch, freezing and fine-tuning in one and two stages with that many images of a class of task B.

    Each is trained at its published rate. `lab` determines the scale, the images and the store. Returns a table like
    that of `Lab.sweep`. Raises ValueError for a number of images for which no rate was tuned.
    """
    if images not in tuning.IMAGES:
        raise ValueError(f"images is {images!r}; rates were tuned for {', '.join(map(str, tuning.IMAGES))} a class")
    here = lab.changed(precision=PRECISION, **tuning.recipe(images, tuning.best(tuning.published(), images)))
    names = [str(Treatment.of(condition, n)) for condition in ("base", "AnB", "AnB+", "AnB++")]
    table = here.train(with_parents((name, split, seed) for seed in seeds for name in names))
    return table[table.network.isin(names)].reset_index(drop=True)


def read(path: Path) -> pd.DataFrame:
    """Read the table at `path`, each row with the accuracy of the base with as many images of the same target."""
    rows = ledger.read(path, ("images", *COLUMNS))
    key = ["images", *TASK]
    bases = rows[rows.condition == "base"].set_index(key).accuracy
    return rows.assign(base_accuracy=bases.reindex(pd.MultiIndex.from_frame(rows[key])).to_numpy())


def published(donor: str = tuning.KINGDOMS) -> pd.DataFrame:
    """Return the published table with donors of one data set, as `read` does."""
    return read(RESULTS / ("few_images_emoji.csv" if donor == FAR else "few_images.csv"))


def two_stages(images: int = tuning.IMAGES[-1]) -> pd.DataFrame:
    """Return the published AnB++ and BnB++ with that many images of a class, to go beside the main study.

    Each is compared with a base that had a rate of its own as well.
    """
    rows = published()
    return rows[(rows.images == images) & rows.condition.isin(TWO_STAGE)].reset_index(drop=True)


def _row(lab: Lab, images: int, row: pd.DataFrame) -> pd.DataFrame:
    own = lab.recipe.of(Treatment.parse(row.network.iloc[0]))
    fields = {name: getattr(own, name) for name in tuning.FIELDS if name != "epochs"}
    return row.drop(columns="base_accuracy").assign(images=images, **fields)
