"""Estimates with an interval, and what a study of their size could have seen at all.

Networks of one target task share its classes, its images and often the layers that were copied, so they are not
independent. A difference is therefore taken within a task first, and its interval is over tasks.
"""

from dataclasses import dataclass
from functools import cache
from math import hypot, nan, sqrt

import numpy as np
import pandas as pd
from scipy import optimize, stats

POWER = 0.8
NO_SPREAD = 1e-9  # differences this close are equal but for rounding, and say nothing about chance


@dataclass(frozen=True)
class Estimate:
    """A mean or a difference of means, with its standard error and the degrees of freedom of that.

    `networks` is how many it rests on, `pairs` how many differences within a target task, `tasks` from how many
    tasks. The error is NaN where no spread can be measured; so then are interval, p and smallest difference.
    """

    value: float = nan
    error: float = nan
    df: float = nan
    networks: int = 0
    pairs: int = 0
    tasks: int = 0

    def __sub__(self, other: "Estimate") -> "Estimate":
        """The difference of two independent estimates, after Welch."""
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
        """The t interval."""
        half = float(stats.t.ppf((1 + level) / 2, self.df)) * self.error
        return self.value - half, self.value + half

    def p(self) -> float:
        """The p value of "there is no difference", two-sided, by the t test."""
        return float(2 * stats.t.sf(abs(self.value) / self.error, self.df))

    def p_within(self, margin: float) -> float:
        """The p value of "the difference is `margin` or more, up or down": the larger of two one-sided t tests."""
        return float(stats.t.sf((margin - abs(self.value)) / self.error, self.df))

    def smallest(self) -> float:
        """The smallest difference that a study of this size and spread sees with a power of 80 % (two-sided 5 %)."""
        return self.error * _seen(self.df)


def by_task(differences: pd.DataFrame, networks: int) -> Estimate:
    """The mean of differences with a row a target task, a column an n, NaN where there is none.

    Each difference counts alike, so a task counts as often as it has differences; the spread is that between tasks,
    by leaving out one task at a time (jackknife), with t over tasks. With equally many differences a task that is
    the usual t interval of the tasks' means. `networks` is only passed on.

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
    """The mean of all networks of a table, taken as independent, which they are not: the interval is too short."""
    values = accuracies.to_numpy(float)
    values = values[~np.isnan(values)]
    if not len(values):
        return Estimate()
    error = df = nan
    if np.ptp(values) > NO_SPREAD:
        error, df = float(stats.sem(values)), len(values) - 1
    return Estimate(float(values.mean()), error, df, len(values))


def holm(p: list[float]) -> list[float]:
    """p values adjusted for their number, after Holm. NaN stays NaN and does not count.

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
    """How many standard errors a difference must have to be significant with probability POWER.

    The power is averaged over the errors that might have been estimated; scipy's noncentral t fails for one or two
    degrees of freedom.
    """
    if np.isnan(df):
        return nan
    critical = stats.t.ppf(0.975, df)
    estimated = critical * np.sqrt(stats.chi2.ppf((np.arange(500) + 0.5) / 500, df) / df)

    def power(true: float) -> float:
        return float(np.mean(stats.norm.cdf(true - estimated) + stats.norm.cdf(-true - estimated)))

    return optimize.brentq(lambda true: power(true) - POWER, 0, critical + 5)
