"""The networks of a sweep, those that the book shows, and their table."""

from collections.abc import Iterable
from itertools import product

import pandas as pd

from transferlab.notation import AT_THE_CUT, CONDITIONS, CUTS, DEPTHS, FAMILIES, TASKS, Job, Treatment
from transferlab.numbers import listed, seed_from
from transferlab.store import Run

FEW_LAYERS = (1, 4, 7)  # the n that the book shows of all conditions but AnB and BnB, unless it is told otherwise
COLUMNS = (
    "network", "condition", "n", "source", "target", "fine_tuned", "split", "seed", "scale", "dataset",
    "accuracy", "base_accuracy", "state", "epochs", "seconds",
)  # fmt: skip


def sweep_jobs(
    conditions: Iterable[str], layers: Iterable[int], split: str, seeds: Iterable[int], targets: Iterable[str]
) -> list[Job]:
    """List the networks of a grid, bases first, so that every parent comes before its children."""
    conditions, targets = _some("conditions", conditions, (*FAMILIES, *AT_THE_CUT)), _some("targets", targets, TASKS)
    layers, seeds = _some("layers", layers, CUTS), checked_seeds(seeds)
    grid = [
        Treatment.of(condition, n, target)
        for target, n, condition in product(targets, layers, conditions)
        if condition != "base"
    ]
    bases = [Treatment.of("base", 0, target) for target in targets]
    parents = [each for treatment in grid for each in reversed(treatment.ancestors)]
    full_first = sorted(grid, key=lambda treatment: (treatment.frozen, treatment.n))
    return [(str(each), split, seed) for seed in seeds for each in dict.fromkeys(bases + parents + full_first)]


def shown_jobs(
    layers: Iterable[int] = DEPTHS,
    few_layers: Iterable[int] = FEW_LAYERS,
    split: str = "random",
    seeds: Iterable[int] = (0,),
    targets: Iterable[str] = ("B",),
    conditions: Iterable[str] = CONDITIONS,
) -> list[Job]:
    """The networks that the book shows, of the given conditions: what `make train` trains and the chapters ask for.

    AnB and BnB, the comparison that the study is about, have every n of `layers`; the fine-tuned networks, each of
    which takes as long as a base, and the random ones only those of `few_layers`. Parents come first, as in
    `sweep_jobs`, then the networks that take longest.

    >>> len(shown_jobs()), len(shown_jobs(few_layers=DEPTHS))
    (25, 37)
    """
    seeds, conditions = checked_seeds(seeds), listed(conditions)
    parts = {"layers": ("AnB", "BnB"), "few_layers": ("AnB+", "BnB+", "random")}
    jobs = sweep_jobs(("base",), DEPTHS, split, seeds, targets)
    for (name, members), some in zip(parts.items(), (layers, few_layers), strict=True):
        chosen = [condition for condition in conditions if condition in members]
        if chosen:
            jobs += sweep_jobs(chosen, checked_layers(name, some), split, seeds, targets)

    def order(job: Job) -> tuple:
        treatment = Treatment.parse(job[0])
        return seeds.index(job[2]), treatment.condition != "base", treatment.frozen, treatment.n

    return sorted(dict.fromkeys(jobs), key=order)


def checked_layers(name: str, layers: Iterable[int]) -> list[int]:
    """The numbers n of the parameter `name` as a list; raises ValueError unless each is in DEPTHS, and there is one."""
    return _some(name, layers, DEPTHS)


def checked_seeds(seeds: Iterable[int]) -> list[int]:
    """Return seeds as a list, each once; raises ValueError unless each is a seed, and there is one."""
    chosen = [seed_from(seed) for seed in listed(seeds)]
    if not chosen:
        raise ValueError("seeds are []; give a list of one or more of the whole numbers from 0 up")
    return list(dict.fromkeys(chosen))


def _some(name: str, values: Iterable, allowed: tuple) -> list:
    """Return `values` as a list, each once; raises ValueError unless each is one of `allowed`, and there is one."""
    chosen = listed(values)
    # True is no 1, and 1.0 no number of layers
    if not chosen or any(type(value) is not type(allowed[0]) or value not in allowed for value in chosen):
        raise ValueError(f"{name} are {chosen}; give a list of one or more of {', '.join(map(str, allowed))}")
    return list(dict.fromkeys(chosen))


def table(runs: list[Run]) -> pd.DataFrame:
    """Return a table with one row per run and the columns COLUMNS.

    `state` is "trained", "stuck" (its loss never left that of guessing) or "diverged" (its loss became NaN or
    infinite). A network that diverged has the accuracy NaN, so that no mean counts it.
    """
    rows = []
    for run in runs:
        treatment = run.treatment
        facts = {key: run.spec[key] for key in ("split", "seed", "scale", "dataset")}
        outcome = {key: run.result[key] for key in ("accuracy", "state", "epochs", "seconds")}
        made = {key: getattr(treatment, key) for key in ("condition", "n", "source", "target", "fine_tuned")}
        made_by = repr([run.spec[key] for key in ("recipe", "data", "device", "training")])
        rows.append({"network": str(treatment), **made, **facts, **outcome, "made_by": made_by})
    frame = pd.DataFrame(rows, columns=[*COLUMNS, "made_by"])
    key = ["target", "split", "seed", "made_by"]
    bases = frame[frame.condition == "base"].drop_duplicates(key, keep="last").set_index(key).accuracy
    frame["base_accuracy"] = bases.reindex(pd.MultiIndex.from_frame(frame[key])).to_numpy()
    return frame[list(COLUMNS)]
