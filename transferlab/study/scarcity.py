"""When transfer pays: what copied layers gain when the target task has few training images.

The paper gives every task all of its images and varies n. A practitioner asks the other question: I have only this many
images, should I start from somebody else's network?
"""

from collections.abc import Mapping

import pandas as pd

from transferlab.study.claims import MARGIN, TASK, family
from transferlab.study.estimates import by_task

CONTRASTS = {
    ("AnB+", "base"): "AnB+ is above the base",
    ("BnB+", "base"): "BnB+ is above the base",
    ("AnB+", "BnB+"): "AnB+ is above BnB+",
    ("AnB+", "AnB"): "AnB+ is above AnB",
}


def at_best_n(tables: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Pick one network per condition, target task and number of images: the one at the n that is best elsewhere.

    `tables` maps the training images per class of the target (1 or more) to a table of `study.read`. The n for a task
    is the one with the highest mean accuracy on the *other* tasks of the table: choosing it on the same task would
    flatter every condition with several n to choose from. Rows have split, seed, target, condition, n, accuracy (0..1)
    and images. Raises ValueError for a condition with several n and only one target task.

    >>> at_best_n({10: study.published("images_10"), 20: study.published("images_20")})  # doctest: +SKIP
    """
    rows = []
    for images, table in tables.items():
        for condition, networks in table.groupby("condition"):
            tasks = networks.pivot(index=TASK, columns="n", values="accuracy").dropna()
            several = len(tasks.columns) > 1
            if several and len(tasks) < 2:
                raise ValueError(
                    f"with {images} images a class there is {len(tasks)} target task with {condition} at every n; "
                    "choosing n on the other tasks needs at least 2 (train another seed)"
                )
            for task, accuracies in tasks.iterrows():
                n = tasks.drop(index=task).mean().idxmax() if several else tasks.columns[0]
                rows.append((*task, condition, n, accuracies[n], images))
    return pd.DataFrame(rows, columns=[*TASK, "condition", "n", "accuracy", "images"])


def gains(networks: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """Return the CONTRASTS for each number of images, in points, as rows of `claims.COLUMNS`; `n` is images per class.

    `networks` come from `at_best_n`. Differences are taken within a target task, intervals over tasks (t), and p is
    adjusted (Holm) over the numbers of images.
    """
    tasks = 100 * networks.pivot(index=TASK, columns=["condition", "images"], values="accuracy")
    rows = []
    for (first, second), statement in CONTRASTS.items():
        differences = tasks[first] - tasks[second]
        estimates = {
            str(images): by_task(differences[[images]], 2 * int(differences[images].count())) for images in differences
        }
        rows.append(family("few images", f"{first} - {second}", statement, estimates, 1, margin))
    return pd.concat(rows, ignore_index=True)
