"""The run store: one folder per network, named by what determines its result.

A folder holds `spec.json` (what was requested), `history.csv` (one row per epoch), `weights.safetensors`, `result.json`
and `checksums.json`. It is written under another name and then renamed, so a folder that is there is complete. If its
files are corrupted later, that is noticed and reported by name, and the network is trained again. A look at a run reads
its small files, and only the header and the size of its weights, so it costs the same for any network. The checksum of
the weights is compared when they are loaded, and by `Store.set_aside_damaged`.

The folder `locks` keeps two processes from training the same network. The locks are flock's, which end with their
owner. On a file system without flock, filelock uses files that name their owner, and takes over those whose owner is
gone.
"""

import hashlib
import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from uuid import uuid4

import pandas as pd
import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from transferlab import networks
from transferlab.engine import interrupts
from transferlab.engine.checkpoints import Checkpoint, storable
from transferlab.notation import Treatment
from transferlab.system.files import checksum, expanded
from transferlab.transplant import stitch

WEIGHTS = "weights.safetensors"
SMALL = ("spec.json", "history.csv", "result.json")
FILES = (*SMALL, WEIGHTS)


class Damaged(ValueError):
    """The files of a run are not as they were written."""


class Unreadable(OSError):
    """The files of a run may not be read by this user."""


@dataclass(frozen=True)
class Run:
    """A trained network in the store; `path` is its folder."""

    path: Path

    @cached_property
    def spec(self) -> dict:
        """What was requested (treatment, split, seed, scale, recipe, data fingerprint, parent, ...)."""
        return json.loads((self.path / "spec.json").read_text(encoding="utf-8"))

    @cached_property
    def result(self) -> dict:
        """What came out (accuracy, state, epochs, seconds, when and on what hardware it was trained)."""
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
        """One row per epoch, with epoch, learning_rate, train_loss, train_accuracy, test_accuracy and seconds."""
        return pd.read_csv(self.path / "history.csv")

    def network(self) -> nn.Sequential:
        """Return the trained network, on the CPU, in evaluation mode: eight layers, and a map in a stitched one.

        Raises Damaged if its files are corrupted. They are then moved to the folder `damaged` of the store.
        """
        if wrong := fault(self.path):
            try:
                _set_aside(self.path)
            except OSError as error:  # in a store that others may only read
                raise Damaged(f"{wrong}; {error}") from error
            raise Damaged(f"{wrong}; ask the Lab for this network again, and it is trained anew")
        recipe = self.spec["recipe"]
        side = recipe.get("crop") or recipe["size"]
        n, top = self.treatment.n, networks.Top(self.treatment.n, recipe.get("top_width", 1))
        network = networks.build(recipe["network"], self.result["num_classes"], side, seed=0, top=top)
        if self.treatment.stitched:
            with torch.no_grad():
                outputs = network.eval()[:n](torch.zeros(1, 3, side, side))
            network = stitch(network, network, n, outputs, outputs)
        network.load_state_dict(load_file(self.path / WEIGHTS))
        return network.eval()

    def __repr__(self) -> str:
        """Such as `<Run A3B+: accuracy 0.642>`."""
        return f"<Run {self.treatment}: accuracy {self.accuracy:.3f}>"


