"""Today's shape in small: a residual network of eight blocks, at less than twice the miniature's cost.

The first block makes a signal, the six in the middle add to it, and the last one reads classes off it. What a block
adds is little against what it passes on, so the layers on both sides of a cut share one signal.
"""

from collections import OrderedDict

from torch import Tensor, nn

from transferlab.networks.blocks import BLOCK_NAMES


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
