"""The laboratory: ask for a network by its name, get it trained or found."""

import hashlib
import os
import platform
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from time import perf_counter

import pandas as pd
import torch
from tqdm.auto import tqdm

from transferlab import datasets, networks, recipes, splits, streams, training
from transferlab.notation import CONDITIONS, DEPTHS, TASKS, Job, Treatment
from transferlab.store import Run, Store
from transferlab.transplant import transplant

COLUMNS = (
    "network", "condition", "n", "source", "target", "fine_tuned", "split", "seed", "scale", "dataset",
    "accuracy", "base_accuracy", "epochs", "seconds",
)  # fmt: skip


class Lab:
    """Trains the networks of the study, or finds them in the run store.

    `dataset` is a name for `datasets.load` ("kingdoms", or "folder" with `data_root`), `scale` one of
    `recipes.SCALES`, `runs` the folder of the run store, `device` "auto", "cpu" or "cuda". Any field of
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
        **changes,
    ):
        if device not in ("auto", "cpu", "cuda"):
            raise ValueError(f"no device {device!r}; there are auto, cpu and cuda")
        if device == "cuda" and not torch.cuda.is_available():
            raise ValueError('device="cuda" was asked for, but torch sees no CUDA device here; use "auto" or "cpu"')
        self.scale = scale
        self.device = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        self.recipe = recipes.recipe_for(scale, **changes).on(self.device)
        options = self.recipe.data if dataset == "kingdoms" else {"data_root": data_root}
        self.data = datasets.load(dataset, size=self.recipe.size, **options)
        self.store = Store(runs)
        # what a worker process needs to open the same Lab, wherever it runs
        self.arguments = {"dataset": dataset, "scale": scale, "runs": self.store.root, "device": device, **changes}
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
        called with each row of the history while it trains.
        """
        treatment = Treatment.parse(network)
        spec = self.spec(treatment, split, seed)
        if found := self.store.find(spec):
            return found
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
        history = training.train(network, treatment.frozen, task, recipe, order, self.device, on_epoch)
        result = {
            "accuracy": history[-1]["test_accuracy"],
            "epochs": len(history),
            "seconds": perf_counter() - started,
            "num_classes": len(task.classes),
            "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "hardware": hardware(self.device),
            "platform": platform.platform(),
            "torch": torch.__version__,
        }
        return self.store.save(spec, history, network, result)

    def _recipe(self, task: splits.Task, spec: dict) -> recipes.Recipe:
        """The recipe, with more epochs where a task was given fewer images: as many steps as with all of them."""
        if task.name not in self.recipe.train_per_class:
            return self.recipe
        whole = splits.task(self.data, spec["split"], spec["seed"], task.name).train_labels
        times = round(len(whole) / len(task.train_labels))
        return replace(self.recipe, epochs=times * self.recipe.epochs, curve_every=times * self.recipe.curve_every)

    def _prepare(self, treatment: Treatment, spec: dict, num_classes: int, parent: Run | None) -> torch.nn.Sequential:
        """The network before training: fresh, or with its first n layers transplanted."""

        def fresh(purpose: str, initialisation: str = "kaiming") -> torch.nn.Sequential:
            seed = _seed(spec, purpose, treatment)
            return networks.build(self.recipe.network, num_classes, self.recipe.size, seed, initialisation)

        if treatment.source is None:
            return fresh("base")
        donor = parent.network() if parent else fresh("random filters", self.recipe.random_filters)
        return transplant(donor, treatment.n, fresh("upper layers"))

    def sweep(
        self,
        conditions: Iterable[str] = ("base", "AnB", "BnB"),
        layers: Iterable[int] = DEPTHS,
        split: str = "random",
        seeds: Iterable[int] = (0,),
        targets: Iterable[str] = ("B",),
    ) -> pd.DataFrame:
        """Train or find every network of a grid, as many at a time as the machine has cores.

        Gives a row a network, with the columns COLUMNS; the bases that the grid rests on are always in it.
        Accuracies are fractions; `base_accuracy` is that of the base of the same target, split and seed.
        """
        return self.train(plan_sweep(conditions, layers, split, seeds, targets))

    def train(self, jobs: list[Job], done: Callable[[Job, float], None] = lambda job, accuracy: None) -> pd.DataFrame:
        """Train or find the networks of a list of (name, split, seed) in which parents come first, with a bar.

        Gives the same table as `sweep`. `done` is called with each job that was missing, and its accuracy,
        when it is finished.
        """
        specs = {job: self.spec(*job) for job in jobs}
        missing = [job for job in jobs if not self.store.find(specs[job])]
        with tqdm(total=len(jobs), initial=len(jobs) - len(missing), desc="networks", disable=not missing) as bar:

            def finished(job: Job, accuracy: float) -> None:
                bar.set_postfix_str(f"{job[0]} {accuracy:.1%}")
                bar.update()
                done(job, accuracy)

            if self.device == "cuda" and len(missing) > 1:
                streams.in_parallel(self.run, missing, streams.AT_ONCE, finished)
            elif min(cores(), len(missing)) > 1:
                from transferlab.cluster import in_parallel  # here, since Dask takes a second to import

                in_parallel(self.arguments, missing, min(cores(), len(missing)), finished)
            else:
                for job in missing:
                    finished(job, self.run(*job).accuracy)
        return table([self.store.find(spec) for spec in specs.values()])

    def results(self) -> pd.DataFrame:
        """Every network of the store, of any scale and data set, with the columns of `sweep`."""
        return table(self.store.runs())


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hardware(device: str) -> str:
    """What the arithmetic ran on, such as "AMD EPYC (AVX512)" or "NVIDIA H200"."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    linux = Path("/proc/cpuinfo")
    lines = linux.read_text(errors="replace").splitlines() if linux.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = [*names, platform.processor() or platform.machine()][0]
    return f"{name} ({torch.backends.cpu.get_cpu_capability()})"


def plan_sweep(
    conditions: Iterable[str], layers: Iterable[int], split: str, seeds: Iterable[int], targets: Iterable[str]
) -> list[Job]:
    """The networks of a grid, bases first, in an order in which every parent comes before its children."""
    axes = {"conditions": conditions, "layers": layers, "targets": targets, "seeds": seeds}
    for what, allowed in (("conditions", CONDITIONS), ("layers", DEPTHS), ("targets", TASKS), ("seeds", None)):
        axes[what] = list(dict.fromkeys(_listed(axes[what])))
        wrong = [value for value in axes[what] if isinstance(value, bool) or (allowed and value not in allowed)]
        if wrong or not axes[what]:
            choice = ", ".join(map(str, allowed or ("the whole numbers from 0 up",)))
            raise ValueError(f"{what} are {axes[what]}; give a list of one or more of {choice}")
    conditions, layers, targets, seeds = axes.values()
    grid = [
        Treatment.of(condition, n, target)
        for target, n, condition in product(targets, layers, conditions)
        if condition != "base"
    ]
    bases = [Treatment.of("base", 0, target) for target in targets]
    parents = [treatment.parent for treatment in grid if treatment.parent]
    full_first = sorted(grid, key=lambda treatment: (treatment.frozen, treatment.n))
    return [(str(each), split, seed) for seed in seeds for each in dict.fromkeys(bases + parents + full_first)]


def table(runs: list[Run]) -> pd.DataFrame:
    """A row a run, with the columns COLUMNS."""
    rows = []
    for run in runs:
        treatment = run.treatment
        facts = {key: run.spec[key] for key in ("split", "seed", "scale", "dataset")}
        outcome = {key: run.result[key] for key in ("accuracy", "epochs", "seconds")}
        made = {key: getattr(treatment, key) for key in ("condition", "n", "source", "target", "fine_tuned")}
        study = repr([run.spec[key] for key in ("recipe", "data", "device", "training")])
        rows.append({"network": str(treatment), **made, **facts, **outcome, "study": study})
    frame = pd.DataFrame(rows, columns=[*COLUMNS, "study"])
    key = ["target", "split", "seed", "study"]
    bases = frame[frame.condition == "base"].drop_duplicates(key, keep="last").set_index(key).accuracy
    frame["base_accuracy"] = bases.reindex(pd.MultiIndex.from_frame(frame[key])).to_numpy()
    return frame[list(COLUMNS)]


def _listed(values: Iterable) -> list:
    return list(values) if isinstance(values, Iterable) and not isinstance(values, str) else [values]


def _seed(spec: dict, purpose: str, treatment: Treatment) -> int:
    """A seed of its own for each purpose, split, seed, target and n.

    The condition is left out: AnB, BnB and random at the same n start from the same upper layers and see
    the images in the same order, so that their difference is that of the copied layers.
    """
    depth = 0 if purpose == "random filters" else treatment.n  # R2B's filters are R3B's first two layers
    text = f"{purpose}/{spec['split']}/{spec['seed']}/{treatment.target}/{depth}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
