"""Chapters that wait for their tables: they run without any row, and with rows, and have the form of a chapter."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import test_chapters_form as form
import test_stored_outputs as stored
from in_process import execute

from transferlab import Treatment, study
from transferlab.study import basins, cut_forecasts, shapes

sys.path.insert(0, str(Path(__file__).parents[1] / "book"))
import audit

WAITING = sorted((Path(__file__).parents[1] / "notebooks" / "waiting").glob("*.ipynb"))
NEW = ("stitching", "starts", "longer", "wider", "transfusion", "transfusion_short", *shapes.NETWORKS)
chapters = pytest.mark.parametrize("path", WAITING, ids=lambda path: path.stem)


def made_up(folder):
    """Tables of the right shape, whose numbers mean nothing."""
    draw = np.random.default_rng(0)
    (folder / "networks.csv").write_bytes((study.RESULTS / "networks.csv").read_bytes())
    main = study.read(folder / "networks.csv")
    for name in NEW:
        rows = []
        for network, split, seed in study.STUDIES.get(name, shapes.STUDY).jobs():
            one = Treatment.parse(network)
            facts = {"network": network, "condition": one.condition, "n": one.n, "target": one.target}
            rows.append(facts | {"split": split, "seed": seed, "accuracy": draw.uniform(0.5, 0.8), "train_loss": 0.1})
        table = pd.DataFrame(rows).reindex(columns=main.columns)
        table.assign(state="trained").to_csv(folder / f"{name}.csv", index=False)
    tried = [
        {"shape": name, "seed": seed, "accuracy": 0.5, "epochs": times * search.epochs}
        for name, search in shapes.SEARCHES.items()
        for seed in (101, 102)
        for times in (1, shapes.LONGER)
    ]
    recipe = {"learning_rate": 0.1, "weight_decay": 1e-3}
    pd.DataFrame(tried).assign(**recipe).to_csv(folder / "shapes_tuning.csv", index=False)
    rows = []
    for part in basins.parts():
        at = ("random", part.seed, part.target)
        for first, second in part.lines():
            rows += [(*at, "line", first, second, share, draw.uniform(0.5, 0.8), 1, 0.5) for share in basins.SHARES]
        for name in part.rewound():
            rows += [(*at, "rewound", name, "start", layer, draw.uniform(0.1, 0.8), 1, 0.5) for layer in range(1, 9)]
    pd.DataFrame(rows, columns=basins.COLUMNS[:10]).to_csv(folder / "basins.csv", index=False)
    rows = [(*part, n, *draw.uniform(size=4)) for part in cut_forecasts.parts() for n in range(1, 8)]
    pd.DataFrame(rows, columns=cut_forecasts.COLUMNS[:8]).to_csv(folder / "cut_forecasts.csv", index=False)


@pytest.mark.nightly
@chapters
@pytest.mark.parametrize("rows", [False, True], ids=["without rows", "with rows"])
def test_a_chapter_that_waits_runs(path, rows, tmp_path, monkeypatch):
    results = tmp_path / "results"
    results.mkdir()
    if rows:
        made_up(results)
    for module in (study, basins, cut_forecasts, shapes):
        monkeypatch.setattr(module, "RESULTS", results)
    shown = execute(path, {"scale": "smoke", "runs": str(tmp_path / "runs"), "device": "cpu"}, tmp_path)
    said = " ".join(str(each.get("text/plain", "")) for each in shown)
    assert "The answer: " in said and ("not measured" in said) != rows


def test_the_audit_takes_up_what_is_measured(tmp_path):
    for path in study.RESULTS.glob("*.csv"):
        shutil.copy(path, tmp_path)
    made_up(tmp_path)
    rows = audit.computed(tmp_path)
    names = ("ours", *(f"ours, {name}" for name in shapes.NETWORKS))
    ours, *others = (set(rows.claim[rows.study == name]) for name in names)
    assert {"stitching", "starts", "transfusion", "transfusion, short", "barrier", "rewound"} <= ours
    assert all(each == {"shapes"} for each in others) and rows.estimate[rows.claim == "stitching"].notna().all()
    assert not rows.duplicated(["study", "claim", "contrast", "n"]).any()
    assert not rows.duplicated(["study", "statement", "n"]).any()


@chapters
def test_it_has_the_form_of_a_chapter(path):
    for check in (
        form.test_a_chapter_has_its_headings_in_order,
        form.test_a_chapter_begins_with_one_question,
        form.test_a_role_stands_on_one_line,
        form.test_a_chapter_answers_in_a_box_below_that_heading,
        form.test_a_chapter_shows_why_in_a_picture,
        form.test_a_chapter_says_what_is_next,
        stored.test_a_chapter_stores_only_what_is_compared,
        stored.test_jupyterlab_folds_what_the_page_folds,
    ):
        check(path)


def test_a_chapter_waits_for_a_table_that_is_not_there():
    """Once all tables are published, its place is among the chapters."""
    there = [(study.RESULTS / f"{name}.csv").exists() for name in (*NEW, "basins", "cut_forecasts")]
    assert not (all(there) and WAITING), (
        f"move {', '.join(path.name for path in WAITING)} to notebooks, and to _toc.yml"
    )
