"""What foretells where AnB is good: scores of each cut, before anything is trained, against the published study.

The scores are those of `forecasts`, of the base of task A on some training images of task B, behind each of its seven
cuts. The truth is the published AnB of all splits. A forecast is good if it puts the cuts of a task in the right order
(`within`), or the tasks at one cut (`across`), and if cutting where it says loses little. The rule it has to beat asks
nothing of the images: always the same n, the one that is best on the other tasks.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from transferlab import donors, splits
from transferlab.advice import features, probes
from transferlab.lab import Lab
from transferlab.notation import DEPTHS, OTHER
from transferlab.study import PRECISION, RESULTS, STUDIES, ledger, scores
from transferlab.study.claims import TASK

IMAGES = 30  # of a class, of which a third tests the probe
FOLDS = 3
SCORES = {"probe": "linear probe", "log_me": "LogME", "h_score": "H-score", "cka": "CKA"}
RULE = "always the same n"
COLUMNS = (*TASK, "n", *SCORES, "run", "version")
ORDER = [*TASK, "n"]
VERSION = 1  # of what is computed: raise it when it changes
RESAMPLES = 2000  # of tasks, for the bootstrap


def parts() -> list[tuple[str, int, str]]:
    """List the target tasks of the published study that have AnB: split, seed and target.

    >>> len(parts()), parts()[0]
    (14, ('random', 0, 'A'))
    """
    grid = [part for part in STUDIES["networks"].grid if "AnB" in part[0]]
    return [(split, seed, target) for _, _, split, seeds, targets in grid for seed in seeds for target in targets]


def plan(path: Path) -> str:
    """Say how many tasks are forecast, and how many rows the table at `path` holds.

    >>> plan(Path("nowhere.csv"))
    '14 target tasks at 7 cuts each; 0 of 98 rows are in nowhere.csv'
    """
    rows, count = len(ledger.read(path, COLUMNS)), len(parts())
    return f"{count} target tasks at {len(DEPTHS)} cuts each; {rows} of {count * len(DEPTHS)} rows are in {path}"


def forecast(path: Path, **options) -> pd.DataFrame:
    """Compute what the table at `path` lacks, write the rows of each task when they are known, and return the table.

    Donors are the bases of the published study, found in the run store or trained. `options` are those of `Lab`.
    Raises ValueError if another process is writing the table.
    """
    lab = Lab(precision=PRECISION, **options)
    with ledger.writing(path):
        missing = ledger.missing(path, TASK, {part: part for part in parts()}, VERSION)
        lab.train([(f"base{OTHER[target]}", split, seed) for split, seed, target in missing])
        for part in tqdm(missing, desc="tasks", disable=not missing):
            ledger.add(path, _rows(lab, *part), ORDER)
    return read(path)


def _rows(lab: Lab, split: str, seed: int, target: str) -> pd.DataFrame:
    """Return the scores of every cut for one task."""
    base = lab.run(f"base{OTHER[target]}", split, seed)
    task = lab.task(target, split, seed).limited(IMAGES)
    labels = task.train_labels
    fold = splits.folds(labels, np.arange(len(labels)), FOLDS)
    train, test = np.flatnonzero(fold != 0), np.flatnonzero(fold == 0)
    seen = features.of_all_cuts(donors.find(base), task.train_images, lab.device)
    rows = []
    for n, array in zip(seen.cuts, seen.arrays, strict=True):
        probe = float((probes.answers(array, labels, train, test) == labels[test]).mean())
        others = (score(array, labels) for score in (scores.log_me, scores.h_score, scores.cka))
        rows.append((split, seed, target, n, probe, *others, base.path.name, VERSION))
    return pd.DataFrame(rows, columns=COLUMNS)


def read(path: Path) -> pd.DataFrame:
    """Read the table at `path`; without rows if there is no file."""
    return ledger.read(path, COLUMNS)


def published() -> pd.DataFrame:
    """Return the published table."""
    return read(RESULTS / "cut_forecasts.csv")


def judged(forecasts: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """Say how well each score orders cuts and tasks, and what it costs to cut where it says.

    Args:
        forecasts: the table of `forecast`.
        networks: the published study.

    Returns:
        A row for each score, and one for RULE: forecast; within (Spearman over the n of a task, mean over tasks),
        across (Spearman over tasks at one n, mean over n) and regret (points of AnB below the best n of the task,
        mean), each with _low and _high, 95 % by a bootstrap over tasks; tasks. NaN where there is nothing to order.
    """
    measured = networks[networks.condition == "AnB"][[*TASK, "n", "accuracy"]]
    both = forecasts.merge(measured, on=[*TASK, "n"])
    truth = both.pivot(index=TASK, columns="n", values="accuracy").dropna()
    names = {**SCORES, RULE: RULE}
    rows = []
    for key in names:
        mine = None if key == RULE else both.pivot(index=TASK, columns="n", values=key).reindex(truth.index).to_numpy()
        rows.append((names[key], *_judged(mine, 100 * truth.to_numpy()), len(truth)))
    measures = [f"{name}{end}" for name in ("within", "across", "regret") for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["forecast", *measures, "tasks"])


def _judged(score: np.ndarray | None, truth: np.ndarray) -> list[float]:
    """Return three measures, each with its interval; `score` and `truth` have a row a task and a column an n."""
    tasks = len(truth)
    if tasks < 2:
        return [np.nan] * 9
    chosen = _best_elsewhere(truth) if score is None else score.argmax(1)
    regret = truth.max(1) - truth[np.arange(tasks), chosen]
    within = np.full(tasks, np.nan)
    if score is not None:
        within = _spearman(score, truth)

    def measures(rows: np.ndarray) -> list[float]:
        across = np.nan
        if score is not None and len({*rows}) > 1:
            across = float(np.nanmean(_spearman(score[rows].T, truth[rows].T)))
        return [float(within[rows].mean()), across, float(regret[rows].mean())]

    draw = np.random.default_rng(0)
    resampled = np.array([measures(draw.integers(tasks, size=tasks)) for _ in range(RESAMPLES)])
    low, high = np.nanpercentile(resampled, [2.5, 97.5], axis=0) if score is not None else _ends(resampled)
    return [value for three in zip(measures(np.arange(tasks)), low, high, strict=True) for value in three]


def _spearman(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the rank correlation of each row of two arrays; NaN where one of them is constant."""
    first, second = (pd.DataFrame(each).rank(axis=1).to_numpy() - (each.shape[1] + 1) / 2 for each in (one, other))
    lengths = np.sqrt((first**2).sum(1) * (second**2).sum(1))
    return np.divide((first * second).sum(1), lengths, out=np.full(len(one), np.nan), where=lengths > 0)


def _ends(resampled: np.ndarray) -> np.ndarray:
    """Return the interval of the rule's regret; it orders nothing."""
    ends = np.full((2, resampled.shape[1]), np.nan)
    ends[:, -1] = np.percentile(resampled[:, -1], [2.5, 97.5])
    return ends


def _best_elsewhere(truth: np.ndarray) -> np.ndarray:
    """Return for each task the place of the n that is best, on average, on the others."""
    return np.array([np.delete(truth, task, axis=0).mean(0).argmax() for task in range(len(truth))])
