"""Every verdict of the book in one table, book/results/audit.csv: python book/audit.py.

A row is one claim at one n (or range of n, or number of images), as in `transferlab.study.claims`, for our networks,
for those on Emoji or on 80 of its classes, or for those of 2014 (`study`). Nothing is trained: it is computed from the
published tables.
"""

from pathlib import Path

import pandas as pd

from transferlab import study
from transferlab.study import claims, few_images, scarcity

NUMBERS = ["estimate", "low", "high", "smallest", "p", "p_holm"]


def computed(results: Path = study.RESULTS) -> pd.DataFrame:
    """Judge every claim on the tables in a folder."""
    tables = {name: study.read(results / f"{name}.csv") for name in study.PUBLISHED}
    ours = tables["networks"]
    similar = ours[ours.split == "random"]
    chosen = scarcity.at_best_n(few_images.read(results / "few_images.csv"))
    parts = {
        "ours": [
            claims.audit(ours),
            claims.control(similar, tables["gaussian"]),
            *(_of(where, scarcity.gains(chosen, split)) for split, where in scarcity.TASKS_OF.items()),
        ],
        "Emoji": [claims.audit(tables["emoji"])],
        "Emoji, 80 classes": [
            each(tables["emoji_80"]).dropna(subset="estimate") for each in (claims.co_adaptation, claims.specificity)
        ],
        "2014": [claims.audit(tables["networks_2014"])],
    }
    return pd.concat([rows.assign(study=name) for name, several in parts.items() for rows in several])[
        ["study", *claims.COLUMNS]
    ].reset_index(drop=True)


def _of(where: str, gains: pd.DataFrame) -> pd.DataFrame:
    """Name the tasks in statements that are made about similar and about dissimilar ones."""
    return gains.assign(statement=gains.statement + " between " + where)


def written(results: Path = study.RESULTS) -> pd.DataFrame:
    return pd.read_csv(results / "audit.csv", dtype={"study": str, "n": str})


def same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether two tables are equal but for rounding."""
    words = [name for name in other.columns if name not in NUMBERS]
    if list(one.columns) != list(other.columns) or one[words].to_numpy().tolist() != other[words].to_numpy().tolist():
        return False
    try:
        pd.testing.assert_frame_equal(one[NUMBERS], other[NUMBERS], rtol=1e-3, atol=1e-6, check_dtype=False)
    except AssertionError:
        return False
    return True


def main():
    computed().to_csv(study.RESULTS / "audit.csv", index=False, float_format="%.5g", lineterminator="\n")


if __name__ == "__main__":
    main()
