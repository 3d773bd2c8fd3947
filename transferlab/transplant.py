"""Surgery on networks: pure functions that copy, freeze, and prove what was copied (Section 2 of the paper)."""

import copy
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from transferlab.notation import LAYERS
from transferlab.numbers import is_number, is_whole


def transplant(donor: nn.Sequential, n: int, fresh: nn.Sequential) -> nn.Sequential:
    """Return a new network whose first `n` layers are copies of the donor's and whose others are copies of `fresh`.

    Neither argument is changed. `n` is 0..8. Raises ValueError for any other `n`, and for networks whose layers do not
    correspond, or of which one below the eighth has another width: from there on a layer may hold the classes.

    >>> from transferlab.networks import build
    >>> donor, fresh = (build("mini", 40, 32, seed) for seed in (1, 2))
    >>> verify(transplant(donor, 3, fresh), donor, 3, frozen=False)
    """
    _check(donor, n, fresh)
    network = copy.deepcopy(fresh)
    for place, (name, layer) in enumerate(list(donor.named_children())[:n], 1):
        theirs, ours = (each.state_dict() for each in (layer, fresh.get_submodule(name)))
        wrong = [key for key in theirs if key not in ours or theirs[key].shape != ours[key].shape]
        if wrong and place < LAYERS:
            raise ValueError(
                f"{name} cannot be copied: in the donor its {wrong[0]} has another shape than where it is to go; both "
                "networks must be of one width"
            )
        setattr(network, name, copy.deepcopy(layer).requires_grad_(True))
    return network


MAP = "map"  # the name of the layer between the two parts of a stitched network


def stitch(lower: nn.Sequential, upper: nn.Sequential, n: int, below: Tensor, above: Tensor) -> nn.Sequential:
    """Return a new network: the first `n` layers of one, a linear map, and the upper layers of another.

    Both parts are frozen and the map is not, so that training asks one thing: are the outputs of `lower` those that
    `upper` expects, but for a linear map? (Lenc and Vedaldi 2015; Bansal et al. 2021.) The map mixes channels, and is
    the same at every place: a 1x1 convolution of maps, a matrix of vectors and of tokens. It starts as the one that
    comes closest to the outputs of `upper`, by least squares, as Csiszarik et al. (2021) propose: trained from random
    values it often finds nothing, not even between two halves of one network.

    Args:
        lower, upper: networks whose layers have the same names; neither is changed.
        n: 1..7.
        below, above: outputs of the first `n` layers of `lower` and of `upper` for the same images, float32 `[N, ...]`.

    Returns:
        Nine layers, of which the one after the first `n` is called "map".

    Raises:
        ValueError: for another `n`, for networks whose layers do not correspond, and for outputs of other shapes: the
            number of channels may differ, the places may not.

    >>> from transferlab.networks import build
    >>> lower, upper = (build("mini", 40, 32, seed).eval() for seed in (1, 2))
    >>> network = stitch(lower, upper, 3, *(each[:3](torch.rand(9, 3, 32, 32)).detach() for each in (lower, upper)))
    >>> network.map, [*dict(network.named_children())][2:5]
    (Conv2d(48, 48, kernel_size=(1, 1), stride=(1, 1)), ['conv3', 'map', 'conv4'])
    """
    _check(lower, n, upper)
    if n in (0, len(upper)):
        raise ValueError(f"cannot stitch after {n} layers: n is a whole number from 1 to {len(upper) - 1}")
    parts = [*list(lower.named_children())[:n], (MAP, _closest(below, above)), *list(upper.named_children())[n:]]
    network = nn.Sequential(OrderedDict((name, copy.deepcopy(layer)) for name, layer in parts))
    return train_mode(network, n, n + 1)


@torch.no_grad()
def _closest(below: Tensor, above: Tensor) -> nn.Module:
    """Return the linear map of channels that comes closest from some outputs to others, by least squares."""
    grid = below.dim() == 4  # channels come first there, and last in tokens and vectors
    channels_last = [each.movedim(1, -1) if grid else each for each in (below, above)]
    if below.dim() != above.dim() or channels_last[0].shape[:-1] != channels_last[1].shape[:-1]:
        raise ValueError(
            f"no linear map leads from outputs of shape {[*below.shape]} to {[*above.shape]}: they must have the same "
            "places, as those of one kind of network at one n have; stitch networks of one kind"
        )
    given, wanted = (each.flatten(0, -2).double() for each in channels_last)
    given = torch.cat([given, torch.ones(len(given), 1, dtype=given.dtype)], 1)
    solved = torch.linalg.lstsq(given.T @ given, given.T @ wanted, driver="gelsd").solution.float()
    (inputs, outputs), weight, bias = (len(solved) - 1, solved.shape[1]), solved[:-1].T, solved[-1]
    found: nn.Module = nn.Conv2d(inputs, outputs, 1) if grid else nn.Linear(inputs, outputs)
    found.get_parameter("weight").copy_(weight.reshape(found.get_parameter("weight").shape))
    found.get_parameter("bias").copy_(bias)
    return found


