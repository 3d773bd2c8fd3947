"""The cost of a study, against counts by hand."""

import math

import pytest

from transferlab import study
from transferlab.__main__ import main
from transferlab.engine import speed
from transferlab.engine.recipes import SCALES, recipe_for
from transferlab.study import cost

ONE = study.Study(((("AnB",), (7,), "random", (0,), ("B",)),))  # baseB, baseA, A7B


def test_the_cost_of_three_networks():
    recipe = recipe_for("smoke", precision="float32")
    costs = cost.of_study("kingdoms", recipe, ONE, throughput=100)
    each = recipe.epochs * (40 * 8 // recipe.batch) * recipe.batch
    assert (costs.networks, costs.images) == (3, 3 * each)
    assert costs.image_bytes == 80 * 16 * 3 * 32 * 32
    share = cost.operations(recipe, cost.built(recipe, 40))
    assert share[0] == 1 and share.is_monotonic_decreasing
    assert costs.hours == pytest.approx((2 + share[7]) * each / 100 / 3600)
    assert share[7] < 0.01


def test_the_cost_of_a_study_on_emoji_is_counted_without_its_images(monkeypatch, capsys):
    command = ["transferlab", "plan", "--study", "emoji", "--scale", "smoke", "--throughput", "5000"]
    monkeypatch.setattr("sys.argv", command)
    assert not main()
    networks = 4 * 2 * (1 + 5 * 7) + 3 * 2 * (1 + 2 * 7)
    assert f"emoji at smoke scale, 5,000 images/s as given\n{networks} networks" in capsys.readouterr().out
    train, test, classes = cost.size_of("emoji", recipe_for("laptop", "emoji"))
    assert (test, classes) == (8000, 1000) and 4000 * 24 < train <= 7000 * 24


def test_the_paper_takes_what_it_took():
    recipe = SCALES["paper"]
    costs = cost.of_study("imagenet", recipe, ONE, throughput=1000)
    assert costs.images == 3 * 450_000 * 256
    assert costs.weight_bytes == 3 * 4 * 60_965_224
    alone = 450_000 * 256 / 1000 / 3600  # hours of a network with nothing frozen
    frozen = costs.hours / alone - 2  # A7B's; its frozen layers run at every step, since each step has other crops
    assert 0.25 < frozen < 0.4


def test_throughput_is_measured(lab):
    for recipe in (lab.recipe, recipe_for("smoke", crop=24, precision="float32")):
        assert 0 < speed.throughput(recipe, 40, "cpu") < math.inf


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--throughput", "0"], "throughput is 0.0 images a second; it must be above 0"),
        (["--throughput", "fast"], "could not convert string to float: 'fast'"),
        (["--dataset", "letters", "--throughput", "9"], "the size of 'letters' is not known; it is of kingdoms"),
    ],
)
def test_what_plan_refuses(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["transferlab", "plan", *arguments])
    assert main() == 2
    assert message in capsys.readouterr().err


def test_the_command_prints_a_cost(monkeypatch, capsys):
    command = ["transferlab", "plan", "--dataset", "imagenet", "--scale", "smoke", "--throughput", "20000"]
    monkeypatch.setattr("sys.argv", command)
    assert not main()
    said = capsys.readouterr().out
    assert f"{len(study.STUDIES['networks'].jobs())} networks" in said and "GB of images" in said
