"""When transfer pays: what copied layers gain, by the number of target images and the distance between the tasks.

The paper gives every task all of its images and varies n. A practitioner asks the other question: I have only this many
images, should I start from somebody else's network, where do I cut, and do I freeze or fine-tune? The tables are those
of `few_images`, in which every network has a rate of its own.

A choice, of n or of a whole way to train, is made on other tasks than the one it is reported for: choosing it on the
same task would flatter whatever has several to choose from.
"""

from collections.abc import Hashable
from math import isnan

import pandas as pd

from transferlab.notation import Treatment
from transferlab.study.claims import MARGIN, TASK, family
from transferlab.study.estimates import by_task

CONTRASTS = {
    ("AnB", "base"): "AnB is above scratch",
    ("AnB+", "base"): "AnB+ is above scratch",
    ("AnB++", "base"): "AnB++ is above scratch",
    ("BnB+", "base"): "BnB+ is above scratch",
    ("AnB+", "BnB+"): "AnB+ is above BnB+",
    ("AnB+", "AnB"): "AnB+ is above AnB",
    ("AnB++", "AnB"): "AnB++ is above AnB",
    ("AnB++", "AnB+"): "AnB++ is above AnB+",
}
TASKS_OF = {"random": "similar tasks", "kingdom": "dissimilar tasks"}
# The four rules of Stanford's course cs231n, by split and number of images, as ways to train that come closest: a
# linear classifier on the top features; fine-tuning throughout; a classifier on features from lower down.
RULES = {
    ("random", "few"): "A7B",
    ("random", "many"): "A7B+",
    ("kingdom", "few"): "A4B",
    ("kingdom", "many"): "A7B+",
}
ADVICE = {
    "A7B": "classify top features",
    "A4B": "classify lower features",
    "A7B+": "fine-tune everything",
}


def at_best_n(table: pd.DataFrame) -> pd.DataFrame:
    """Pick one network per condition, target task and number of images: the one at the n that is best elsewhere.

    `table` has split, seed, target, condition, n, accuracy (0..1) and images (of a class of the target); so has the
    result. The n for a task is the one with the highest mean accuracy on the tasks of the same split with other
    classes. Raises ValueError for a condition with several n and no such task.

    >>> at_best_n(few_images.published())  # doctest: +SKIP
    """
    rows = []
    for (split, images, condition), networks in table.groupby(["split", "images", "condition"]):
        accuracies = networks.pivot(index=TASK, columns="n", values="accuracy").dropna()
        chosen = _best_elsewhere(accuracies, f"{condition} with {images} images a class, split {split}")
        rows += [(*task, condition, n, accuracies.loc[task, n], images) for task, n in chosen.items()]
    return pd.DataFrame(rows, columns=[*TASK, "condition", "n", "accuracy", "images"])


def _best_elsewhere(accuracies: pd.DataFrame, what: str) -> "pd.Series[Hashable]":
    """Return for each task (row) the column that is best on average over the tasks with other classes."""
    if len(accuracies.columns) == 1:
        return pd.Series(accuracies.columns[0], accuracies.index)
    tasks = accuracies.index.to_frame()
    # the halves by kingdom are the same for every seed
    classes = tasks.target.where(tasks.split == "kingdom", tasks.target + tasks.seed.astype(str))
    chosen = {}
    for task in accuracies.index:
        others = accuracies[classes != classes[task]]
        if not len(others):
            raise ValueError(
                f"there is no other task to choose on for {what}: a choice needs 2 target tasks that differ in their "
                "classes (train another seed, or the other direction)"
            )
        chosen[task] = others.mean().idxmax()
    return pd.Series(chosen)


