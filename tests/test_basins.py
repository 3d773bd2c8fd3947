"""Lines between networks, statistics taken again, layers rewound, and the table of them."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch

from transferlab import networks, training, transplant
from transferlab.study import basins, cut_claims, ledger


def build(seed, name="mini"):
    return networks.build(name, 40, 32, seed)


def test_a_place_between_two_networks_is_the_mixture_of_their_weights():
    one, other = build(1), build(2)
    middle = transplant.between(one, other, 0.25)
    for own, first, second in zip(middle.parameters(), one.parameters(), other.parameters(), strict=True):
        assert torch.allclose(own, 0.75 * first + 0.25 * second, atol=1e-6)
    for share, end in ((0, one), (1, other)):
        assert all(
            torch.equal(*pair) for pair in zip(transplant.between(one, other, share).parameters(), end.parameters())
        )


@pytest.mark.parametrize(
    ("one", "other", "share", "said"),
    [
        (build(1), build(2), 1.5, "share of the other network is 1.5; it must be a number from 0 to 1"),
        (build(1), build(2), True, "share of the other network is True"),
        (build(1), build(2, "vit"), 0.5, "do not correspond"),
        (build(1), networks.build("mini", 40, 32, 1, top=networks.Top(3, 2)), 0.5, "no line leads from conv4"),
    ],
)
def test_what_lies_between_no_two_networks_is_refused(one, other, share, said):
    with pytest.raises(ValueError, match=said):
        transplant.between(one, other, share)


def test_statistics_are_those_of_the_images_and_weights_stay(lab):
    """Of the first layer they can be worked out by hand; all others follow from it."""
    network = build(1)
    network.conv1.norm.running_mean.fill_(7)
    before = copy.deepcopy(network)
    images = lab.task("B").train_images[:96]
    training.take_statistics(network, images, lab.changed(precision="float32").recipe)
    with torch.no_grad():
        outputs = before.conv1.conv(training.to_input(images, "float32", "cpu")).movedim(1, 0).flatten(1)
    assert torch.allclose(network.conv1.norm.running_mean, outputs.mean(1), atol=1e-4)
    assert all(torch.equal(*pair) for pair in zip(network.parameters(), before.parameters(), strict=True))
    assert network.conv1.norm.momentum == 0.1 and not network.training


def test_a_network_without_statistics_is_left_as_it_is(lab):
    network = build(1, "vit")
    before = copy.deepcopy(network).state_dict()
    training.take_statistics(network, lab.task("B").train_images[:64], lab.recipe)
    assert all(torch.equal(before[key], tensor) for key, tensor in network.state_dict().items())
    assert not [each for each in network.modules() if hasattr(each, "running_mean")]


def test_the_table_is_made_task_by_task_and_resumed(tmp_path, monkeypatch):
    small = [basins.Part(0, target) for target in "BA"]
    monkeypatch.setattr(basins, "parts", lambda: small)
    monkeypatch.setattr(basins, "SHARES", (0.0, 0.5, 1.0))
    pairs = {name: basins.PAIRS[name] for name in ("two transfers", "transfer and base", "two bases")}
    monkeypatch.setattr(basins, "PAIRS", pairs)
    monkeypatch.setattr(basins, "REWOUND", ("A4B+",))
    real, asked = basins._rows, []

    def stop(lab, part):
        asked.append(part.target)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(lab, part)

    monkeypatch.setattr(basins, "_rows", stop)
    path, options = tmp_path / "basins.csv", {"scale": "smoke", "runs": tmp_path / "runs", "at_once": 1, "epochs": 1}
    with pytest.raises(KeyboardInterrupt):
        basins.compare(path, **options)
    assert len(ledger.read(path, basins.COLUMNS)) == 3 * 3 + 8
    table = basins.compare(path, **options)
    assert asked == ["B", "A", "A"] and len(table) == 2 * 17
    assert table.accuracy.between(0, 1).all() and "34 of 34 rows" in basins.plan(path)
    lines = table[table.kind == "line"]
    ends = lines[lines.place == 0].groupby(["target", "first"]).accuracy.nunique()
    assert (ends == 1).all(), "an end is the same whichever line it is on"
    assert (table[table.kind == "rewound"].distance > 0).all()
    rows = cut_claims.barriers(table)
    assert {*rows.n} == {"4"} and len(rows) == 5 and rows.tasks.tolist() == [2, 2, 2, 0, 0]
    layers = cut_claims.rewound(table)
    assert layers.n.tolist() == [*"12345678"] * 2 and layers.tasks.tolist() == [2] * 8 + [0] * 8


def test_a_barrier_is_how_far_accuracy_falls_below_the_line_between_its_ends():
    rows = []
    for seed, dip in enumerate((0.2, 0.3, 0.25)):
        for first, second, depth in (("A4B+", "A4B+.2", 0.0), ("baseB", "baseB.2", dip)):
            for place, accuracy in ((0.0, 0.7), (0.5, 0.75 - depth), (1.0, 0.8)):
                rows.append(("random", seed, "B", "line", first, second, place, accuracy, 1.0, 1.0, "x", "y", 1))
    table = pd.DataFrame(rows, columns=basins.COLUMNS)
    found = cut_claims.barriers(table).set_index("contrast")
    assert found.estimate["baseB - baseB.2"] == pytest.approx(-25)
    assert found.estimate["A4B+ - A4B+.2"] == pytest.approx(0)
    assert np.isnan(found.estimate["B4B - baseB"])
