"""Is the advice right? What foretells the best cut, before anything is trained, against what was then measured.

The bases of the study are the donors, or those of Emoji, and tasks with few images the folders. What a reader with
those images would compute, the linear probes of `advice` and the scores of others, is put beside the accuracies of
`few_images`: those of networks that were trained at each cut, and tested on images that no forecast saw.
"""

from dataclasses import dataclass
from math import isnan
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from transferlab import donors, splits
from transferlab.advice import evidence, features, probes, sentences
from transferlab.lab import Lab
from transferlab.study import PRECISION, RESULTS, few_images, ledger, scores, tuning
from transferlab.study.claims import TASK
from transferlab.study.estimates import by_task

IMAGES = (10, 20, 50)  # of a class
CUTS = tuning.DEPTHS  # those at which networks were trained
RULE = CUTS[-1]  # the simple rule: cut at the last layer but the head
FORECASTS = {  # how a cut is chosen, in words; those below NEVER ask nothing of the images
    "probe": "best linear probe",
    "advice": "the command's advice",
    "log_me": "LogME",
    "h_score": "H-score",
    "cka": "CKA",
    "last": "always the last",
    "middle": "always the middle",
}
ALWAYS = {"last": RULE, "middle": CUTS[1]}
SCORES = ("probe", "log_me", "h_score", "cka")
CONDITIONS = ("AnB", "AnB++")
WITHIN = 2.0  # points below the best, that nobody would mind
KEY = ["split", "seed", "target", "images"]  # of a task
COLUMNS = (*KEY, "n", *SCORES, "advised", "run", "version")
ORDER = [*KEY, "n"]
VERSION = 1  # of what is computed: raise it when probes or scores change


@dataclass(frozen=True)
class Truth:
    """The accuracies that were measured for one task and condition, by n, and that from scratch."""

    by_n: dict[int, float]
    scratch: float


def parts(donor: str = tuning.KINGDOMS) -> list[few_images.Part]:
    """List the tasks of the study of few images that are forecast, with donors of one data set.

    >>> len(parts()), len(parts("emoji"))
    (32, 24)
    """
    return [part for part in few_images.parts(donor) if part.images in IMAGES]


def plan(path: Path, donor: str = tuning.KINGDOMS) -> str:
    """Say how many tasks are forecast, and how many rows the table at `path` holds.

    >>> plan(Path("nowhere.csv"))
    '32 target tasks at 3 cuts each; 0 of 96 rows are in nowhere.csv'
    """
    count = len(parts(donor))
    rows = len(ledger.read(path, COLUMNS))
    return f"{count} target tasks at {len(CUTS)} cuts each; {rows} of {count * len(CUTS)} rows are in {path}"


def forecast(path: Path, donor: str = tuning.KINGDOMS, **options) -> pd.DataFrame:
    """Compute what the table at `path` lacks, write the rows of each task when they are known, and return the table.

    Donors are the published bases of a data set, found in the run store or trained. `options` are those of `Lab`.
    Raises ValueError if another process is writing the table.
    """
    whole = Lab(precision=PRECISION, **options)
    with ledger.writing(path):
        keyed = {(part.split, part.seed, part.target, part.images): part for part in parts(donor)}
        missing = ledger.missing(path, KEY, keyed, VERSION)
        for part in tqdm(missing, desc="tasks", disable=not missing):
            ledger.add(path, _rows(whole, part), ORDER)
    return read(path)


