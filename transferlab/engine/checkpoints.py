"""Checkpoints: a training that was killed resumes after its last epoch and ends with the same weights."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from transferlab.engine.steps import Step
from transferlab.system.files import checksum, replacing
from transferlab.transplant import drops

_NETWORK = "network."
LARGE = 5_000_000  # parameters: saving more takes as long as an epoch on few images
PAUSE = 20.0  # seconds between two checkpoints of a network that is so large


class Reached(NamedTuple):
    """How far a training got: all that the next epoch depends on, the history so far, and its number of epochs."""

    tensors: dict[str, Tensor]
    rows: list[dict]
    epochs: int


class Checkpoint:
    """The last checkpoint of one training, in its own folder. One process at a time may use it.

    The file is named after its own checksum, so a training never resumes from one that is truncated or corrupted.

    >>> checkpoint = Checkpoint(folder)                                   # doctest: +SKIP
    >>> checkpoint.save(Reached({"network.fc8": weights}, rows, 48))      # doctest: +SKIP
    >>> tensors, rows, epochs = checkpoint.load()                         # doctest: +SKIP
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._saved = perf_counter()

    def is_due(self, network: nn.Module) -> bool:
        """Whether to save after this epoch: always, unless the network is large and was saved a moment ago."""
        large = sum(each.numel() for each in network.parameters()) > LARGE
        return not large or perf_counter() - self._saved > PAUSE

    def save(self, reached: Reached) -> None:
        """Save a checkpoint in place of the previous one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        content = save(
            storable(reached.tensors),
            {"history": json.dumps({"rows": reached.rows, "epochs": reached.epochs})},
        )
        path = self.folder / f"{hashlib.sha256(content).hexdigest()}.safetensors"
        with replacing(path) as beside:
            beside.write_bytes(content)
        for other in self.folder.iterdir():
            if other != path:
                other.unlink()
        self._saved = perf_counter()

    def load(self) -> Reached | None:
        """Return the checkpoint that was saved, or None if there is none that is intact and may be read."""
        found = []
        for path in self.folder.glob("*.safetensors"):
            try:
                if checksum(path) != path.stem:
                    continue
                with safe_open(path, "pt") as file:
                    history = json.loads(file.metadata()["history"])
                    tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            except (SafetensorError, KeyError):
                continue
            except (FileNotFoundError, PermissionError):  # its owner has just saved the next one, or lets nobody look
                continue
            found.append(Reached(tensors, **history))
        return max(found, key=lambda reached: len(reached.rows), default=None)

    def remove(self) -> None:
        """Delete it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def storable(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors as safetensors takes them: on the CPU, contiguous, and none in the memory of another.

    >>> weight = torch.ones(2)
    >>> len({each.data_ptr() for each in storable({"tied": weight, "too": weight}).values()})
    2
    """
    kept: dict[str, Tensor] = {}
    places: set[int] = set()
    for name, tensor in tensors.items():
        own = tensor.detach().cpu().contiguous()
        kept[name] = own.clone() if own.untyped_storage().data_ptr() in places else own
        places.add(own.untyped_storage().data_ptr())
    return kept


def tensors_of(network: nn.Module, step: Step) -> dict[str, Tensor]:
    """Return all that the next epoch depends on."""
    tensors = {_NETWORK + name: tensor for name, tensor in network.state_dict().items()} | step.kept()
    if drops(network):
        tensors["random.cpu"] = torch.get_rng_state()
        if step.labels.is_cuda:
            tensors["random.cuda"] = torch.cuda.get_rng_state()
    return tensors


def resume(checkpoint: Checkpoint | None, network: nn.Module, step: Step) -> list[dict]:
    """Restore network and step from the checkpoint, if there is one; return the rows of the history up to there."""
    found = checkpoint.load() if checkpoint else None
    if not found:
        return []
    tensors = found.tensors
    mine = {name.removeprefix(_NETWORK): each for name, each in tensors.items() if name.startswith(_NETWORK)}
    network.load_state_dict(mine)
    step.restore(tensors)
    if "random.cpu" in tensors:
        torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"])
    return found.rows


@contextmanager
def own_randomness(network: nn.Module, seed: int) -> Iterator[None]:
    """Seed the global generators for a network with dropout, which draws from them, and restore them afterwards."""
    if not drops(network):
        yield
        return
    parameter = next(network.parameters())
    with torch.random.fork_rng([parameter.device] if parameter.is_cuda else []):  # or it opens every GPU there is
        torch.manual_seed(seed)
        yield
