"""The figures of the book. A condition has the same colour and marker everywhere (the Okabe-Ito palette).

In a notebook they are shown as SVG, whose text stays text; the book puts that into its pages, where the colours follow
the reader's scheme (`book/drawings.py`). A mosaic of images is a grid in HTML, which gets narrower with the screen.
"""

import base64
import io
import textwrap
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from IPython import get_ipython
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle, Wedge
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator, PercentFormatter
from PIL import Image
from torch import nn

from transferlab.networks import layer_names
from transferlab.notation import CONDITIONS, FAMILIES, Treatment
from transferlab.store import Run
from transferlab.study.estimates import Estimate

HUES = ("#000000", "#0072B2", "#D55E00", "#56B4E9", "#E69F00", "#9A5B83", "#6B6B00", "#009E73")
COLOURS = dict(zip(FAMILIES, HUES, strict=True))
LATER = {  # of the conditions of notation.AT_THE_CUT: those of another start look like the first
    "An_B": ("#8C2D04", "<"), "Bn_B": ("#08519C", "1"), "Bn_B.2": ("#2A6F97", ">"), "Rn_B": ("#5C5C00", "p"),
    "BnB.2": (COLOURS["BnB"], "o"), "BnB.3": (COLOURS["BnB"], "o"), "BnB.4": (COLOURS["BnB"], "o"),
    "BnB=": ("#005F56", "8"), "base.2": (COLOURS["base"], "s"), "AnB+.2": (COLOURS["AnB+"], "P"),
    "MnB+": ("#7B3294", "*"),
}  # fmt: skip
COLOURS |= {name: colour for name, (colour, _) in LATER.items()}
INKS = COLOURS | {"AnB": "#B34F00", "BnB+": "#1F7AA8", "AnB+": "#8F6200", "AnB++": "#00795A"}  # dark enough for words
MARKERS = dict(zip(FAMILIES, "sovDPXh^", strict=True)) | {name: marker for name, (_, marker) in LATER.items()}
ORIGINS = {"A": "#F2B48C", "B": "#8FBFE0", "R": "#CDAFC2", "fresh": "#F4F4F4"}  # where a layer comes from
MUTED = "#555555"
EDGE = "#333333"
STYLE: dict[Any, Any] = {
    "font.size": 12,  # 6.4 inches wide, a figure has the text of the page at 1280 pixels, and 9 pixels of it at 390
    "axes.facecolor": "none",
    "axes.titlesize": "medium",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "transferlab",  # the same figure is the same file
}


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
            low, high = Estimate(values.mean(), values.sem(), len(values) - 1).interval()
        rows.append((condition, at, values.mean(), low, high, len(values)))
    return pd.DataFrame(rows, columns=["condition", over, "mean", "low", "high", "networks"])


def accuracy_over_n(
    table: pd.DataFrame, chance: float | None = None, ax: Axes | None = None, mine: pd.DataFrame | None = None
) -> Axes:
    """Draw the paper's Figure 2 for a table of `Lab.sweep` or of the published study: accuracy on the target over n.

    Lines are means, bars their 95 % intervals where there is more than one network, dots single networks;
    the dashed line is the base. `chance` (0..1), if given, is a dotted one, or a note where it is far below all that
    is drawn. The networks of `mine`, the reader's own, are crosses on top.
    """
    ax = ax or new_axes()
    base = table[table.condition == "base"]
    if len(base):
        ax.axhline(base.accuracy.mean(), color=COLOURS["base"], linewidth=1, linestyle="--")
    _curves(ax, table, "accuracy")
    if mine is not None:
        _crosses(ax, mine, "accuracy")
    if chance is not None:
        _chance(ax, chance)
    ax.set(xlabel="n, the number of layers copied", ylabel="top-1 accuracy on the target", xticks=range(8))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    return ax


def _chance(ax: Axes, chance: float) -> None:
    """Draw what guessing gets, unless that would flatten everything else."""
    low, high = ax.dataLim.intervaly
    if np.isfinite(low) and low - chance > high - low:
        _note(ax, f"Guessing gets {chance:.1%}, far below.")
    else:
        ax.axhline(chance, color="#777777", linewidth=1, linestyle=":")
        _label_end(ax, "chance", chance, MUTED)


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
        _label_end(ax, "base", 0, COLOURS["base"])
        ax.set(xlabel="n, the number of layers copied", ylabel="points above or below its own base", xticks=range(1, 8))
    return ax


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
        _label_end(ax, "guessing", guessing, MUTED)
        ax.set(xlabel="n, the number of random layers", ylabel="training loss, last epoch (nats)", xticks=range(1, 8))
    return ax


