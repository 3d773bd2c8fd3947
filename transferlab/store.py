"""The run store: one folder per network, named by what determines its result.

A folder holds `spec.json` (what was asked for), `history.csv` (a row an epoch), `weights.safetensors` and
`result.json`. It is written beside and renamed, so a folder that is there is whole.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from filelock import FileLock
from safetensors.torch import load_file, save_file
from torch import nn

from transferlab import networks
from transferlab.notation import Treatment


@dataclass(frozen=True)
class Run:
    """A trained network in the store; `path` is its folder."""

    path: Path

    @cached_property
    def spec(self) -> dict:
        """What was asked for: treatment, split, seed, scale, recipe, data fingerprint, parent, ..."""
        return json.loads((self.path / "spec.json").read_text(encoding="utf-8"))

    @cached_property
    def result(self) -> dict:
        """What came out: accuracy, epochs, seconds, when and on what it was trained."""
        return json.loads((self.path / "result.json").read_text(encoding="utf-8"))

    @property
    def treatment(self) -> Treatment:
        """How the network was made."""
        return Treatment.parse(self.spec["treatment"])

    @property
    def accuracy(self) -> float:
        """Top-1 accuracy on the held-out images of the target task, 0..1."""
        return self.result["accuracy"]

    @property
    def history(self) -> pd.DataFrame:
        """A row an epoch: epoch, learning_rate, train_loss, train_accuracy, test_accuracy, seconds."""
        return pd.read_csv(self.path / "history.csv")

    def network(self) -> nn.Sequential:
        """The trained network of eight layers, on the CPU, in evaluation mode."""
        recipe = self.spec["recipe"]
        side = recipe.get("crop") or recipe["size"]
        network = networks.build(recipe["network"], self.result["num_classes"], side, seed=0)
        network.load_state_dict(load_file(self.path / "weights.safetensors"))
        return network.eval()

    def __repr__(self) -> str:
        """Such as `<Run A3B+: accuracy 0.642>`."""
        return f"<Run {self.treatment}: accuracy {self.accuracy:.3f}>"


class Store:
    """The folder `root` of runs. Many processes may use it at once."""

    def __init__(self, root: str | Path):
        self.root = Path(root).expanduser().absolute()

    def path(self, spec: dict) -> Path:
        """The folder of the network that `spec` describes, whether it is there or not."""
        digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
        return self.root / "networks" / f"{spec['treatment']}-{digest[:16]}"

    def find(self, spec: dict) -> Run | None:
        """The trained network that `spec` describes, if it is there."""
        path = self.path(spec)
        return Run(path) if (path / "result.json").exists() else None

    @contextmanager
    def claim(self, spec: dict) -> Iterator[None]:
        """Hold the right to train one network. Whoever else wants it waits here, then finds it trained."""
        path = self.path(spec)
        locks = self.root / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with FileLock(locks / f"{path.name}.lock"):
            yield

    def save(self, spec: dict, history: list[dict], network: nn.Sequential, result: dict) -> Run:
        """Write a run as a whole or not at all. The result.json that makes it found is written before the rename."""
        path = self.path(spec)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".writing-", dir=path.parent))
        try:
            weights = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
            save_file(weights, beside / "weights.safetensors")
            pd.DataFrame(history).to_csv(beside / "history.csv", index=False)
            for name, content in (("spec", spec), ("result", result)):
                (beside / f"{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
            beside.chmod(0o777 & ~_umask())
            if path.exists():  # only what is not whole can be in the way: whole runs are never written again
                shutil.rmtree(path)
            beside.rename(path)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        return Run(path)

    def runs(self) -> list[Run]:
        """Every run in the store, by name."""
        return [Run(path.parent) for path in sorted((self.root / "networks").glob("[!.]*/result.json"))]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
