"""The figures of the book. A condition has the same colour and marker everywhere (the Okabe-Ito palette)."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle, Wedge
from matplotlib.ticker import PercentFormatter
from scipy import stats
from torch import nn

from transferlab.chapters.verdicts import as_stated
from transferlab.networks import layer_names
from transferlab.notation import CONDITIONS, Treatment
from transferlab.store import Run

COLOURS = dict(zip(CONDITIONS, ("#000000", "#0072B2", "#D55E00", "#56B4E9", "#E69F00", "#9A5B83"), strict=True))
MARKERS = dict(zip(CONDITIONS, "sovDPX", strict=True))
ORIGINS = {"A": "#F2B48C", "B": "#8FBFE0", "R": "#CDAFC2", "fresh": "#F4F4F4"}  # where a layer comes from


def summary(table: pd.DataFrame, value: str = "accuracy", over: str = "n") -> pd.DataFrame:
    """Return the mean of a column for each condition at each n, with a 95 % t interval over networks and their number.

    Columns condition, n (or another one to draw `over`), mean, low, high, networks; low and high are NaN for a
    single network. Networks without a value, such as those that diverged, are left out.
    """
    rows = []
    for (condition, at), group in table.groupby(["condition", over]):
        values = group[value].dropna()
        if not len(values):
            continue
        low = high = np.nan
        if len(values) > 1 and np.ptp(values) == 0:
            low = high = values.mean()
        elif len(values) > 1:
            low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
        rows.append((condition, at, values.mean(), low, high, len(values)))
    return pd.DataFrame(rows, columns=["condition", over, "mean", "low", "high", "networks"])


def accuracy_over_n(
    table: pd.DataFrame, chance: float | None = None, ax: Axes | None = None, mine: pd.DataFrame | None = None
) -> Axes:
    """Draw the paper's Figure 2 for a table of `Lab.sweep` or of the published study: accuracy on the target over n.

    Lines are means, bars their 95 % intervals where there is more than one network, dots single networks;
    the dashed line is the base. `chance` (0..1), if given, is a dotted one. The networks of `mine`, the reader's
    own, are crosses on top.
    """
    ax = ax or new_axes()
    base = table[table.condition == "base"]
    if len(base):
        ax.axhline(base.accuracy.mean(), color=COLOURS["base"], linewidth=1, linestyle="--")
    _curves(ax, table, "accuracy")
    if mine is not None:
        _crosses(ax, mine, "accuracy")
    if chance is not None:
        ax.axhline(chance, color="#777777", linewidth=1, linestyle=":")
        ax.annotate("chance", (0, chance), xytext=(0, 3), textcoords="offset points", color="#555555", fontsize=8)
    ax.set(xlabel="n, the number of layers copied", ylabel="top-1 accuracy on the target", xticks=range(8))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _legend(ax)
    return ax


def difference_over_n(
    table: pd.DataFrame,
    conditions: Sequence[str] = CONDITIONS[1:],
    ax: Axes | None = None,
    mine: pd.DataFrame | None = None,
    hollow: str | None = None,
) -> Axes:
    """Draw accuracy minus that of the base of the same classes and seed, in points, over n.

    Lines, bars, dots and the crosses of `mine` as in `accuracy_over_n`. Call it again with a name to call
    them by, `hollow="2014"`, to lay other networks over it: hollow markers on dotted lines, a little to the right.
    """
    ax = ax or new_axes()

    def points(networks: pd.DataFrame) -> pd.DataFrame:
        networks = networks[networks.condition.isin(conditions)]
        return networks.assign(points=100 * (networks.accuracy - networks.base_accuracy)).dropna(subset="points")

    _curves(ax, points(table), "points", hollow)
    if mine is not None:
        _crosses(ax, points(mine), "points")
    if not hollow:
        ax.axhline(0, color=COLOURS["base"], linewidth=1, linestyle="--")
        ax.set(xlabel="n, the number of layers copied", ylabel="points above or below its own base", xticks=range(1, 8))
    _legend(ax)
    return ax


def _legend(ax: Axes) -> None:
    if ax.get_legend_handles_labels()[0]:  # there is none where a table has no such networks
        ax.legend(fontsize=8, framealpha=0.9)


def loss_over_n(table: pd.DataFrame, classes: int, ax: Axes | None = None, hollow: str | None = None) -> Axes:
    """Draw the training loss of the last epoch, in nats, over n; the dotted line is the loss of guessing.

    `table` is a published one, with `train_loss`. `hollow` as in `difference_over_n`. A network near the dotted line
    has learned nothing, whatever its features are worth (compare the paper's Section 4.3).
    """
    ax = ax or new_axes()
    _curves(ax, table, "train_loss", hollow)
    if not hollow:
        guessing = np.log(classes)
        ax.axhline(guessing, color="#777777", linewidth=1, linestyle=":")
        ax.annotate("guessing", (1, guessing), (0, 3), textcoords="offset points", color="#555555", fontsize=8)
        ax.set(xlabel="n, the number of random layers", ylabel="training loss, last epoch (nats)", xticks=range(1, 8))
    _legend(ax)
    return ax


def accuracy_over_images(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw accuracy over the training images per class of the target, on a logarithmic axis.

    `table` has condition, accuracy (0..1) and images. Lines, bars and dots as in `accuracy_over_n`.
    """
    ax = ax or new_axes()
    _curves(ax, table, "accuracy", over="images")
    images = sorted(set(table.images))
    ax.set(xscale="log", ylim=(0, 1), xlabel="training images of a class of B", ylabel="top-1 accuracy on B")
    ax.set_xticks(images, [str(count) for count in images])
    ax.minorticks_off()
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _legend(ax)
    return ax


def _curves(ax: Axes, table: pd.DataFrame, value: str, hollow: str | None = None, over: str = "n") -> None:
    """Draw for each condition a dot per network, a line through the means, and their intervals."""
    means, shift = summary(table, value, over), 0.12 if hollow else 0
    for condition in [c for c in CONDITIONS if c in set(table.condition)]:
        mine, curve = table[table.condition == condition], means[means.condition == condition]
        style: dict[str, Any] = {"color": COLOURS[condition], "marker": MARKERS[condition]}
        if hollow:
            style |= {"markerfacecolor": "white", "linestyle": ":"}
        else:
            ax.plot(mine[over], mine[value], alpha=0.45, markersize=4, markeredgewidth=0, **style | {"linestyle": ""})
        if not len(curve):
            continue
        several = bool(curve.networks.min() > 1)
        spread = [curve["mean"] - curve.low, curve.high - curve["mean"]] if several else None
        notes = [f"{_counts(curve.networks)} a point"] * several
        notes += _failures(ax, mine, value, over, shift, COLOURS[condition])
        label = ", ".join(filter(None, (condition, hollow))) + f" ({'; '.join(notes)})" * bool(notes)
        ax.errorbar(
            curve[over] + shift, curve["mean"], spread, label=label, capsize=3, linewidth=1.8, markersize=6, **style
        )


def _failures(ax: Axes, networks: pd.DataFrame, value: str, over: str, shift: float, colour: str) -> list[str]:
    """Put a ring around each network that learned nothing; return notes on how many did, and how many diverged."""
    if "state" not in networks:
        return []
    stuck, diverged = (networks[networks.state == state] for state in ("stuck", "diverged"))
    ax.scatter(stuck[over] + shift, stuck[value], 110, facecolors="none", edgecolors=colour, linewidths=1)
    counts = {"ringed: learned nothing": len(stuck), "diverged, not shown": len(diverged)}
    return [f"{count} {what}" for what, count in counts.items() if count]


def _crosses(ax: Axes, mine: pd.DataFrame, value: str) -> None:
    """Draw the reader's own networks on top."""
    if len(mine):
        colours = mine.condition.map(COLOURS)
        ax.scatter(mine.n, mine[value], 70, colours, marker="x", linewidths=2, zorder=5, label="your networks")


def _counts(networks: pd.Series) -> str:
    """Say how many networks a point stands for, such as "8" or "6 to 8"."""
    fewest, most = networks.min(), networks.max()
    return str(most) if fewest == most else f"{fewest} to {most}"


def forest(rows: pd.DataFrame, logs: pd.DataFrame | None = None, over: str = "n = {}") -> plt.Figure:
    """Draw rows of `claims.audit`: a panel a statement, a line an n (or range of n), with 95 % intervals in points.

    Filled markers are ours, hollow ones those of `logs`, if given, the same claims on the logs of 2014. Differences
    have the sign of `verdicts.as_stated`; their colour is that of the network the statement names first. An interval
    that leaves the panel ends in an arrow. `over` says what a line is.
    """
    sources = [as_stated(table) for table in (rows, logs) if table is not None]
    statements, lines = list(dict.fromkeys(rows.statement)), list(dict.fromkeys(sources[0].n))
    across = min(2, len(statements))
    down = -(-len(statements) // across)
    figure, grid = plt.subplots(
        down,
        across,
        figsize=(6.4, (0.7 + 0.32 * len(lines)) * down),
        layout="constrained",
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    # the panel holds every estimate and all of our intervals; those of 2014, of two tasks, may be ten times as wide
    shown = np.concatenate([[0], sources[0][["low", "high"]].to_numpy().ravel(), *(each.estimate for each in sources)])
    margin = 0.08 * np.ptp(shown[~np.isnan(shown)]) or 1
    ends = (np.nanmin(shown) - margin, np.nanmax(shown) + margin)
    for ax, statement in zip(grid.flat, statements):
        ax.axvline(0, color=COLOURS["base"], linewidth=1, linestyle="--")
        ax.set_title("\n".join(textwrap.wrap(statement, 44)), fontsize=9)
        for which, table in enumerate(sources):
            known = table[(table.statement == statement) & table.estimate.notna() & table.n.isin(lines)]
            heights = [lines.index(n) + 0.36 * (which - (len(sources) - 1) / 2) for n in known.n]
            _intervals(ax, known, heights, ends, hollow=which > 0)
            if len(sources) > 1 and len(known):
                _named(ax, ("ours", "2014")[which], known.iloc[0], heights[0], ends)
    for ax in grid.flat[len(statements) :]:
        ax.axis("off")
    grid[0, 0].set(xlim=ends, ylim=(len(lines) - 0.4, -0.6))
    grid[0, 0].set_yticks(range(len(lines)), [over.format(n.replace("-", " to ")) for n in lines])
    figure.supxlabel("points of top-1 accuracy", fontsize=10)
    return figure


def _intervals(ax: Axes, rows: pd.DataFrame, heights: list[float], ends: tuple[float, float], hollow: bool) -> None:
    """Draw estimates and their intervals, with an arrow where one goes on beyond the ends."""
    words = " ".join(rows.statement.head(1)).split()
    subject = next((word for word in words if word in CONDITIONS), "base")
    style: dict[str, Any] = {"color": COLOURS[subject], "marker": MARKERS[subject], "markersize": 6, "linestyle": ""}
    ax.hlines(heights, rows.low.clip(*ends), rows.high.clip(*ends), COLOURS[subject], linewidth=1.2 if hollow else 1.8)
    for row, height in zip(rows.itertuples(), heights):
        for place, beyond, arrow in ((ends[0], row.low < ends[0], "<"), (ends[1], row.high > ends[1], ">")):
            if beyond:
                ax.plot(place, height, marker=arrow, color=COLOURS[subject], markersize=5, clip_on=False)
    ax.plot(rows.estimate, heights, **style | ({"markerfacecolor": "white"} if hollow else {}))


def _named(ax: Axes, name: str, row: pd.Series, height: float, ends: tuple[float, float]) -> None:
    """Write who an estimate is of next to its interval, on the side that has more room."""
    low, high = (row.estimate, row.estimate) if np.isnan(row.low) else (max(row.low, ends[0]), min(row.high, ends[1]))
    right = ends[1] - high > low - ends[0]
    ax.annotate(
        name,
        (high if right else low, height),
        (7 if right else -7, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center",
        fontsize=8,
    )


def learning_curves(runs: list[Run], ax: Axes | None = None) -> Axes:
    """Draw accuracy by epoch: thin lines on training images, thick ones with markers on held-out images."""
    ax = ax or new_axes()
    for run in runs:
        history, condition = run.history, run.treatment.condition
        measured = history.dropna(subset="test_accuracy")
        ax.plot(history.epoch, history.train_accuracy, color=COLOURS[condition], linewidth=1, alpha=0.7)
        ax.plot(
            measured.epoch,
            measured.test_accuracy,
            color=COLOURS[condition],
            marker=MARKERS[condition],
            markersize=4,
            linewidth=2,
            label=str(run.treatment),
        )
    ax.set(xlabel="epoch", ylabel="accuracy (thin: training images)", ylim=(0, 1.02))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.legend(fontsize=8)
    return ax


def diagram(treatment: Treatment, ax: Axes | None = None, network: str = "mini") -> Axes:
    """Draw the eight layers from input (left) to output, coloured by origin, with a lock on the frozen ones.

    `network`, a name of `networks.NETWORKS`, says what they are called.
    """
    ax = ax or new_axes(6.4, 1.6)
    for index, name in enumerate(layer_names(network)):
        origin = treatment.source if treatment.source and index < treatment.n else "fresh"
        ax.add_patch(
            FancyBboxPatch(
                (index + 0.08, 0.1), 0.7, 1, boxstyle="round,pad=0.05", facecolor=ORIGINS[origin], edgecolor="#333333"
            )
        )
        ax.text(index + 0.43, 0.78, name, ha="center", fontsize=8)
        ax.text(index + 0.43, 0.2, {"R": "random"}.get(origin, origin), ha="center", fontsize=8, weight="bold")
        if index < treatment.frozen:
            ax.add_patch(Rectangle((index + 0.35, 0.44), 0.16, 0.13, color="#333333"))
            ax.add_patch(Wedge((index + 0.43, 0.57), 0.07, 0, 180, width=0.03, color="#333333"))
    ax.set(xlim=(-0.05, 8), ylim=(-0.02, 1.35), aspect="equal")
    ax.set_title(f"{treatment}: trained on task {treatment.target}", fontsize=10)
    ax.axis("off")
    return ax


def contact_sheet(images: np.ndarray, titles: list[str] | None = None, columns: int = 8) -> plt.Figure:
    """Draw square images `[N, 3, H, W]` (uint8, or float in 0..1) in a grid, with a title above each."""
    rows, above = -(-len(images) // columns), 0.2 if titles else 0  # inches; an image has a cell of one inch
    figure = plt.figure(figsize=(columns, rows * (1 + above)))
    ax = figure.add_axes((0, 0, 1, 1))  # one for all: axes of its own for each image take seconds to lay out
    for index, image in enumerate(images):
        left, top = index % columns, index // columns * (1 + above) + above
        ax.imshow(image.transpose(1, 2, 0), extent=(left + 0.04, left + 0.96, top + 0.96, top + 0.04))
        if titles:
            ax.text(left + 0.5, top, titles[index], fontsize=7, ha="center", va="bottom", parse_math=False)
    ax.set(xlim=(0, columns), ylim=(rows * (1 + above), 0), aspect="auto")
    ax.axis("off")
    return figure


def filters(network: nn.Sequential) -> np.ndarray:
    """Return first-layer filters of a network as images for `contact_sheet`: float `[filters, 3, k, k]` in 0..1."""
    first = next(module for module in network[0].modules() if isinstance(module, nn.Conv2d))
    weights = first.weight.detach().numpy()
    largest = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
    return 0.5 + 0.5 * weights / largest


def new_axes(width: float = 6.4, height: float = 4) -> Axes:
    """Return axes of the size that all figures share."""
    return plt.subplots(figsize=(width, height), layout="constrained")[1]
