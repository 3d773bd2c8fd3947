"""Today's shapes in small: a residual network and a vision transformer of eight blocks, at the miniature's cost.

In both the first block makes a signal, the six in the middle add to it, and the last one reads classes off it. What a
block adds is little against what it passes on, so the layers on both sides of a cut share one signal.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from transferlab.networks.blocks import BLOCK_NAMES

WIDTH = 32  # of the transformer's tokens
HEADS = 2


def mini_resnet(num_classes: int, size: int = 32) -> nn.Sequential:
    """A residual network (He et al. 2016) for square images of `size` pixels, a multiple of 8.

    Maps `[N, 3, size, size]` to logits `[N, num_classes]`. It has about 261,000 parameters and, at 32 pixels, one and a
    half times the multiplications of `mini`. Batch normalisation as there: frozen blocks keep their statistics.
    """
    if size < 8 or size % 8:
        raise ValueError(f"mini_resnet needs images whose side is a multiple of 8 pixels; got {size}")
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
    return nn.Sequential(OrderedDict(zip(BLOCK_NAMES, blocks, strict=True)))


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


def mini_vit(num_classes: int, size: int = 32) -> nn.Sequential:
    """A vision transformer (Dosovitskiy et al. 2021) for square images of `size` pixels, a multiple of 8.

    Maps `[N, 3, size, size]` to logits `[N, num_classes]`. It has about 63,000 parameters and, at 32 pixels, a quarter
    of the multiplications of `mini`, in many small steps that take a CPU almost twice as long. Tokens are made by two
    convolutions (Xiao et al. 2021), and classes are read off the mean of all tokens. Layer normalisation keeps no
    statistics, so frozen blocks have none to keep.
    """
    if size < 8 or size % 8:
        raise ValueError(f"mini_vit needs images whose side is a multiple of 8 pixels; got {size}")
    middle = [Encoder(WIDTH) for _ in range(6)]  # [N, 16, 32] at 32 pixels
    blocks = (Tokens(WIDTH, size), *middle, Reading(WIDTH, num_classes))
    return nn.Sequential(OrderedDict(zip(BLOCK_NAMES, blocks, strict=True)))


class Tokens(nn.Module):
    """An image as tokens, one for each 8 x 8 pixels, with their positions."""

    def __init__(self, width: int, size: int):
        super().__init__()
        self.patches = nn.Sequential(
            nn.Conv2d(3, 16, 5, stride=2, padding=2), nn.ReLU(inplace=True), nn.Conv2d(16, width, 4, stride=4)
        )
        self.positions = nn.Parameter(torch.empty(1, (size // 8) ** 2, width))

    def forward(self, images: Tensor) -> Tensor:
        """`[N, 3, size, size]` to `[N, (size / 8)^2, width]`."""
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        return tokens + self.positions.to(tokens.dtype)  # or all blocks would have to convert what they get

    def draw(self, generator: torch.Generator) -> None:
        """Initial values, as in the vision transformer."""
        nn.init.normal_(self.positions, std=0.02, generator=generator)


class Encoder(nn.Module):
    """Attention between tokens, then two matrices for each, both added to the tokens.

    Written out: for 16 tokens PyTorch's own attention takes several times as long on a CPU.
    """

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.asked, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """`[N, tokens, width]` to the same shape."""
        queries, keys, values = (
            part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in self.asked(self.norm(tokens)).chunk(3, -1)
        )  # each [N, heads, tokens, width / heads]
        weights = (queries @ keys.transpose(-1, -2) * queries.shape[-1] ** -0.5).softmax(-1)
        tokens = tokens + self.out((weights @ values).transpose(1, 2).flatten(2))
        return tokens + self.mlp(tokens)


class Reading(nn.Module):
    """Classes from the mean of all tokens."""

    def __init__(self, width: int, num_classes: int):
        super().__init__()
        self.norm, self.fc = nn.LayerNorm(width), nn.Linear(width, num_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[N, tokens, width]` to logits `[N, num_classes]`."""
        return self.fc(self.norm(tokens).mean(1))
