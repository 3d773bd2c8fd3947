"""Every verdict of the book in one table, book/results/audit.csv: python book/audit.py.

A row is one claim at one n (or range of n, or number of images), as in `transferlab.study.claims` and
`transferlab.study.cut_claims`: for our networks, for those of today's shapes, for those on Emoji, on 80 of its classes
or trained for twice the epochs, and for those of 2014 (`study`). Nothing is trained: it is computed from the published
tables. What they cannot say yet, of parts of Emoji and of the cut, is left out.
"""

from pathlib import Path

import pandas as pd

from transferlab import study
from transferlab.study import basins, claims, cut_claims, few_images, scarcity, shapes

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
            *_estimated(*_of_the_cut(similar, tables, basins.read(results / "basins.csv"))),
        ],
        **{f"ours, {name}": _estimated(*_of_shape(name, ours, results)) for name in shapes.studies("kingdoms")},
        "Emoji": [claims.audit(tables["emoji"])],
        "Emoji, 80 classes": _estimated(*_frozen(tables["emoji_80"])),
        **{
            f"Emoji, 80 classes, {shapes.SEARCHES[name].network}": _estimated(
                *_of_shape(name, tables["emoji_80"], results)
            )
            for name in shapes.studies("emoji")
        },
        "Emoji, twice the epochs": _estimated(*_frozen(tables["emoji_longer"])),
        "2014": [claims.audit(tables["networks_2014"])],
    }
    return pd.concat([rows.assign(study=name) for name, several in parts.items() for rows in several])[
        ["study", *claims.COLUMNS]
    ].reset_index(drop=True)


def _of_shape(name: str, plain: pd.DataFrame, results: Path) -> list[pd.DataFrame]:
    """Judge what a network of another shape loses, whether more at the top, and whether less than a plain one does."""
    table = study.read(results / f"{name}.csv")
    return [cut_claims.shapes(table), cut_claims.grown(table), cut_claims.spared(table, plain)]


def _of_the_cut(similar: pd.DataFrame, tables: dict[str, pd.DataFrame], walks: pd.DataFrame) -> list[pd.DataFrame]:
    """Judge what is lost at the cut: stitches, starts, transfusion, and walks between networks."""
    return [
        cut_claims.stitched(similar, tables["stitching"]),
        cut_claims.starts(similar, tables["starts"], tables["longer"], tables["wider"], study.DIP),
        cut_claims.transfused(similar, tables["transfusion"], tables["transfusion_short"]),
        cut_claims.barriers(walks),
        cut_claims.rewound(walks),
    ]


def _frozen(table: pd.DataFrame) -> list[pd.DataFrame]:
    """Judge what frozen layers lose."""
    return [claims.co_adaptation(table), claims.specificity(table)]


def _estimated(*claimed: pd.DataFrame) -> list[pd.DataFrame]:
    """Leave out the rows that no network stands behind."""
    return [rows.dropna(subset="estimate") for rows in claimed]


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
