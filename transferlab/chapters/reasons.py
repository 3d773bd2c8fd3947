"""Figures of the reasons, made from data: what the section "Why" of a chapter shows, in the colours of `figures`."""

from collections.abc import Mapping, Sequence
from math import comb
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch, Polygon, Rectangle, Wedge

from transferlab.chapters.figures import COLOURS, EDGE, INKS, MUTED, ORIGINS, lock, new_axes
from transferlab.chapters.verdicts import points as signed


def partnership() -> Figure:
    """Draw layers 4 and 5 that share three jobs: trained together, cut apart, and put together again."""
    panels: dict[str, tuple[Sequence[str], str]] = {
        "baseB": (["circle", "square", "triangle"], "trained together:\nevery job is whole"),
        "B4B": (["circle", "triangle", "none"], "half is frozen, half\nis to be found alone"),
        "B4B with B's top": (["circle", "square", "triangle"], "whole again:\na solution exists"),
    }
    figure, axes = plt.subplots(1, 3, figsize=(6.4, 3.5), layout="constrained")
    for ax, (name, (tops, said)) in zip(axes, panels.items()):
        cut = name == "B4B"
        for place, (job, top) in enumerate(zip(("circle", "square", "triangle"), tops)):
            fits = job == top
            style: dict[str, Any] = {"linewidth": 3} if fits else {"linewidth": 1, "linestyle": ":"}
            ax.plot([place, place], [0.4, 1.2], color=EDGE if fits else "#777777", zorder=0, **style)
            _unit(ax, (place, 0), ORIGINS["B"])
            _unit(ax, (place, 1.6), ORIGINS["fresh" if cut else "B"])
            _half(ax, job, (place, 0), left=True)
            if top == "none":
                ax.text(place, 1.6, "?", ha="center", va="center", weight="bold")
            else:
                _half(ax, top, (place, 1.6), left=False)
        if name != "baseB":
            ax.plot([-0.5, 2.5], [0.8, 0.8], color=COLOURS["AnB"], linewidth=1.5, linestyle="--")
            lock(ax, 2.39, -0.72, 1.4)
        ax.text(-0.4, 2.15, "layer 5" + ", fresh" * cut)
        ax.text(-0.4, -0.72, "layer 4" + ", frozen" * (name != "baseB"))
        ax.text(1, -1.05, said, ha="center", va="top", color=MUTED)
        ax.set(xlim=(-0.6, 2.6), ylim=(-2, 2.5), aspect="equal")
        ax.set_title(name, weight="bold")
        ax.axis("off")
    return figure


def _unit(ax: Axes, middle: tuple[float, float], colour: str) -> None:
    left, low = middle[0] - 0.3, middle[1] - 0.3
    box = "round,pad=0.08"
    ax.add_patch(FancyBboxPatch((left, low), 0.6, 0.6, boxstyle=box, facecolor=colour, edgecolor=EDGE))


def _half(ax: Axes, job: str, middle: tuple[float, float], left: bool) -> None:
    """Draw half of a shape in a unit: the left half is the lower layer's, the right one the upper layer's."""
    x, y = middle
    side = -1 if left else 1
    half: Patch
    if job == "circle":
        half = Wedge(middle, 0.27, 90 if left else 270, 270 if left else 90)
    elif job == "square":
        half = Rectangle((x - 0.25 if left else x, y - 0.25), 0.25, 0.5)
    else:
        half = Polygon([(x, y + 0.28), (x, y - 0.25), (x + side * 0.3, y - 0.25)])
    half.set_color(EDGE)
    ax.add_patch(half)


