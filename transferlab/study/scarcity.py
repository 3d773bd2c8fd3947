"""When transfer pays: what copied layers gain as the training images of the target task grow few.

The paper gives every task all of its images and varies n. Whoever has a task of their own asks the other way round:
so few images are mine, shall I start from another's network?
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
    """One network for each condition, target task and number of images: the one at the n that is best elsewhere.

    `tables` maps training images a class of the target (1 or more) to a table of `study.read`. The n of a task is
    the one with the highest mean accuracy on the *other* tasks of the table: chosen on its own, it would flatter
    every condition that has several n to choose from. Rows have split, seed, target, condition, n, accuracy (0..1)
    and images. Raises ValueError for a condition with several n and but one target task.

    >>> at_best_n({10: study.published("images_10"), 20: study.published("images_20")})  # doctest: +SKIP
    """
    rows = []
    for images, table in tables.items():
        for condition, networks in table.groupby("condition"):
            tasks = networks.pivot(index=TASK, columns="n", values="accuracy").dropna()
            several = len(tasks.columns) > 1
            if several and len(tasks) < 2:
                raise ValueError(
                    f"with {images} images a class there is {len(tasks)} target task with {condition} at every n; it "
                    "takes 2 or more to choose n on the others (train another seed)"
                )
            for task, accuracies in tasks.iterrows():
                n = tasks.drop(index=task).mean().idxmax() if several else tasks.columns[0]
                rows.append((*task, condition, n, accuracies[n], images))
    return pd.DataFrame(rows, columns=[*TASK, "condition", "n", "accuracy", "images"])


def gains(networks: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """The CONTRASTS for each number of images, in points, as rows of `claims.COLUMNS` with `n` the images a class.

    `networks` are those of `at_best_n`. Differences are taken within a target task, intervals over tasks (t), and p
    is adjusted (Holm) over the numbers of images.
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
