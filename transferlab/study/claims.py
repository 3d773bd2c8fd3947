"""The claims of the paper as statistics of a table: each an estimate, an interval and a verdict.

The table is one of `Lab.sweep`, of `study.read`, or `book/results/networks_2014.csv`: the 136 networks in the authors'
logs. Of 2014's fine-tuned networks, 18 of 28 AnB+ and 4 of 14 BnB+ have no log; BnB was trained only into A, and random
filters once for each n, on all 1000 classes.

Each row of the result is one claim at one n or range of n, in percentage points of top-1 accuracy:

- claim, contrast, n: together they name it. `contrast` is the network that the statement names first, minus the
  other, so what is stated to be a loss is a negative number where it is true.
- statement: the claim in words. All of its n are one family for Holm, and no statement has two verdicts at one n.
- estimate, low, high: the mean difference and its 95 % interval. Networks are compared within a target task (the
  same split, seed and target), and the t interval is over tasks. It treats tasks as independent, though A and B of
  one split share donors and images, and by kingdom only the training differs from seed to seed.
- networks, pairs, tasks: how many networks, differences within a task, and tasks it is based on. Without pairs and
  tasks, networks were pooled and the interval is over networks.
- smallest: the smallest detectable effect of a study of this size and spread (power 80 %, two-sided 5 %).
- p, p_holm: of a t test, raw and adjusted (Holm) for the n, or ranges of n, of one contrast.
- verdict: "holds" if p_holm is below 0.05 and the difference has the stated sign. "does not hold" if the interval
  reaches 0 or the other sign, but no difference of the stated sign as large as the margin. Where it is stated that
  a difference is within the margin, p is that of equivalence (the larger of two one-sided tests), and the claim
  "does not hold" if the whole interval is outside. Everything else is "undecided": there were too few networks to
  tell. With fewer than two tasks (networks, if pooled), or without any spread, there is no interval, and the verdict
  is "undecided".

Every public function takes the table and the margin in points, returns rows with the columns COLUMNS, and raises
ValueError for a table that lacks a column of NEEDED or has two rows for one network, and for a margin not above 0.
"""

from collections.abc import Sequence
from math import nan

import pandas as pd

from transferlab.notation import DEPTHS
from transferlab.study.estimates import Estimate, by_network, by_task, holm

COLUMNS = (
    "claim", "contrast", "n", "statement", "estimate", "low", "high", "networks", "pairs", "tasks",
    "smallest", "p", "p_holm", "verdict",
)  # fmt: skip
MARGIN = 1.0  # points: a difference too small to matter
RANGES = {"1-7": DEPTHS, "3-7": DEPTHS[2:], "5-7": DEPTHS[4:]}  # the rows of the paper's Table 1
TASK = ["split", "seed", "target"]
NEEDED = [*TASK, "condition", "n", "accuracy"]


