"""Trainings at a few cuts: frozen, in two stages (LP-FT) and from scratch, each at a rate from a short grid.

Rates are chosen on images that are not reported: the first fold, or, where the folder has a `val`, a fold of `train`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from transferlab.advice.evidence import HeldOut
from transferlab.lab import Lab
from transferlab.notation import Treatment
from transferlab.splits import fold_count

FROZEN = (0.1, 0.03, 0.01)
GENTLE = (0.01, 0.003, 0.001)  # of a second stage, and of nothing else
SCRATCH = (0.1, 0.03, 0.01)
LEAST = 50  # images in all, below which nothing is trained from scratch


@dataclass(frozen=True, eq=False)
class Way:
    """A way to train: its network's name, its rate, the accuracy that chose it, and which reported images it got right.

    `right` is bool `[N]`, in the order of the images that are reported.
    """

    network: str
    rate: float
    chosen_at: float
    right: np.ndarray


@dataclass(frozen=True)
class Plan:
    """Where rates are chosen and where results are reported, as splits and seeds of a Lab with a donor."""

    choose: tuple[str, int]
    report: list[tuple[str, int]]


def plan(lab: Lab, given_val: bool) -> Plan:
    """Return where to choose and where to report."""
    if given_val:
        return Plan(("validation", 0), [("held-out", 0)])
    return Plan(("folds", 0), [("folds", seed) for seed in range(1, fold_count(lab.data))])


def names(cuts: Iterable[int], images: int) -> list[str]:
    """List the networks to train.

    >>> names([5, 8], images=80)
    ['A5B', 'A8B', 'A5B++', 'A8B++', 'baseB']
    """
    frozen = [str(Treatment.of("AnB", cut)) for cut in cuts]
    return [*frozen, *(f"{name}++" for name in frozen), *(["baseB"] * (images >= LEAST))]


def train(lab: Lab, networks: list[str], where: Plan) -> list[Way]:
    """Train networks at their best rates and return what they got right, in the order of `networks`."""
    rates: dict[str, float] = {}
    at: dict[str, float] = {}
    stages = (
        [name for name in networks if not name.endswith("++")],
        [name for name in networks if name.endswith("++")],
    )
    for mine in stages:
        tried: dict[str, dict[float, float]] = {name: {} for name in mine}
        for place in range(len(FROZEN)):
            trial = {name: _grid(name)[place] for name in mine}
            table = _with(lab, rates | trial).train([(name, *where.choose) for name in mine])
            for name, accuracy in zip(table.network, table.accuracy, strict=True):
                tried[name][trial[name]] = float(accuracy) if accuracy == accuracy else 0.0  # NaN: it diverged
        for name, found in tried.items():
            rates[name] = max(found, key=lambda rate: found[rate])
            at[name] = found[rates[name]]
    there = _with(lab, rates)
    there.train([(name, *place) for place in where.report for name in networks])
    return [
        Way(name, rates[name], at[name], np.concatenate([_right(there, name, *place) for place in where.report]))
        for name in networks
    ]


def tested(lab: Lab, where: Plan) -> HeldOut:
    """Return the images that are reported, in the order of `Way.right`."""
    labels = [lab.task("B", *place).test_labels for place in where.report]
    return HeldOut(np.concatenate(labels), np.concatenate([np.full(len(each), k) for k, each in enumerate(labels)]))


def _grid(name: str) -> tuple[float, ...]:
    return SCRATCH if name == "baseB" else GENTLE if name.endswith("++") else FROZEN


def _with(lab: Lab, rates: dict[str, float]) -> Lab:
    return lab.changed(tuned={name: {"learning_rate": rate} for name, rate in rates.items()})


def _right(lab: Lab, name: str, split: str, seed: int) -> np.ndarray:
    run = lab.run(name, split, seed)
    return lab.predict(run).argmax(1).numpy() == lab.task("B", split, seed).test_labels