def parts_of_loss(studies: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]) -> Figure:
    """Draw the two parts of what a transfer network loses as bars, a panel a study.

    A study has its rows of `claims.co_adaptation` and of `claims.specificity`. A loss is below 0; whiskers are 95 %
    intervals.
    """
    figure, axes = plt.subplots(
        len(studies), figsize=(6.4, 2.4 * len(studies)), layout="constrained", sharex=True, sharey=True
    )
    names = {"BnB": "for the cut: BnB − base", "AnB": "for the other task: AnB − BnB"}
    for ax, (study, parts) in zip(np.atleast_1d(axes), studies.items()):
        for condition, rows, aside in zip(names, parts, (-0.2, 0.2)):
            places = rows.n.astype(int) + aside
            ax.bar(places, rows.estimate, 0.36, color=COLOURS[condition])
            ax.vlines(places, rows.low, rows.high, EDGE, linewidth=1.5)
        ax.axhline(0, color=COLOURS["base"], linewidth=1)
        ax.set(title=study, xticks=range(1, 8))
    handles = [Patch(color=COLOURS[condition], label=name) for condition, name in names.items()]
    figure.legend(handles=handles, loc="outside upper left", frameon=False)
    np.atleast_1d(axes)[-1].set_xlabel("n, the number of layers copied")
    figure.supylabel("points of top-1 accuracy", fontsize="medium")
    return figure


def ladder(studies: Mapping[str, pd.DataFrame], n: int) -> Axes:
    """Draw what each difference between conditions at one n is worth: bars from one condition to the next, in points.

    A study is a table with accuracy and base_accuracy. The second one is hollow.
    """
    steps = (
        ("random", "AnB", "layers that have learned"),
        ("AnB", "BnB", "… and on this very task"),
        ("BnB", "base", "… and were never cut"),
        ("AnB", "AnB+", "or: free to go on learning"),
    )
    ax = new_axes(6.4, 4.4)
    for which, (study, table) in enumerate(studies.items()):
        table = table[table.n == n].assign(base=0.0, points=100 * (table.accuracy - table.base_accuracy))
        points = table.pivot(index=["split", "seed", "target"], columns="condition", values="points").assign(base=0.0)
        for row, (start, end, _) in enumerate(steps):
            paired = (points[end] - points[start]).mean()  # NaN where no target has both
            step = points[end].mean() - points[start].mean() if np.isnan(paired) else paired
            first, height = points[start].mean(), row + 0.3 * which - 0.05
            face = "none" if which else COLOURS[end]
            ax.barh(height, step, 0.26, first, facecolor=face, edgecolor=COLOURS[end], linewidth=1.5)
            ax.annotate(
                f"{study}: {signed(step)}", (min(first, first + step), height), (-6, 0),
                textcoords="offset points", ha="right", va="center", color=MUTED,
            )  # fmt: skip
    ax.axvline(0, color=COLOURS["base"], linewidth=1, linestyle="--")
    ax.set_yticks([])
    for row, (start, end, words) in enumerate(steps):
        ax.text(0, row - 0.3, f"{words} ({start} → {end})", ha="right", va="center", color=INKS[end], weight="bold")
    low = ax.get_xlim()[0]
    ax.set(xlabel="points above or below its own base", xlim=(1.35 * low, 4), ylim=(3.6, -0.6))
    ax.spines["left"].set_visible(False)
    return ax


def halves(families: Sequence[str], divisions: Mapping[str, np.ndarray]) -> Figure:
    """Draw all classes, a row a family, in the colour of the task that each goes to; a panel a division.

    A division has the numbers of the classes of task A.
    """
    rows = list(dict.fromkeys(families))
    size = max(list(families).count(family) for family in rows)
    figure, axes = plt.subplots(
        1, len(divisions), figsize=(6.4, 0.6 + 0.24 * len(rows)), layout="constrained", sharey=True
    )
    for ax, (title, of_a) in zip(np.atleast_1d(axes), divisions.items()):
        mine, seen = set(of_a), dict.fromkeys(rows, 0)
        for index, family in enumerate(families):
            colour = ORIGINS["A" if index in mine else "B"]
            box = (seen[family] + 0.06, rows.index(family) - 0.42)
            ax.add_patch(Rectangle(box, 0.88, 0.84, facecolor=colour, edgecolor=EDGE, linewidth=0.5))
            seen[family] += 1
        ax.set(xlim=(0, size), ylim=(len(rows) - 0.4, -0.6), xticks=[])
        ax.set_title(title)
        ax.tick_params(left=False)
        for spine in ax.spines.values():
            spine.set_visible(False)
    np.atleast_1d(axes)[0].set_yticks(range(len(rows)), rows)
    colours = [Patch(facecolor=ORIGINS[task], edgecolor=EDGE, label=f"task {task}") for task in "AB"]
    figure.legend(handles=colours, loc="outside lower center", ncols=2, frameon=False)
    return figure


