"""The run store: one folder per network, named by what determines its result.

A folder holds `spec.json` (what was asked for), `history.csv` (a row an epoch), `weights.safetensors`, `result.json`
and `checksums.json`. It is written beside and renamed, so a folder that is there is whole; what has rotted since is
noticed by its checksums, said by name, and trained again. `locks` keeps two processes from training one network.
Locks are flock's, which end with their owner; on a file system without flock filelock keeps files that name their
owner, and takes over those whose owner is gone.
"""

import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout
from safetensors.torch import load_file, save_file
from torch import nn

from transferlab import networks
from transferlab.engine.checkpoints import Checkpoint
from transferlab.notation import Treatment
from transferlab.system.files import checksum

FILES = ("spec.json", "history.csv", "result.json", "weights.safetensors")


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
        """What came out: accuracy, state, epochs, seconds, when and on what it was trained."""
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
        """The trained network of eight layers, on the CPU, in evaluation mode. Raises ValueError if it has rotted."""
        if wrong := fault(self.path):
            raise ValueError(f"{wrong}; ask the Lab for this network again, which trains it anew")
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
        return self.root / "networks" / _name(spec)

    def find(self, spec: dict) -> Run | None:
        """The trained network that `spec` describes, if it is there and whole. Warns if it is there and is not."""
        path = self.path(spec)
        return Run(path) if path.exists() and _whole(path) else None

    def check(self) -> None:
        """Raise OSError unless networks can be written here."""
        try:
            (self.root / "networks").mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.root).close()
        except OSError as error:
            raise OSError(
                f"the run store {self.root} cannot be written ({error.strerror}); choose another folder for it"
            ) from error

    def checkpoint(self, spec: dict) -> Checkpoint:
        """Where the training of a network stands, for the process that has its claim."""
        return Checkpoint(self.root / "checkpoints" / _name(spec))

    @contextmanager
    def claim(self, spec: dict) -> Iterator[None]:
        """Hold the right to train one network. Whoever else wants it waits here, then finds it trained."""
        path = self._lock_path(spec)
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path):
            for left in (self.root / "networks").glob(f".writing-{_name(spec)}-*"):  # by a process that was killed
                shutil.rmtree(left, ignore_errors=True)
            yield
            with suppress(OSError):  # whoever waits notices, and makes a new one (not so on Windows, where it stays)
                path.unlink()

    def claimed(self, spec: dict) -> bool:
        """Whether a process is training the network right now."""
        if not self._lock_path(spec).exists():
            return False
        try:
            with FileLock(self._lock_path(spec), timeout=0):
                return False
        except Timeout:
            return True

    def _lock_path(self, spec: dict) -> Path:
        return self.root / "locks" / f"{_name(spec)}.lock"

    def save(self, spec: dict, history: list[dict], network: nn.Sequential, result: dict) -> Run:
        """Write a run as a whole or not at all. A rotten one in its place is moved to the folder `damaged`."""
        path = self.path(spec)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".writing-{path.name}-", dir=path.parent))
        try:
            weights = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
            save_file(weights, beside / "weights.safetensors")
            pd.DataFrame(history).to_csv(beside / "history.csv", index=False)
            for name, content in (("spec", spec), ("result", result)):
                _write(beside / f"{name}.json", content)
            _write(beside / "checksums.json", {name: checksum(beside / name) for name in FILES})
            beside.chmod(0o777 & ~_umask())
            if path.exists():
                aside = self.root / "damaged"
                aside.mkdir(exist_ok=True)
                path.rename(Path(tempfile.mkdtemp(prefix=f"{path.name}-", dir=aside)) / path.name)
            beside.rename(path)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        return Run(path)

    def runs(self) -> list[Run]:
        """Every run in the store that is whole, by name. Warns of others. Weights are not read: `find` does that."""
        paths = sorted((self.root / "networks").glob("[!.]*"))
        return [Run(path) for path in paths if path.is_dir() and _whole(path, FILES[:-1])]


def fault(path: Path, files: tuple[str, ...] = FILES) -> str | None:
    """What is wrong with the folder of a run, in words, or None. Only `files` are read."""
    try:
        sums = json.loads((path / "checksums.json").read_text(encoding="utf-8"))
        for name in files:
            if checksum(path / name) != sums[name]:
                return f"{path / name} is not as it was written (its checksum differs)"
        if (path / "weights.safetensors").stat().st_size == 0:
            return f"{path / 'weights.safetensors'} is empty"
        name = _name(json.loads((path / "spec.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError) as error:
        return f"{error.filename} is missing"
    except (ValueError, KeyError, TypeError) as error:  # ValueError: no JSON, no UTF-8
        return f"{path / 'checksums.json'} cannot be read ({error})"
    return None if name == path.name else f"{path} holds the files of another run, {name}"


def _whole(path: Path, files: tuple[str, ...] = FILES) -> bool:
    wrong = fault(path, files)
    if wrong:
        warnings.warn(f"{wrong}: this network counts as not trained", stacklevel=3)
    return not wrong


def _name(spec: dict) -> str:
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
    return f"{spec['treatment']}-{digest[:16]}"


def _write(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
