"""Published architectures as eight blocks and a head, so that A5B keeps five blocks of one, and A8B all but its head.

The weights stay where torchvision has them: a network is made whole, its state dict is read, and then the same modules
are put in a row. What its weights expect of pixels is a part of the first block (`Normalised`), so that everything else
here hands it images as it hands them to any network. Nothing drops units or paths at random: what a frozen block says
of an image is always the same.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from transferlab.networks.blocks import BLOCK_NAMES, FirstToken, Tokens

MIDDLE, SPREAD = 127.5, 63.75  # a pixel x, 0..255, is (x - MIDDLE) / SPREAD to every network here
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pixels, 0..1: what torchvision's expect
HEAD = "head"
PART_NAMES = (*BLOCK_NAMES, HEAD)
PREFIX = "torchvision/"


class Normalised(nn.Module):
    """From the input of this package to that of published weights: pixels of 0..1, minus a mean, by a deviation.

    >>> white = torch.full((1, 3, 1, 1), (255 - MIDDLE) / SPREAD)
    >>> Normalised((0.5, 0.5, 0.5), (0.25, 0.5, 1.0))(white).flatten().tolist()
    [2.0, 1.0, 0.5]
    """

    def __init__(self, mean: Sequence[float] = MEAN, deviation: Sequence[float] = DEVIATION):
        super().__init__()
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.tensor([*mean]).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor([*deviation]).view(3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """`[N, 3, H, W]` to the same, in float32."""
        return ((images.float() * SPREAD + MIDDLE) / 255 - self.mean) / self.deviation


@dataclass(frozen=True)
class Architecture:
    """How a published network is put in a row: `row` returns its stem, its units, how many units a block has, its head.

    `options` are those of its constructor, and `head` the beginning of the names of what belongs to its classes.
    """

    row: Callable[[Any], tuple[list[nn.Module], list[nn.Module], tuple[int, ...], list[nn.Module]]]
    head: str
    options: dict[str, float] = field(default_factory=dict)
    fixed_size: bool = False  # whether it is made for images of one size


def _resnet(counts: tuple[int, ...]) -> Callable:
    def row(whole: Any):
        stem = [whole.conv1, whole.bn1, whole.relu, whole.maxpool]
        units = [*whole.layer1, *whole.layer2, *whole.layer3, *whole.layer4]
        return stem, units, counts, [whole.avgpool, nn.Flatten(), whole.fc]

    return row


def _efficientnet(whole: Any):
    stem, *units = whole.features
    return [stem], units, (1,) * 8, [whole.avgpool, nn.Flatten(), whole.classifier]


def _convnext(whole: Any):
    stem, first, *later = whole.features
    # a step down in size belongs to the unit behind it
    units = [*first]
    for down, stage in zip(later[::2], later[1::2], strict=True):
        units += [nn.Sequential(down, stage[0]), *stage[1:]]
    return [stem], units, (1, 2, 1, 2, 4, 5, 1, 2), [whole.avgpool, whole.classifier]


def _vit(whole: Any):
    tokens = Tokens(whole.conv_proj, whole.class_token, whole.encoder.pos_embedding)
    return [tokens], [*whole.encoder.layers], (1, 2) * 4, [whole.encoder.ln, FirstToken(), whole.heads]


ARCHITECTURES = {  # by the name that torchvision gives it
    "resnet18": Architecture(_resnet((1,) * 8), "fc."),
    "resnet50": Architecture(_resnet((1, 2, 2, 2, 3, 3, 1, 2)), "fc."),
    "efficientnet_b0": Architecture(_efficientnet, "classifier.", {"dropout": 0.0, "stochastic_depth_prob": 0.0}),
    "convnext_tiny": Architecture(_convnext, "classifier.2.", {"stochastic_depth_prob": 0.0}),
    "vit_b_16": Architecture(_vit, "heads.", fixed_size=True),
}
NAMES = tuple(PREFIX + name for name in ARCHITECTURES)


def whole(name: str, num_classes: int, size: int) -> nn.Module:
    """Return torchvision's own network of a name of ARCHITECTURES, whose state dict is the published one."""
    from transferlab.system.torchvision import torchvision  # here, since it takes a second to import

    architecture = ARCHITECTURES[name]
    options = architecture.options | ({"image_size": size} if architecture.fixed_size else {})
    return torchvision.models.get_model(name, num_classes=num_classes, **options)


def in_parts(
    name: str, network: nn.Module, mean: Sequence[float] = MEAN, deviation: Sequence[float] = DEVIATION
) -> nn.Sequential:
    """Return torchvision's network as eight named blocks and a head, made of the same modules.

    Maps `[N, 3, size, size]`, in the input of this package, to logits.

    >>> [key for key, _ in in_parts("resnet18", whole("resnet18", 10, 224)).named_children()][6:]
    ['block7', 'block8', 'head']
    """
    stem, units, counts, head = ARCHITECTURES[name].row(network)
    return named_parts([Normalised(mean, deviation), *stem], units, counts, head)


def named_parts(
    stem: list[nn.Module], units: list[nn.Module], counts: tuple[int, ...], head: list[nn.Module]
) -> nn.Sequential:
    """Return eight named blocks of as many units as `counts` says, the stem in the first, and the head behind them."""
    assert sum(counts) == len(units) and len(counts) == len(BLOCK_NAMES)
    parts, waiting = [], stem
    for count in counts:
        parts.append(nn.Sequential(*waiting, *units[:count]))
        waiting, units = [], units[count:]
    return nn.Sequential(OrderedDict(zip(PART_NAMES, [*parts, nn.Sequential(*head)], strict=True)))


def fresh(name: str, num_classes: int, size: int) -> nn.Sequential:
    """Return an untrained network of NAMES in parts; the arguments are those of every network of `networks`."""
    short = name.removeprefix(PREFIX)
    return in_parts(short, whole(short, num_classes, size))
