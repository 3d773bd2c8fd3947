"""The laboratory: ask for a network by name, and it is found in the store or trained."""

import copy
import math
import platform
import warnings
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import accumulate
from pathlib import Path
from threading import Lock
from time import perf_counter, sleep
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm.auto import tqdm

from transferlab import datasets, networks, splits, training
from transferlab.datasets.rows import Rows
from transferlab.donors import DEFAULT, find
from transferlab.engine import recipes, speed
from transferlab.experiment import Experiment, make
from transferlab.notation import CONDITIONS, Job, Treatment
from transferlab.numbers import is_whole, plain
from transferlab.parallel import Failed, checked_cluster, threads
from transferlab.store import Damaged, Run, Store, status
from transferlab.store.sweeps import sweep_jobs, table
from transferlab.system.files import default_runs, expanded, is_path
from transferlab.system.machine import cores, hardware, one_thread
from transferlab.transplant import drops

BRIEF = 16_000_000  # pixels that a core trains a small network on in the seconds in which worker processes start


class Lab:
    """Trains the networks of the study, or finds them in the run store.

    Args:
        dataset: a name for `datasets.load`: "kingdoms", or another one with its `data_root`.
        scale: one of `recipes.SCALES`; None: "laptop", or "few" with a donor.
        runs: the folder of the run store; None: TRANSFERLAB_RUNS, else `runs` in the checkout, else `./runs`.
        data_root: where the images of the data set are.
        device: "auto", "cpu" or "cuda".
        cluster: None, or where networks are trained: the address of a Dask scheduler, such as `tls://10.0.0.1:8786`,
            the path of its scheduler file, a Client, or a cluster such as LocalCluster. "cuda" may then be a device
            that only its workers have.
        at_once: how many networks are trained at a time; None: one a core, or what a GPU takes, but one by one where
            all take a few seconds. With 1 they are trained in this process. A GPU trains 32 at most, and networks with
            dropout one by one.
        donor: None, or what `donors.find` takes: a published architecture, such as "resnet18", or a base network of the
            run store. It is baseA, and needs no training; task B is all classes of the data set, in a split of
            `splits.OF_ONE`, or half of them, as without a donor. Network and size of the images are the donor's.
        weights: of a published architecture: "DEFAULT", another name of torchvision's, or a file.
        changes: fields of `recipes.Recipe`, as in `Lab(epochs=12)`; such runs are kept apart in the store.

    Raises:
        ValueError: for a value that makes no sense.

    >>> lab = Lab(scale="smoke")                                # doctest: +SKIP
    >>> lab.run("A3B+").accuracy                                # doctest: +SKIP
    >>> lab.sweep(conditions=("base", "AnB"), layers=(1, 4, 7)) # doctest: +SKIP
    >>> mine = Lab("folder", data_root="photos", donor="resnet18")  # doctest: +SKIP
    >>> mine.run("A5B++").accuracy                              # doctest: +SKIP
    """

    def __init__(
        self,
        dataset: str = "kingdoms",
        scale: str | None = None,
        runs: str | Path | None = None,
        data_root: str | Path | None = None,
        device: str = "auto",
        cluster: Any = None,
        at_once: int | None = None,
        donor: str | Path | Run | None = None,
        weights: str | Path = DEFAULT,
        **changes,
    ):
        scale = scale or ("laptop" if donor is None else "few")
        given = {"dataset": dataset, "scale": scale, "runs": runs, "data_root": data_root}
        for name, value in given.items():
            if value is None and name in ("runs", "data_root"):
                continue
            if not is_path(value):
                raise ValueError(f"{name} is {value!r}; it must be a string or a path, and not empty")
        given["cluster"] = checked_cluster(cluster)
        if device not in ("auto", "cpu", "cuda"):
            raise ValueError(f"no device {device!r}; there are auto, cpu and cuda")
        if device == "cuda" and not (cluster is not None or torch.cuda.is_available()):
            raise ValueError('device="cuda" was asked for, but torch sees no CUDA device here; use "auto" or "cpu"')
        if at_once is not None and not is_whole(at_once, 1):
            raise ValueError(f"at_once is {at_once!r}; it must be a whole number of networks, 1 or more")
        self.scale, self.cluster, self.at_once = scale, cluster, plain(at_once)
        self.device = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        self.store = Store(default_runs() if runs is None else runs)
        self.donor = None if donor is None else find(donor, weights, self.store)
        self.recipe = recipes.recipe_for(scale, str(dataset), **self._of_donor(changes), **changes).on(self.device)
        self.data_root = None if data_root is None else expanded("data_root", data_root)
        options = datasets.options_of(dataset, self.recipe.data, self.data_root)
        if self.donor and dataset == "folder":
            options |= self.donor.framing.at(self.recipe.size).options()
        self.data = datasets.load(dataset, size=self.recipe.size, **options)
        self._given: dict[str, Any] = {**given, "runs": self.store.root, "data_root": self.data_root, "device": device}
        self._given |= {"at_once": self.at_once, **plain(changes)}
        if donor is not None:
            self._given |= {"donor": donor.path if isinstance(donor, Run) else donor, "weights": weights}

    def _of_donor(self, changes: dict) -> dict:
        """Return the fields of the recipe that a donor settles; raises ValueError for a change of its network."""
        if self.donor is None:
            return {}
        if "network" in changes:
            raise ValueError(f"network is {changes['network']!r}, but the donor is {self.donor.title}; leave one out")
        settled = {"network": self.donor.network, "size": self.donor.framing.size}
        return {name: value for name, value in settled.items() if name not in changes}

    @property
    def divisions(self) -> tuple[str, ...]:
        """The splits that there are, the usual one first."""
        return splits.SPLITS if self.donor is None else (*splits.OF_ONE, *splits.SPLITS)

    @property
    def cuts(self) -> tuple[int, ...]:
        """After which layers networks are cut."""
        return networks.cuts(self.recipe.network)

    def changed(self, **changes) -> "Lab":
        """Return a Lab like this one with some arguments changed, as in `lab.changed(random_filters="gaussian")`.

        Where nothing changes but the recipe, the two share their images.
        """
        given = {**self._given, **plain(changes)}
        if not {*changes} <= recipes.OF_TRAINING:
            return Lab(**given)
        other = copy.copy(self)
        other.recipe, other._given = replace(self.recipe, **changes).on(self.device), given
        return other

    def task(self, name: str, split: str | None = None, seed: int = 0) -> splits.Task:
        """Return task "A" or "B" of a split: its classes, images and labels."""
        return self.experiment(Treatment.of("base", 0, name), split, seed).task()

    def experiment(self, network: str | Treatment, split: str | None = None, seed: int = 0) -> Experiment:
        """Return the experiment that `run` would carry out.

        Raises ValueError for a name, a split or a seed that makes no sense.
        """
        treatment, split = Treatment.parse(network), self.divisions[0] if split is None else split
        if split not in self.divisions:
            raise ValueError(f"no split {split!r}; there are {', '.join(self.divisions)}")
        if self.donor and treatment.target == "A":
            raise ValueError(
                f"{treatment} is trained on task A, which is the donor's own ({self.donor.title}); ask for a network "
                "into B, such as A5B"
            )
        if treatment.source and treatment.n not in self.cuts:
            raise ValueError(
                f"no such network: {str(treatment)!r}; {self.recipe.network} is cut after layers 1 to {self.cuts[-1]}, "
                "since something above must be fresh"
            )
        return Experiment(self.data, self.recipe, treatment, split, seed)

    def run(
        self,
        network: str | Treatment,
        split: str | None = None,
        seed: int = 0,
        on_epoch: Callable[[dict], None] = lambda row: None,
    ) -> Run:
        """Return the network of that name, such as "A3B+": found in the store, or trained now, its parent too.

        `split` is one of `splits.SPLITS`, "random" if it is None; with a donor also one of `splits.OF_ONE`, "folds" if
        it is None. `seed` fixes the classes of a random split, or which fold is held out, and every random choice in
        training. `on_epoch` is called with each row of the history, if the network is trained in this process.
        """
        experiment = self.experiment(network, split, seed)
        spec = self._spec(experiment)
        if found := self.store.find(spec):
            return found
        if self.cluster is not None:
            self.train([(str(experiment.treatment), experiment.split, seed)])
            return Run(self.store.path(spec))
        experiment.check()
        self.store.check()
        for parent in experiment.treatment.parents:
            if not self._is_donor(parent):
                self.run(parent, experiment.split, seed)
        with self.store.claim(spec), one_thread(self.device):
            return self.store.find(spec) or self._make(experiment, spec, on_epoch)

    def spec(self, network: str | Treatment, split: str | None = None, seed: int = 0) -> dict:
        """Return all that determines a network, its parent included: two equal specs, the same network."""
        return self._spec(self.experiment(network, split, seed))

    def _spec(self, experiment: Experiment) -> dict:
        """Add to the experiment's record what else tells its result from others: scale, device, parent."""
        treatment = experiment.treatment
        names = {
            part: self.donor.name
            if self.donor and self._is_donor(each)
            else self.store.path(self._spec(replace(experiment, treatment=each))).name
            for part, each in (("parent", treatment.parent), ("top", treatment.top))
            if each
        }
        return {**experiment.record(), "scale": self.scale, "device": self.device, "parent": None, **names}

    def _is_donor(self, treatment: Treatment) -> bool:
        """Whether a network is one that came from elsewhere."""
        return self.donor is not None and str(treatment) == "baseA"

    def start(self, network: str | Treatment, split: str | None = None, seed: int = 0) -> nn.Sequential:
        """Return a network as it was before its training, as in `run`; what it starts from is trained or found."""
        experiment = self.experiment(network, split, seed)
        return experiment.network(*self._donors(experiment))

    def _donors(self, experiment: Experiment) -> list[nn.Sequential | None]:
        """Return the trained networks of a treatment's `parent` and `top`, None where there is none."""
        return [self._donor(experiment, each) for each in (experiment.treatment.parent, experiment.treatment.top)]

    def _donor(self, experiment: Experiment, parent: Treatment | None) -> nn.Sequential | None:
        if parent is None:
            return None
        if self.donor and self._is_donor(parent):
            return self.donor.layers
        try:
            return self.run(parent, experiment.split, experiment.seed).network()
        except Damaged as error:
            warnings.warn(str(error), stacklevel=3)
            return self.run(parent, experiment.split, experiment.seed).network()

    def _make(self, experiment: Experiment, spec: dict, on_epoch: Callable) -> Run:
        """Train a network and put it into the store."""
        donor, top = self._donors(experiment)
        started, classes, kept = perf_counter(), len(experiment.classes()), self.store.checkpoint(spec)
        try:
            network, history = make(experiment, donor, self.device, on_epoch, kept, top)
        except torch.OutOfMemoryError:
            history = []  # nothing else here: the error still holds all the memory that was in use
        if not history:
            side_by_side = threads.side_by_side.get()
            raise RuntimeError(speed.no_room(experiment.schedule(), classes, self.device, side_by_side))
        outcome = training.outcome(history, classes)
        result = {
            "accuracy": math.nan if outcome == "diverged" else history[-1]["test_accuracy"],
            "state": outcome,
            "epochs": len(history),
            # the rows include what was trained before a stop
            "seconds": max(perf_counter() - started, sum(row["seconds"] for row in history)),
            "num_classes": classes,
            "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "hardware": hardware(self.device),
            "platform": platform.platform(),
            "torch": torch.__version__,
        }
        run = self.store.save(spec, history, network, result)
        kept.remove()
        return run

    def predict(
        self,
        run: Run,
        images: np.ndarray | Rows | None = None,
        n: int | None = None,
        network: nn.Sequential | None = None,
    ) -> torch.Tensor:
        """Return the outputs of the first `n` layers (1, ...) of a run's network for images; with all of them, logits.

        Use this for every look at a network's answers: it treats images exactly as the test behind `run.accuracy` does,
        with the run's crops, mean image and precision, in batches.

        Args:
            run: a run of this Lab, with its data and recipe.
            images: uint8 `[N, 3, H, W]`, as in the data set; None: the held-out images of its target task.
            n: how many layers; None: all of them.
            network: another network to ask instead of the run's own, such as an untrained one.

        Returns:
            float32 `[N, ...]`, on the CPU.

        Raises:
            ValueError: for a run that was made by another recipe or from other images, or an `n` out of range.
        """
        layers = self.cuts[-1] + 1
        if n is not None and not is_whole(n, 1, layers + 1):
            raise ValueError(f"n is {n!r}; it must be a whole number of layers, 1 to {layers}")
        treatment, split, seed = run.treatment, run.spec["split"], run.spec["seed"]
        experiment = self.experiment(treatment, split, seed)
        spec = self._spec(experiment)
        if spec != run.spec:
            changes = status.changes(run.spec, spec, [])
            raise ValueError(f"{run} is not of this Lab: it was made with {'; '.join(changes)}")
        asked = (network or run.network())[:n]
        images = experiment.task().test_images if images is None else images
        with one_thread(self.device):
            return training.predict(asked, images, self.recipe, experiment.mean(), self.device)

    def sweep(
        self,
        conditions: Iterable[str] = ("base", "AnB", "BnB"),
        layers: Iterable[int] | None = None,
        split: str | None = None,
        seeds: Iterable[int] = (0,),
        targets: Iterable[str] = ("B",),
        cluster: Any = None,
    ) -> pd.DataFrame:
        """Train or find every network of a grid, `at_once` at a time.

        `layers` are the numbers n, all of them if it is None; `split` is as in `run`. `cluster`, if given, takes
        precedence over that of the Lab. Its workers must reach the run store and the data under the same paths as this
        process: ValueError names one that does not, before anything is trained.

        Returns a table with one row per network and the columns `sweeps.COLUMNS`. The bases that the grid needs are
        always included. Accuracies are fractions; `base_accuracy` is that of the base of the same target, split and
        seed.
        """
        layers, split = self.cuts if layers is None else layers, self.divisions[0] if split is None else split
        return self.train(sweep_jobs(conditions, layers, split, seeds, targets), cluster=cluster)

    def train(
        self,
        jobs: list[Job],
        done: Callable[[Job, float], None] = lambda job, accuracy: None,
        cluster: Any = None,
    ) -> pd.DataFrame:
        """Train or find the networks of a list of (name, split, seed), parents first, with a progress bar.

        A baseA that is a donor needs no training and is left out. Returns the same table as `sweep`. `done` is called
        with each finished job that was missing, and its accuracy. If some networks cannot be trained, the others are
        finished first; then RuntimeError says which, and why.
        """
        cluster = self.cluster if cluster is None else checked_cluster(cluster)
        jobs = [job for job in jobs if not self._is_donor(Treatment.parse(job[0]))]
        specs = {job: self.spec(*job) for job in jobs}
        missing = [job for job in jobs if not self.store.find(specs[job])]
        asked = [self.experiment(*job) for job in missing]
        if missing:
            for one in {(each.treatment.target, each.split, each.seed): each for each in asked}.values():
                one.check()
            self.store.check()
        with tqdm(total=len(jobs), initial=len(jobs) - len(missing), desc="networks", disable=not missing) as bar:

            def finished(job: Job, accuracy: float) -> None:
                bar.set_postfix_str(f"{job[0]} {accuracy:.1%}")
                bar.update()
                done(job, accuracy)

            at_once = min(self.networks_at_once(), len(missing)) or 1
            if self.device == "cpu" and not self.at_once and _brief(asked):
                at_once = 1
            if missing and (cluster is not None or (self.device == "cpu" and at_once > 1)):
                from transferlab.parallel import processes  # here, since Dask takes a second to import

                # workers take the device and precision chosen here, also where they would choose others
                settled = self._given | {"device": self.device, "precision": self.recipe.precision, "cluster": None}
                with nullcontext() if cluster is None else self.store.mark() as mark:
                    train = partial(_in_worker, settled, mark)
                    look = partial(_look, settled, mark, missing[0], specs[missing[0]])
                    failed = processes.in_parallel(train, missing, at_once, finished, cluster, look)
            else:
                failed = threads.in_parallel(lambda job: self.run(*job).accuracy, missing, at_once, finished)
        lost = [job for job in missing if job not in failed and not self.store.path(specs[job]).exists()]
        failed |= {job: FileNotFoundError("it was trained, but put into another run store") for job in lost}
        if failed:
            raise RuntimeError(
                f"{len(failed)} of {len(missing)} networks failed; the others are in the store. {_reasons(failed)}"
            )
        return table([Run(self.store.path(spec)) for spec in specs.values()])

    def networks_at_once(self) -> int:
        """How many networks are trained at a time."""
        if self.device == "cpu":
            return self.at_once or cores()
        if drops(networks.build(self.recipe.network, 2, self.recipe.input_size, seed=0)):
            return 1  # threads share one random generator, so several at a time could not be repeated
        large = self.recipe.crop or self.donor  # a GPU is busy with one of these
        return min(self.at_once or (1 if large else threads.AT_ONCE), threads.MOST)

    def why(self, network: str | Treatment, split: str | None = None, seed: int = 0) -> str:
        """Say why a network is in the store or not: found (when, where, by what), missing, or stale, and what changed.

        >>> print(lab.why("A3B+"))  # doctest: +SKIP
        A3B+ (random, seed 0) is missing: /home/me/runs has no network of this name, split, seed and scale
        """
        experiment = self.experiment(network, split, seed)
        said = status.status_of(self.store, self._spec(experiment), status.whole_runs(self.store))[1]
        return f"{experiment.treatment} ({experiment.split}, seed {seed}) is {said}"

    def status(self, split: str | None = None, seed: int = 0, target: str = "B") -> pd.DataFrame:
        """Return how far a sweep has got: one of `status.STATUSES` for every condition (rows) and n (columns)."""
        runs, split = status.whole_runs(self.store), self.divisions[0] if split is None else split
        jobs = [(Treatment.parse(job[0]), job) for job in sweep_jobs(CONDITIONS, self.cuts, split, [seed], [target])]
        mine = [(treatment, job) for treatment, job in jobs if treatment.target == target]
        words = {(each.condition, each.n): status.status_of(self.store, self.spec(*job), runs)[0] for each, job in mine}
        return pd.Series(words).unstack(fill_value="").reindex(CONDITIONS)

    def results(self) -> pd.DataFrame:
        """Return every network in the store, of any scale and data set, in a table like that of `sweep`."""
        return table(self.store.runs())


