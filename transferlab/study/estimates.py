"""Estimates with an interval, and the smallest detectable effect of a study of their size.

Networks of one target task share its classes, its images and often the layers that were copied, so they are not
independent. A difference is therefore taken within a task first, and its interval is over tasks.
"""

from dataclasses import dataclass
from functools import cache
from math import hypot, nan, sqrt

import numpy as np
import pandas as pd
from scipy import special  # not stats: its import costs every process half a second

POWER = 0.8
NO_SPREAD = 1e-9  # differences this close are equal but for rounding, and say nothing about chance


@dataclass(frozen=True)
class Estimate:
    """A mean or a difference of means, with its standard error and the degrees of freedom of that.

    `networks`, `pairs` and `tasks` count what it is based on: networks, differences within a target task, and tasks.
    The error is NaN where no spread can be measured, and so are the interval, p and the smallest detectable effect.
    """

    value: float = nan
    error: float = nan
    df: float = nan
    networks: int = 0
    pairs: int = 0
    tasks: int = 0

    def __sub__(self, other: "Estimate") -> "Estimate":
        """Return the difference of two independent estimates (Welch)."""
        squares = [self.error**2, other.error**2]
        return Estimate(
            self.value - other.value,
            hypot(self.error, other.error),
            sum(squares) ** 2 / (squares[0] ** 2 / self.df + squares[1] ** 2 / other.df),
            self.networks + other.networks,
            self.pairs + other.pairs,
            self.tasks + other.tasks,
        )

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the t interval."""
        half = float(special.stdtrit(self.df, (1 + level) / 2)) * self.error
        return self.value - half, self.value + half

    def p(self) -> float:
        """Return the p value of "there is no difference", two-sided, by the t test."""
        return float(2 * special.stdtr(self.df, -abs(self.value) / self.error))

    def p_within(self, margin: float) -> float:
        """Return the p value of "the difference is `margin` or more, either way": the larger of two one-sided tests."""
        return float(special.stdtr(self.df, (abs(self.value) - margin) / self.error))

    def smallest(self) -> float:
        """Return the smallest detectable effect of a study of this size and spread (power 80 %, two-sided 5 %)."""
        return self.error * _seen(self.df)


def by_task(differences: pd.DataFrame, networks: int) -> Estimate:
    """Average differences in a table with one row per target task and one column per n, NaN where there is none.

    Every difference has the same weight, so a task counts as often as it has differences. The spread is that between
    tasks, by leaving out one task at a time (jackknife), with t over tasks. If every task has the same number of
    differences, this is the usual t interval of the task means. `networks` is only passed on.

    >>> gains = pd.DataFrame({1: [1.0, 2.0, 3.0]}, index=["a", "b", "c"])
    >>> [round(end, 2) for end in by_task(gains, networks=6).interval()]
    [-0.48, 4.48]
    """
    values = differences.to_numpy(float)
    values = values[~np.isnan(values).all(axis=1)]
    tasks = len(values)
    if not tasks:
        return Estimate()
    means, count = np.nanmean(values, axis=1), (~np.isnan(values)).sum(axis=1)
    share = count / count.sum()
    value = float(share @ means)
    error = df = nan
    if np.ptp(means) > NO_SPREAD:
        without = share / (1 - share) * (value - means)  # how far the mean moves without this task
        error, df = sqrt((tasks - 1) / tasks * (without**2).sum()), tasks - 1
    return Estimate(value, error, df, networks, int(count.sum()), tasks)


def by_network(accuracies: pd.DataFrame) -> Estimate:
    """Average all networks of a table as if they were independent. They are not: the interval is too narrow."""
    values = accuracies.to_numpy(float)
    values = values[~np.isnan(values)]
    if not len(values):
        return Estimate()
    error = df = nan
    if np.ptp(values) > NO_SPREAD:
        error, df = float(values.std(ddof=1) / sqrt(len(values))), len(values) - 1
    return Estimate(float(values.mean()), error, df, len(values))


def holm(p: list[float]) -> list[float]:
    """Adjust p values for their number (Holm). NaN stays NaN and does not count.

    >>> holm([0.01, 0.04, float("nan"), 0.03])
    [0.03, 0.06, nan, 0.06]
    """
    adjusted, largest = list(p), 0.0
    order = sorted((i for i in range(len(p)) if not np.isnan(p[i])), key=lambda i: p[i])
    for place, i in enumerate(order):
        largest = max(largest, (len(order) - place) * p[i])
        adjusted[i] = min(1.0, largest)
    return adjusted


@cache
def _seen(df: float) -> float:
    """Return how many standard errors a difference must have to be significant with probability POWER.

    The power is averaged over the errors that might have been estimated; scipy's noncentral t fails for one or two
    degrees of freedom.
    """
    if np.isnan(df):
        return nan
    from scipy import optimize  # here, as it is slow to import, and most tables need no smallest effect

    critical = special.stdtrit(df, 0.975)
    estimated = critical * np.sqrt(special.chdtri(df, 1 - (np.arange(500) + 0.5) / 500) / df)

    def power(true: float) -> float:
        return float(np.mean(special.ndtr(true - estimated) + special.ndtr(-true - estimated)))

    return optimize.brentq(lambda true: power(true) - POWER, 0, critical + 5)