def accuracy_over_images(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw accuracy over the training images per class of the target, on a logarithmic axis.

    `table` has condition, accuracy (0..1) and images. Lines, bars and dots as in `accuracy_over_n`.
    """
    return _over_powers(ax, table, "images", "training images of a class of the target")


def accuracy_over_rates(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw accuracy over the learning rate, on a logarithmic axis.

    `table` has condition, accuracy (0..1) and learning_rate. Lines and dots as in `accuracy_over_n`; no bars, since a
    rate is tried on so few networks that the dots say more.
    """
    return _over_powers(ax, table, "learning_rate", "learning rate", bars=False)


def _over_powers(ax: Axes | None, table: pd.DataFrame, over: str, label: str, bars: bool = True) -> Axes:
    ax = ax or new_axes()
    _curves(ax, table, "accuracy", over=over, bars=bars)
    values = sorted(set(table[over]))
    ax.set(xscale="log", ylim=(0, None), xlabel=label, ylabel="top-1 accuracy")
    ax.set_xticks(values, [f"{value:g}" for value in values])
    ax.minorticks_off()
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    return ax


def accuracy_over_cut(cuts: pd.DataFrame, ways: pd.DataFrame, chance: float, ax: Axes | None = None) -> Axes:
    """Draw where to cut: the accuracy of a linear probe behind each cut, and of what was trained at some of them.

    `cuts` and `ways` are those of an `Advice`. Bars are intervals; the dashed line is the simple rule, the probe on all
    blocks; the dotted one is `chance` (0..1).
    """
    ax = ax or new_axes()

    def bars(rows: pd.DataFrame, shift: float, condition: str, line: str) -> None:
        ends = np.abs(rows[["low", "high"]].to_numpy().T - rows.accuracy.to_numpy())
        ax.errorbar(
            rows.cut + shift, rows.accuracy, ends, color=COLOURS[condition], marker=MARKERS[condition], markersize=6,
            linewidth=1.5, elinewidth=1, linestyle=line,
        )  # fmt: skip

    bars(cuts, 0, "base", "-")
    rule = cuts.accuracy.iloc[-1]
    ax.axhline(rule, color="#777777", linewidth=1, linestyle="--")
    ax.axhline(chance, color="#777777", linewidth=1, linestyle=":")
    _label_end(ax, "guessing", chance, MUTED)
    _label_end(ax, "probe", rule, COLOURS["base"])
    families = ways.network.map(lambda name: Treatment.parse(name).condition)
    for shift, (condition, name) in enumerate((("AnB", "frozen"), ("AnB++", "LP-FT")), start=1):
        if len(mine := ways[families == condition]):
            bars(mine, 0.15 * shift, condition, "")
            _label_end(ax, name, mine.accuracy.iloc[-1], INKS[condition])
    for scratch in ways[families == "base"].accuracy:
        ax.axhline(scratch, color=COLOURS["BnB"], linewidth=1, linestyle="-.")
        _label_end(ax, "scratch", scratch, COLOURS["BnB"])
    ax.set(xlabel="cut: how many blocks are kept", ylabel="accuracy on held-out images", xticks=cuts.cut)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return ax


def accuracy_along_lines(table: pd.DataFrame, names: dict[str, tuple[str, str]], ax: Axes | None = None) -> Axes:
    """Draw accuracy on straight lines between networks: the mean over tasks, and a thin line for each task.

    `table` is that of `study.basins`, with the names of networks into B; `names` has the two ends of each line.
    """
    ax = ax or new_axes()
    for (name, (first, second)), style in zip(names.items(), ("-", "--", "-.", ":", (0, (1, 1))), strict=False):
        mine = table[(table.kind == "line") & (table["first"] == first) & (table.second == second)]
        if not len(mine):
            continue
        colour = COLOURS[Treatment.parse(first).condition]
        for _, line in mine.groupby(["seed", "target"]):
            ax.plot(line.place, line.accuracy, color=colour, linewidth=0.5, alpha=0.5)
        mean = mine.groupby("place").accuracy.mean()
        ax.plot(mean.index, mean, color=colour, linewidth=2.2, linestyle=style, label=f"{first} to {second}: {name}")
    ax.set(xlabel="share of the second network", ylabel="top-1 accuracy on the target")
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.2))
    return ax


