"""Where published weights are, and state dicts that fit the network they are read into.

torchvision's own registry says which weights there are, what they expect of an image, and from where they come; they
are kept in its own cache, where any other program finds them too. No pickle is unpickled: a `.pth` may hold tensors in
plain dictionaries, and nothing else.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from transferlab.networks.pretrained import ARCHITECTURES, whole
from transferlab.system.files import checksum

State = dict[str, Tensor]
NAMED = 6  # keys that an error names


class Expected(NamedTuple):
    """What published weights expect of an image: how it is scaled and cropped (pixels), and their normalisation."""

    size: int
    resize: int
    interpolation: str
    mean: tuple[float, ...]
    deviation: tuple[float, ...]


def expected(name: str, weights: str = "DEFAULT") -> Expected:
    """Return what the weights of torchvision's network `name` expect, as torchvision has it.

    >>> expected("resnet50").resize, expected("efficientnet_b0").interpolation
    (232, 'bicubic')
    """
    preset = _listed(name, weights).transforms()
    (crop,), (resize,) = preset.crop_size, preset.resize_size
    return Expected(crop, resize, preset.interpolation.value, tuple(preset.mean), tuple(preset.std))


def published(name: str, weights: str = "DEFAULT") -> Path:
    """Return the file of weights that torchvision publishes, from its cache, or downloaded into it.

    Args:
        name: one of ARCHITECTURES.
        weights: which of them, such as "DEFAULT" or "IMAGENET1K_V1".

    Raises:
        ValueError: for a name that torchvision does not list, and a file in the cache that is not what it should be.
        OSError: if the file is not in the cache and cannot be fetched; it says which file, and where it goes.
    """
    url = _listed(name, weights).url
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    known = path.stem.rpartition("-")[2]  # the beginning of its checksum
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, os.fspath(path), hash_prefix=known)
        except (OSError, RuntimeError) as error:  # URLError is an OSError; RuntimeError: another checksum
            raise OSError(
                f"the weights of {name} are not here and cannot be fetched ({error}); on a machine with a network "
                f"fetch {url} and put it into {path.parent}, or give the file of other weights for {name}"
            ) from error
    if not checksum(path).startswith(known):
        raise ValueError(f"{path} is damaged or incomplete (its checksum is not {known}...); remove it and try again")
    return path


def _listed(name: str, weights: str) -> Any:
    from transferlab.system.torchvision import torchvision

    there = torchvision.models.get_model_weights(name)
    if weights not in there.__members__:
        raise ValueError(
            f"{weights!r} is neither a file nor weights of {name}; torchvision has {', '.join(there.__members__)}"
        )
    return there[weights]


def read(path: Path) -> State:
    """Return the state dict in a `.safetensors`, or in a `.pth` or `.pt` that holds nothing but tensors.

    A dictionary with the entry "state_dict" or "model", and names that all begin with "module.", as PyTorch's
    DataParallel has them, are unpacked.

    Raises ValueError, naming the file, if it cannot be read as one.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; give a file of weights, .safetensors or .pth")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        # weights_only: tensors in plain containers; anything that would run code is refused
        content = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} cannot be read as weights ({error}); give a state dict, .safetensors or .pth"
        ) from error
    except Exception as error:  # UnpicklingError, or whatever a damaged archive raises
        raise ValueError(
            f"{path} holds more than tensors, or is damaged, and is not unpickled; save the state dict alone, as in "
            "safetensors.torch.save_file(network.state_dict(), FILE)"
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if (
        not isinstance(content, Mapping)
        or not all(isinstance(each, Tensor) for each in content.values())
        or not content
    ):
        raise ValueError(f"{path} holds no state dict: it must be a dictionary of tensors by name")
    state = dict(content)
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): each for key, each in state.items()}
    return state


def loaded(name: str, state: State, size: int, source: object) -> nn.Module:
    """Return torchvision's network `name` with a state dict read into it.

    What belongs to its classes may be missing, or be of any number of classes: a donor's head is never copied.

    Args:
        name: one of ARCHITECTURES.
        state: as `read` returns it.
        size: the side of its images, in pixels.
        source: what an error calls the state dict.

    Raises:
        ValueError: if it is the state dict of another network; it names keys.
    """

    def fitting() -> list[str]:
        return [other for other in ARCHITECTURES if other != name and _fits(other, state, size)]

    return read_into(whole(name, 1000, size), state, name, ARCHITECTURES[name].head, source, fitting)


def read_into(
    network: nn.Module,
    state: State,
    name: str,
    head: str,
    source: object,
    fitting: Callable[[], list[str]] = lambda: [],
) -> nn.Module:
    """Read a state dict into a network `name`, and return it; the errors are those of `loaded`.

    `head` is the beginning of the names of what belongs to its classes, `source` what an error calls the state dict,
    and `fitting` returns the names of networks that it fits instead.
    """
    mine, theirs = (
        {key: each for key, each in some.items() if not key.startswith(head)} for some in (network.state_dict(), state)
    )
    if wrong := _differences(mine, theirs):
        others = fitting()
        hint = f"it is one of {' and '.join(others)}, so name that network" if others else "give one of it"
        raise ValueError(f"{source} is no state dict of {name}: it {'; it '.join(wrong)}; {hint}")
    network.load_state_dict(theirs, strict=False)
    return network


def _differences(mine: State, theirs: State) -> list[str]:
    """Say what a network lacks in a state dict, what it has no use for, and what has another shape."""
    lacking, unknown = ([key for key in some if key not in other] for some, other in ((mine, theirs), (theirs, mine)))
    other = [
        f"{key} as {tuple(theirs[key].shape)} where {tuple(each.shape)} is expected"
        for key, each in mine.items()
        if key in theirs and theirs[key].shape != each.shape
    ]
    found = (("lacks", lacking), ("has the unknown", unknown), ("has", other))
    return [f"{verb} {_some(keys)}" for verb, keys in found if keys]


def _some(keys: list[str]) -> str:
    more = len(keys) - NAMED
    return ", ".join(keys[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _fits(name: str, state: State, size: int) -> bool:
    with torch.device("meta"):  # shapes alone
        network = whole(name, 1000, size)
    head = ARCHITECTURES[name].head
    mine, theirs = (
        {key: each.shape for key, each in some.items() if not key.startswith(head)}
        for some in (network.state_dict(), state)
    )
    return mine == theirs
