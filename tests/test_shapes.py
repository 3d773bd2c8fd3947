"""Today's shapes: eight blocks, at no more than twice the miniature's cost, each with a recipe that was tried."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from in_process import execute

from transferlab import Treatment, networks, study, transplant
from transferlab.engine.recipes import recipe_for
from transferlab.study import cost, shapes

sys.path.insert(0, str(Path(__file__).parents[1] / "book"))
import audit

CHAPTER = Path(__file__).parents[1] / "notebooks" / "17_todays_networks.ipynb"
NETWORKS = tuple(dict.fromkeys(search.network for search in shapes.SEARCHES.values()))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_shape_has_eight_blocks_and_costs_less_than_twice_the_miniature(name):
    network = networks.build(name, 40, 32, seed=0)
    assert [key for key, _ in network.named_children()] == list(networks.BLOCK_NAMES)
    assert network(torch.rand(2, 3, 32, 32)).shape == (2, 40)
    usual, mine = (cost.flops(recipe_for("laptop", network=each), 40, 0) for each in ("mini", name))
    assert mine < 2 * usual
    with pytest.raises(ValueError, match="multiple of 8 pixels; got 30"):
        networks.build(name, 40, 30, seed=0)


@pytest.mark.parametrize("name", shapes.SEARCHES)
def test_the_command_knows_the_study_of_a_shape(name, tmp_path, say):
    status, said, error = say(f"study {name} --out {tmp_path} --scale smoke --runs {tmp_path / 'runs'}")
    assert status == 2 and "174 networks; 0 are in" in said and f"no recipe was tried for {name}; run" in error
    assert error.rstrip().endswith(f"study {shapes.tuning_table(name)} first")


@pytest.mark.parametrize("name", NETWORKS)
def test_frozen_blocks_stay_as_they_are(lab, name):
    here = lab.changed(network=name, epochs=1)
    base = here.run("baseA").network()
    kept = transplant.freeze(here.run("A5B").network(), 5)
    transplant.verify(kept, base, 5, frozen=True)


def test_the_recipe_is_the_best_that_was_tried_on_every_split(tmp_path, monkeypatch):
    search = shapes.Search("mini_resnet", "kingdoms", (0.1, 0.01), (1e-3,), 1)
    monkeypatch.setattr(shapes, "SEARCHES", {"mini_resnet": search})
    monkeypatch.setattr(shapes, "STUDY", study.Study(((("base", "BnB"), (7,), "random", (0,), ("B",)),)))
    options = {"scale": "smoke", "runs": tmp_path / "runs", "at_once": 1}
    tried = shapes.tune(tmp_path / "shapes_tuning.csv", **options)
    assert len(tried) == 3 * 2 and shapes.tune(tmp_path / "shapes_tuning.csv", **options).equals(tried)
    means = tried.groupby(["epochs", "learning_rate"]).accuracy.mean()
    assert shapes.best(tried, "mini_resnet")["learning_rate"] == means[1].idxmax()
    assert shapes.gained(tried, "mini_resnet") == pytest.approx(100 * (means[2].item() - means[1].max()))
    half = tried[(tried.seed == 101) | (tried.learning_rate == 0.01)]
    assert shapes.best(half, "mini_resnet")["learning_rate"] == 0.01
    table = shapes.train(tmp_path / "mini_resnet.csv", tried, **options)
    assert sorted(table.network) == ["B7B", "baseB"] and "2 are in" in shapes.plan(tmp_path / "mini_resnet.csv")


def test_without_a_recipe_nothing_is_trained(tmp_path):
    nothing = pd.DataFrame(columns=shapes.COLUMNS)
    with pytest.raises(ValueError, match=r"no recipe was tried for mini_resnet; run .* study shapes_tuning first"):
        shapes.train(tmp_path / "mini_resnet.csv", nothing, scale="smoke", runs=tmp_path / "runs")
    assert not (tmp_path / "mini_resnet.csv").exists() and not (tmp_path / "runs").exists()


def made_up(folder):
    """Tables of the right shape, whose numbers mean nothing."""
    draw = np.random.default_rng(0)
    columns = study.read(study.RESULTS / "networks.csv").columns
    for name in shapes.SEARCHES:
        rows = []
        for network, split, seed in shapes.STUDY.jobs():
            one = Treatment.parse(network)
            facts = {"network": network, "condition": one.condition, "n": one.n, "target": one.target}
            rows.append(facts | {"split": split, "seed": seed, "accuracy": draw.uniform(0.5, 0.8)})
        pd.DataFrame(rows).reindex(columns=columns).assign(state="trained").to_csv(folder / f"{name}.csv", index=False)
    recipe = {"learning_rate": 0.1, "weight_decay": 1e-3}
    for tuned, dataset in shapes.TUNED.items():
        tried = [
            {"shape": search.network, "seed": seed, "accuracy": 0.5, "epochs": times * search.epochs}
            for search in map(shapes.SEARCHES.get, shapes.studies(dataset))
            for seed in shapes.SEEDS
            for times in (1, shapes.LONGER)
        ]
        pd.DataFrame(tried).assign(**recipe).to_csv(folder / f"{tuned}.csv", index=False)


@pytest.mark.nightly
@pytest.mark.parametrize("rows", [False, True], ids=["without rows", "with rows"])
def test_the_chapter_runs_with_and_without_its_tables(rows, tmp_path, monkeypatch):
    results = tmp_path / "results"
    results.mkdir()
    for name in ("networks", "richer", "emoji_80"):
        shutil.copy(study.RESULTS / f"{name}.csv", results)
    if rows:
        made_up(results)
    for module in (study, shapes):
        monkeypatch.setattr(module, "RESULTS", results)
    shown = execute(CHAPTER, {"scale": "smoke", "runs": str(tmp_path / "runs"), "device": "cpu"}, tmp_path)
    said = " ".join(str(each.get("text/plain", "")) for each in shown)
    assert "The answer: " in said and ("not measured" in said) != rows


def test_the_audit_takes_up_what_is_measured(tmp_path):
    for path in study.RESULTS.glob("*.csv"):
        shutil.copy(path, tmp_path)
    made_up(tmp_path)
    rows = audit.computed(tmp_path)
    claimed = {"shapes", "shapes, along n", "shapes, beside the plain network"}
    places = [f"{where}, {name}" for where in ("ours", "Emoji, 80 classes") for name in NETWORKS]
    assert all({*rows.claim[rows.study == place]} == claimed for place in places)
    assert not rows.duplicated(["study", "claim", "contrast", "n"]).any()
    assert not rows.duplicated(["study", "statement", "n"]).any()
