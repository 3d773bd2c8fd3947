"""What is lost at the cut, as claims: estimates, intervals and verdicts by the rules of `claims`.

Every function takes published tables and the margin in points, and returns rows with `claims.COLUMNS`; what a table
lacks is "undecided". Where networks of several tables are compared, they are put together first, within a target task.
"""

import pandas as pd

from transferlab.notation import DEPTHS, LAYERS, STARTS
from transferlab.study.basins import PAIRS, REWOUND, N
from transferlab.study.claims import MARGIN, TASK, compared, differences, family, table_of_tasks
from transferlab.study.estimates import by_task

KEY = [*TASK, "condition", "n"]


def together(*tables: pd.DataFrame, **renamed: pd.DataFrame) -> pd.DataFrame:
    """Put tables into one, with each network once: a base is in many of them.

    A table that is given by name has that name as the condition of all its networks but the bases.

    >>> base = pd.DataFrame([{"split": "random", "seed": 0, "target": "B", "condition": "base", "n": 0}])
    >>> len(together(base, base, wider=base.assign(condition="BnB", n=4)))
    2
    """
    parts = [*tables]
    for name, table in renamed.items():
        parts.append(table.assign(condition=table.condition.where(table.condition.str.startswith("base"), name)))
    filled = [part for part in parts if len(part)]
    return pd.concat(filled or parts[:1], ignore_index=True).drop_duplicates(KEY)


