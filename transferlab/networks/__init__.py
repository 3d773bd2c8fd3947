"""Every network as an `nn.Sequential` of eight named layers, or of eight blocks and a head.

`net[:n]` is what is transplanted and `net[n:]` is what is not: everything that belongs to a layer
(its convolution or matrix, pooling, normalisation, ReLU) lives inside that one child.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import torch
from torch import nn

from transferlab.networks import of_timm
from transferlab.networks.blocks import BLOCK_NAMES, resnet18, vit
from transferlab.networks.caffenet import caffenet
from transferlab.networks.pretrained import HEAD, NAMES, PART_NAMES, fresh
from transferlab.networks.small import mini_resnet, mini_vit
from transferlab.networks.values import INITIALISATIONS, constructed, drawn
from transferlab.notation import CUTS, DEPTHS, LAYERS
from transferlab.numbers import is_whole, plain, seed_from

LAYER_NAMES = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, pool: bool = False) -> nn.Sequential:
    """A convolutional layer. Pooling before normalisation and ReLU yields the same maxima for a quarter of the work."""
    parts: list[tuple[str, nn.Module]] = [("conv", nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False))]
    if pool:
        parts.append(("pool", nn.MaxPool2d(2)))
    parts += [("norm", nn.BatchNorm2d(outputs)), ("relu", nn.ReLU(inplace=True))]
    return nn.Sequential(OrderedDict(parts))


def dense(inputs: int, outputs: int, flatten: bool = False) -> nn.Sequential:
    """A fully connected layer with normalisation and ReLU."""
    parts: list[tuple[str, nn.Module]] = [("flatten", nn.Flatten())] if flatten else []
    parts.append(("fc", nn.Linear(inputs, outputs, bias=False)))
    parts += [("norm", nn.BatchNorm1d(outputs)), ("relu", nn.ReLU(inplace=True))]
    return nn.Sequential(OrderedDict(parts))


class Top(NamedTuple):
    """That all layers above the first `above` ones, but the last, are `times` as wide as usual."""

    above: int = 0
    times: int = 1


USUAL = Top()


def mini(num_classes: int, size: int = 32, top: Top = USUAL) -> nn.Sequential:
    """A small AlexNet (five convolutions, three matrices) for square images of `size` pixels, a multiple of 8.

    Maps `[N, 3, size, size]` to logits `[N, num_classes]`. It has about 198,000 parameters at 32 pixels and 40 classes.
    Unlike the paper's network (its Section 3) it has batch normalisation and no dropout.
    """
    if size < 8 or size % 8:
        raise ValueError(f"mini needs images whose side is a multiple of 8 pixels; got {size}")
    side = size // 8
    usual = (16, 32, 48, 48, 32, 192, 192)
    c1, c2, c3, c4, c5, f6, f7 = (width * (top.times if place >= top.above else 1) for place, width in enumerate(usual))
    layers = (                                   # output at 32 pixels
        conv(3, c1, kernel=5, stride=2),         # [N, 16, 16, 16]
        conv(c1, c2, kernel=3, pool=True),       # [N, 32, 8, 8]
        conv(c2, c3, kernel=3),                  # [N, 48, 8, 8]
        conv(c3, c4, kernel=3),                  # [N, 48, 8, 8]
        conv(c4, c5, kernel=3, pool=True),       # [N, 32, 4, 4]
        dense(c5 * side * side, f6, flatten=True),  # [N, 192]
        dense(f6, f7),                           # [N, 192]
        nn.Sequential(OrderedDict(fc=nn.Linear(f7, num_classes))),  # [N, num_classes]
    )  # fmt: skip
    return nn.Sequential(OrderedDict(zip(LAYER_NAMES, layers, strict=True)))


# by name: a function of the number of classes and the side of the images; one's own is added here
NETWORKS: dict[str, Callable[[int, int], nn.Sequential]] = {
    "mini": mini,
    "caffenet": caffenet,
    "resnet18": resnet18,
    "vit": vit,
    "mini_resnet": mini_resnet,
    "mini_vit": mini_vit,
    **{name: partial(fresh, name) for name in NAMES},
}


def layer_names(name: str) -> tuple[str, ...]:
    """The names of the layers, or blocks, of a network of NETWORKS; of one's own they are numbered."""
    known = dict.fromkeys(("mini", "caffenet"), LAYER_NAMES) | dict.fromkeys(NAMES, PART_NAMES)
    known |= dict.fromkeys(("resnet18", "vit", "mini_resnet", "mini_vit"), BLOCK_NAMES)
    if name.startswith(of_timm.PREFIX):
        return PART_NAMES
    return known.get(name, tuple(f"layer{place}" for place in range(1, LAYERS + 1)))