def in_likeness(donor: nn.Sequential, n: int, fresh: nn.Sequential, seed: int) -> nn.Sequential:
    """Return a copy of `fresh` whose first `n` layers have the donor's means and variances, and nothing else of it.

    Each array of weights is drawn anew, from the normal distribution with the mean and the variance of the donor's
    array; statistics of batch normalisation stay fresh. Raghu et al. (2019) call this Mean Var Init. Raises ValueError
    as `transplant` does.

    >>> from transferlab.networks import build
    >>> donor, fresh = (build("mini", 40, 32, seed) for seed in (1, 2))
    >>> torch.equal(in_likeness(donor, 3, fresh, seed=0).conv1.conv.weight, donor.conv1.conv.weight)
    False
    """
    _check(donor, n, fresh)
    network, generator = copy.deepcopy(fresh), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for own, theirs in zip(network[:n].parameters(), donor[:n].parameters(), strict=True):
            spread = theirs.std(correction=0).item()
            nn.init.normal_(own, theirs.mean().item(), spread, generator=generator)
    return network


@torch.no_grad()
def between(one: nn.Sequential, other: nn.Sequential, share: float) -> nn.Sequential:
    """Return the network at a place on the straight line from one network to another: all weights, by linear mixture.

    Neither is changed. Running statistics of batch normalisation are mixed too, but those of a mixture of weights are
    no mixture of statistics: take them again, with `training.take_statistics`, before it is asked anything.

    Args:
        one, other: networks of the same layers, of the same widths.
        share: of the other, 0..1.

    Raises:
        ValueError: for a share outside of 0..1, and for networks whose layers do not correspond, or differ in shape.

    >>> from transferlab.networks import build
    >>> one, other = (build("mini", 40, 32, seed) for seed in (1, 2))
    >>> torch.equal(between(one, other, 1.0).fc7.fc.weight, other.fc7.fc.weight)
    True
    """
    if not (is_number(share, 0) and share <= 1):
        raise ValueError(f"the share of the other network is {share!r}; it must be a number from 0 to 1")
    _check(one, len(one), other)
    network, theirs = copy.deepcopy(one).requires_grad_(True), other.state_dict()
    for name, own in network.state_dict().items():
        if own.shape != theirs[name].shape:
            raise ValueError(
                f"no line leads from {name} of shape {[*own.shape]} to {name} of shape {[*theirs[name].shape]}: both "
                "networks must be of one width, and have as many classes"
            )
        if own.is_floating_point():
            own.lerp_(theirs[name].to(own.device), share)
    return network


def distance(one: nn.Sequential, other: nn.Sequential) -> float:
    """Return how far the weights of two networks lie apart, as a multiple of the length of the first one's.

    Arrays of weights count, and neither biases nor normalisation, which have another scale.

    >>> from transferlab.networks import build
    >>> round(distance(*(build("mini", 40, 32, seed) for seed in (1, 2))), 1)
    1.4
    """
    theirs = dict(other.named_parameters())
    pairs = [(own.detach(), theirs[name].detach()) for name, own in one.named_parameters() if own.dim() > 1]
    apart = sum((own - their).square().sum().item() for own, their in pairs)
    return (apart / sum(own.square().sum().item() for own, _ in pairs)) ** 0.5


def freeze(network: nn.Sequential, n: int) -> nn.Sequential:
    """Freeze the first `n` layers in place, and return the network.

    Their parameters get no gradient, and their batch normalisation uses its stored statistics without updating them.
    Call it again after `network.train()`, which undoes the second half.
    """
    network[:n].eval().requires_grad_(False)
    return network


def train_mode(network: nn.Sequential, frozen: int, upper: int | None = None) -> nn.Sequential:
    """Put the layers that learn into training mode, and the first `frozen` ones into evaluation mode.

    So are those from the place `upper` on, if there is one: the upper part of a stitched network. Dropout stays active
    in frozen layers, as it was in 2014.
    """
    freeze(network.train(), frozen)
    if upper is not None:
        network[upper:].eval().requires_grad_(False)
    for module in network.modules():
        if _drops(module):
            module.train()
    return network


