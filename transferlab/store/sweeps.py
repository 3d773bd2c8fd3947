"""The networks of a sweep, and its table."""

from collections.abc import Iterable
from itertools import product

import pandas as pd

from transferlab.notation import CONDITIONS, DEPTHS, TASKS, Job, Treatment
from transferlab.store import Run

COLUMNS = (
    "network", "condition", "n", "source", "target", "fine_tuned", "split", "seed", "scale", "dataset",
    "accuracy", "base_accuracy", "state", "epochs", "seconds",
)  # fmt: skip


def sweep_jobs(
    conditions: Iterable[str], layers: Iterable[int], split: str, seeds: Iterable[int], targets: Iterable[str]
) -> list[Job]:
    """List the networks of a grid, bases first, so that every parent comes before its children."""
    axes: dict[str, Iterable] = {"conditions": conditions, "layers": layers, "targets": targets, "seeds": seeds}
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


def _listed(values: Iterable) -> list:
    return list(values) if isinstance(values, Iterable) and not isinstance(values, str) else [values]
