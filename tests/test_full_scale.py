"""The network and recipe of 2014, and random crops from memory and from disk."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from transferlab import Lab, datasets, networks, training
from transferlab.datasets.rows import Rows
from transferlab.engine.inputs import Crops, mean_image
from transferlab.engine.recipes import SCALES, recipe_for
from transferlab.engine.steps import parameter_groups
from transferlab.training import learning_rate, steady
from transferlab.transplant import train_mode

CROPPED = {"size": 32, "crop": 24, "mirror": True, "divide_by": 63.75, "precision": "float32"}
PARAMETERS = {  # of the authors' training definitions
    "conv1": 34_944, "conv2": 307_456, "conv3": 885_120, "conv4": 663_936,
    "conv5": 442_624, "fc6": 37_752_832, "fc7": 16_781_312, "fc8": 4_097_000,
}  # fmt: skip


@pytest.fixture(scope="module")
def caffenet():
    return networks.build("caffenet", 500, 227, seed=0, initialisation="gaussian")


def test_caffenet_has_the_parameters_of_2014_layer_by_layer(caffenet):
    assert {name: sum(p.numel() for p in layer.parameters()) for name, layer in caffenet.named_children()} == PARAMETERS


def test_caffenet_begins_as_in_2014(caffenet):
    convolutions = {n: m for n, layer in caffenet.named_children() for m in layer.modules() if hasattr(m, "weight")}
    for name, module in convolutions.items():
        std = 0.005 if name in ("fc6", "fc7") else 0.01
        assert module.weight.std().item() == pytest.approx(std, rel=0.03)
        assert set(module.bias.tolist()) == {float(name in ("conv2", "conv4", "conv5", "fc6", "fc7"))}
    assert [convolutions[name].groups for name in ("conv1", "conv2", "conv3", "conv4", "conv5")] == [1, 2, 1, 2, 2]


def test_the_layers_of_caffenet_have_the_sizes_of_2014(caffenet):
    signal, shapes = torch.zeros(1, 3, 227, 227), {}
    for name, layer in caffenet.eval().named_children():
        signal = layer(signal)
        shapes[name] = tuple(signal.shape[1:])
    assert shapes == {
        "conv1": (96, 27, 27), "conv2": (256, 13, 13), "conv3": (384, 13, 13), "conv4": (384, 13, 13),
        "conv5": (256, 6, 6), "fc6": (4096,), "fc7": (4096,), "fc8": (1000,),
    }  # fmt: skip


def test_normalisation_is_that_of_caffe():
    from transferlab.networks.caffenet import norm

    signal = 100 * torch.rand(2, 7, 3, 3, generator=torch.Generator().manual_seed(0))
    expected = torch.empty_like(signal)
    for channel in range(7):
        near = signal[:, max(0, channel - 2) : channel + 3]
        expected[:, channel] = signal[:, channel] / (1 + 1e-4 / 5 * (near**2).sum(1)) ** 0.75
    assert torch.allclose(norm()(signal), expected)


@pytest.mark.parametrize(("classes", "size"), [(1001, 227), (500, 224)])
def test_what_caffenet_refuses(classes, size):
    with pytest.raises(ValueError, match="227 pixels and up to 1000 classes"):
        networks.build("caffenet", classes, size, seed=0)


def test_the_schedule_of_2014():
    recipe = SCALES["paper"]
    rates = [learning_rate(recipe, step, recipe.iterations) for step in (0, 99_999, 100_000, 449_999)]
    assert rates == pytest.approx([1e-2, 1e-2, 1e-3, 1e-6])


def test_biases_learn_twice_as_fast_without_decay(caffenet):
    groups = {
        (group["weight_decay"], group["times"]): group["params"]
        for group in parameter_groups(caffenet, SCALES["paper"])
    }
    assert set(groups) == {(5e-4, 1.0), (0.0, 2.0)}
    assert all(parameter.dim() == 1 for parameter in groups[0.0, 2.0]) and len(groups[0.0, 2.0]) == 8


def test_the_laptop_recipe_decays_everything_but_layer_1():
    network = networks.build("mini", 40, 32, seed=0)
    groups = parameter_groups(network, SCALES["laptop"])
    assert [(group["weight_decay"], group["times"]) for group in groups] == [(1e-2, 1.0), (0.0, 1.0)]
    assert {id(p) for p in groups[1]["params"]} == {id(p) for p in network.conv1.parameters()}


def test_dropout_is_at_work_in_frozen_layers_and_nothing_above_it_is_stored(caffenet):
    train_mode(caffenet, 7)
    modes = {
        name: [m.training for m in layer.modules() if isinstance(m, nn.Dropout)]
        for name, layer in caffenet.named_children()
    }
    assert modes["fc7"] == modes["fc8"] == [True] and not caffenet.fc7[1].training
    uncropped = replace(SCALES["paper"], crop=0)
    assert [steady(caffenet, n, uncropped) for n in range(8)] == [0, 1, 2, 3, 4, 5, 6, 6]
    assert steady(caffenet, 5, SCALES["paper"]) == 0


# --- modern networks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "theirs", "options"), [
    ("resnet18", "resnet18", {"num_classes": 10}),
    ("vit", "VisionTransformer", {"image_size": 64, "patch_size": 8, "num_layers": 8, "num_heads": 3, "hidden_dim": 192,
                                  "mlp_dim": 768, "num_classes": 10}),
])  # fmt: skip
def test_eight_blocks_compute_what_torchvisions_network_computes(name, theirs, options):
    from transferlab.system.torchvision import torchvision

    with torch.random.fork_rng():
        torch.manual_seed(0)
        whole = getattr(torchvision.models, theirs)(**options).eval()
        torch.manual_seed(0)
        ours = networks.NETWORKS[name](10, 64).eval()
    assert [block for block, _ in ours.named_children()] == [f"block{n}" for n in range(1, 9)]
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.allclose(ours(images), whole(images), atol=1e-6)


@pytest.mark.parametrize("name", ["resnet18", "vit"])
def test_modern_networks_are_drawn_from_their_seed_alone(name):
    before = torch.get_rng_state()
    first, again, other = (networks.build(name, 10, 32, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    for key, tensor in first.state_dict().items():
        assert torch.isfinite(tensor).all() and torch.equal(tensor, again.state_dict()[key])
    assert any(
        not torch.equal(one, another) for one, another in zip(first.parameters(), other.parameters(), strict=True)
    )
    assert torch.isfinite(first.eval()(torch.zeros(2, 3, 32, 32))).all()


def test_a_transplanted_resnet_keeps_its_frozen_blocks_statistics_and_all(tmp_path):
    tiny = {"epochs": 1, "data": {"train_per_class": 2, "test_per_class": 1}}
    lab = Lab(scale="smoke", runs=tmp_path, device="cpu", network="resnet18", **tiny)
    base, run = (lab.run(name).network().state_dict() for name in ("baseA", "A5B"))
    for key, tensor in base.items():
        if key.split(".")[0] <= "block5":
            assert torch.equal(tensor, run[key]), key
    assert not torch.equal(base["block6.bn1.running_mean"], run["block6.bn1.running_mean"])


# --- crops -----------------------------------------------------------------------------------------------


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (40, 3, 32, 32), dtype=np.uint8)


def crops(images, **changes):
    return Crops(images, recipe_for("smoke", **CROPPED | changes), torch.full((3, 32, 32), 100.0), "cpu")


def test_a_crop_is_a_part_of_its_image_minus_the_mean(images):
    plan = torch.tensor([[5, 2, 7, 0], [9, 8, 0, 1]])
    inputs = crops(images).take(plan)
    assert np.allclose(inputs[0] * 63.75 + 100, images[5, :, 2:26, 7:31])
    assert np.allclose(inputs[1] * 63.75 + 100, images[9, :, 8:32, 0:24][..., ::-1])


def test_the_mean_is_that_of_the_place_of_the_crop(images):
    mean = mean_image(images)
    assert np.allclose(mean, images.mean(0))
    source = Crops(images, recipe_for("smoke", **CROPPED | {"divide_by": 1.0}), mean, "cpu")
    inputs = source.take(torch.tensor([[3, 1, 8, 1]]))
    assert np.allclose(inputs[0], (images[3] - images.mean(0))[:, 1:25, 8:32][..., ::-1], atol=1e-4)


def test_tests_take_the_middle(images):
    source = crops(images)
    inputs = source.take(source.pick(torch.arange(3), None))
    assert np.allclose(inputs * 63.75 + 100, images[:3, :, 4:28, 4:28])


def test_places_are_everywhere_and_half_are_mirrored(images):
    plan = crops(images).pick(torch.zeros(5000, dtype=torch.int64), torch.Generator().manual_seed(0))
    assert sorted(set(plan[:, 1].tolist())) == sorted(set(plan[:, 2].tolist())) == list(range(9))
    assert 0.45 < plan[:, 3].double().mean() < 0.55
    still = crops(images, mirror=False).pick(torch.zeros(100, dtype=torch.int64), torch.Generator())
    assert still[:, 3].sum() == 0


def test_images_read_batch_by_batch_are_the_same(images):
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    here, far = crops(images), crops(Rows(images, np.arange(40)))
    assert here.resident and not far.resident
    plans = here.pick(order, torch.Generator().manual_seed(2)).split(16)
    for plan, staged in zip(plans, far.batches(plans), strict=True):
        assert torch.equal(here.take(plan), far.take(staged))


def test_training_on_a_mapped_file_equals_training_in_memory(tmp_path, images):
    """And leaves frozen layers alone, though their outputs are not stored."""
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    labels = np.arange(40) % 4
    fields = {"class_names": tuple("abcd"), "kingdoms": (None,) * 4, "train_labels": labels, "test_labels": labels}
    states = []
    for array in (images, mapped):
        data = datasets.DataSet("small", train_images=array, test_images=array, **fields)
        lab = Lab(scale="smoke", runs=tmp_path / "runs", device="cpu", **CROPPED)
        task = training_task(data)
        network = networks.build("mini", 2, 24, seed=0)
        before = network.conv1.conv.weight.clone()
        rows = training.train(network, 1, task, replace(lab.recipe, batch=8), 3, mean=mean_image(task.train_images))
        assert torch.equal(network.conv1.conv.weight, before)
        assert not math.isnan(rows[-1]["test_accuracy"])
        states.append(network.state_dict())
    assert all(torch.equal(one, other) for one, other in zip(states[0].values(), states[1].values(), strict=True))


def training_task(data):
    from transferlab import splits

    return splits.task(data, "random", 0, "B")


def test_iterations_end_training_in_the_middle_of_an_epoch(lab):
    network = networks.build("mini", 40, 32, seed=0)
    recipe = replace(lab.recipe, iterations=14, batch=32)
    rows = training.train(network, 0, lab.task("B"), recipe, 1)
    assert len(rows) == 2 and len(lab.task("B").train_labels) // 32 == 10
    assert rows[1]["learning_rate"] == learning_rate(recipe, 13, 14)


def test_dropout_is_the_same_for_the_same_seed(lab):
    def trained():
        network = networks.build("mini", 40, 32, seed=0)
        network.fc7 = nn.Sequential(nn.Dropout(0.5), network.fc7)
        return training.train(network, 7, lab.task("B"), lab.recipe, 1)[-1]["train_loss"]

    torch.manual_seed(1)
    first = trained()
    state = torch.get_rng_state()
    assert trained() == first
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crop": 40}, "crop is 40: it does not fit into images of size 32"),
        ({"crop": -1}, "crop is -1"),
        ({"iterations": 1.5}, "iterations is 1.5"),
        ({"initialisation": "zeros"}, "initialisation is 'zeros'; it must be one of kaiming, gaussian"),
    ],
)
def test_what_a_recipe_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        recipe_for("smoke", **changes)


def test_few_images_take_as_many_steps_as_all_of_them(tmp_path):
    """The product of epochs and ratio is rounded, not the ratio: 8 of 5 images a class, 2 epochs: 3.2, so 3."""
    lab = Lab(scale="smoke", runs=tmp_path, device="cpu", train_per_class={"A": 4, "B": 5})
    assert {name: len(lab.run(name).history) for name in ("baseA", "baseB")} == {"baseA": 4, "baseB": 3}
    # what the old rule gave another length is another network; what it gave the same is the same one
    assert [lab.spec(name, "random", 0)["recipe"]["epochs"] for name in ("baseA", "baseB")] == [2, 3]


def test_a_field_that_came_later_is_recorded_only_where_it_is_used(lab):
    assert "crop" not in lab.spec("baseB", "random", 0)["recipe"]
    assert Lab(scale="smoke", runs=lab.store.root, crop=24).spec("baseB", "random", 0)["recipe"]["crop"] == 24
