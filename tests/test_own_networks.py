"""A network of one's own, made as CONTRIBUTING says: each first value comes from the seed, or is refused by name."""

import re
from collections import OrderedDict
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from transferlab import Lab, networks, transplant
from transferlab.networks import NETWORKS
from transferlab.networks.values import constructed, drawn

MANY = settings(max_examples=60, deadline=None, derandomize=True)
NAMES = ("stem", "two", "three", "four", "five", "six", "seven", "head")


class LayerScale(nn.Module):
    """As in torchvision's ConvNeXt: a parameter that only the constructor gives values."""

    def __init__(self, width, value=1e-6):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width, 1, 1) * value)

    def forward(self, images):
        return images * self.scale


class Positions(nn.Module):
    """Drawn in the constructor, by a function that takes no generator, with buffers of several types beside."""

    def __init__(self, width):
        super().__init__()
        self.places = nn.Parameter(torch.randn(width, 1, 1) * 0.02)
        self.register_buffer("order", torch.arange(width))
        self.register_buffer("chosen", torch.randperm(width), persistent=False)
        self.register_buffer("mask", torch.ones(width, dtype=torch.bool))
        self.steps = [each.item() for each in torch.linspace(0, 1, 3)]

    def forward(self, images):
        return images + self.places


class Drawn(LayerScale):
    def draw(self, generator):
        nn.init.uniform_(self.scale, generator=generator)


class Reset(LayerScale):
    def __init__(self, width):
        super().__init__(width)
        self.scale = nn.Parameter(torch.empty(width, 1, 1))

    def reset_parameters(self):
        nn.init.normal_(self.scale)


class Open(LayerScale):
    def __init__(self, width, dtype=torch.float32, buffer=False):
        super().__init__(width)
        self.scale = None if buffer else nn.Parameter(torch.empty(width, 1, 1))
        if buffer:
            self.register_buffer("held", torch.empty(width, dtype=dtype))


PARTS = {  # modules of `width` channels that people put between a convolution and its ReLU
    "GroupNorm": lambda width: nn.GroupNorm(2, width),
    "InstanceNorm": lambda width: nn.InstanceNorm2d(width, affine=True, track_running_stats=True),
    "BatchNorm": nn.BatchNorm2d,
    "PReLU": nn.PReLU,
    "PReLU, own slope": lambda width: nn.PReLU(width, 0.1),
    "LayerScale": LayerScale,
    "Positions": Positions,
    "Drawn": Drawn,
    "Reset": Reset,
    "transposed": lambda width: nn.ConvTranspose2d(width, width, 3, padding=1),
    "weight norm": lambda width: nn.utils.parametrizations.weight_norm(nn.Conv2d(width, width, 1)),
    "Dropout2d": lambda width: nn.Dropout2d(0.2),
    "GELU": lambda width: nn.GELU(),
}


def network(parts, classes=40, size=32, width=4, names=NAMES, last=None):
    """Six convolutions with `parts` behind the first ones, a matrix and a head."""
    layers = []
    for place in range(6):
        inputs = 3 if place == 0 else width
        own = [PARTS[part](width) if isinstance(part, str) else part(width) for part in parts[place::6]]
        stride = 4 if place == 0 else 1
        layers.append(nn.Sequential(nn.Conv2d(inputs, width, 3, stride, 1), *own, nn.ReLU()))
    layers.append(nn.Sequential(nn.Flatten(), nn.Linear(width * (size // 4) ** 2, 8), nn.PReLU()))
    layers.append(last(classes) if last else nn.Sequential(nn.Linear(8, classes)))
    return nn.Sequential(OrderedDict(zip(names, layers, strict=False)))


@pytest.fixture
def own(monkeypatch):
    """Register a network made of `parts`."""

    def register(*parts, **options):
        monkeypatch.setitem(NETWORKS, "own", lambda classes, size: network(parts, classes, size, **options))

    return register


def littered(make):
    """Build where memory is full of what others left there."""
    for size in (4, 16, 64, 256, 1024):
        torch.full((size, 64), float("-5e36"))
    return make()


@MANY
@given(parts=st.lists(st.sampled_from(sorted(PARTS)), min_size=1, max_size=8), seed=st.integers(0, 2**32 - 1))
def test_every_value_is_finite_and_the_same_at_each_build(parts, seed):
    def build(seed):
        return littered(lambda: drawn(constructed(lambda: network(parts), seed), seed, "kaiming"))

    before = torch.get_rng_state()
    one, other, third = build(seed), build(seed), build((seed + 1) % 2**32)
    assert torch.equal(torch.get_rng_state(), before)
    tensors = [{**dict(each.named_parameters()), **dict(each.named_buffers())} for each in (one, other, third)]
    for name, tensor in tensors[0].items():
        assert torch.isfinite(tensor).all() and tensor.float().abs().max() < 100, name
        assert torch.equal(tensor, tensors[1][name]), name
    assert not torch.equal(one.stem[0].weight, third.stem[0].weight)


def test_values_are_those_that_the_constructors_give(own):
    own("GroupNorm", "PReLU, own slope", "LayerScale", "Positions", "Drawn", "Reset")
    built = networks.build("own", 40, 32, seed=3)
    assert built.stem[1].weight.eq(1).all() and built.stem[1].bias.eq(0).all()
    assert built.two[1].weight.allclose(torch.tensor(0.1))
    assert built.three[1].scale.eq(1e-6).all()
    assert 0 < built.four[1].places.std() < 0.1 and built.four[1].order.tolist() == [0, 1, 2, 3]
    assert built.five[1].scale.ne(1e-6).all() and built.six[1].scale.std() > 0.1
    convolution = torch.empty(4, 3, 3, 3)
    nn.init.kaiming_normal_(convolution, nonlinearity="relu", generator=torch.Generator().manual_seed(3))
    assert torch.equal(built.stem[0].weight, convolution)  # as in the book's own networks


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (Open, r"two\.1\.scale .* the Open "),
        (partial(Open, buffer=True), r"two\.1\.held"),
        (partial(Open, buffer=True, dtype=torch.int64), r"two\.1\.held"),
        (lambda width: nn.LazyConv2d(width, 1), r"two\.1\.weight .* LazyConv2d"),
    ],
)
def test_what_has_no_first_value_is_refused_by_name(own, tmp_path, part, name):
    own("PReLU", part)
    with pytest.raises(ValueError, match=f"network 'own' cannot be built: nothing says what .*{name}.*draw"):
        networks.build("own", 40, 32, seed=0)
    runs = tmp_path / "runs"
    for train in (lambda lab: lab.run("A3B"), lambda lab: lab.sweep(("base",))):
        with pytest.raises(ValueError, match="cannot be built"):
            train(Lab(scale="smoke", runs=runs, network="own", at_once=1))
    assert not runs.exists()


def test_a_network_that_cannot_be_cut_is_refused(monkeypatch):
    def tied(classes, size):
        whole = network([])
        whole.three[0].weight = whole.two[0].weight
        return whole

    wrong = {
        "has 7; it must be an nn.Sequential of 8 named layers": lambda classes, size: network([])[:7],
        "is a Flatten; it must be an nn.Sequential": lambda classes, size: nn.Flatten(),
        "share weights, two.0.weight and three.0.weight": tied,
    }
    for said, make in wrong.items():
        monkeypatch.setitem(NETWORKS, "own", make)
        with pytest.raises(ValueError, match=re.escape(said)):
            networks.build("own", 40, 32, seed=0)


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (lambda classes: nn.Linear(8, 5), r"of shape \(2, 5\); it must be \(2, 40\)"),
        (lambda classes: nn.Flatten(0), r"of shape \(16,\)"),
        (lambda classes: nn.Linear(9, classes), r"does not take images of 32 pixels \(RuntimeError: mat1 and mat2"),
    ],
)
def test_a_network_that_gives_no_logits_is_refused_beforehand(own, tmp_path, last, said):
    own("PReLU", last=last)
    with pytest.raises(ValueError, match=f"the network 'own' .*{said}"):
        Lab(scale="smoke", runs=tmp_path / "runs", network="own").run("baseB")
    assert not (tmp_path / "runs").exists()


