"""The laboratory: ask for a network by its name, get it trained or found."""

import hashlib
import math
import platform
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import pandas as pd
import torch
from tqdm.auto import tqdm

from transferlab import datasets, networks, splits, training
from transferlab.engine import recipes, speed
from transferlab.engine.inputs import mean_image
from transferlab.notation import CONDITIONS, DEPTHS, Job, Treatment
from transferlab.parallel import threads
from transferlab.store import Run, Store, status
from transferlab.store.sweeps import plan_sweep, table
from transferlab.system.machine import cores, hardware
from transferlab.transplant import transplant


class Lab:
    """Trains the networks of the study, or finds them in the run store.

    `dataset` is a name for `datasets.load` ("kingdoms", or "folder" with `data_root`), `scale` one of
    `recipes.SCALES`, `runs` the folder of the run store, `device` "auto", "cpu" or "cuda". `cluster` is None, or where
    networks are trained: the address of a Dask scheduler, such as `tls://10.0.0.1:8786`, or its scheduler file; "cuda"
    may then be a device that only its workers have. Any field of
    `recipes.Recipe` can be changed by name, as in `Lab(epochs=12)`; such runs are kept apart in the store.

    >>> lab = Lab(scale="smoke")                                # doctest: +SKIP
    >>> lab.run("A3B+").accuracy                                # doctest: +SKIP
    >>> lab.sweep(conditions=("base", "AnB"), layers=(1, 4, 7)) # doctest: +SKIP
    """

    def __init__(
        self,
        dataset: str = "kingdoms",
        scale: str = "laptop",
        runs: str | Path = "runs",
        data_root: str | Path | None = None,
        device: str = "auto",
        cluster: str | None = None,
        **changes,
    ):
        given = {"dataset": dataset, "scale": scale, "runs": runs, "data_root": data_root, "cluster": cluster}
        for name, value in given.items():
            if value is None and name in ("data_root", "cluster"):
                continue
            if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
                raise ValueError(f"{name} is {value!r}; it must be a text, as Lab's documentation says")
        if device not in ("auto", "cpu", "cuda"):
            raise ValueError(f"no device {device!r}; there are auto, cpu and cuda")
        if device == "cuda" and not (cluster or torch.cuda.is_available()):
            raise ValueError('device="cuda" was asked for, but torch sees no CUDA device here; use "auto" or "cpu"')
        self.scale, self.cluster = scale, cluster
        self.device = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        self.recipe = recipes.recipe_for(scale, **changes).on(self.device)
        options = self.recipe.data if dataset == "kingdoms" else {"data_root": data_root}
        self.data = datasets.load(dataset, size=self.recipe.size, **options)
        self.store = Store(runs)
        # what a worker process needs to open the same Lab, wherever it runs; what was chosen here is not chosen again
        self.arguments = {"dataset": dataset, "scale": scale, "runs": self.store.root, **changes}
        self.arguments |= {"device": self.device, "precision": self.recipe.precision}
        self.arguments["data_root"] = data_root and Path(data_root).absolute()

    def task(self, name: str, split: str = "random", seed: int = 0) -> splits.Task:
        """Task "A" or "B" of a split: its classes, images and labels."""
        return splits.task(self.data, split, seed, name).limited(self.recipe.train_per_class.get(name))

    def run(
        self,
        network: str | Treatment,
        split: str = "random",
        seed: int = 0,
        on_epoch: Callable[[dict], None] = lambda row: None,
    ) -> Run:
        """The network that a name such as "A3B+" asks for, trained now (its parent too) or found in the store.

        `seed` fixes the classes of a random split and every random choice in training. `on_epoch` is
        called with each row of the history while it trains, if that is here.
        """
        treatment = Treatment.parse(network)
        spec = self.spec(treatment, split, seed)
        if found := self.store.find(spec):
            return found
        if self.cluster:
            self.train([(str(treatment), split, seed)])
            return self.store.find(spec)
        self.store.check()
        parent = self.run(treatment.parent, split, seed) if treatment.parent else None
        with self.store.claim(spec), training.one_thread(self.device):
            return self.store.find(spec) or self._train(treatment, spec, parent, on_epoch)

    def spec(self, network: str | Treatment, split: str, seed: int) -> dict:
        """All that determines a network's result, its parent included: two equal specs give the same network."""
        treatment = Treatment.parse(network)
        if type(seed) is not int or not 0 <= seed < 2**32:
            raise ValueError(f"the seed is {seed!r}; it must be a whole number from 0 to {2**32 - 1}")
        if split not in splits.SPLITS:
            raise ValueError(f"no split {split!r}; there are {', '.join(splits.SPLITS)}")
        parent = treatment.parent and self.store.path(self.spec(treatment.parent, split, seed)).name
        return {
            "treatment": str(treatment),
            "split": split,
            "seed": seed,
            "scale": self.scale,
            "recipe": self.recipe.spec(treatment),
            "dataset": self.data.name,
            "data": self.data.fingerprint,
            "device": self.device,
            "training": training.VERSION,
            "parent": parent,
        }

    def _train(self, treatment: Treatment, spec: dict, parent: Run | None, on_epoch: Callable) -> Run:
        started = perf_counter()
        task = self.task(treatment.target, spec["split"], spec["seed"])
        network = self._prepare(treatment, spec, len(task.classes), parent)
        recipe, order = self._recipe(task, spec), _seed(spec, "order", treatment)
        mean = self._mean(treatment, spec) if recipe.crop else None
        kept = self.store.checkpoint(spec)
        try:
            history = training.train(network, treatment.frozen, task, recipe, order, self.device, on_epoch, mean, kept)
        except torch.OutOfMemoryError:
            history = []  # no more here: the error holds on to all the memory that was taken
        if not history:
            raise RuntimeError(f"training {treatment}: {speed.no_room(recipe, len(task.classes), self.device)}")
        state = training.outcome(history, len(task.classes))
        result = {
            "accuracy": math.nan if state == "diverged" else history[-1]["test_accuracy"],
            "state": state,
            "epochs": len(history),
            "seconds": max(perf_counter() - started, sum(row["seconds"] for row in history)),  # also before a stop
            "num_classes": len(task.classes),
            "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "hardware": hardware(self.device),
            "platform": platform.platform(),
            "torch": torch.__version__,
        }
        run = self.store.save(spec, history, network, result)
        kept.remove()
        return run

    def _recipe(self, task: splits.Task, spec: dict) -> recipes.Recipe:
        """The recipe, with more epochs where a task was given fewer images: as many steps as with all of them."""
        if task.name not in self.recipe.train_per_class:
            return self.recipe
        whole = splits.task(self.data, spec["split"], spec["seed"], task.name).train_labels
        times = round(len(whole) / len(task.train_labels))
        return replace(self.recipe, epochs=times * self.recipe.epochs, curve_every=times * self.recipe.curve_every)

    def _prepare(self, treatment: Treatment, spec: dict, num_classes: int, parent: Run | None) -> torch.nn.Sequential:
        """The network before training: fresh, or with its first n layers transplanted."""

        def fresh(purpose: str, initialisation: str) -> torch.nn.Sequential:
            seed = _seed(spec, purpose, treatment)
            return networks.build(self.recipe.network, num_classes, self.recipe.input_size, seed, initialisation)

        if treatment.source is None:
            return fresh("base", self.recipe.initialisation)
        donor = parent.network() if parent else fresh("random filters", self.recipe.random_filters)
        return transplant(donor, treatment.n, fresh("upper layers", self.recipe.initialisation))

    def _mean(self, treatment: Treatment, spec: dict) -> torch.Tensor:
        """The mean image to subtract: as in 2014 that of the task that the first layers were trained on."""
        first = treatment.source if treatment.parent else treatment.target
        return mean_image(self.task(first, spec["split"], spec["seed"]).train_images)

    def sweep(
        self,
        conditions: Iterable[str] = ("base", "AnB", "BnB"),
        layers: Iterable[int] = DEPTHS,
        split: str = "random",
        seeds: Iterable[int] = (0,),
        targets: Iterable[str] = ("B",),
        cluster: str | None = None,
    ) -> pd.DataFrame:
        """Train or find every network of a grid, as many at a time as the machine has cores.

        `cluster`, if given, goes before that of the Lab. Its workers must reach the run store and the data under the
        same paths as this process.

        Gives a row a network, with the columns COLUMNS; the bases that the grid rests on are always in it.
        Accuracies are fractions; `base_accuracy` is that of the base of the same target, split and seed.
        """
        return self.train(plan_sweep(conditions, layers, split, seeds, targets), cluster=cluster)

    def train(
        self,
        jobs: list[Job],
        done: Callable[[Job, float], None] = lambda job, accuracy: None,
        cluster: str | None = None,
    ) -> pd.DataFrame:
        """Train or find the networks of a list of (name, split, seed) in which parents come first, with a bar.

        Gives the same table as `sweep`. `done` is called with each job that was missing, and its accuracy,
        when it is finished. Raises RuntimeError once all others are finished if some networks could not be trained.
        """
        cluster = cluster or self.cluster
        specs = {job: self.spec(*job) for job in jobs}
        missing = [job for job in jobs if not self.store.find(specs[job])]
        if missing:
            self.store.check()
        with tqdm(total=len(jobs), initial=len(jobs) - len(missing), desc="networks", disable=not missing) as bar:

            def finished(job: Job, accuracy: float) -> None:
                bar.set_postfix_str(f"{job[0]} {accuracy:.1%}")
                bar.update()
                done(job, accuracy)

            if cluster or (self.device == "cpu" and min(cores(), len(missing)) > 1):
                from transferlab.parallel.processes import in_parallel  # here, since Dask takes a second to import

                failed = in_parallel(self.arguments, missing, min(cores(), len(missing)), finished, cluster)
            else:
                at_once = 1 if self.device == "cpu" or self.recipe.crop else threads.AT_ONCE
                failed = threads.in_parallel(self.run, missing, at_once, finished)
        if failed:
            told = "; ".join(
                f"{name} ({split}, seed {seed}): {error!r}" for (name, split, seed), error in failed.items()
            )
            raise RuntimeError(f"{len(failed)} of {len(missing)} networks failed, the others are in the store. {told}")
        return table([self.store.find(spec) for spec in specs.values()])

    def why(self, network: str | Treatment, split: str = "random", seed: int = 0) -> str:
        """Why a network is in the store or not: found (when, where, by what), missing, or stale for which change.

        >>> print(lab.why("A3B+"))  # doctest: +SKIP
        A3B+ (random, seed 0) is missing: /home/me/runs has no network that was asked for by this name, ...
        """
        said = status.state(self.store, self.spec(network, split, seed), status.whole_runs(self.store))[1]
        return f"{Treatment.parse(network)} ({split}, seed {seed}) is {said}"

    def status(self, split: str = "random", seed: int = 0, target: str = "B") -> pd.DataFrame:
        """How far a sweep is: one of `status.STATES` for every condition (rows) and n (columns)."""
        runs = status.whole_runs(self.store)
        jobs = [(Treatment.parse(job[0]), job) for job in plan_sweep(CONDITIONS, DEPTHS, split, [seed], [target])]
        mine = [(treatment, job) for treatment, job in jobs if treatment.target == target]
        states = {(each.condition, each.n): status.state(self.store, self.spec(*job), runs)[0] for each, job in mine}
        return pd.Series(states).unstack(fill_value="").reindex(CONDITIONS)

    def results(self) -> pd.DataFrame:
        """Every network of the store, of any scale and data set, with the columns of `sweep`."""
        return table(self.store.runs())


def _seed(spec: dict, purpose: str, treatment: Treatment) -> int:
    """A seed of its own for each purpose, split, seed, target and n.

    The condition is left out: AnB, BnB and random at the same n start from the same upper layers and see
    the images in the same order, so that their difference is that of the copied layers.
    """
    depth = 0 if purpose == "random filters" else treatment.n  # R2B's filters are R3B's first two layers
    text = f"{purpose}/{spec['split']}/{spec['seed']}/{treatment.target}/{depth}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