def audit(table: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """Test every claim of the paper on a table with one row per network; what the table lacks is "undecided".

    >>> audit(study.read(Path("book/results/networks_2014.csv")))  # doctest: +SKIP
    """
    claims = (selffer, co_adaptation, specificity, fine_tuning, dissimilar, random_filters, distant)
    return pd.concat([claim(table, margin) for claim in claims], ignore_index=True)


def selffer(table: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """Retrained upper layers recover the accuracy of the base, except at n = 3 to 6 (Section 4.1, BnB).

    At n = 1, 2 and 7 the claim is that there is no difference larger than the margin. At 3 to 6 it is that there is a
    loss at one n at least: the clearest of the rows of `co_adaptation`.
    """
    tasks = table_of_tasks(table, "random")
    same = f"BnB is within {margin:g} point{'s' if margin != 1 else ''} of its base"
    ends = {n: compared(tasks, "BnB", "base", [int(n)]) for n in "127"}
    rows = family("selffer", "BnB - base", same, ends, 0, margin)
    cut = co_adaptation(table, margin)
    return pd.concat([rows, _somewhere(cut[cut.n.isin([*"3456"])])], ignore_index=True)


def _somewhere(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the claim that at least one of several n is below its base, with the numbers of the clearest n."""
    order = rows.assign(above=rows.estimate >= 0).sort_values(["above", "p"], kind="stable")
    best = order.head(1)[list(COLUMNS)]
    if "holds" in set(rows.verdict):
        verdict = "holds"
    else:
        verdict = "does not hold" if set(rows.verdict) == {"does not hold"} else "undecided"
    statement = "BnB is below its base at one n at least (shown: the clearest)"
    n = f"{rows.n.iloc[0]}-{rows.n.iloc[-1]}"
    return best.assign(claim="selffer", n=n, statement=statement, p=best.p_holm, verdict=verdict)


def co_adaptation(table: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """The part of AnB's loss that BnB shares: layers are cut off from those they learned with (Section 4.1).

    Together with `specificity` it is the whole loss, AnB minus base, where both have the same tasks.
    """
    return _each_n("co-adaptation", "BnB", "base", "BnB is below its base", table_of_tasks(table, "random"), margin, -1)


def specificity(table: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """The part of AnB's loss that BnB does not share: layers were made for another task (Section 4.1)."""
    return _each_n("specificity", "AnB", "BnB", "AnB is below BnB", table_of_tasks(table, "random"), margin, -1)


def fine_tuning(table: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """Fine-tuned layers from another task beat training from scratch (Section 4.1, Table 1), counted in two ways.

    "pooled" reproduces Table 1: all networks of a range of n together, whatever they are tested on, against all bases.
    It treats networks as independent (Welch) and mixes target tasks that may differ in difficulty. Otherwise each
    network is compared with another of its own target task: the mean over pairs, with an interval over tasks. Where
    AnB+ and BnB+ have no task in common, as in 2014, their gains over their own bases are compared (Welch).
    """
    tasks = table_of_tasks(table, "random")
    bases = by_network(_accuracy(tasks, "base", [0]))
    first = {name: by_network(_accuracy(tasks, "AnB+", layers)) for name, layers in RANGES.items()}
    second = {name: by_network(_accuracy(tasks, "BnB+", layers)) for name, layers in RANGES.items()}
    contrasts = {
        "AnB+ - base, pooled": {name: first[name] - bases for name in RANGES},
        "AnB+ - BnB+, pooled": {name: first[name] - second[name] for name in RANGES},
        "AnB+ - base": {name: compared(tasks, "AnB+", "base", layers) for name, layers in RANGES.items()},
        "BnB+ - base": {name: compared(tasks, "BnB+", "base", layers) for name, layers in RANGES.items()},
        "AnB+ - BnB+": {name: _against(tasks, "AnB+", tasks, "BnB+", layers) for name, layers in RANGES.items()},
    }
    statements = (
        "AnB+ is above the mean of all bases, networks taken as independent",
        "AnB+ is above BnB+, whatever the target, networks taken as independent",
        "AnB+ is above the base of its own target",
        "BnB+ is above the base of its own target: the gain of longer training",
        "AnB+ is above BnB+, each on its own target",
    )
    families = zip(contrasts.items(), statements)
    rows = [family("fine-tuning", name, words, estimates, 1, margin) for (name, estimates), words in families]
    return pd.concat(rows, ignore_index=True)


def dissimilar(table: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """Layers lose more between natural and man-made than between random halves (Section 4.2): Welch over tasks."""
    near, far = table_of_tasks(table, "random"), table_of_tasks(table, "kingdom")
    more = {str(n): compared(far, "AnB", "base", [n]) - compared(near, "AnB", "base", [n]) for n in DEPTHS}
    statement = "AnB is further below its base by kingdom than between random halves"
    return family("dissimilar", "(AnB - base) by kingdom - at random", statement, more, -1, margin)


def repair(table: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """Fine-tuning undoes what the cut costs: BnB+ is above BnB at n = 3 to 6 (Section 4.1). Not in `audit`."""
    gain = {"3-6": compared(table_of_tasks(table, "random"), "BnB+", "BnB", DEPTHS[2:6])}
    return family("repair", "BnB+ - BnB", "BnB+ is above BnB", gain, 1, margin)


def directions(table: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """What AnB loses from man-made to natural beyond what it loses from natural to man-made, by kingdom, within a seed.

    At each n, and over all of them. The paper does not ask it, so it is not in `audit`. `tasks` counts seeds: each has
    one pair of tasks.
    """
    tasks = table_of_tasks(table, "kingdom")
    gaps = differences(tasks, "AnB", "base", DEPTHS)
    sides = {target: gaps[gaps.index.get_level_values("target") == target].droplevel("target") for target in "AB"}
    more = sides["B"] - sides["A"]
    pairs, seeds = more.count(), int(more.notna().any(axis=1).sum())
    estimates = {str(n): by_task(more[[n]], 4 * int(pairs[n])) for n in DEPTHS}
    estimates["1-7"] = by_task(more, 2 * int(pairs.sum()) + 2 * seeds)
    statement = "AnB is further below its base from man-made to natural than back"
    return family("directions", "(AnB - base) into B - into A", statement, estimates, -1, margin)


def random_filters(table: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """Untrained random filters are no substitute (Section 4.3): against the base, over the tasks of every split."""
    return _each_n("random", "random", "base", "random is below its base", table_of_tasks(table), margin, -1)


def control(table: pd.DataFrame, gaussian: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """The part of what random filters lose that is no fault of their features (Section 4.3): their signal fades.

    The random networks of `table` keep the scale of the signal; those of `gaussian` have the paper's filters.
    """
    faint = gaussian[gaussian.condition == "random"].assign(condition="gaussian")
    tasks = table_of_tasks(pd.concat([table, faint]), "random")
    statement = "random filters as in 2014 are below scaled ones"
    return _each_n("control", "gaussian", "random", statement, tasks, margin, -1)


def distant(table: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """Even features of a dissimilar task are better than random ones (Section 4.3), by kingdom.

    Where no random network has a task by kingdom, as in 2014, the losses against the own base are compared (Welch).
    """
    tasks = table_of_tasks(table)
    far = table_of_tasks(table, "kingdom")
    gains = {str(n): _against(far, "AnB", tasks, "random", [n]) for n in DEPTHS}
    return family("distant", "AnB by kingdom - random", "AnB by kingdom is above random", gains, 1, margin)


def table_of_tasks(table: pd.DataFrame, split: str | None = None, measure: str = "accuracy") -> pd.DataFrame:
    """Return accuracies in points, or another `measure` as it is, by target task (TASK), and by condition and n."""
    needed = list(dict.fromkeys([*NEEDED, measure]))
    if len(table) and (missing := [name for name in needed if name not in table.columns]):
        raise ValueError(f"the table has no column {', '.join(missing)}; needed are {', '.join(needed)}")
    rows = table.reindex(columns=needed)
    if (again := rows.duplicated([*TASK, "condition", "n"])).any():
        one = rows[again].iloc[0]
        raise ValueError(
            f"the table has two networks {one.condition} with n = {one.n} for target {one.target}, split {one.split}, "
            f"seed {one.seed}; choose one study: one scale, one data set"
        )
    if split:
        rows = rows[rows.split == split]
    values = rows.pivot(index=TASK, columns=["condition", "n"], values=measure).astype(float)
    return 100 * values if measure == "accuracy" else values


def _accuracy(tasks: pd.DataFrame, condition: str, layers: Sequence[int]) -> pd.DataFrame:
    """Return the columns of a condition at some n, NaN where there is no network. A base is the same for every n."""
    absent = pd.Series(nan, tasks.index)
    return pd.DataFrame({n: tasks.get((condition, 0 if condition.startswith("base") else n), absent) for n in layers})


def differences(tasks: pd.DataFrame, first: str, second: str, layers: Sequence[int]) -> pd.DataFrame:
    """Return one condition minus another, in points: a row for each target task of `table_of_tasks`, a column an n."""
    return _accuracy(tasks, first, layers) - _accuracy(tasks, second, layers)


def compared(tasks: pd.DataFrame, first: str, second: str, layers: Sequence[int]) -> Estimate:
    """Return the mean of `differences`, with its interval over target tasks."""
    within = differences(tasks, first, second, layers)
    pairs, bases = int(within.count().sum()), int(within.notna().any(axis=1).sum())
    return by_task(within, sum(bases if name.startswith("base") else pairs for name in (first, second)))


def _against(
    first_tasks: pd.DataFrame, first: str, second_tasks: pd.DataFrame, second: str, layers: Sequence[int]
) -> Estimate:
    """Compare within the target tasks that both conditions share; if none, compare their gains over their own bases."""
    paired = compared(first_tasks, first, second, layers)
    if paired.pairs:
        return paired
    return compared(first_tasks, first, "base", layers) - compared(second_tasks, second, "base", layers)


def _each_n(claim: str, first: str, second: str, statement: str, tasks, margin: float, sign: int) -> pd.DataFrame:
    estimates = {str(n): compared(tasks, first, second, [n]) for n in DEPTHS}
    return family(claim, f"{first} - {second}", statement, estimates, sign, margin)


def family(
    claim: str, contrast: str, statement: str, estimates: dict[str, Estimate], sign: int, margin: float
) -> pd.DataFrame:
    """Return one claim for several n, as rows whose p values are adjusted together.

    `estimates` in points, by n; `sign` is that of the stated difference, 0 for one within the margin.
    """
    if not margin > 0:
        raise ValueError(f"the margin is {margin!r} points; it must be above 0")
    p = [estimate.p() if sign else estimate.p_within(margin) for estimate in estimates.values()]
    rows = []
    for (n, estimate), raw, adjusted in zip(estimates.items(), p, holm(p)):
        low, high = estimate.interval()
        counts = (estimate.networks, estimate.pairs, estimate.tasks)
        verdict = _verdict(estimate, adjusted, sign, margin)
        numbers = (estimate.value, low, high, *counts, estimate.smallest(), raw, adjusted, verdict)
        rows.append((claim, contrast, n, statement, *numbers))
    return pd.DataFrame(rows, columns=COLUMNS)


def _verdict(estimate: Estimate, p: float, sign: int, margin: float) -> str:
    low, high = estimate.interval()
    if p < 0.05 and (sign == 0 or sign * estimate.value > 0):
        return "holds"
    if sign == 0:
        refuted = low > margin or high < -margin
    else:
        low, high = sorted((sign * low, sign * high))
        refuted = low <= 0 and high < margin
    return "does not hold" if refuted else "undecided"
