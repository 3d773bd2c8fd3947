"""The claims about the cut, on tables made by hand; and on none."""

import numpy as np
import pandas as pd
import pytest

from transferlab import study
from transferlab.notation import STARTS
from transferlab.study import basins, cut_claims


def table(accuracies, losses=None, tasks=3):
    """A row for each (condition, n) of `accuracies`, and each task, a little apart from task to task."""
    draw = np.random.default_rng(len(accuracies))
    rows = [
        ("random", seed, "B", *of, accuracy + draw.normal(scale=0.001), (losses or {}).get(of, 0.1))
        for of, accuracy in accuracies.items()
        for seed in range(tasks)
    ]
    columns = ["split", "seed", "target", "condition", "n", "accuracy", "train_loss"]
    return pd.DataFrame(rows, columns=columns)


MAIN = {("base", 0): 0.7, ("AnB", 4): 0.6, ("BnB", 4): 0.65, ("AnB+", 7): 0.72}


def at(rows, contrast, n=4):
    return rows[(rows.contrast == contrast) & (rows.n == str(n))].iloc[0]


def test_stitches_stand_beside_anb_and_base():
    stitches = table({("base", 0): 0.7, ("An_B", 4): 0.55, ("Bn_B.2", 4): 0.66, ("Rn_B", 4): 0.1, ("Bn_B", 4): 0.7})
    rows = cut_claims.stitched(table(MAIN), stitches)
    assert at(rows, "An_B - AnB").estimate == pytest.approx(-5, abs=0.5) and at(rows, "An_B - AnB").tasks == 3
    assert at(rows, "An_B - base").verdict == "holds" and at(rows, "Rn_B - An_B").verdict == "holds"
    assert at(rows, "An_B - base", 3).verdict == "undecided"


def test_the_best_start_is_chosen_by_its_training_loss():
    names = dict.fromkeys(STARTS[:-1])
    accuracies = {(name, 4): 0.6 + 0.01 * place for place, name in enumerate(names)}
    losses = {(STARTS[0], 4): 0.01}  # not the one that tests best
    others = table(accuracies | {("BnB=", 4): 0.69}, losses)
    longer, wider = (table({("base", 0): 0.7, ("BnB", 4): value}) for value in (0.66, 0.71))
    rows = cut_claims.starts(table(MAIN), others, longer, wider, (4,))
    assert at(rows, "best start - BnB").estimate == pytest.approx(100 * (0.60 - 0.65), abs=0.5)
    assert at(rows, "BnB_longer - BnB").estimate == pytest.approx(1, abs=0.8)
    assert at(rows, "BnB_wider - BnB").verdict == "holds" and at(rows, "BnB= - base").tasks == 3


def test_how_well_selffers_fit_is_a_difference_from_their_base_in_nats():
    others = table({("base", 0): 0.7, ("BnB=", 4): 0.7}, {("BnB=", 4): 0.08})
    longer, wider = (table({("BnB", 4): 0.7}, {("BnB", 4): loss}) for loss in (0.05, 0.12))
    older = table(MAIN).assign(train_loss=lambda rows: rows.train_loss.where(rows.condition != "base"))
    rows = cut_claims.fits(older, others, longer, wider, (4, 5)).set_index(["condition", "n"])
    assert rows.estimate.xs(4, level="n").round(6).to_dict() == {
        "BnB": 0, "BnB_longer": -0.05, "BnB_wider": 0.02, "BnB=": -0.02
    }  # fmt: skip
    assert rows.tasks[("BnB", 4)] == 3 and rows.estimate.xs(5, level="n").isna().all()


def test_transfusion_is_compared_at_the_end_and_early():
    short = table({("base.2", 0): 0.4, ("MnB+", 7): 0.41, ("AnB+", 7): 0.6})
    rows = cut_claims.transfused(table(MAIN), table({("MnB+", 7): 0.7}), short)
    assert at(rows, "AnB+ - MnB+", 7).estimate == pytest.approx(2, abs=0.5)
    assert at(rows, "MnB+ - base.2", 7).estimate == pytest.approx(1, abs=1)
    assert len(rows) == 4


def test_how_far_two_networks_lie_apart_is_a_mean_over_tasks():
    rows = [
        ("random", seed, target, "line", f"{target}4{target}=", f"base{target}", place, 0.7, 1.0, apart, "", "", 1)
        for seed, target, apart in ((0, "A", 0.2), (0, "B", 0.4))
        for place in basins.SHARES
    ]
    apart = cut_claims.apart(pd.DataFrame(rows, columns=basins.COLUMNS))
    assert list(apart.index) == list(basins.PAIRS)
    assert apart["selffer with its own top and base"] == pytest.approx(0.3) and apart.isna().sum() == 4


def test_what_a_stream_spares_is_compared_within_a_task():
    plain, stream = table(MAIN), table(MAIN | {("BnB", 4): 0.69}, tasks=5)
    rows = cut_claims.spared(stream, plain)
    kept, cost = (at(rows, f"({loss}) on a stream - in the plain network") for loss in ("BnB - base", "AnB - BnB"))
    assert kept.estimate == pytest.approx(4, abs=0.5) and kept.verdict == "holds"
    assert cost.estimate == pytest.approx(-4, abs=0.5) and cost.verdict == "does not hold"
    assert kept.tasks == 3 and kept.networks == 4 * 3  # the plain network has no more tasks
    assert rows[rows.n != "4"].estimate.isna().all()


def test_whether_another_task_costs_more_at_the_top():
    levels = {("base", 0): 0.7, ("BnB", 1): 0.7, ("BnB", 7): 0.68, ("AnB", 1): 0.65, ("AnB", 7): 0.55}
    (row,) = cut_claims.grown(table(levels)).itertuples()
    assert row.estimate == pytest.approx(-8, abs=0.5) and row.verdict == "holds"
    flat = {**levels, ("AnB", 7): 0.63}
    assert cut_claims.grown(table(flat)).verdict.item() != "holds"


def test_without_tables_everything_is_undecided():
    empty = study.read(study.RESULTS / "nowhere.csv")
    for rows in (
        cut_claims.stitched(empty, empty),
        cut_claims.starts(empty, empty, empty, empty, (4, 5)),
        cut_claims.transfused(empty, empty, empty),
        cut_claims.barriers(basins.read(basins.RESULTS / "nowhere.csv")),
        cut_claims.rewound(basins.read(basins.RESULTS / "nowhere.csv")),
        cut_claims.shapes(empty),
        cut_claims.grown(empty),
        cut_claims.spared(empty, empty),
    ):
        assert len(rows) and {*rows.verdict} == {"undecided"}