def drops(layers: nn.Module) -> bool:
    """Whether some layer drops units at random, so that its output for an image differs each time."""
    return any(map(_drops, layers.modules()))


def _drops(module: nn.Module) -> bool:
    """Whether a module itself does, of PyTorch's own or one that drops whole paths, as torchvision and timm call it."""
    if isinstance(module, nn.MultiheadAttention):
        return module.dropout > 0
    if type(module).__name__ in ("StochasticDepth", "DropPath"):
        return getattr(module, "p", getattr(module, "drop_prob", 1.0)) > 0
    return (isinstance(module, _DropoutNd) and module.p > 0) or isinstance(module, nn.RReLU)


def verify(network: nn.Sequential, donor: nn.Sequential, n: int, frozen: bool) -> None:
    """Check that exactly the first `n` layers of `network` are the donor's; raise ValueError naming the others.

    A layer is the donor's if all its tensors (weights, batch-norm scales and statistics) are equal bit for bit. If
    `frozen`, its parameters must have no gradient; if not, they must have one. A layer above `n` must not hold any of
    the donor's weight arrays, and must be able to learn; what has one value throughout, such as the first values of a
    LayerScale, tells nothing.
    """
    _check(donor, n, network)
    faults = []
    for index, ((name, layer), theirs) in enumerate(zip(network.named_children(), donor.children(), strict=True)):
        equal = _equal_tensors(layer, theirs)
        if index < n:
            different = [key for key, same in equal.items() if not same]
            if different:
                faults.append(f"{name} should be the donor's but differs in {', '.join(different)}")
        elif any(equal[key] for key in _telling(theirs)):
            faults.append(f"{name} should be fresh but holds the donor's weights")
        fixed = frozen and index < n
        if any(parameter.requires_grad == fixed for parameter in layer.parameters()):
            faults.append(f"{name} should {'be frozen but can learn' if fixed else 'learn but is frozen'}")
    if faults:
        raise ValueError(f"this is not a network with {n} transplanted layers: " + "; ".join(faults))


def verify_stitch(network: nn.Sequential, lower: nn.Sequential, upper: nn.Sequential, n: int) -> None:
    """Check that a network is `stitch(lower, upper, n, ...)`, trained or not; raise ValueError naming what is wrong.

    Below and above the map all tensors must be those of `lower` and `upper`, bit for bit, and only the map may learn.
    """
    _check(lower, n, upper)
    there = [name for name, _ in network.named_children()]
    names = [name for name, _ in upper.named_children()]
    if there != [*names[:n], MAP, *names[n:]]:
        raise ValueError(f"this is not a network stitched after {n} layers: it has the layers {', '.join(there)}")
    faults = []
    for name, theirs, whose in (
        *((each, lower, "lower") for each in names[:n]),
        *((each, upper, "upper") for each in names[n:]),
    ):
        layer = network.get_submodule(name)
        if different := [key for key, same in _equal_tensors(layer, theirs.get_submodule(name)).items() if not same]:
            faults.append(f"{name} should be the {whose} network's but differs in {', '.join(different)}")
        if any(parameter.requires_grad for parameter in layer.parameters()):
            faults.append(f"{name} should be frozen but can learn")
    if not all(parameter.requires_grad for parameter in network.get_submodule(MAP).parameters()):
        faults.append("the map should learn but is frozen")
    if faults:
        raise ValueError(f"this is not a network stitched after {n} layers: " + "; ".join(faults))


def _equal_tensors(layer: nn.Module, other: nn.Module) -> dict[str, bool]:
    """For every tensor of `layer`: is the other's the same, bit for bit?"""
    theirs = other.state_dict()
    return {
        key: key in theirs and theirs[key].shape == tensor.shape and torch.equal(tensor, theirs[key].to(tensor.device))
        for key, tensor in layer.state_dict().items()
    }


def _telling(layer: nn.Module) -> list[str]:
    """Return the names of the weight arrays by which a layer is known from a fresh one: those that vary."""
    arrays = [(name, each) for name, each in layer.named_parameters() if each.dim() > 1]
    return [name for name, each in arrays if bool((each != each.flatten()[0]).any())]


def _check(donor: nn.Sequential, n: int, other: nn.Sequential) -> None:
    names = [name for name, _ in donor.named_children()]
    others = [name for name, _ in other.named_children()]
    if names != others:
        raise ValueError(f"the networks do not correspond: layers {names} and {others}")
    if not is_whole(n, 0, len(names) + 1):
        raise ValueError(f"cannot transplant {n!r} layers: n is a whole number from 0 to {len(names)}")