def cuts(name: str) -> tuple[int, ...]:
    """After which layers a network of NETWORKS can be cut: its last one, or its head, is always fresh.

    >>> cuts("mini")[-1], cuts("torchvision/resnet18")[-1]
    (7, 8)
    """
    return CUTS if HEAD in layer_names(name) else DEPTHS


def build(
    name: str, num_classes: int, size: int, seed: int, initialisation: str = "kaiming", top: Top = USUAL
) -> nn.Sequential:
    """Return a network with its first values, all of them from `seed` alone. The global random state is not touched.

    Args:
        name: a network of NETWORKS.
        num_classes: 2 or more.
        size: the side of its images, in pixels.
        seed: a whole number from 0 to below `numbers.SEEDS`.
        initialisation: one of INITIALISATIONS.
        top: layers that are wider than usual; only "mini" can have them.

    Returns:
        Its named layers, on the CPU.

    Raises:
        ValueError: for an argument that makes no sense, a network that is not of eight layers, or of eight blocks and a
            head, or whose layers share weights, and if nothing says what the first values of one of its parameters or
            buffers are.

    >>> net = build("mini", num_classes=40, size=32, seed=0)
    >>> len(net), net[:2](torch.zeros(1, 3, 32, 32)).shape
    (8, torch.Size([1, 32, 8, 8]))
    """
    maker = _maker(name)
    if maker is None:
        raise ValueError(f"no network {name!r}; there are {', '.join(NETWORKS)}")
    if not is_whole(num_classes, 2):
        raise ValueError(f"got {num_classes!r} classes; a network needs 2 or more")
    if not is_whole(size, 1):
        raise ValueError(f"the size of the images is {size!r}; it must be a whole number of pixels, 1 or more")
    if initialisation not in INITIALISATIONS:
        raise ValueError(f"no initialisation {initialisation!r}; there are {', '.join(INITIALISATIONS)}")
    if top.times != 1:
        if name != "mini":
            raise ValueError(f"top_width is {top.times!r}; only the network 'mini' can have a wider top, not {name!r}")
        maker = partial(mini, top=top)
    seed, num_classes, size = seed_from(seed), plain(num_classes), plain(size)
    network = _of_eight(name, constructed(lambda: maker(num_classes, size), seed))
    try:
        return drawn(network, seed, initialisation)
    except ValueError as error:
        raise ValueError(f"the network {name!r} cannot be built: {error}") from None


def is_known(name: object) -> bool:
    """Whether there is a network of that name; of timm's, whether it could be one."""
    return isinstance(name, str) and _maker(name) is not None


def _maker(name: str) -> Callable[[int, int], nn.Sequential] | None:
    """Return what makes a network of NETWORKS or of timm's, or None."""
    if name.startswith(of_timm.PREFIX):
        return partial(of_timm.fresh, name)
    return NETWORKS.get(name)


def check(name: str, num_classes: int, size: int) -> None:
    """Raise ValueError unless a network of NETWORKS can be built and turns images of `size` pixels into logits."""
    _checked(name, NETWORKS.get(name), num_classes, size)  # of timm's the name says it all


@cache  # once in a process, as long as the name stands for the same function: CaffeNet takes a second
@torch.no_grad()
def _checked(name: str, maker: Callable | None, num_classes: int, size: int) -> None:
    network = build(name, num_classes, size, seed=0).eval()
    try:
        logits = network(torch.zeros(2, 3, size, size))
    except Exception as error:  # whatever one's own code raises
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"the network {name!r} does not take images of {size} pixels ({reason})") from error
    shape = tuple(logits.shape)
    if len(shape) != 2 or shape[0] != 2 or shape[1] < num_classes:
        raise ValueError(
            f"the network {name!r} turns 2 images of {size} pixels into numbers of shape {shape}; it must be "
            f"(2, {num_classes}), a number for each of the {num_classes} classes"
        )


def _of_eight(name: str, network: nn.Module) -> nn.Sequential:
    """Return a network as it is; raises ValueError unless it can be cut after any of its layers."""
    if not isinstance(network, nn.Sequential) or len(network) != len(layer_names(name)):
        what = f"has {len(network)}" if isinstance(network, nn.Sequential) else f"is a {type(network).__name__}"
        raise ValueError(f"the network {name!r} {what}; it must be an nn.Sequential of {LAYERS} named layers")
    homes: dict[int, str] = {}
    for path, tensor in (*network.named_parameters(remove_duplicate=False), *network.named_buffers()):
        other = homes.setdefault(id(tensor), path)
        if other.split(".")[0] != path.split(".")[0]:
            raise ValueError(
                f"the layers of the network {name!r} share weights, {other} and {path}, so it cannot be cut between "
                "them; give each layer its own"
            )
    return network