def four_rules(
    parts: dict[tuple[str, str], pd.DataFrame], advised: dict[tuple[str, str], str], advice: dict[str, str]
) -> Figure:
    """Draw what each way to train gains over scratch, in four panels: few or many images, similar or dissimilar tasks.

    `parts` maps (row title, column title) to a table of `scarcity.ways`; `advised` maps it to the network that the rule
    of thumb names, whose line is marked, and `advice` maps such a network to the words of the rule.
    """
    rows, columns = (list(dict.fromkeys(key[place] for key in parts)) for place in (0, 1))
    figure, axes = plt.subplots(
        len(rows), len(columns), figsize=(6.4, 4.2 * len(rows)), layout="constrained", sharex="col", squeeze=False
    )
    for (row, column), table in parts.items():
        ax, ordered = axes[rows.index(row)][columns.index(column)], table[::-1].reset_index(drop=True)
        ax.axvline(0, color=COLOURS["base"], linewidth=1, linestyle="--")
        for place, way in ordered.iterrows():
            colour = COLOURS[way.condition]
            ax.hlines(place, way.low, way.high, colour, linewidth=2)
            ax.plot(way.gain, place, color=colour, marker=MARKERS[way.condition], markersize=7)
            if way.network == advised[row, column]:
                ax.axhspan(place - 0.45, place + 0.45, color="#CCCCCC", alpha=0.5, linewidth=0, zorder=0)
        ax.set_yticks(range(len(ordered)), ordered.network)
        for label, condition in zip(ax.get_yticklabels(), ordered.condition, strict=True):
            label.set_color(INKS[condition])
        rule = advised[row, column]
        ax.set_title(f"{row}, {column}\nthe rule: {advice[rule]}", fontsize="medium")
    for ax in axes[-1]:
        ax.set_xlabel("points above scratch")
    return figure


def _curves(
    ax: Axes, table: pd.DataFrame, value: str, hollow: str | None = None, over: str = "n", bars: bool = True
) -> None:
    """Draw for each condition a dot per network, a line through the means with its name, and their intervals."""
    means, shift = summary(table, value, over), 0.12 if hollow else 0
    short = hollow if hollow and len(hollow) < 6 else "hollow"  # the whole of a long one is said below
    counts: dict[str, list[str]] = {}
    for condition in [c for c in COLOURS if c in set(table.condition)]:
        mine, curve = table[table.condition == condition], means[means.condition == condition]
        style: dict[str, Any] = {"color": COLOURS[condition], "marker": MARKERS[condition]}
        if hollow:
            style |= {"markerfacecolor": "white", "linestyle": ":"}
        else:
            ax.plot(mine[over], mine[value], alpha=0.45, markersize=4, markeredgewidth=0, **style | {"linestyle": ""})
        name = f"{condition}, {short}" if hollow else condition
        for note in _failures(ax, mine, value, over, shift, COLOURS[condition]):
            _note(ax, f"{name}: {note}.")
        if not len(curve):
            continue
        several = bool(curve.networks.min() > 1)
        spread = [curve["mean"] - curve.low, curve.high - curve["mean"]] if several and bars else None
        if several:
            counts.setdefault(_counts(curve.networks), []).append(condition)
        ax.errorbar(
            curve[over] + shift, curve["mean"], spread, label=name, capsize=3, linewidth=1.8, markersize=6, **style
        )
        _label_end(ax, name, curve["mean"].iloc[-1], INKS[condition])
    each = "; ".join(f"{', '.join(names)}: {count}" for count, names in counts.items())
    if len(counts) == 1:
        each = next(iter(counts))
    if counts or hollow:
        many = f", networks at each point: {each}" if each else ""
        _note(ax, f"Hollow: {hollow}{many}." if hollow else f"Networks at each point: {each}.")


def _failures(ax: Axes, networks: pd.DataFrame, value: str, over: str, shift: float, colour: str) -> list[str]:
    """Put a ring around each network that learned nothing; return notes on how many did, and how many diverged."""
    if "state" not in networks:
        return []
    stuck, diverged = (networks[networks.state == state] for state in ("stuck", "diverged"))
    ax.scatter(stuck[over] + shift, stuck[value], 110, facecolors="none", edgecolors=colour, linewidths=1)
    counts = {"learned nothing (ringed)": len(stuck), "diverged (not shown)": len(diverged)}
    return [f"{count} {what}" for what, count in counts.items() if count]


