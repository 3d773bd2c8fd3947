"""Surgery on networks: pure functions that copy, freeze, and prove what was copied (Section 2 of the paper)."""

import copy

import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from transferlab.numbers import is_whole


def transplant(donor: nn.Sequential, n: int, fresh: nn.Sequential) -> nn.Sequential:
    """Return a new network whose first `n` layers are copies of the donor's and whose others are copies of `fresh`.

    Neither argument is changed. `n` is 0..8. Raises ValueError for any other `n`, and for networks whose layers do not
    correspond.

    >>> from transferlab.networks import build
    >>> donor, fresh = (build("mini", 40, 32, seed) for seed in (1, 2))
    >>> verify(transplant(donor, 3, fresh), donor, 3, frozen=False)
    """
    _check(donor, n, fresh)
    network = copy.deepcopy(fresh)
    for name, layer in list(donor.named_children())[:n]:
        setattr(network, name, copy.deepcopy(layer).requires_grad_(True))
    return network


def freeze(network: nn.Sequential, n: int) -> nn.Sequential:
    """Freeze the first `n` layers in place, and return the network.

    Their parameters get no gradient, and their batch normalisation uses its stored statistics without updating them.
    Call it again after `network.train()`, which undoes the second half.
    """
    network[:n].eval().requires_grad_(False)
    return network


def train_mode(network: nn.Sequential, frozen: int) -> nn.Sequential:
    """Put the layers that learn into training mode and the first `frozen` ones into evaluation mode.

    Dropout stays active in frozen layers, as it was in 2014.
    """
    freeze(network.train(), frozen)
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
