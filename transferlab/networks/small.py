"""Today's shapes in small: a residual network and a vision transformer, at less than twice the miniature's operations.

Both have eight blocks. The first makes a signal, the others add to it, and the last one reads the classes off it. What
a block adds is little against what it passes on, so the layers on both sides of a cut share one signal.
"""

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from transferlab.networks.blocks import BLOCK_NAMES, check_size, named


def mini_resnet(num_classes: int, size: int = 32) -> nn.Sequential:
    """A residual network (He et al. 2016) for square images of `size` pixels, a multiple of 8.

    Maps `[N, 3, size, size]` to logits `[N, num_classes]`. It has about 261,000 parameters and, at 32 pixels, one and a
    half times the multiplications of `mini`. Batch normalisation as there: frozen blocks keep their statistics.
    """
    check_size("mini_resnet", size)
    stem = nn.Sequential(
        nn.Conv2d(3, 16, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)
    )  # fmt: skip
    blocks = (                           # output at 32 pixels
        stem,                            # [N, 16, 16, 16]
        Residual(16, 32, stride=2),      # [N, 32, 8, 8]
        Residual(32, 32),                # [N, 32, 8, 8]
        Residual(32, 32),                # [N, 32, 8, 8]
        Residual(32, 64, stride=2),      # [N, 64, 4, 4]
        Residual(64, 64),                # [N, 64, 4, 4]
        Residual(64, 64),                # [N, 64, 4, 4]
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, num_classes)),  # [N, num_classes]
    )  # fmt: skip
    return named(blocks)


def mini_vit(num_classes: int, size: int = 32) -> nn.Sequential:
    """A vision transformer (Dosovitskiy et al. 2021) for square images of `size` pixels, a multiple of 8.

    Maps `[N, 3, size, size]` to logits `[N, num_classes]`: eight encoder blocks of width 48 with 3 heads, with MLPs
    twice as wide. Three convolutions make the tokens, one for each 8 x 8 pixels, from which a transformer learns sooner
    than from patches (Xiao et al. 2021); the classes are read off the mean over tokens. It has about 253,000 parameters
    and, at 32 pixels, one and a half times the multiplications of `mini`. Only block 1 has batch normalisation.
    """
    from transferlab.system.torchvision import torchvision  # here, since it takes a second to import

    check_size("mini_vit", size)
    width, norm = 48, partial(nn.LayerNorm, eps=1e-6)
    encoder = torchvision.models.vision_transformer.EncoderBlock
    blocks: list[nn.Module] = [encoder(3, width, 2 * width, 0.0, 0.0, norm) for _ in BLOCK_NAMES]  # no dropout
    stem = [
        nn.Sequential(nn.Conv2d(i, o, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))
        for i, o in pairwise((3, 64, 96, width))
    ]
    # without a ReLU the tokens' mean is 0: a layer normalisation does not take away what all of them share
    del stem[-1][-1]
    blocks[0] = nn.Sequential(*stem, Positions(width, (size // 8) ** 2), blocks[0])
    blocks[-1] = nn.Sequential(blocks[-1], norm(width), Mean(), nn.Linear(width, num_classes))
    return named(blocks)


class Positions(nn.Module):
    """The places of an image as tokens, each with its learned position."""

    def __init__(self, width: int, places: int):
        super().__init__()
        self.positions = nn.Parameter(torch.empty(1, places, width))

    def forward(self, image: Tensor) -> Tensor:
        """`[N, width, H, W]` to `[N, H * W, width]`."""
        return image.flatten(2).transpose(1, 2) + self.positions

    def draw(self, generator: torch.Generator) -> None:
        """Initial values that can be seen beside tokens of deviation 1; torchvision's 0.02 are learned late."""
        nn.init.normal_(self.positions, std=0.5, generator=generator)


class Mean(nn.Module):
    """The mean over tokens, which stands for the image."""

    def forward(self, tokens: Tensor) -> Tensor:
        """`[N, tokens, width]` to `[N, width]`."""
        return tokens.mean(1)


class Residual(nn.Module):
    """Two convolutions whose result is added to the input; where the shape changes, to a projection of it."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.change = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        same = stride == 1 and inputs == outputs
        projection = [nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)]
        self.keep = nn.Sequential(*([] if same else projection))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, signal: Tensor) -> Tensor:
        """`[N, inputs, H, W]` to `[N, outputs, H / stride, W / stride]`."""
        return self.relu(self.keep(signal) + self.change(signal))