def _crosses(ax: Axes, mine: pd.DataFrame, value: str) -> None:
    """Draw the reader's own networks on top."""
    if len(mine):
        ax.scatter(mine.n, mine[value], 70, mine.condition.map(COLOURS), marker="x", linewidths=2, zorder=5)
        _note(ax, "Crosses: your networks.")


def _counts(networks: pd.Series) -> str:
    """Say how many networks a point stands for, such as "8" or "6 to 8"."""
    fewest, most = networks.min(), networks.max()
    return str(most) if fewest == most else f"{fewest} to {most}"


def forest(rows: pd.DataFrame, logs: pd.DataFrame | None = None, over: str = "n = {}") -> Figure:
    """Draw rows of `claims.audit`: a panel a statement, a line an n (or range of n), with 95 % intervals in points.

    Filled markers are ours, hollow ones those of `logs`, if given, the same claims on the logs of 2014. Differences
    are as `claims` has them; their colour is that of the network the statement names first. An interval
    that leaves the panel ends in an arrow. `over` says what a line is.
    """
    sources = [table.assign(n=table.n.astype(str)) for table in (rows, logs) if table is not None]
    statements, lines = list(dict.fromkeys(rows.statement)), list(dict.fromkeys(sources[0].n))
    across = min(2, len(statements))
    down = -(-len(statements) // across)
    figure, grid = plt.subplots(
        down,
        across,
        figsize=(6.4, (1 + 0.4 * len(lines)) * down),
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
        ax.set_title("\n".join(textwrap.wrap(statement, 30)))
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
    figure.supxlabel("points of top-1 accuracy", fontsize="medium")
    return figure


def _intervals(ax: Axes, rows: pd.DataFrame, heights: list[float], ends: tuple[float, float], hollow: bool) -> None:
    """Draw estimates and their intervals, with an arrow where one goes on beyond the ends."""
    words = " ".join(rows.statement.head(1)).split()
    subject = next((word for word in words if word in COLOURS), "base")
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
    )


# --- words in a figure, where they cover nothing -----------------------------------------------------------


class _EndLabel(Annotation):
    """The name of a line, beside the axes where the line ends, clear of the other names."""

    def __init__(self, axes: Axes, text: str, height: float, colour: str):
        super().__init__(
            text, (1, height), (8, 0), axes.get_yaxis_transform(), "offset points", annotation_clip=False,
            color=colour, va="center",
        )  # fmt: skip

    def update_positions(self, renderer) -> None:
        assert self.axes is not None
        names = [each for each in self.axes.texts if isinstance(each, _EndLabel)]
        ends = [self.axes.transData.transform((0, each.xy[1]))[1] for each in names]
        pixels = renderer.points_to_pixels(1)
        clear = spread_out(ends, 1.25 * self.get_fontsize() * pixels)  # type: ignore[operator]
        here = names.index(self)
        self.xyann = (8, (clear[here] - ends[here]) / pixels)
        super().update_positions(renderer)


def _label_end(ax: Axes, text: str, height: float, colour: str) -> None:
    if np.isfinite(height):
        ax.add_artist(_EndLabel(ax, text, height, colour)).set_clip_on(False)


def _note(ax: Axes, sentence: str) -> None:
    """Put a sentence below the axes, after those that are there."""
    notes = [each for each in ax.texts if each.get_gid() == "note"]
    if not notes:
        below: dict[str, Any] = {
            "xycoords": "axes fraction",
            "textcoords": "offset points",
            "va": "top",
            "color": MUTED,
        }
        notes = [ax.annotate("", (0, 0), (0, -44), gid="note", annotation_clip=False, **below)]
    said = " ".join(filter(None, (notes[0].get_text().replace("\n", " "), sentence)))
    notes[0].set_text(textwrap.fill(said, 58))


def spread_out(places: Sequence[float], gap: float) -> np.ndarray:
    """Move numbers at least `gap` apart, as little as possible and without changing their order.

    >>> spread_out([0, 10, 10.5], 2).tolist()
    [0.0, 9.25, 11.25]
    """
    order, blocks = np.argsort(places, kind="stable"), []
    for rank, index in enumerate(order):
        blocks.append([places[index] - rank * gap])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    clear = np.empty(len(places))
    clear[order] = [np.mean(block) for block in blocks for _ in block] + gap * np.arange(len(places))
    return clear


# --- other figures -----------------------------------------------------------------------------------------


def learning_curves(runs: list[Run], ax: Axes | None = None) -> Axes:
    """Draw accuracy by epoch: thin lines on training images, thick ones with markers on held-out images.

    A condition has one colour: the second of its networks is dashed, the third dotted.
    """
    ax, seen = ax or new_axes(), list[str]()
    for run in runs:
        history, condition = run.history, run.treatment.condition
        measured = history.dropna(subset="test_accuracy")
        style: dict[str, Any] = {"color": COLOURS[condition], "linestyle": ("-", "--", ":")[seen.count(condition) % 3]}
        seen.append(condition)
        ax.plot(history.epoch, history.train_accuracy, linewidth=1, alpha=0.7, **style)
        ax.plot(
            measured.epoch, measured.test_accuracy, marker=MARKERS[condition], markersize=4, linewidth=2,
            label=str(run.treatment), **style,
        )  # fmt: skip
        if len(measured):
            _label_end(ax, str(run.treatment), measured.test_accuracy.iloc[-1], INKS[condition])
    ax.set(xlabel="epoch", ylabel="accuracy (thin: training images)", ylim=(0, 1.02))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    return ax


def compare(n: Sequence[int], curves: dict[str, Sequence[float]], base: float | None = None) -> Axes:
    """Draw accuracies (0..1) over n: a condition's, and dashed what should have been the same; `base` is a line.

    The axis spans ten points at least, so that a difference of one looks like one.
    """
    ax = new_axes(6.4, 3.4)
    if base is not None:
        ax.axhline(base, color=COLOURS["base"], linewidth=1, linestyle="--")
        _label_end(ax, "base", base, COLOURS["base"])
    for name, curve in curves.items():
        style: dict[str, Any] = {"color": MUTED, "linestyle": "--", "marker": "*", "markersize": 9}
        if name in COLOURS:
            style = {"color": COLOURS[name], "marker": MARKERS[name]}
        ax.plot(n, curve, **style)
        _label_end(ax, name, list(curve)[-1], INKS.get(name, MUTED))
    low, high = ax.get_ylim()
    missing = max(0, 0.1 - (high - low)) / 2
    ax.set(xlabel="n", ylabel="top-1 accuracy on B", xticks=range(1, 8), ylim=(low - missing, high + missing))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    return ax


def diagram(treatment: Treatment, ax: Axes | None = None, network: str = "mini") -> Axes:
    """Draw the eight layers from input (left) to output, coloured by origin, with a lock on the frozen ones.

    `network`, a name of `networks.NETWORKS`, says what they are called.
    """
    ax = ax or new_axes(6.4, 1.6)
    for index, name in enumerate(layer_names(network)):
        origin = "fresh"
        if treatment.source in ORIGINS and index < treatment.n:
            origin = treatment.source
        elif treatment.stitched or treatment.own_top:
            origin = treatment.target
        ax.add_patch(
            FancyBboxPatch(
                (index + 0.08, 0.1), 0.7, 1, boxstyle="round,pad=0.05", facecolor=ORIGINS[origin], edgecolor=EDGE
            )
        )
        ax.text(index + 0.43, 0.78, name, ha="center")
        ax.text(index + 0.43, 0.2, {"R": "random"}.get(origin, origin), ha="center", weight="bold")
        if index < treatment.frozen or treatment.stitched:
            lock(ax, index + 0.43, 0.44)
    if treatment.stitched:  # the map, between two layers
        ax.add_patch(Rectangle((treatment.n - 0.14, -0.02), 0.14, 1.25, color=EDGE, zorder=3))
    ax.set(xlim=(-0.05, 8), ylim=(-0.02, 1.35), aspect="equal")
    stages = ", first the fresh layers alone, then all" if treatment.two_stage else ""
    ax.set_title(f"{treatment}: trained on task {treatment.target}{stages}")
    ax.axis("off")
    return ax


def lock(ax: Axes, x: float, y: float, size: float = 1, is_open: bool = False, above: int = 1) -> None:
    """Draw a lock that stands at (x, y); the bow of an open one has come off on one side. `above` is its zorder."""
    turn, aside = (40, 0.08 * size) if is_open else (0, 0)
    ax.add_patch(Rectangle((x - 0.08 * size, y), 0.16 * size, 0.13 * size, color=EDGE, zorder=above))
    middle = (x + aside, y + 0.13 * size)
    ax.add_patch(Wedge(middle, 0.07 * size, -turn, 180 - turn, width=0.03 * size, color=EDGE, zorder=above))


class _Sheet(Figure):
    """A mosaic of images: a figure, and in a page a grid, with fewer columns on a phone if its images have titles."""

    tiles: np.ndarray  # [N, 3, H, W], uint8
    titles: list[str] | None
    columns: int

    def _repr_html_(self) -> str:
        rem, gap = (4.9, 6) if self.titles else (0, 2)  # room for a word; untitled images keep their rows
        column = f"minmax(max({rem}rem, calc((100% - {gap * (self.columns - 1)}px) / {self.columns})), 1fr)"
        repeat = "auto-fill" if self.titles else self.columns
        style = f"display: grid; gap: {gap}px; grid-template-columns: repeat({repeat}, {column})"
        title = f"<p>{escape(self.get_suptitle())}</p>" if self.get_suptitle() else ""
        tiles = "".join(map(self._tile, range(len(self.tiles))))
        return f'<div class="tl-sheet">{title}<div style="{style}">{tiles}</div></div>'

    def _tile(self, index: int) -> str:
        file = io.BytesIO()
        Image.fromarray(self.tiles[index].transpose(1, 2, 0)).save(file, format="png")
        source = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
        title = f"<br>{escape(self.titles[index]).replace('/', '/<wbr>')}" if self.titles else ""
        return f'<span><img class="dark-light" src="{source}" alt="" style="width: 100%">{title}</span>'


def contact_sheet(images: np.ndarray, titles: list[str] | None = None, columns: int = 8) -> Figure:
    """Draw square images `[N, 3, H, W]` (uint8, or float in 0..1) in a grid, with a title above each."""
    images = np.asarray(images)
    rows, above = -(-len(images) // columns), 0.2 if titles else 0  # inches; an image has a cell of one inch
    figure = plt.figure(figsize=(columns, rows * (1 + above)), facecolor="none", FigureClass=_Sheet)
    assert isinstance(figure, _Sheet)
    whole = images if images.dtype == np.uint8 else np.round(255 * images.clip(0, 1)).astype(np.uint8)
    figure.tiles, figure.titles, figure.columns = whole, titles, columns
    ax = figure.add_axes((0, 0, 1, 1))  # one for all: axes of its own for each image take seconds to lay out
    for index, image in enumerate(images):
        left, top = index % columns, index // columns * (1 + above) + above
        ax.imshow(image.transpose(1, 2, 0), extent=(left + 0.04, left + 0.96, top + 0.96, top + 0.04))
        if titles:
            ax.text(left + 0.5, top, titles[index], fontsize=7, ha="center", va="bottom", parse_math=False)
    ax.set(xlim=(0, columns), ylim=(rows * (1 + above), 0), aspect="auto")
    ax.axis("off")
    return figure


def filters(network: nn.Sequential, size: int = 40) -> np.ndarray:
    """Return first-layer filters of a network as images for `contact_sheet`: float `[filters, 3, size, size]` in 0..1.

    A filter has few weights; they are interpolated, so that one sees its edges and spots rather than squares. Grey is
    a weight of zero, and the largest weight of each filter has the full contrast.
    """
    from scipy import ndimage  # here, as it is slow to import, and few chapters show filters

    first = next(module for module in network[0].modules() if isinstance(module, nn.Conv2d))
    weights = first.weight.detach().numpy()
    larger = ndimage.zoom(weights, (1, 1, size / weights.shape[2], size / weights.shape[3]), order=3, mode="nearest",
                          grid_mode=True)  # fmt: skip
    largest = np.abs(larger).max(axis=(1, 2, 3), keepdims=True)
    return 0.5 + 0.5 * larger / np.maximum(largest, np.finfo(larger.dtype).tiny)


def new_axes(width: float = 6.4, height: float = 4) -> Axes:
    """Return axes of the size that all figures share."""
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def _show_as_svg() -> None:
    """In a notebook, show figures as SVG; a mosaic of images as HTML, and as a PNG for the index of figures."""
    plt.rcParams.update(STYLE)
    shell = get_ipython()
    if shell is None or "inline" not in plt.get_backend():
        return
    from IPython.core.pylabtools import print_figure
    from matplotlib_inline.config import InlineBackend  # there wherever the backend is

    settings: Any = InlineBackend.instance(parent=shell)
    settings.print_figure_kwargs = {"bbox_inches": "tight", "metadata": {"Date": None}}
    settings.figure_formats = {"svg"}
    shell.display_formatter.formatters["image/svg+xml"].for_type(_Sheet, lambda sheet: None)
    shell.display_formatter.formatters["image/png"].for_type(_Sheet, lambda sheet: print_figure(sheet, "png"))


_show_as_svg()
