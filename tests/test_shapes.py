"""Today's shapes: eight blocks, at no more than twice the miniature's cost, each with a recipe that was tried."""

import pandas as pd
import pytest
import torch

from transferlab import networks, study, transplant
from transferlab.engine.recipes import recipe_for
from transferlab.study import cost, shapes


@pytest.mark.parametrize("name", shapes.NETWORKS)
def test_a_shape_has_eight_blocks_and_costs_less_than_twice_the_miniature(name):
    network = networks.build(name, 40, 32, seed=0)
    assert [key for key, _ in network.named_children()] == list(networks.BLOCK_NAMES)
    assert network(torch.rand(2, 3, 32, 32)).shape == (2, 40)
    usual, mine = (cost.flops(recipe_for("laptop", network=each), 40, 0) for each in ("mini", name))
    assert mine < 2 * usual
    with pytest.raises(ValueError, match="multiple of 8 pixels; got 30"):
        networks.build(name, 40, 30, seed=0)


@pytest.mark.parametrize("name", shapes.NETWORKS)
def test_frozen_blocks_stay_as_they_are(lab, name):
    here = lab.changed(network=name, epochs=1)
    base = here.run("baseA").network()
    kept = transplant.freeze(here.run("A5B").network(), 5)
    transplant.verify(kept, base, 5, frozen=True)


def test_the_recipe_is_the_best_that_was_tried_on_every_split(tmp_path, monkeypatch):
    monkeypatch.setattr(shapes, "SEARCHES", {"mini_resnet": shapes.Search((0.1, 0.01), (1e-3,), 1)})
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
