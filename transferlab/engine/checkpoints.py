"""Where a training stands, so that one that was killed goes on from its last epoch and ends with the same weights."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from transferlab.system.files import checksum


class Reached(NamedTuple):
    """How far a training is: all that the next epoch depends on, the history so far, and the epochs it is to have."""

    tensors: dict[str, Tensor]
    rows: list[dict]
    epochs: int


class Checkpoint:
    """The last state of one training, in a folder of its own. One process at a time may use it.

    Its file is named by its own checksum, so that one that was cut off or has rotted is never gone on from.

    >>> checkpoint = Checkpoint(folder)                                   # doctest: +SKIP
    >>> checkpoint.save(Reached({"network.fc8": weights}, rows, 48))      # doctest: +SKIP
    >>> tensors, rows, epochs = checkpoint.load()                         # doctest: +SKIP
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def save(self, reached: Reached) -> None:
        """Keep a state in the place of the one before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        content = save(
            {name: tensor.cpu().contiguous() for name, tensor in reached.tensors.items()},
            {"history": json.dumps({"rows": reached.rows, "epochs": reached.epochs})},
        )
        path = self.folder / f"{hashlib.sha256(content).hexdigest()}.safetensors"
        beside = path.with_suffix(".part")
        beside.write_bytes(content)
        beside.rename(path)
        for other in self.folder.iterdir():
            if other != path:
                other.unlink()

    def load(self) -> Reached | None:
        """The state that was kept, or None if there is none that is whole."""
        found = []
        for path in self.folder.glob("*.safetensors"):
            if checksum(path) != path.stem:
                continue
            try:
                with safe_open(path, "pt") as file:
                    history = json.loads(file.metadata()["history"])
                    tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            except (SafetensorError, KeyError):
                continue
            found.append(Reached(tensors, **history))
        return max(found, key=lambda reached: len(reached.rows), default=None)

    def remove(self) -> None:
        """Forget it."""
        shutil.rmtree(self.folder, ignore_errors=True)