_open: dict[str, Lab] = {}  # in a worker: the Lab in use, by its arguments, so that images are read only once


_one_at_a_time = Lock()  # in a worker of several threads: they would share its torch, and its random numbers


def _in_worker(given: dict, mark: Path | None, job: Job) -> float:
    """Train one network in a worker process; returns its accuracy."""
    with _one_at_a_time:
        if wrong := _unseen(mark):  # this worker may have come after the others had looked
            raise RuntimeError(f"a worker on {platform.node()} {wrong}")
        return _opened(given).run(*job).accuracy


def _look(given: dict, mark: Path | None, job: Job, spec: dict) -> str:
    """Return what is wrong in a worker process, which is to train `job` as `spec` says; an empty text if nothing is."""
    with _one_at_a_time:
        if wrong := _unseen(mark):
            return f"it {wrong}"
        lab = _opened(given)
        lab.store.check()
        theirs = lab.spec(*job)
    return "" if theirs == spec else f"its networks would have {'; '.join(status.changes(theirs, spec, []))}"


def _opened(given: dict) -> Lab:
    key = repr(given)
    if key not in _open:
        _open.clear()
        _open[key] = Lab(**given)
    return _open[key]


def _unseen(mark: Path | None) -> str:
    """Say so if the `mark` of a store is not seen here, not even when a network's file system has had time for it."""
    for pause in (0, 0.5, 1, 2):
        sleep(pause)
        if mark is None or mark.exists():
            return ""
    assert mark
    return f"does not see the run store {mark.parent} as this process does, which must be the same folder there"


def _brief(experiments: list[Experiment]) -> bool:
    """Whether all are trained before worker processes would have started. Of many, only the first are looked at."""
    return all(shown <= BRIEF for shown in accumulate(map(_pixels, experiments)))


def _pixels(experiment: Experiment) -> int:
    """Return how many pixels a network is shown in its training: what that takes, roughly, whatever the network."""
    recipe = experiment.schedule()
    batch, _, steps = training.length(recipe, experiment.images())
    return batch * steps * recipe.input_size**2


def _reasons(failed: Failed) -> str:
    """Say which networks failed and why, with those that failed alike together."""
    alike: dict[str, list[Job]] = {}
    for job, error in failed.items():
        alike.setdefault(f"{type(error).__name__}: {error}", []).append(job)
    parts = []
    for said, jobs in alike.items():
        names = ", ".join(f"{name} ({split}, seed {seed})" for name, split, seed in jobs[:3])
        parts.append(f"{names}{f' and {len(jobs) - 3} more' if len(jobs) > 3 else ''}: {said}")
    return "; ".join(parts)