def stitched(networks: pd.DataFrame, stitching: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """Is what AnB lost information, or a basis? With a map, against the base, AnB, another B and random filters."""
    tasks = table_of_tasks(together(networks, stitching), "random")
    contrasts = (
        ("An_B", "base", "An_B is below its base", -1),
        ("An_B", "AnB", "An_B is below AnB", -1),
        ("Bn_B.2", "base", "Bn_B.2 is below its base", -1),
        ("An_B", "Bn_B.2", "An_B is below Bn_B.2", -1),
        ("Rn_B", "An_B", "Rn_B is below An_B", -1),
        ("Bn_B", "base", f"Bn_B is within {margin:g} point of its base", 0),
    )
    return _rows("stitching", tasks, contrasts, DEPTHS, margin)


def starts(
    networks: pd.DataFrame,
    others: pd.DataFrame,
    longer: pd.DataFrame,
    wider: pd.DataFrame,
    layers: tuple[int, ...],
    margin: float = MARGIN,
) -> pd.DataFrame:
    """Is the selffer's loss one of optimisation? What brings it back to its base: luck, time, width, or its own top.

    Of four starts the one is taken whose training loss is lowest, since test images are not there to choose by. That
    BnB itself is below its base is `claims.co_adaptation`.
    """
    every = together(networks, others, BnB_longer=longer, BnB_wider=wider)
    four = every[every.condition.isin(("BnB", *STARTS[:-1])) & every.n.isin(layers)]
    whole = four.groupby([*TASK, "n"]).filter(lambda starts: len(starts) == len(STARTS))
    best = whole.sort_values("train_loss").drop_duplicates([*TASK, "n"]).assign(condition="best start")
    tasks = table_of_tasks(pd.concat([every, best], ignore_index=True) if len(best) else every, "random")
    named = {
        "best start": "the start of four with the lowest training loss",
        "BnB_longer": "BnB with ten times the steps",
        "BnB_wider": "BnB with a wider top",
        "BnB=": "BnB=",
    }
    below = [(name, "base", f"{said} is below its base", -1) for name, said in named.items()]
    above = [(name, "BnB", f"{said} is above BnB", 1) for name, said in named.items()]
    return _rows("starts", tasks, (*below, *above), layers, margin)


def fits(
    networks: pd.DataFrame, others: pd.DataFrame, longer: pd.DataFrame, wider: pd.DataFrame, layers: tuple[int, ...]
) -> pd.DataFrame:
    """How well does each selffer of `starts` fit its training images? Its loss minus that of its base, in nats.

    Returns a row for each condition and n: condition, n, estimate, low, high (95 %, over target tasks), tasks.
    """
    # those of `others` first: for older networks no training loss was published
    every = together(others, networks, BnB_longer=longer, BnB_wider=wider)
    tasks = table_of_tasks(every, "random", "train_loss")
    rows = []
    for condition in ("BnB", "BnB_longer", "BnB_wider", "BnB="):
        for n in layers:
            estimate = compared(tasks, condition, "base", [n])
            rows.append((condition, n, estimate.value, *estimate.interval(), estimate.tasks))
    return pd.DataFrame(rows, columns=["condition", "n", "estimate", "low", "high", "tasks"])


def transfused(
    networks: pd.DataFrame, whole: pd.DataFrame, short: pd.DataFrame, n: int = 7, margin: float = MARGIN
) -> pd.DataFrame:
    """Do means and variances alone help: to the end, and in a sixth of the time?"""
    long = table_of_tasks(together(networks, whole), "random")
    brief = table_of_tasks(short, "random")
    ends = (("MnB+", "base", "MnB+ is above its base", 1), ("AnB+", "MnB+", "AnB+ is above MnB+", 1))
    early = (
        ("MnB+", "base.2", "after a sixth of the epochs MnB+ is above a network from scratch", 1),
        ("AnB+", "MnB+", "after a sixth of the epochs AnB+ is above MnB+", 1),
    )
    return pd.concat(
        [_rows("transfusion", long, ends, (n,), margin), _rows("transfusion, short", brief, early, (n,), margin)],
        ignore_index=True,
    )


def barriers(table: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """How far accuracy falls between two networks: in the middle of the line, minus the mean of its ends.

    A row for each of `basins.PAIRS`; "holds" says that there is a barrier.
    """
    lines = into_b(table[table.kind == "line"])
    rows = []
    for name, (first, second) in PAIRS.items():
        mine = lines[(lines["first"] == first) & (lines.second == second)]
        places = 100 * mine.pivot(index=TASK, columns="place", values="accuracy").reindex(columns=[0.0, 0.5, 1.0])
        falls = (places[0.5] - (places[0.0] + places[1.0]) / 2).to_frame(N).astype(float)
        estimate = by_task(falls, 2 * len(falls))
        statement = f"between {name} accuracy falls"
        rows.append(family("barrier", f"{first} - {second}", statement, {str(N): estimate}, -1, margin))
    return pd.concat(rows, ignore_index=True)


def apart(table: pd.DataFrame) -> pd.Series:
    """Return how far the networks of each of `basins.PAIRS` lie apart: `transplant.distance`, the mean over tasks."""
    lines = into_b(table[table.kind == "line"]).drop_duplicates([*TASK, "first", "second"])
    mean = lines.groupby(["first", "second"]).distance.mean()
    return pd.Series({name: mean.get(ends) for name, ends in PAIRS.items()}, dtype=float)


def rewound(table: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """What each layer has learned that the others need: accuracy with that layer put back to its start.

    A row for each of `basins.REWOUND` and each layer, which stands in the column n.
    """
    every = into_b(table)
    rows = []
    for name in REWOUND:
        mine = every[every["first"] == name]
        whole = mine[(mine.kind == "line") & (mine.place == 0)].drop_duplicates(TASK)
        after = mine[mine.kind == "rewound"].pivot(index=TASK, columns="place", values="accuracy")
        lost = 100 * after.sub(whole.set_index(TASK).accuracy, axis=0).astype(float)
        layers = {
            str(layer): by_task(lost[lost.columns.intersection([layer])], len(lost)) for layer in range(1, LAYERS + 1)
        }
        statement = f"{name} with one layer rewound is below itself"
        rows.append(family("rewound", f"{name}, rewound - {name}", statement, layers, -1, margin))
    return pd.concat(rows, ignore_index=True)


def into_b(table: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the names of networks into B, also where they are of the mirror image."""
    mirror = str.maketrans("AB", "BA")
    names = {
        each: table[each].where(table.target == "B", table[each].str.translate(mirror)) for each in ("first", "second")
    }
    return table.assign(**names)


def shapes(table: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """The paper's two losses for a network of another shape: the selffer's dip, and what another task costs."""
    tasks = table_of_tasks(table, "random")
    contrasts = (
        ("BnB", "base", "BnB is below its base", -1),
        ("AnB", "BnB", "AnB is below BnB", -1),
        ("AnB+", "base", "AnB+ is above its base", 1),
        ("random", "base", "random is below its base", -1),
    )
    return _rows("shapes", tasks, contrasts, DEPTHS, margin)


def grown(table: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """Does another task cost more at a cut at the top than behind the first block? Compared within each target task."""
    cost = differences(table_of_tasks(table, "random"), "AnB", "BnB", DEPTHS)
    more = cost[[DEPTHS[-1]]].sub(cost[DEPTHS[0]], axis=0)
    estimates = {str(DEPTHS[-1]): by_task(more, 4 * int(more.count().sum()))}
    statement = f"another task costs more at the top than at n = {DEPTHS[0]}"
    return family("shapes, along n", f"(AnB - BnB) - that at n = {DEPTHS[0]}", statement, estimates, -1, margin)


def spared(table: pd.DataFrame, plain: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """Does a network of another shape lose less at the cut than the plain one? Compared within each target task.

    `table` is of the other shape, `plain` of the plain network. The two differ in accuracy, so a point is not quite
    the same to both.
    """
    here, there = (table_of_tasks(each, "random") for each in (table, plain))
    rows = []
    for first, second, statement in (
        ("BnB", "base", "BnB loses less on a stream than in the plain network"),
        ("AnB", "BnB", "another task costs less on a stream than in the plain network"),
    ):
        less = differences(here, first, second, DEPTHS) - differences(there, first, second, DEPTHS)
        estimates = {str(n): by_task(less[[n]], 4 * int(less[n].count())) for n in DEPTHS}
        contrast = f"({first} - {second}) on a stream - in the plain network"
        rows.append(family("shapes, beside the plain network", contrast, statement, estimates, 1, margin))
    return pd.concat(rows, ignore_index=True)


def _rows(claim: str, tasks: pd.DataFrame, contrasts, layers: tuple[int, ...], margin: float) -> pd.DataFrame:
    parts = [
        family(claim, f"{first} - {second}", statement,
               {str(n): compared(tasks, first, second, [n]) for n in layers}, sign, margin)
        for first, second, statement, sign in contrasts
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)