def test_it_is_trained_stored_and_found(own, tmp_path):
    """Also with a weight that two modules of one layer share, and dropout of whole channels."""

    def head(classes):
        tied = nn.Linear(8, 8, bias=False)
        twice = nn.Sequential(tied, nn.Linear(8, 8, bias=False), nn.Linear(8, classes))
        twice[1].weight = tied.weight
        return twice

    scaled = partial(LayerScale, value=0.5)
    own("GroupNorm", "PReLU", scaled, "Positions", "InstanceNorm", "weight norm", "Dropout2d", last=head)
    lab = Lab(scale="smoke", runs=tmp_path / "one", network="own", at_once=1)
    table = lab.sweep(("base", "AnB", "BnB+", "random"), (1, 4))
    assert table.accuracy.notna().all() and set(table.state) <= {"trained", "stuck"}
    base, copied = lab.run("baseA").network(), lab.run("A4B").network()
    transplant.verify(transplant.freeze(copied, 4), base, 4, frozen=True)
    assert all(torch.isfinite(tensor).all() for tensor in copied.parameters())
    fresh = transplant.transplant(base, 4, networks.build("own", 40, 32, seed=9))
    transplant.verify(fresh, base, 4, frozen=False)  # a LayerScale above n looks like the donor's
    again = Lab(scale="smoke", runs=tmp_path / "two", network="own", at_once=1)
    assert again.run("A4B").accuracy == lab.run("A4B").accuracy
    for name, tensor in again.run("A4B").network().state_dict().items():
        assert torch.equal(tensor, copied.state_dict()[name]), name


def test_the_first_layer_has_its_own_decay_whatever_its_name(own, tmp_path):
    own("PReLU")
    named = [Lab(scale="smoke", runs=tmp_path / "named", network="own", at_once=1).run("baseB").network()]
    own("PReLU", names=("conv1", *NAMES[1:]))
    named.append(Lab(scale="smoke", runs=tmp_path / "conv1", network="own", at_once=1).run("baseB").network())
    ours, theirs = ([*each.parameters()] for each in named)
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch": 1}, "batch is 1; it must be a whole number, 2 or more (batch normalisation needs several)"),
        ({"size": 30}, "mini needs images whose side is a multiple of 8 pixels; got 30"),
        ({"network": "caffenet"}, "caffenet takes images of 227 pixels"),
        ({"network": "vit", "size": 36}, "vit needs images whose side is a multiple of 8 pixels; got 36"),
        ({"crop": 20}, "mini needs images whose side is a multiple of 8 pixels; got 20"),
        ({"data": {"train_per_class": 0, "test_per_class": 1}}, "has 0 images to train on"),
        ({"data": {"train_per_class": 2, "test_per_class": 0}}, "and 0 to test on"),
    ],
)
def test_what_cannot_be_trained_is_refused_beforehand(tmp_path, changes, said):
    runs = tmp_path / "runs"
    for train in (lambda lab: lab.run("A3B"), lambda lab: lab.sweep(("base", "AnB"), (3,))):
        with pytest.raises(ValueError, match=re.escape(said)):
            train(Lab(scale="smoke", runs=runs, **changes))
    assert not runs.exists()