class Store:
    """The run store in the folder `root`. Many processes may use it at once."""

    def __init__(self, root: str | Path):
        self.root = expanded("runs", root)

    def path(self, spec: dict) -> Path:
        """Return the folder of the network that `spec` describes, whether it exists or not."""
        return self.root / "networks" / _name(spec)

    def find(self, spec: dict) -> Run | None:
        """Return the trained network that `spec` describes, or None.

        Warns if its files are corrupted; raises Unreadable if this user may not read them.
        """
        path = self.path(spec)
        return Run(path) if is_there(path) and _seems_whole(path) else None

    def check(self) -> None:
        """Raise OSError unless the store can be written."""
        folder = self.root
        try:
            (self.root / "networks").mkdir(parents=True, exist_ok=True)
            for folder in (self.root, *(self.root / name for name in ("networks", "locks", "checkpoints"))):
                if folder.exists():  # another user may have made it
                    tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            within = "" if folder == self.root else f", since its folder {folder.name} cannot be"
            raise OSError(
                f"the run store {self.root} cannot be written{within} ({error.strerror}); choose another folder for "
                "it, or have its owner let you write there"
            ) from error

    @contextmanager
    def mark(self) -> Iterator[Path]:
        """Keep a file in the store while the block runs: anyone who sees it uses the same folder, not one like it."""
        path = self.root / f".seen-by-workers-{uuid4().hex}"
        path.touch()
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def checkpoint(self, spec: dict) -> Checkpoint:
        """Return the checkpoint of a network's training, for the process that holds its claim."""
        return Checkpoint(self.root / "checkpoints" / _name(spec))

    @contextmanager
    def claim(self, spec: dict) -> Iterator[None]:
        """Hold the right to train one network. Others who want it wait here, and then find it trained."""
        path = self._lock_path(spec)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _patiently(FileLock(path)):
            for left in (self.root / "networks").glob(f".writing-{_name(spec)}-*"):  # by a process that was killed
                shutil.rmtree(left, ignore_errors=True)
            yield
            with suppress(OSError):  # a waiting process notices, and makes a new one (on Windows the file stays)
                path.unlink()

    def claimed(self, spec: dict) -> bool | None:
        """Whether a process is training the network right now; None if this user cannot tell, since it is another's."""
        if not is_there(self._lock_path(spec)):
            return False
        try:
            with FileLock(self._lock_path(spec), timeout=0):
                return False
        except Timeout:
            return True
        except OSError:  # it may not be opened, or lies where nothing can be written
            return None

    def _lock_path(self, spec: dict) -> Path:
        return self.root / "locks" / f"{_name(spec)}.lock"

    def save(self, spec: dict, history: list[dict], network: nn.Sequential, result: dict) -> Run:
        """Write a run completely or not at all. A corrupted one in its place is moved to the folder `damaged`."""
        path = self.path(spec)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.parent / f".writing-{path.name}-{uuid4().hex[:8]}"
        beside.mkdir()
        try:
            for name, content in (("spec", spec), ("result", result)):
                _write(beside / f"{name}.json", content)
            pd.DataFrame(history).to_csv(beside / "history.csv", index=False)
            save_file(storable(network.state_dict()), beside / WEIGHTS)
            shutil.copymode(beside / "spec.json", beside / WEIGHTS)  # or nobody else could read them
            _write(beside / "checksums.json", {name: checksum(beside / name) for name in FILES})
            if path.exists():
                _set_aside(path)
            beside.rename(path)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        return Run(path)

    def runs(self) -> list[Run]:
        """Return every run in the store, by name. Warns of the corrupted and the unreadable, and leaves them out."""
        found = []
        for path in self._paths():
            try:
                if _seems_whole(path):
                    found.append(Run(path))
            except Unreadable as error:
                warnings.warn(f"{error}: this network is left out", stacklevel=2)
        return found

    def set_aside_damaged(self) -> list[str]:
        """Compare every file of every run with its checksum, and move corrupted runs to `damaged`.

        Returns a sentence for each of them; they are trained again the next time. This reads the whole store.
        """
        said = []
        for path in self._paths():
            try:
                if wrong := fault(path):
                    said.append(f"{wrong}; moved to {_set_aside(path)}")
            except OSError as error:  # it is another user's
                said.append(str(error))
        return said

    def _paths(self) -> list[Path]:
        return [path for path in sorted((self.root / "networks").glob("[!.]*")) if path.is_dir()]


def fault(path: Path, files: tuple[str, ...] = FILES) -> str | None:
    """Return what is wrong with the folder of a run, in words, or None. Only the checksums of `files` are compared.

    Raises Unreadable if this user may not read it.
    """
    try:
        sums = json.loads((path / "checksums.json").read_text(encoding="utf-8"))
        for name in files:
            if checksum(path / name) != sums[name]:
                return f"{path / name} is not as it was written (its checksum differs)"
        with safe_open(path / WEIGHTS, "pt"):  # reads the header, and compares it with the size of the file
            name = _name(json.loads((path / "spec.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError) as error:
        return f"{error.filename or path / WEIGHTS} is missing"
    except PermissionError as error:
        raise _unreadable(Path(error.filename or path / WEIGHTS)) from error
    except SafetensorError as error:
        return f"{path / WEIGHTS} is not as it was written ({error})"
    except (ValueError, KeyError, TypeError) as error:  # ValueError: no JSON, no UTF-8
        return f"{path / 'checksums.json'} cannot be read ({error})"
    return None if name == path.name else f"{path} holds the files of another run, {name}"


def is_there(path: Path) -> bool:
    """Whether a file of the store exists. Raises Unreadable if this user may not look."""
    try:
        return path.exists()
    except PermissionError as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> Unreadable:
    return Unreadable(
        f"{path} may not be read by this user; ask its owner to let you (chmod -R g+rX), or choose another run store"
    )


def _seems_whole(path: Path) -> bool:
    wrong = fault(path, SMALL)
    if wrong:
        warnings.warn(f"{wrong}: this network counts as not trained", stacklevel=3)
    return not wrong


def _set_aside(path: Path) -> Path:
    """Move the folder of a run to `damaged`, so that nothing is lost; return its new place. Raises OSError."""
    aside = path.parents[1] / "damaged" / f"{path.name}-{uuid4().hex[:8]}" / path.name
    try:
        aside.parent.mkdir(parents=True)
        path.rename(aside)
    except OSError as error:
        raise OSError(
            f"{path} cannot be moved to {aside.parent} ({error.strerror}); whoever may write in this run store can "
            "have it trained again"
        ) from error
    return aside


@contextmanager
def _patiently(lock: FileLock) -> Iterator[None]:
    """Wait for a lock for as long as another process holds it; a waiting thread can be interrupted, too.

    Raises OSError if it may not be opened.
    """
    while True:
        try:
            lock.acquire(timeout=1)
            break
        except Timeout:
            interrupts.check()
        except PermissionError as error:
            raise OSError(
                f"{lock.lock_file} belongs to another user and may not be opened; ask them to remove it if they train "
                "nothing now, or choose another run store"
            ) from error
    try:
        yield
    finally:
        lock.release()


def _name(spec: dict) -> str:
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
    return f"{spec['treatment']}-{digest[:16]}"


def _write(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
