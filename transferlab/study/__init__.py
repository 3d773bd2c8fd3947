"""The published studies: their networks, and their tables, which the book reads.

A row is written as soon as its network is trained, so a study can be stopped at any time and resumes from there, even
if the run store is lost. The `run` of a row (the name of its folder in the store, a digest of all that determines the
result) tells which code, recipe and data made it. A row made by others is never overwritten silently.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from transferlab.lab import Lab
from transferlab.notation import CONDITIONS, DEPTHS, STARTS, STITCHES, TASKS, Job, Treatment, lineage
from transferlab.store import Run
from transferlab.store.sweeps import COLUMNS, sweep_jobs, table
from transferlab.study import ledger
from transferlab.system.files import checkout

PRECISION = "bfloat16"  # of the published networks, also on machines where float32 is faster
_CHECKOUT = checkout()
# a wheel brings a copy of the tables (hatch_build.py), to be read only
RESULTS = _CHECKOUT / "book" / "results" if _CHECKOUT else Path(__file__).parent / "results"
PROVENANCE = ("train_loss", "run", "data", "training", "hardware", "torch", "trained_at")
ORDER = ["split", "seed", "target", "condition", "n"]


@dataclass(frozen=True)
class Study:
    """Networks to publish in one table: a grid, what is changed in their recipe, and the data set they learn.

    A part of the grid is what `sweep_jobs` takes: (conditions, layers, split, seeds, targets).
    """

    grid: tuple
    changes: dict = field(default_factory=dict)
    dataset: str = "kingdoms"

    def jobs(self) -> list[Job]:
        """List all networks, parents first and seed by seed, so that a study that is stopped early has whole seeds."""
        listed = [job for part in self.grid for job in sweep_jobs(*part)]
        return sorted(dict.fromkeys(listed), key=lambda job: job[2])

    def only(self, split: str | None = None, seed: int | None = None) -> "Study":
        """Return the part of the study with this split, this seed, or both. Raises ValueError if there is none."""
        parts = [
            (conditions, layers, each, [one for one in seeds if seed in (None, one)], targets)
            for conditions, layers, each, seeds, targets in self.grid
            if split in (None, each)
        ]
        grid = tuple(part for part in parts if part[3])
        if not grid:
            known = "; ".join(f"{part[2]} with seeds {', '.join(map(str, part[3]))}" for part in self.grid)
            raise ValueError(f"the study has no split {split or 'at all'} with seed {seed}; it has {known}")
        return replace(self, grid=grid)


def tuned(conditions: tuple[str, ...], layers: tuple[int, ...], **own) -> dict:
    """Return the changes of a recipe by which some networks, and no others, have fields of their own.

    >>> tuned(("BnB",), (4,), epochs=480)
    {'tuned': {'B4B': {'epochs': 480}, 'A4A': {'epochs': 480}}}
    """
    names = [str(Treatment.of(each, n, target)) for each in conditions for n in layers for target in "BA"]
    return {"tuned": dict.fromkeys(names, own)}


ACROSS = ("base", "AnB", "random")  # what the claims about dissimilar tasks need
DIP = (4, 5, 6)  # the n at which the selffer loses most
SHORT = {"epochs": 8, "curve_every": 8}
MAPS = {"learning_rate": 0.01, "weight_decay": 1e-4, "epochs": 12, "curve_every": 12}  # how a stitch's map is trained
DISSIMILAR = tuple(condition for condition in CONDITIONS if condition != "BnB+")
STUDIES = {
    # Figures 2 and 3 of the paper
    "networks": Study(
        (
            (CONDITIONS, DEPTHS, "random", range(4), TASKS),
            (DISSIMILAR, DEPTHS, "kingdom", range(3), TASKS),
            # more of what eight networks a point left undecided
            (("base", "AnB+", "BnB+"), DEPTHS, "random", range(4, 6), TASKS),
            (("BnB",), (1,), "random", range(4, 6), TASKS),
        )
    ),
    # random filters drawn as in 2014
    "gaussian": Study(((("random",), DEPTHS, "random", range(4), TASKS),), {"random_filters": "gaussian"}),
    # three times the images, as many steps: are the features more general then?
    "richer": Study(
        ((("AnB", "BnB"), DEPTHS, "random", range(2), TASKS),),
        {"data": {"train_per_class": 300, "test_per_class": 200}, "epochs": 16},
    ),
    # Figures 2 and 3 in a world that nobody here drew, on the four halves of 2014
    "emoji": Study(
        (
            (CONDITIONS, DEPTHS, "random", range(4), TASKS),
            (ACROSS, DEPTHS, "kingdom", range(3), TASKS),
        ),
        dataset="emoji",
    ),
    # 80 of its 1,000 classes, as many as Kingdoms has: does their number say how late AnB falls? More draws of the test
    # designs make up for there being few
    "emoji_80": Study(
        ((("base", "AnB", "BnB"), (4, 5, 6, 7), "random", range(4), TASKS),),
        {"data": {"draws": 24, "test_draws": 16, "classes": 80}, "epochs": 48, "curve_every": 48},
        dataset="emoji",
    ),
    # twice the epochs: bases of Emoji still gain from them. Does that hide the selffer's dip, or how AnB falls?
    "emoji_longer": Study(
        (
            (("base", "BnB"), (4, 5, 7), "random", range(2), TASKS),
            (("AnB",), (7,), "random", range(2), TASKS),
        ),
        {"epochs": 16, "curve_every": 16},
        dataset="emoji",
    ),
    # is what AnB lost information, or a basis? One linear map between frozen layers (Lenc and Vedaldi 2015)
    "stitching": Study(((STITCHES, DEPTHS, "random", range(4), TASKS),), tuned(STITCHES, DEPTHS, **MAPS)),
    # is the selffer's loss one of optimisation? Other starts of its top, more steps, a wider top
    "starts": Study(((STARTS, DIP, "random", range(4), TASKS),)),
    "longer": Study(((("BnB",), DIP, "random", range(4), TASKS),), tuned(("BnB",), DIP, epochs=480, curve_every=480)),
    "wider": Study(((("BnB",), DIP, "random", range(4), TASKS),), tuned(("BnB",), DIP, top_width=2)),
    # only the means and variances of layers (Raghu et al. 2019): to the end, and in a sixth of the time, where base.2
    # is a network from scratch that is nobody's base
    "transfusion": Study(((("MnB+",), (7,), "random", range(4), TASKS),)),
    "transfusion_short": Study(
        ((("base.2", "MnB+", "AnB+"), (7,), "random", range(4), TASKS),),
        tuned(("base.2", "MnB+", "AnB+"), (7,), **SHORT),
    ),
}
# made by modules of their own, each in one table for all its recipes: `tuning`, `few_images`, `forecasts`, ...
OWN_RATES = (
    "tuning", "few_images", "few_images_emoji", "advice", "advice_emoji", "basins", "cut_forecasts", "shapes_tuning",
    "mini_resnet", "mini_vit", "shapes_tuning_emoji", "mini_resnet_emoji", "mini_vit_emoji",
)  # fmt: skip
# what rows are, if not networks
COMPUTED = {"basins": "places", **dict.fromkeys(("advice", "advice_emoji", "cut_forecasts"), "forecasts")}
PUBLISHED = (*STUDIES, "networks_2014")


def publish(lab: Lab, path: Path, study: Study, overwrite: bool = False) -> pd.DataFrame:
    """Train what the table at `path` lacks, write each row when its network is finished, and return the table.

    `lab` must have the study's changes. Raises ValueError if another process is writing the table, or if it holds rows
    for these networks that other code, data or recipes made, unless `overwrite` allows replacing them.
    """
    with ledger.writing(path):
        return _publish(lab, path, study, overwrite)


def _publish(lab: Lab, path: Path, study: Study, overwrite: bool) -> pd.DataFrame:
    specs = {job: lab.spec(*job) for job in study.jobs()}
    wanted = {job: lab.store.path(spec).name for job, spec in specs.items()}
    rows = read(path)
    other = pd.Series(
        [wanted.get((row.network, row.split, row.seed), row.run) != row.run for row in rows.itertuples()],
        index=rows.index,
        dtype=bool,
    )
    if other.any() and not overwrite:
        first = rows[other].iloc[0]
        raise ValueError(
            f"{other.sum()} of the {len(rows)} rows of {path} were made by other code, data or recipe (the first: "
            f"{first.network}, split {first.split}, seed {first.seed}). Use --replace to train these networks again "
            "and replace the rows, or --out FOLDER to leave the table as it is"
        )
    rows = rows[~other]
    written = set(rows.run)
    missing = [job for job, run in wanted.items() if run not in written]

    def write(job: Job, accuracy: float = 0) -> None:
        nonlocal rows
        run = lab.store.find(specs[job])
        if run and job in missing:
            row = published_row(run)
            rows = pd.concat([rows, row], ignore_index=True) if len(rows) else row
            _save(rows, path)

    for job in missing:
        write(job)
    needed = {each for job in missing for each in lineage(job)}
    lab.train([job for job in specs if job in needed], write)
    return read(path)


def published(name: str = "networks") -> pd.DataFrame:
    """A table of the book's results: one of STUDIES, or "networks_2014" for what the logs of 2014 say.

    Raises ValueError if there is no such table.
    """
    if name not in PUBLISHED:
        raise ValueError(f"no published table {name!r}; there are {', '.join(PUBLISHED)}")
    return read(RESULTS / f"{name}.csv")


def read(path: Path) -> pd.DataFrame:
    """Read the table at `path`, with the columns of `Lab.sweep` and PROVENANCE; without rows if there is no file."""
    return ledger.read(path, (*COLUMNS, *PROVENANCE))


def published_row(run: Run) -> pd.DataFrame:
    """Return what is published of a network: a row with the columns of `Lab.sweep` and PROVENANCE."""
    made = {name: run.result[name] for name in ("hardware", "torch", "trained_at")}
    made |= {"data": run.spec["data"], "training": run.spec["training"], "run": run.path.name}
    made["train_loss"] = round(run.history.train_loss.iloc[-1], 4)
    return table([run]).assign(**{name: made[name] for name in PROVENANCE})


def _save(rows: pd.DataFrame, path: Path) -> None:
    """Write the table in order, atomically, each row with the accuracy of its base if that is known."""
    bases = rows[rows.condition == "base"].set_index(["split", "seed", "target"]).accuracy
    key = pd.MultiIndex.from_frame(rows[["split", "seed", "target"]])
    rows = rows.assign(base_accuracy=bases.reindex(key).to_numpy(), seconds=rows.seconds.astype(float).round(1))
    ledger.save(path, rows, ORDER)
