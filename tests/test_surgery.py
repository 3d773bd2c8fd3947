"""What is copied, frozen, fresh and fine-tuned, before and after training, for every kind of network."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transferlab import Treatment, networks, training, transplant
from transferlab.notation import DEPTHS
from transferlab.splits import task
from transferlab.system.machine import one_thread

treatments = st.builds(
    Treatment.of,
    st.sampled_from(["AnB", "BnB", "AnB+", "BnB+", "random", "BnB++", "AnB++"]),
    st.sampled_from(DEPTHS),
    st.sampled_from("AB"),
)
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def state(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def changed(before, network):
    """The layers in which some tensor, buffers included, differs from the state `before`."""
    after = network.state_dict()
    return {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}


def build(seed, classes=40):
    return networks.build("mini", classes, 32, seed)


@few
@given(n=st.integers(0, 8), seeds=st.lists(st.integers(0, 9999), min_size=2, max_size=2, unique=True))
def test_a_transplant_is_the_donor_below_n_and_fresh_above_and_touches_neither(n, seeds):
    donor, fresh = build(seeds[0]), build(seeds[1])
    before = state(donor), state(fresh)
    network = transplant.transplant(donor, n, fresh)
    transplant.verify(network, donor, n, frozen=False)
    transplant.verify(transplant.freeze(network, n), donor, n, frozen=True)
    if n < 8:
        assert not changed(state(fresh), network) & set(networks.LAYER_NAMES[n:])
    for parameter in network.parameters():
        parameter.data.add_(1.0)
    assert not changed(before[0], donor)
    assert not changed(before[1], fresh)
    assert all(parameter.requires_grad for net in (donor, fresh) for parameter in net.parameters())


def spoil_weight(network):
    with torch.no_grad():
        network.conv2.conv.weight[0, 0, 0, 0] += 1e-6


def spoil_statistics(network):
    network.conv1.norm.running_mean[3] += 1e-6


def spoil_counter(network):
    network.conv3.norm.num_batches_tracked += 1


def spoil_freezing(network):
    network.conv2.conv.weight.requires_grad_(True)


def spoil_learning(network):
    network.fc6.norm.bias.requires_grad_(False)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_weight, r"conv2 should be the donor's but differs in conv\.weight"),
        (spoil_statistics, r"conv1 should be the donor's but differs in norm\.running_mean"),
        (spoil_counter, r"conv3 should be the donor's but differs in norm\.num_batches_tracked"),
        (spoil_freezing, "conv2 should be frozen but can learn"),
        (spoil_learning, "fc6 should learn but is frozen"),
    ],
)
def test_verify_names_the_layer_at_fault_and_no_other(spoil, message):
    donor = build(1)
    network = transplant.freeze(transplant.transplant(donor, 3, build(2)), 3)
    transplant.verify(network, donor, 3, frozen=True)
    spoil(network)
    with pytest.raises(ValueError, match=message) as caught:
        transplant.verify(network, donor, 3, frozen=True)
    assert str(caught.value).count(" should ") == 1


@pytest.mark.parametrize("wrong", [1, 2, 4, 5])
def test_verify_finds_one_layer_too_many_or_too_few(wrong):
    donor = build(1)
    network = transplant.transplant(donor, wrong, build(2))
    with pytest.raises(ValueError, match="conv"):
        transplant.verify(network, donor, 3, frozen=False)


@pytest.mark.parametrize("n", [-1, 9, 2.0, True, None])
def test_an_impossible_n_is_refused(n):
    with pytest.raises(ValueError, match="n is a whole number from 0 to 8"):
        transplant.transplant(build(1), n, build(2))


def test_networks_that_do_not_correspond_are_refused():
    with pytest.raises(ValueError, match="do not correspond"):
        transplant.transplant(build(1)[:5], 3, build(2))


@few
@given(treatment=treatments, split=st.sampled_from(["random", "kingdom"]))
def test_training_changes_exactly_what_it_should(lab, treatment, split):
    """Frozen layers are bit-identical after training, batch-norm statistics included; all others have changed."""
    parent = lab.run(treatment.parent, split) if treatment.parent else None
    folder = parent and {path.name: path.read_bytes() for path in parent.path.iterdir()}
    mine = task(lab.data, split, 0, treatment.target)
    network = lab.experiment(treatment, split).network(parent and parent.network())
    if parent:
        transplant.verify(network, parent.network(), treatment.transplanted(), frozen=False)
    before = state(network)
    training.train(network, treatment.frozen, mine, lab.recipe, seed=1)
    assert changed(before, network) == set(networks.LAYER_NAMES[treatment.frozen :])
    if parent:
        transplant.verify(network, parent.network(), treatment.frozen, frozen=True)
        assert {path.name: path.read_bytes() for path in parent.path.iterdir()} == folder


def test_what_the_store_holds_has_the_parents_layers(lab):
    donor = lab.run("baseA").network()
    kept = lab.run("A4B").network()
    assert changed(state(donor), kept) & set(networks.LAYER_NAMES[:4]) == set()
    assert changed(state(donor), lab.run("A4B+").network()) >= set(networks.LAYER_NAMES[:4])


def test_siblings_start_from_the_same_upper_layers_and_selffers_from_new_ones(lab):
    prepared = {}
    for name in ("A3B", "B3B", "R3B", "A3B+"):
        treatment = Treatment.parse(name)
        parent = lab.run(treatment.parent) if treatment.parent else None
        prepared[name] = lab.experiment(treatment).network(parent and parent.network())
    above = set(networks.LAYER_NAMES[3:])
    for name in ("B3B", "R3B", "A3B+"):
        assert not changed(state(prepared["A3B"]), prepared[name]) & above
    base = lab.experiment("baseB").network()
    assert changed(state(base), prepared["B3B"]) == set(networks.LAYER_NAMES)
    assert changed(state(base), prepared["R3B"]) == set(networks.LAYER_NAMES)


def test_a_second_stage_starts_where_the_first_ended(lab):
    first = lab.run("A4B").network()
    start = lab.experiment("A4B++").network(first)
    transplant.verify(start, first, 8, frozen=False)
    with pytest.raises(ValueError, match="fc8 should be fresh but holds the donor's weights"):
        transplant.verify(start, first, 4, frozen=False)
    with pytest.raises(ValueError, match="should be the donor's but differs"):  # the way of the bug museum's sibling
        transplant.verify(lab.experiment("A4B+").network(lab.run("baseA").network()), first, 8, frozen=False)


def test_copied_layers_can_learn_at_a_rate_of_their_own(lab):
    donor = lab.run("baseA").network()
    still = lab.changed(tuned={"A4B+": {"copied_rate": 0}})
    kept = dict(still.run("A4B+").network().named_parameters())
    for name, before in donor.named_parameters():
        assert torch.equal(before, kept[name]) == (name.split(".")[0] in networks.LAYER_NAMES[:4])
    for name in ("A4B", "baseB", "R4B"):  # nothing that was copied learns in these
        assert lab.spec(name, "random", 0) == lab.changed(copied_rate=0.1).spec(name, "random", 0)


def test_random_filters_of_r2b_are_the_first_of_r5b(lab):
    r2, r5 = lab.run("R2B").network(), lab.run("R5B").network()
    assert not changed(state(r5), r2) & {"conv1", "conv2"}


def plain_loop(network, frozen, mine, recipe, seed):
    """The training loop as one would write it: images through the whole network, frozen layers in evaluation mode."""
    images = torch.tensor(mine.train_images).float().sub(127.5).div(63.75)
    labels = torch.tensor(mine.train_labels)
    decay = {
        name: recipe.first_layer_decay if name == "conv1" else recipe.weight_decay for name in networks.LAYER_NAMES
    }
    groups = [
        {"params": list(layer.parameters()), "weight_decay": decay[name]}
        for name, layer in list(network.named_children())[frozen:]
    ]
    optimizer = torch.optim.SGD(groups, lr=1.0, momentum=recipe.momentum, nesterov=True)
    per_epoch = len(labels) // recipe.batch
    step = 0
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed * 100_003 + epoch))
        for chosen in order[: per_epoch * recipe.batch].split(recipe.batch):
            network.train()
            for layer in network[:frozen]:
                layer.eval()
            for group in optimizer.param_groups:
                group["lr"] = training.learning_rate(recipe, step, recipe.epochs * per_epoch)
            loss = torch.nn.functional.cross_entropy(network(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1


@pytest.mark.parametrize("frozen", [0, 1, 4, 7])
@pytest.mark.parametrize(("layout", "rate"), [(torch.channels_last, 0.1), (torch.contiguous_format, 1e-4)])
def test_the_fast_loop_equals_the_plain_one(lab, frozen, layout, rate):
    """To 1e-5 in every weight. The default layout adds up in another order; at a high rate, training multiplies
    that rounding without bound, so there the comparison is at a low one."""
    recipe = replace(lab.recipe, precision="float32", learning_rate=rate)
    mine = lab.task("B")
    fast = build(3)
    plain = copy.deepcopy(fast).to(memory_format=layout)
    with one_thread():
        training.train(fast, frozen, mine, recipe, seed=5)
        plain_loop(plain, frozen, mine, recipe, seed=5)
    for (name, ours), theirs in zip(fast.named_parameters(), plain.parameters(), strict=True):
        assert np.allclose(ours.detach(), theirs.detach(), rtol=0, atol=1e-5), name
