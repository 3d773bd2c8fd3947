"""Why a network is in the store or not, and how far a sweep has got."""

import warnings
from collections.abc import Iterator

from transferlab.engine.checkpoints import Reached
from transferlab.store import SMALL, Run, Store, Unreadable, fault, is_there

UNFINISHED = ("damaged", "running", "stopped", "stale", "missing")
STATUSES = ("done", "stuck", "failed", "unreadable", *UNFINISHED)
# what a network is requested by; one that agrees in these and differs in anything else is stale
ASKED = ("treatment", "split", "seed", "scale", "dataset")

OUTCOMES = {  # how a training went: the status of the network, and what to add
    "trained": ("done", ""),
    "stuck": ("stuck", "; it learned nothing"),
    "diverged": ("failed", "; its loss became NaN or infinite"),
}


def status_of(store: Store, spec: dict, runs: list[Run]) -> tuple[str, str]:
    """One of STATUSES for the network of a `spec`, and a sentence that says why. `runs` are those of the store.

    A "stuck" network has learned nothing, a "failed" one diverged, a "stopped" one left a checkpoint to resume from; a
    "stale" one is there, but was made by another recipe, from other data or by other code. A "running" one may have
    been left by another user who was stopped: only they can tell. An "unreadable" one is another user's, too.
    """
    try:
        return _status_of(store, spec, runs)
    except Unreadable as error:
        return "unreadable", f"unreadable: {error}"


def _status_of(store: Store, spec: dict, runs: list[Run]) -> tuple[str, str]:
    path = store.path(spec)
    if is_there(path):
        if wrong := fault(path, SMALL):
            return "damaged", f"{wrong}; it will be trained again"
        run = Run(path)
        how, result = OUTCOMES[run.result["state"]]
        return how, (
            f"found in {path}, trained {run.result['trained_at']} on {run.result['hardware']} with torch "
            f"{run.result['torch']} by version {spec['training']} of the training; accuracy {run.accuracy:.1%}{result}"
        )
    reached = store.checkpoint(spec).load()
    claimed = store.claimed(spec)
    if claimed is None:
        return "running", f"locked by another user, so this one cannot tell who trains it: {_progress(reached)}"
    if claimed:
        return "running", f"being trained now: {_progress(reached)}"
    if reached:
        at = f"epoch {len(reached.rows)} of {reached.epochs}"
        return "stopped", f"stopped at {at}; the next run resumes from there"
    if nearest := _nearest(spec, runs):
        said = "; ".join(changes(nearest.spec, spec, runs))
        return "stale", f"stale: {nearest.path} is there, but was made with {said}"
    return "missing", f"missing: {store.root} has no network of this name, split, seed and scale"


def whole_runs(store: Store) -> list[Run]:
    """Return the intact runs of a store without warning of the others: `status_of` says what is wrong with those."""
    with warnings.catch_warnings(action="ignore"):
        return store.runs()


def _progress(reached: Reached | None) -> str:
    """How far a running training has got, and how long it will take."""
    if not reached:
        return "its first epoch is not finished yet"
    done, epochs = len(reached.rows), reached.epochs
    left = sum(row["seconds"] for row in reached.rows) / done * (epochs - done)
    return f"epoch {done} of {epochs}, about {left:.0f} s left"


def _nearest(spec: dict, runs: list[Run]) -> Run | None:
    """Return the run that was requested in the same way and differs least."""
    same = [run for run in runs if all(run.spec[key] == spec[key] for key in ASKED)]
    return min(same, key=lambda run: len(list(_differences(run.spec, spec))), default=None)


def _differences(old: dict, new: dict, within: str = "") -> Iterator[tuple[str, object, object]]:
    """Yield each field that differs: its name, its old value and its new one. None stands for a default."""
    for key in sorted({*old, *new}):
        before, now = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            yield from _differences(before, now, f"{within}{key}.")
        elif before != now:
            yield within + key, before, now


def changes(old: dict, new: dict, runs: list[Run]) -> list[str]:
    """Put the differences into words. Where only the parent differs, those of the parents."""
    found = [each for each in _differences(old, new) if each[0] not in ("parent", "top")]
    if not found:
        key = "parent" if old["parent"] != new["parent"] else "top"
        parent = next((run for run in runs if run.path.name == old[key]), None)
        others = [run for run in runs if run.path.name == new[key]]
        if parent and others:
            return [f"another {key}, that with {change}" for change in changes(parent.spec, others[0].spec, runs)]
        return [f"another {key}, {old[key]}, where {new[key]} is asked for"]
    return [f"{name} = {before!r}, where {now!r} is asked for" for name, before, now in found]
