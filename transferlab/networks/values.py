"""The first values of a network: all drawn from one seed, none left to what happened to lie in memory.

Convolutions and matrices are drawn by one of INITIALISATIONS, normalisations are reset, attention is drawn as in
torchvision. Everything else, such as the slope of a PReLU, a LayerScale or a buffer, keeps what its constructor gave
it, unless its module has a method `draw(generator)`. What still has no value then is refused by name.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

from transferlab.networks.blocks import draw_attention
from transferlab.numbers import SEEDS

Weighted = _ConvNd | nn.Linear
_EMPTY = {getattr(torch.ops.aten, name) for name in ("empty", "empty_like", "empty_strided", "new_empty")} | {
    torch.ops.aten.new_empty_strided
}


def kaiming(layer: str, module: Weighted, generator: torch.Generator) -> None:
    """He et al. 2015: the signal keeps its scale through any number of untrained layers."""
    nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def gaussian(layer: str, module: Weighted, generator: torch.Generator) -> None:
    """The paper's: a normal distribution with a fixed deviation, whatever the size of the layer; some biases are 1."""
    nn.init.normal_(module.weight, std=0.005 if layer in ("fc6", "fc7") else 0.01, generator=generator)
    if module.bias is not None:
        nn.init.constant_(module.bias, float(layer in ("conv2", "conv4", "conv5", "fc6", "fc7")))


INITIALISATIONS = {"kaiming": kaiming, "gaussian": gaussian}


def constructed(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Return what `make` makes; whatever it draws at random comes from `seed`, and nothing global is touched.

    Values that it leaves open are marked, for `drawn` to find.
    """
    # seeds are below SEEDS: what `drawn` draws has another stream of random numbers
    with _Seeded(torch.Generator().manual_seed(seed + SEEDS)):
        return make()


def drawn(network: nn.Sequential, seed: int, initialisation: str) -> nn.Sequential:
    """Give a `constructed` network its first values, in place, and return it.

    Args:
        network: of named layers.
        seed: 0 or more, below `numbers.SEEDS`.
        initialisation: one of INITIALISATIONS.

    Raises:
        ValueError: if a parameter or a buffer has no value then; it says which, and what to do.

    >>> from transferlab.networks import mini
    >>> network = drawn(constructed(lambda: mini(40), seed=0), 0, "kaiming")
    """
    generator = torch.Generator().manual_seed(seed)
    for layer, module in ((name, module) for name, child in network.named_children() for module in child.modules()):
        if any(map(is_lazy, _own(module).values())):
            continue  # it has not even a shape
        if isinstance(module, Weighted):
            INITIALISATIONS[initialisation](layer, module, generator)
        elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d | nn.LayerNorm):
            module.reset_parameters()
        elif isinstance(module, nn.MultiheadAttention):
            draw_attention(module, generator)
        elif callable(own := getattr(module, "draw", None)):
            own(generator)
        elif any(map(_open, _own(module).values())) and callable(reset := getattr(module, "reset_parameters", None)):
            with _Seeded(generator):
                reset()
    for name, module in network.named_modules():
        for key, tensor in _own(module).items():
            if _open(tensor):
                raise ValueError(
                    f"nothing says what the first values of {name}.{key} are; set them where the {_kind(module)} is "
                    "made, or give its class a method reset_parameters() or draw(generator) that does"
                )
    return network


def _own(module: nn.Module) -> dict[str, Tensor]:
    """Return the parameters and buffers of a module that are not those of modules inside of it."""
    return {**dict(module.named_parameters(recurse=False)), **dict(module.named_buffers(recurse=False))}


def _kind(module: nn.Module) -> str:
    return type(module).__name__


def _open(tensor: Tensor) -> bool:
    """Whether some element was never given a value."""
    if is_lazy(tensor):
        return True
    mark = _mark(tensor)
    return mark is not None and bool((tensor.isnan() if mark != mark else tensor == mark).any())


def _mark(tensor: Tensor) -> Any:
    """Return what stands for no value in a tensor, or None where its type has nothing to spare."""
    if tensor.is_floating_point() or tensor.is_complex():
        return float("nan")
    return None if tensor.dtype in (torch.bool, torch.uint8) else torch.iinfo(tensor.dtype).min


class _Seeded(TorchDispatchMode):
    """In this thread, draw from one generator instead of the global one, and mark what is made without values."""

    def __init__(self, generator: torch.Generator):
        super().__init__()
        self.generator = generator

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here, and to say so to PyTorch's compiler would import it: more than a second."""
        return False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        given = dict(kwargs or {})
        if torch.Tag.nondeterministic_seeded in func.tags:
            if not _takes_generator(func):
                func = _with_generator(func)
            if given.get("generator") is None:
                given["generator"] = self.generator
        made = func(*args, **given)
        if func.overloadpacket in _EMPTY and made.device.type != "meta":
            made.fill_(_mark(made) or 0)
        return made


def _takes_generator(func) -> bool:
    return any(argument.name == "generator" for argument in func._schema.arguments)


def _with_generator(func):
    """Return the same function as `func` in the form that takes a generator."""
    if "generator" in func.overloadpacket.overloads():
        return func.overloadpacket.generator
    raise ValueError(
        f"a constructor draws by torch.{func.overloadpacket.__name__}, which takes no generator, so it cannot be "
        "repeated from a seed; draw in place, as in tensor.normal_()"
    )
