"""Modern networks from torchvision as eight blocks, so that A5B means five of them."""

from collections import OrderedDict
from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor, nn

BLOCK_NAMES = tuple(f"block{place}" for place in range(1, 9))
SMALL = 64  # pixels: images below are given a stem that does not shrink them, as is usual for CIFAR


def resnet18(num_classes: int, size: int) -> nn.Sequential:
    """He et al. 2016: eight residual blocks; the first has the stem before it, the last the head behind it.

    Maps `[N, 3, size, size]` to logits `[N, num_classes]`.
    """
    from transferlab.system.torchvision import torchvision  # here, since it takes a second to import

    whole = torchvision.models.resnet18(num_classes=num_classes)
    if size < SMALL:
        whole.conv1, whole.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    blocks = [*whole.layer1, *whole.layer2, *whole.layer3, *whole.layer4]
    blocks[0] = nn.Sequential(whole.conv1, whole.bn1, whole.relu, whole.maxpool, blocks[0])
    blocks[-1] = nn.Sequential(blocks[-1], whole.avgpool, nn.Flatten(), whole.fc)
    return named(blocks)


def vit(num_classes: int, size: int) -> nn.Sequential:
    """Dosovitskiy et al. 2021, small: eight encoder blocks of width 192 with 3 heads, on 8 x 8 patches.

    Maps `[N, 3, size, size]`, with `size` a multiple of 8, to logits `[N, num_classes]`. Raises ValueError for another
    `size`.
    """
    from transferlab.system.torchvision import torchvision

    check_size("vit", size)
    whole = torchvision.models.VisionTransformer(
        size, size // 8, num_layers=8, num_heads=3, hidden_dim=192, mlp_dim=768, num_classes=num_classes,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
    )  # fmt: skip
    blocks = list(whole.encoder.layers)
    tokens = Tokens(whole.conv_proj, whole.class_token, whole.encoder.pos_embedding)
    blocks[0] = nn.Sequential(tokens, blocks[0])
    blocks[-1] = nn.Sequential(blocks[-1], whole.encoder.ln, FirstToken(), whole.heads)
    return named(blocks)


class Tokens(nn.Module):
    """Patches of an image as tokens, a class token before them, and all with their positions."""

    def __init__(self, patches: nn.Conv2d, class_token: nn.Parameter, positions: nn.Parameter):
        super().__init__()
        self.patches, self.class_token, self.positions = patches, class_token, positions

    def forward(self, images: Tensor) -> Tensor:
        """`[N, 3, size, size]` to `[N, 65, width]`."""
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        first = self.class_token.expand(len(images), -1, -1)
        return torch.cat([first, tokens], 1) + self.positions

    def draw(self, generator: torch.Generator) -> None:
        """Initial values, as in torchvision."""
        nn.init.zeros_(self.class_token)
        nn.init.normal_(self.positions, std=0.02, generator=generator)


class FirstToken(nn.Module):
    """Keep the class token, which stands for the image."""

    def forward(self, tokens: Tensor) -> Tensor:
        """`[N, tokens, width]` to `[N, width]`."""
        return tokens[:, 0]


def draw_attention(module: nn.MultiheadAttention, generator: torch.Generator) -> None:
    """Initial values of the joint projection to queries, keys and values; the output projection is a Linear."""
    nn.init.xavier_uniform_(module.in_proj_weight, generator=generator)
    nn.init.zeros_(module.in_proj_bias)


def check_size(name: str, size: int) -> None:
    """Raise ValueError unless images of `size` pixels have a side that is a multiple of 8."""
    if size < 8 or size % 8:
        raise ValueError(f"{name} needs images whose side is a multiple of 8 pixels; got {size}")


def named(blocks: Iterable[nn.Module]) -> nn.Sequential:
    """Return eight blocks as one network, by the names of BLOCK_NAMES."""
    return nn.Sequential(OrderedDict(zip(BLOCK_NAMES, blocks, strict=True)))
