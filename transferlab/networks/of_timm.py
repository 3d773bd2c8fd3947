"""Networks of timm's, where timm is installed, as eight blocks and a head: by their names, such as "timm/resnet26".

timm's networks have no common form. Most are a stem, containers of units, and a head; that is what is looked for, and
a donor's is run beside timm's own (`check`). A network that does something else in between is refused.
"""

import math
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from transferlab.networks.pretrained import PART_NAMES, FirstToken, Normalised, named_parts

PREFIX = "timm/"
HEADS = ("global_pool", "norm", "fc_norm", "head")  # with one of these behind the units a head begins
CLOSE = 1e-3  # of the logits' size: what the order of additions may change


class Patches(nn.Module):
    """The patches of a vision transformer as tokens, its class token before them, with their positions."""

    def __init__(self, whole: Any):
        super().__init__()
        self.patches, self.before = whole.patch_embed, whole.norm_pre
        self.class_token, self.positions = whole.cls_token, whole.pos_embed

    def forward(self, images: Tensor) -> Tensor:
        """`[N, 3, size, size]` to `[N, tokens, width]`."""
        tokens = self.patches(images)
        first = self.class_token.expand(len(images), -1, -1)
        return self.before(torch.cat([first, tokens], 1) + self.positions)


def whole(name: str, num_classes: int, size: int | None = None, pretrained: bool = False) -> Any:
    """Return timm's own network `name`, without the prefix; None: of its usual size.

    Raises ValueError if timm is not installed or has no such network, and OSError if its weights are neither in the
    cache of the Hugging Face hub nor can be fetched.
    """
    timm = _timm()
    if not timm.is_model(name):
        raise ValueError(f"timm has no network {name!r}; timm.list_models() names those that it has")
    options = {} if size is None or not _takes_size(name) else {"img_size": size}
    if not pretrained:
        return timm.create_model(name, pretrained=False, num_classes=num_classes, **options)
    try:
        return timm.create_model(name, pretrained=True, **options)
    except Exception as error:  # whatever the hub's client raises without a network
        where = timm.get_pretrained_cfg(name)
        raise OSError(
            f"the weights of timm's {name} are not here and cannot be fetched ({error}); on a machine with a network "
            f"download {where.hf_hub_id if where else name} from the Hugging Face hub, and give its file as weights"
        ) from error


def expected(name: str) -> dict[str, Any]:
    """Return what the weights of timm's network expect: size, resize, interpolation, mean and deviation."""
    cfg = whole(name, 2).pretrained_cfg
    size = cfg["input_size"][-1]
    resize = math.floor(size / cfg.get("crop_pct", 1.0))
    return {
        "size": size,
        "resize": resize,
        "interpolation": cfg.get("interpolation", "bilinear"),
        "mean": tuple(cfg["mean"]),
        "deviation": tuple(cfg["std"]),
    }


def head_of(name: str) -> str:
    """Return the beginning of the names of what belongs to the classes of timm's network."""
    return f"{whole(name, 2).pretrained_cfg['classifier']}."


def in_parts(name: str, network: Any, **normalisation) -> nn.Sequential:
    """Return timm's network as eight named blocks and a head, made of the same modules.

    Raises ValueError if it is no chain of eight units or more.
    """
    if getattr(network, "output_fmt", "NCHW") != "NCHW":
        raise ValueError(f"timm's {name} has its channels last, which is not read here; choose another of timm's")
    stem, units, head = _row(network)
    if len(units) < len(PART_NAMES) - 1:
        raise ValueError(f"timm's {name} has {len(units)} units in a row; to be cut in eight it needs 8 or more")
    shares = [len(share) for share in np.array_split(np.arange(len(units)), len(PART_NAMES) - 1)]
    return named_parts([Normalised(**normalisation), *stem], units, tuple(shares[::-1]), head)


@torch.no_grad()
def check(name: str, parts: nn.Sequential, network: Any, size: int, **normalisation) -> None:
    """Raise ValueError unless the parts, in evaluation mode, say of an image what timm's own network says."""
    network.eval()
    images = torch.linspace(-2, 2, 3 * size * size).reshape(1, 3, size, size)
    try:
        own, theirs = parts(images), network(Normalised(**normalisation)(images))
        close = own.shape == theirs.shape and (own - theirs).abs().max() <= CLOSE * theirs.abs().max().clamp(min=1)
    except Exception:  # a unit that wants more than the output of the one before
        close = torch.tensor(False)
    if not close:
        raise ValueError(f"timm's {name} is no chain of units that can be cut; choose another network of timm's")


def fresh(name: str, num_classes: int, size: int) -> nn.Sequential:
    """Return an untrained network, of its name with the prefix; arguments as of every network of `networks`."""
    short = name.removeprefix(PREFIX)
    return in_parts(short, whole(short, num_classes, size))


def _row(network: Any) -> tuple[list[nn.Module], list[nn.Module], list[nn.Module]]:
    """Return what comes before the units of a network, the units, and its head."""
    children = list(network.named_children())
    inside = [index for index, (_, child) in enumerate(children) if len(_units(child)) > 1]
    if not inside:
        return [], [], []
    is_vit = hasattr(network, "cls_token") and hasattr(network, "patch_embed")
    stem: list[nn.Module] = [Patches(network)] if is_vit else [child for _, child in children[: inside[0]]]
    units = [unit for _, child in children[inside[0] : inside[-1] + 1] for unit in _units(child)]
    rest = children[inside[-1] + 1 :]
    start = next((index for index, (key, _) in enumerate(rest) if key in HEADS), len(rest))
    if between := [child for _, child in rest[:start]]:
        units[-1] = nn.Sequential(units[-1], *between)
    head = [child for _, child in rest[start:]]
    return stem, units, [head[0], FirstToken(), *head[1:]] if is_vit else head


def _units(module: nn.Module) -> list[nn.Module]:
    """Return the units of a container: those of a Sequential, one level deep or two, or of a stage with `blocks`."""
    if isinstance(module, nn.Sequential):
        return [unit for child in module for unit in (_stage(child) or [child])]
    return _stage(module) or [module]


def _stage(module: nn.Module) -> list[nn.Module]:
    blocks = getattr(module, "blocks", None)
    if isinstance(module, nn.Sequential):
        return list(module)
    if not isinstance(blocks, nn.Sequential):
        return []
    first, *others = blocks
    return [nn.Sequential(getattr(module, "downsample", nn.Identity()), first), *others]


def _timm() -> Any:
    from transferlab.system.torchvision import torchvision  # noqa: F401 - timm imports it, and it must come first

    try:
        import timm
    except ImportError:
        raise ValueError("timm is not installed, so there is no network of its; run pip install timm") from None
    return timm


@cache
def _takes_size(name: str) -> bool:
    """Whether a network is made for images of one size."""
    return hasattr(_timm().create_model(name, pretrained=False, num_classes=2), "patch_embed")