def _rows(whole: Lab, part: few_images.Part) -> pd.DataFrame:
    """Return the forecasts for one task: a row a cut."""
    base = part.base(whole)
    task = whole.task(part.target, part.split, part.seed).limited(part.images)
    seen = features.of_all_cuts(donors.find(base), task.train_images, whole.device)
    labels = task.train_labels
    fold = splits.folds(labels, np.arange(len(labels)), splits.FOLDS)
    tested = evidence.HeldOut(labels, fold)
    arrays = {cut: seen.arrays[seen.cuts.index(cut)] for cut in CUTS}
    right = {cut: probes.in_folds(array, labels, fold) == labels for cut, array in arrays.items()}
    phrases = {str(cut): sentences.probe_phrase(cut, RULE) for cut in CUTS}
    named = {str(cut): each for cut, each in right.items()}
    advised = int(sentences.answer(named, tested, str(RULE), phrases).advised)
    rows = [
        (part.split, part.seed, part.target, part.images, cut, evidence.accuracy(right[cut], tested).value,
         scores.log_me(array, labels), scores.h_score(array, labels), scores.cka(array, labels), int(cut == advised),
         base.path.name, VERSION)
        for cut, array in arrays.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def read(path: Path) -> pd.DataFrame:
    """Read the table at `path`; without rows if there is no file."""
    return ledger.read(path, COLUMNS)


def published(donor: str = tuning.KINGDOMS) -> pd.DataFrame:
    """Return the published table with donors of one data set."""
    return read(RESULTS / ("advice_emoji.csv" if donor == few_images.FAR else "advice.csv"))


def chosen(forecasts: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Return what each way to choose a cut chose, and what that was worth.

    Args:
        forecasts: the table of `forecast`.
        measured: the table of `few_images`.

    Returns:
        A row for each task, condition (AnB, AnB++) and one of FORECASTS: split, seed, target, images, condition,
        forecast, n, accuracy, best (0..1: that of the best of CUTS), scratch, lost (points below the best). Tasks that
        were not measured at every cut are left out.
    """
    rows = []
    for key, mine in forecasts.groupby(KEY):
        ways = {name: int(mine.n[mine[name].idxmax()]) for name in SCORES}
        ways |= {"advice": int(mine.n[mine.advised.idxmax()]), **ALWAYS}
        there = measured[(measured[KEY] == list(key)).all(axis=1)]
        for condition in CONDITIONS:
            truth = _truth(there, condition)
            if truth is None:
                continue
            best = max(truth.by_n.values())
            for name in FORECASTS:
                got = truth.by_n[ways[name]]
                rows.append((*key, condition, name, ways[name], got, best, truth.scratch, 100 * (best - got)))
    columns = [*KEY, "condition", "forecast", "n", "accuracy", "best", "scratch", "lost"]
    return pd.DataFrame(rows, columns=columns)


def _truth(measured: pd.DataFrame, condition: str) -> Truth | None:
    """Return what was measured for a task, or None if a cut or the scratch is missing."""
    mine = {int(row.n): row.accuracy for row in measured[measured.condition == condition].itertuples()}
    base = measured[measured.condition == "base"]
    if {*mine} != {*CUTS} or not len(base) or any(isnan(value) for value in mine.values()):
        return None
    return Truth(mine, float(base.accuracy.iloc[0]))


def judged(choices: pd.DataFrame, images: int | None = None) -> pd.DataFrame:
    """Say how often each way to choose was within WITHIN points of the best, and what it lost.

    Args:
        choices: the table of `chosen`.
        images: only tasks with that many images of a class; None: all.

    Returns:
        A row for each of FORECASTS: forecast, within (share of tasks, 0..1) with low and high (Wilson), lost (points,
        mean) with lost_low and lost_high (t over tasks), tasks. A task counts once for each condition and number of
        images; intervals are over target tasks.
    """
    from scipy import stats  # here, as its import takes half a second, and few callers judge

    mine = choices if images is None else choices[choices.images == images]
    rows = []
    for name in FORECASTS:
        lost = mine[mine.forecast == name]
        by = lost.pivot_table(index=TASK, columns=["condition", "images"], values="lost")
        near = (lost.lost <= WITHIN).groupby([lost[key] for key in TASK]).mean()
        tasks = len(near)
        share = float(near.mean()) if tasks else float("nan")
        low, high = (
            stats.binomtest(round(share * tasks), tasks).proportion_ci(method="wilson") if tasks else (share,) * 2
        )
        estimate = by_task(by, len(lost))
        lost_low, lost_high = estimate.interval()
        rows.append((name, share, low, high, estimate.value, lost_low, lost_high, tasks))
    columns = ["forecast", "within", "low", "high", "lost", "lost_low", "lost_high", "tasks"]
    return pd.DataFrame(rows, columns=columns)
