"""What is asked of the cut: stitching, other starts, wider tops, means and variances; and what is refused."""

import copy
from dataclasses import replace

import pytest
import torch

from transferlab import Lab, Treatment, networks, training, transplant
from transferlab.engine.checkpoints import Checkpoint
from transferlab.engine.recipes import Recipe
from transferlab.notation import DEPTHS, lineage, parent_jobs, with_parents
from transferlab.parallel import one_by_one, threads
from transferlab.store.sweeps import sweep_jobs


def build(seed, name="mini", **options):
    return networks.build(name, 40, 32, seed, **options)


def stitched(lower, upper, n):
    images = torch.rand(20, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return transplant.stitch(lower, upper, n, *(copy.deepcopy(each).eval()[:n](images) for each in (lower, upper)))


def state(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "condition", "parents", "frozen", "learned"),
    [
        ("A4_B", "An_B", ["baseA", "baseB"], 4, [4]),
        ("B4_A", "An_B", ["baseB", "baseA"], 4, [4]),
        ("B4_B", "Bn_B", ["baseB"], 4, [4]),
        ("B4_B.2", "Bn_B.2", ["baseB.2", "baseB"], 4, [4]),
        ("R4_B", "Rn_B", ["baseB"], 4, [4]),
        ("B4B=", "BnB=", ["baseB"], 4, [4, 5, 6, 7]),
        ("B4B.3", "BnB.3", ["baseB"], 4, [4, 5, 6, 7]),
        ("A4B+.2", "AnB+.2", ["baseA"], 0, [0, 1, 2, 3, 4, 5, 6, 7]),
        ("A4B++.2", "AnB++.2", ["A4B.2"], 0, [0, 1, 2, 3, 4, 5, 6, 7]),
        ("M7B+", "MnB+", ["baseA"], 0, [0, 1, 2, 3, 4, 5, 6, 7]),
        ("baseA.2", "base.2", [], 0, [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_what_a_name_at_the_cut_means(name, condition, parents, frozen, learned):
    treatment = Treatment.parse(name)
    assert str(treatment) == name and treatment.condition == condition
    assert [str(each) for each in treatment.parents] == parents
    assert treatment.frozen == frozen
    assert [*range(8)][treatment.learned] == learned
    assert Treatment.of(condition, treatment.n, treatment.target) == treatment


@pytest.mark.parametrize(
    "name", ["A4_B+", "A4B=", "R4B=", "B4B=+", "B4_B=", "M4B", "M4_B", "M4B++", "baseB=", "base_B", "B4B.1", "B4B.10"]
)
def test_other_combinations_are_refused(name):
    with pytest.raises(ValueError, match="no such network"):
        Treatment.parse(name)


def test_both_parents_come_first():
    assert parent_jobs(("B4_A", "kingdom", 2)) == [("baseB", "kingdom", 2), ("baseA", "kingdom", 2)]
    assert lineage(("B4_B.2", "random", 0))[1:] == [("baseB.2", "random", 0), ("baseB", "random", 0)]
    assert with_parents([("A4_B", "random", 0)])[2] == ("A4_B", "random", 0)
    jobs = sweep_jobs(("Bn_B.2", "AnB"), (3,), "random", (0,), ("A", "B"))
    for place, job in enumerate(jobs):
        assert all(jobs.index(parent) < place for parent in parent_jobs(job))
    assert len(jobs) == 2 + 2 + 4


@pytest.mark.parametrize("name", ["mini", "mini_resnet", "vit"])
@pytest.mark.parametrize("n", [1, 5, 7])
def test_a_stitch_is_one_network_below_another_above_and_a_map_between(name, n):
    lower, upper = build(1, name), build(2, name)
    before = state(lower), state(upper)
    network = stitched(lower, upper, n)
    transplant.verify_stitch(network, lower, upper, n)
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 40)
    for donor, old in zip((lower, upper), before, strict=True):
        assert all(torch.equal(old[key], tensor) for key, tensor in donor.state_dict().items())
        assert all(parameter.requires_grad for parameter in donor.parameters())


@pytest.mark.parametrize("n", [1, 4, 7])
def test_a_map_starts_as_the_best_there_is(n):
    """Where the lower layers are the upper network's own, but for a linear change of them, it undoes that change."""
    upper = build(2, "vit").eval()
    turned = copy.deepcopy(upper)
    turned[n - 1] = torch.nn.Sequential(turned[n - 1], torch.nn.Linear(192, 192))
    images = torch.rand(9, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        outputs = [each[:n](images) for each in (turned, upper)]
        network = transplant.stitch(turned, upper, n, *outputs)
        assert torch.allclose(network(images), upper(images), atol=1e-2)


def test_verify_refuses_a_damaged_stitch():
    lower, upper = build(1), build(2)
    whole = stitched(lower, upper, 4)
    for spoil, said in (
        (lambda net: net.conv2.norm.running_mean.add_(1), "conv2 should be the lower network's"),
        (lambda net: net.fc7.fc.weight.add_(1), "fc7 should be the upper network's"),
        (lambda net: net.fc8.requires_grad_(True), "fc8 should be frozen"),
        (lambda net: net.map.requires_grad_(False), "the map should learn"),
    ):
        damaged = copy.deepcopy(whole)
        with torch.no_grad():
            spoil(damaged)
        with pytest.raises(ValueError, match=said) as caught:
            transplant.verify_stitch(damaged, lower, upper, 4)
        assert str(caught.value).count(" should ") == 1
    with pytest.raises(ValueError, match="stitched after 3 layers: it has the layers conv1"):
        transplant.verify_stitch(whole, lower, upper, 3)


def test_a_map_between_other_shapes_is_refused_and_between_other_widths_is_not():
    wide = build(2, top=networks.Top(0, 2))
    assert stitched(build(1), wide, 3).map.weight.shape == (96, 48, 1, 1)
    halved = build(2)
    halved.conv1.conv.stride = (4, 4)
    with pytest.raises(ValueError, match=r"no linear map leads from .*48, 8, 8\] to \[20, 48, 4, 4\]"):
        stitched(build(1), halved, 3)
    for n in (0, 8):
        with pytest.raises(ValueError, match="n is a whole number from 1 to 7"):
            stitched(build(1), build(2), n)


def test_training_a_stitch_changes_the_map_and_nothing_else(lab):
    """Statistics of batch normalisation included, below and above; and it is found again as it was."""
    run = lab.run("A4_B")
    lower, upper = lab.run("baseA").network(), lab.run("baseB").network()
    kept = run.network()
    transplant.verify_stitch(kept, lower, upper, 4)
    assert not torch.equal(kept.map.weight, lab.start("A4_B").map.weight)
    assert run.spec["parent"] == lab.run("baseA").path.name and run.spec["top"] == lab.run("baseB").path.name
    assert lab.run("R4_B").spec["parent"] is None
    right = (lab.predict(run).argmax(1).numpy() == lab.task("B").test_labels).mean()
    assert right == pytest.approx(run.accuracy, abs=0.02)


def test_a_stitch_resumes_after_a_stop(lab, tmp_path):
    recipe, task = replace(lab.recipe, epochs=3), lab.task("B")

    def train(checkpoint=None, stop=None):
        network = stitched(build(1), build(2), 3)

        def on_epoch(row):
            if row["epoch"] == stop:
                raise KeyboardInterrupt

        training.train(network, 3, task, recipe, 5, on_epoch=on_epoch, checkpoint=checkpoint, upper=4)
        return network

    whole, kept = train(), Checkpoint(tmp_path / "kept")
    with pytest.raises(KeyboardInterrupt):
        train(kept, stop=2)
    assert all(torch.equal(one, other) for one, other in zip(state(whole).values(), state(train(kept)).values()))


def test_a_network_waits_for_both_of_its_parents_and_is_lost_with_either():
    jobs = with_parents([("A4_B", "random", 0), ("B4_B.2", "random", 0)])

    def train(job):
        if job[0] == "baseB.2":
            raise RuntimeError("no room")
        assert {parent[0] for parent in parent_jobs(job)} <= {*trained}
        trained.append(job[0])
        return 0.5

    for in_parallel in (
        lambda *all: one_by_one(*all),
        lambda train, jobs, done: threads.in_parallel(train, jobs, 3, done),
    ):
        trained = []
        failed = in_parallel(train, jobs, lambda job, accuracy: None)
        assert {job[0] for job in failed} == {"baseB.2", "B4_B.2"}
        assert sorted(trained) == ["A4_B", "baseA", "baseB"]


def test_starts_differ_in_what_is_fresh_and_in_nothing_else(lab):
    first, second = lab.start("B4B"), lab.start("B4B.2")
    own, base = lab.start("B4B="), lab.run("baseB").network()
    transplant.verify(first, base, 4, frozen=False)
    transplant.verify(second, base, 4, frozen=False)
    transplant.verify(own, base, 8, frozen=False)
    assert not torch.equal(first.fc7.fc.weight, second.fc7.fc.weight)
    assert not torch.equal(lab.start("baseB.2").conv1.conv.weight, lab.start("baseB").conv1.conv.weight)
    after = lab.run("B4B=").network()
    assert torch.equal(after.conv4.conv.weight, base.conv4.conv.weight)
    assert not torch.equal(after.fc7.fc.weight, base.fc7.fc.weight)


def test_a_top_that_is_wider(lab):
    wide = lab.changed(tuned={"B4B": {"top_width": 2}})
    kept = wide.run("B4B").network()
    transplant.freeze(kept, 4)
    transplant.verify(kept[:4], lab.run("baseB").network()[:4], 4, frozen=True)
    assert kept.conv5.conv.weight.shape == (64, 48, 3, 3) and kept.fc8.fc.weight.shape == (40, 384)
    assert wide.spec("B4B") != lab.spec("B4B") and wide.spec("baseB") == lab.spec("baseB")
    everywhere = lab.changed(top_width=2)
    for name in ("baseB", "A4_B", "B4B="):  # these have no fresh top
        assert everywhere.spec(name) == lab.spec(name)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda lab: Recipe(top_width=0), "top_width is 0"),
        (lambda lab: lab.changed(top_width=2, network="vit").start("R4B"), "only.*'mini'.*'vit'"),
        (lambda lab: transplant.transplant(build(1, top=networks.Top(2, 2)), 4, build(2)), r"conv3 cannot be copied"),
    ],
)
def test_fields_that_do_not_fit_are_refused(lab, ask, said):
    with pytest.raises(ValueError, match=said):
        ask(lab)


@pytest.mark.parametrize("name", ["mini", "vit"])
def test_means_and_variances_are_the_donors_and_nothing_else_is(name):
    donor, fresh = build(1, name), build(2, name)
    before = state(donor), state(fresh)
    with torch.no_grad():
        for parameter in donor.parameters():
            parameter.mul_(3).add_(0.5)
    network = transplant.in_likeness(donor, 5, fresh, seed=4)
    for own, theirs in zip(network[:5].parameters(), donor[:5].parameters(), strict=True):
        assert own.shape == theirs.shape
        if theirs.numel() > 1000:
            spread = theirs.std().item()
            assert own.mean().item() == pytest.approx(theirs.mean().item(), abs=0.15 * spread)
            assert own.std().item() == pytest.approx(spread, rel=0.1) and not torch.allclose(own, theirs)
    for (key, own), theirs in zip(network[5:].state_dict().items(), fresh[5:].state_dict().values(), strict=True):
        assert torch.equal(own, theirs), key
    assert all(torch.equal(before[1][key], tensor) for key, tensor in fresh.state_dict().items())


def test_m7b_is_trained_from_scratch_with_the_bases_as_its_model(lab):
    start, base = lab.start("M7B+"), lab.run("baseA").network()
    assert start.conv3.conv.weight.std().item() == pytest.approx(base.conv3.conv.weight.std().item(), rel=0.1)
    run = lab.run("M7B+")
    assert run.spec["parent"] == lab.run("baseA").path.name and len(run.network()) == 8
    table = lab.train([("M7B+", "random", 0), ("B3_B.2", "random", 0)])
    assert table.condition.tolist() == ["MnB+", "Bn_B.2"] and table.n.tolist() == [7, 3]


@pytest.mark.nightly
def test_two_parents_in_processes_of_their_own(tmp_path):
    lab = Lab(scale="smoke", runs=tmp_path, device="cpu", at_once=2)
    table = lab.sweep(("An_B",), (7,), targets=("A", "B"))
    assert sorted(table.network) == ["A7_B", "B7_A", "baseA", "baseB"]
    assert {*DEPTHS} >= {*table.n} - {0}
