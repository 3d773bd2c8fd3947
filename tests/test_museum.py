"""The exhibits make the mistakes that the chapter says they make, and no others."""

import copy

import pytest
import torch

from transferlab import training, transplant
from transferlab.chapters import museum


@pytest.fixture
def watched(lab, monkeypatch):
    """Run an exhibit with n = 3; gives the network as training began and as it ended, and how much was frozen."""

    def run(name, n=3):
        seen = []
        real = training.train

        def train(network, frozen, *rest, **options):
            before = copy.deepcopy(network)
            rows = real(network, frozen, *rest, **options)
            seen.append((before, network, frozen))
            return rows

        monkeypatch.setattr(museum.training, "train", train)
        assert 0 <= museum.EXHIBITS[name](lab, n, "random", 0) <= 1
        return seen

    return run


def same(one, other):
    return {
        key
        for key, tensor in one.state_dict().items()
        if torch.equal(tensor, other.state_dict()[key]) and tensor.numel() > 1
    }


def test_the_first_base_begins_with_features_of_all_classes(watched):
    at_hand, base_a, patient = watched("first")[-3:]
    assert at_hand[1][-1].fc.out_features == 80
    with pytest.raises(ValueError, match="conv1 should be fresh but holds the donor's weights"):
        transplant.verify(base_a[0], at_hand[1], 0, frozen=False)
    transplant.verify(transplant.freeze(patient[1], 3), base_a[1], 3, frozen=True)  # nothing else is wrong


def test_the_second_counts_modules(watched, lab):
    (before, after, frozen), donor = watched("second", n=7)[-1], lab.run("baseA").network()
    assert frozen == 2
    with pytest.raises(ValueError, match="conv3 should be the donor's"):
        transplant.verify(before, donor, 7, frozen=True)
    transplant.verify(transplant.freeze(after, 2), donor, 2, frozen=True)


def test_the_third_control_is_not_frozen(watched, lab):
    (before, after, frozen), donor = watched("third")[-1], lab.run("baseB").network()
    assert frozen == 0
    transplant.verify(before, donor, 3, frozen=False)
    assert not same(after[:3], donor[:3])


def test_the_fourth_goes_on_from_a_finished_network(watched, lab):
    before, _, frozen = watched("fourth")[-1]
    assert frozen == 0
    assert same(before, lab.run("A3B").network()) == set(before.state_dict()) - {
        key for key, tensor in before.state_dict().items() if tensor.numel() == 1
    }


def test_in_the_fifth_only_the_statistics_drift(watched, lab):
    (_, after, _), donor = watched("fifth")[-1], lab.run("baseA").network()
    drifted = {key for key in after[:3].state_dict() if key not in same(after[:3], donor[:3])}
    assert {key.split(".")[-1] for key in drifted} == {"running_mean", "running_var", "num_batches_tracked"}
    with pytest.raises(ValueError, match=r"conv1 should be the donor's but differs in norm\.running_mean"):
        transplant.verify(after, donor, 3, frozen=True)