def gains(networks: pd.DataFrame, split: str = "random", margin: float = MARGIN) -> pd.DataFrame:
    """Return the CONTRASTS for each number of images, in points, as rows of `claims.COLUMNS`; `n` is images per class.

    Those that the table has no networks for are left out. `networks` come from `at_best_n`. Differences are taken
    within a target task, intervals over tasks (t), and p is adjusted (Holm) over the numbers of images. Raises
    ValueError if there are no networks of that split.
    """
    mine, where = networks[networks.split == split], TASKS_OF[split]
    if not len(mine):
        there = ", ".join(sorted(networks.split.unique())) or "none"
        raise ValueError(f"the table has no networks of split {split!r}; it has {there}")
    tasks = 100 * mine.pivot(index=TASK, columns=["condition", "images"], values="accuracy")
    rows = []
    for (first, second), statement in CONTRASTS.items():
        if not {first, second} <= {*mine.condition}:
            continue
        differences = tasks[first] - tasks[second]
        estimates = {
            str(images): by_task(differences[[images]], 2 * int(differences[images].count())) for images in differences
        }
        rows.append(family(f"images, {where}", f"{first} - {second}", statement, estimates, 1, margin))
    return pd.concat(rows, ignore_index=True)


def ways(table: pd.DataFrame, split: str, images: int) -> pd.DataFrame:
    """Return what each way to train gains over scratch on the tasks of a split, with that many images a class.

    One row per network name (into B, for both directions): network, condition, n, gain, low, high (points, with the t
    interval over target tasks), accuracy (0..1) and tasks; the best first.
    """
    tasks = _ways(table, split, images)
    gained = 100 * tasks.sub(tasks["baseB"], axis=0).drop(columns="baseB")
    rows = []
    for name in gained:
        estimate, treatment = by_task(gained[[name]], 2 * len(gained)), Treatment.parse(name)
        low, high = estimate.interval()
        rows.append((name, treatment.condition, treatment.n, estimate.value, low, high, tasks[name].mean(), len(tasks)))
    columns = ["network", "condition", "n", "gain", "low", "high", "accuracy", "tasks"]
    return pd.DataFrame(rows, columns=columns).sort_values("gain", ascending=False, ignore_index=True)


def rules(table: pd.DataFrame, few: int, many: int, margin: float = MARGIN) -> pd.DataFrame:
    """Judge the four RULES: what is gained by following them, and what by the best way that other tasks point to.

    One row per rule: split, images, advised (a network name), best (the way that most tasks are given), gain_advised,
    gain_best, and `better` with low, high: the second minus the first, in points, with its t interval over tasks.
    `verdict` is "right" if nothing better than it by the margin is possible (the interval ends below), "wrong" if the
    best way is clearly better, and "undecided".
    """
    rows = []
    for (split, amount), advised in RULES.items():
        images = {"few": few, "many": many}[amount]
        tasks = 100 * _ways(table, split, images)
        chosen = _best_elsewhere(tasks, f"{images} images a class, split {split}")
        best = pd.Series([tasks.loc[task, name] for task, name in chosen.items()], tasks.index)
        difference = best - tasks[advised]
        estimate = by_task(difference.to_frame(), 2 * len(tasks))
        # without spread both are the same networks
        low, high = (estimate.value, estimate.value) if isnan(estimate.error) else estimate.interval()
        verdict = "right" if high < margin else "wrong" if low > 0 else "undecided"
        base = tasks["baseB"]
        gained = ((tasks[advised] - base).mean(), (best - base).mean())
        rows.append((split, images, advised, chosen.mode()[0], *gained, estimate.value, low, high, len(tasks), verdict))
    columns = ["split", "images", "advised", "best", "gain_advised", "gain_best", "better", "low", "high", "tasks"]
    return pd.DataFrame(rows, columns=[*columns, "verdict"])


def _ways(table: pd.DataFrame, split: str, images: int) -> pd.DataFrame:
    """Return accuracies with a row per target task and a column per network, named as if it were trained on B."""
    mine = table[(table.split == split) & (table.images == images)]
    names = [str(Treatment.parse(name).into("B")) for name in mine.network]
    return mine.assign(way=names).pivot(index=TASK, columns="way", values="accuracy").dropna()
