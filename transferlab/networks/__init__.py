"""The 8-layer network as an `nn.Sequential` of eight named layers.

`net[:n]` is what is transplanted and `net[n:]` is what is not: everything that belongs to a layer
(its convolution or matrix, pooling, normalisation, ReLU) lives inside that one child.
"""

from collections import OrderedDict

import torch
from torch import nn

from transferlab.networks.blocks import BLOCK_NAMES, Tokens, draw_attention, resnet18, vit
from transferlab.networks.caffenet import caffenet

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


def mini(num_classes: int, size: int = 32) -> nn.Sequential:
    """A small AlexNet (five convolutions, three matrices) for square images of `size` pixels, a multiple of 8.

    Maps `[N, 3, size, size]` to logits `[N, num_classes]`. It has about 198,000 parameters at 32 pixels and 40 classes.
    Unlike the paper's network (its Section 3) it has batch normalisation and no dropout.
    """
    if size < 8 or size % 8:
        raise ValueError(f"mini needs images whose side is a multiple of 8 pixels; got {size}")
    side = size // 8
    layers = (                                   # output at 32 pixels
        conv(3, 16, kernel=5, stride=2),         # [N, 16, 16, 16]
        conv(16, 32, kernel=3, pool=True),       # [N, 32, 8, 8]
        conv(32, 48, kernel=3),                  # [N, 48, 8, 8]
        conv(48, 48, kernel=3),                  # [N, 48, 8, 8]
        conv(48, 32, kernel=3, pool=True),       # [N, 32, 4, 4]
        dense(32 * side * side, 192, flatten=True),  # [N, 192]
        dense(192, 192),                         # [N, 192]
        nn.Sequential(OrderedDict(fc=nn.Linear(192, num_classes))),  # [N, num_classes]
    )  # fmt: skip
    return nn.Sequential(OrderedDict(zip(LAYER_NAMES, layers, strict=True)))


NETWORKS = {"mini": mini, "caffenet": caffenet, "resnet18": resnet18, "vit": vit}


def layer_names(name: str) -> tuple[str, ...]:
    """The names of the eight layers, or blocks, of a network of NETWORKS."""
    return LAYER_NAMES if NETWORKS[name] in (mini, caffenet) else BLOCK_NAMES


def kaiming(layer: str, module: nn.Conv2d | nn.Linear, generator: torch.Generator) -> None:
    """He et al. 2015: the signal keeps its scale through any number of untrained layers."""
    nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def gaussian(layer: str, module: nn.Conv2d | nn.Linear, generator: torch.Generator) -> None:
    """The paper's: a normal distribution with a fixed deviation, whatever the size of the layer; some biases are 1."""
    nn.init.normal_(module.weight, std=0.005 if layer in ("fc6", "fc7") else 0.01, generator=generator)
    if module.bias is not None:
        nn.init.constant_(module.bias, float(layer in ("conv2", "conv4", "conv5", "fc6", "fc7")))


INITIALISATIONS = {"kaiming": kaiming, "gaussian": gaussian}


def build(name: str, num_classes: int, size: int, seed: int, initialisation: str = "kaiming") -> nn.Sequential:
    """A freshly initialised network: `name` from NETWORKS, weights drawn from `seed` alone.

    `initialisation` is one of INITIALISATIONS. The global random state is not touched.

    >>> net = build("mini", num_classes=40, size=32, seed=0)
    >>> len(net), net[:2](torch.zeros(1, 3, 32, 32)).shape
    (8, torch.Size([1, 32, 8, 8]))
    """
    if name not in NETWORKS:
        raise ValueError(f"no network {name!r}; there are {', '.join(NETWORKS)}")
    if num_classes < 2:
        raise ValueError(f"got {num_classes} classes; a network needs 2 or more")
    with torch.device("meta"):  # no numbers are drawn, nothing global is touched: threads can build side by side
        network = NETWORKS[name](num_classes, size)
    network.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    for layer, module in ((name, module) for name, child in network.named_children() for module in child.modules()):
        if isinstance(module, nn.Conv2d | nn.Linear):
            INITIALISATIONS[initialisation](layer, module, generator)
        elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d | nn.LayerNorm):
            module.reset_parameters()
        elif isinstance(module, nn.MultiheadAttention):
            draw_attention(module, generator)
        elif isinstance(module, Tokens):
            module.draw(generator)
    return network