def chance_of_shares(groups: Mapping[str, tuple[int, int]]) -> Axes:
    """Draw how a random half divides a group of classes: the probability of each share of it in task A.

    A group has its size and the number of all classes. Bars are as wide as the shares are apart.
    """
    ax = new_axes(6.4, 3.2)
    for colour, (name, (size, classes)) in zip((COLOURS["AnB+"], COLOURS["BnB"]), groups.items()):
        ways = [comb(size, k) * comb(classes - size, classes // 2 - k) for k in range(size + 1)]
        density = np.array([float(way / comb(classes, classes // 2)) for way in ways]) * size
        edges = (np.arange(size + 2) - 0.5) / size
        ax.stairs(density, edges, color=colour, linewidth=2, label=name)
    ax.set(xlabel="share of the group that goes to task A", ylabel="how likely", yticks=[], xlim=(-0.12, 1.12))
    ax.set_xticks([0, 0.5, 1], ["none", "half", "all"])
    ax.legend(frameon=False, loc="upper left")
    return ax


def fading(signals: Mapping[str, Sequence[float]]) -> Axes:
    """Draw the size of the signal after each untrained layer, on a logarithmic axis: two ways to draw the layers."""
    ax = new_axes(6.4, 3.4)
    looks: tuple[dict[str, Any], ...] = ({"linestyle": "-"}, {"linestyle": ":", "markerfacecolor": "white"})
    for look, (name, sizes) in zip(looks, signals.items()):
        ax.plot(range(1, len(sizes) + 1), sizes, color=COLOURS["random"], marker="X", markersize=8, linewidth=2, **look)
        ax.annotate(name, (4, sizes[3]), (6, 6), textcoords="offset points", color=INKS["random"], weight="bold")
    ax.set(yscale="log", xlabel="after layer", ylabel="spread of the outputs", xticks=range(1, 8))
    powers = range(0, int(np.floor(np.log10(min(map(min, signals.values()))))) - 1, -2)
    ax.set_yticks([10.0**power for power in powers], [f"{10.0**power:.{-power}f}" for power in powers])
    ax.minorticks_off()
    return ax


def alike_and_useful(likeness) -> Figure:
    """Draw three layers of two units that see the same three classes, each with its likeness to the first.

    `likeness` is a function of two matrices with a row an image, such as linear CKA.
    """
    draw = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 30)
    first = np.array([[-2.0, 0], [0.3, 1.6], [1.7, -1.6]])[labels] + 0.35 * draw.normal(size=(90, 2))
    turned = 1.4 * first @ np.array([[0.5, 0.87], [-0.87, 0.5]])
    line = np.array([-2.0, 0.0, 2.0])[labels] + 0.3 * draw.normal(size=90)
    other = np.stack([9 * draw.normal(size=90), line], 1)
    layers = {"a layer": first, "turned and scaled": turned, "mostly something else": other}
    figure, axes = plt.subplots(1, 3, figsize=(6.4, 2.9), layout="constrained")
    for ax, (name, outputs) in zip(axes, layers.items()):
        for label, (condition, marker) in enumerate((("BnB", "o"), ("AnB", "v"), ("AnB+", "P"))):
            ax.scatter(*outputs[labels == label].T, 18, COLOURS[condition], marker=marker)
        ax.set(xticks=[], yticks=[], xlabel="unit 1", title=name.replace(" and", "\nand").replace("y some", "y\nsome"))
        ax.annotate(
            f"CKA {likeness(first, outputs):.2f}", (0.5, 0), (0, -38), "axes fraction", "offset points",
            ha="center", weight="bold", annotation_clip=False,
        )  # fmt: skip
    axes[0].set_ylabel("unit 2")
    return figure
