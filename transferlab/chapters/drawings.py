"""Drawings that explain and measure nothing, in the colours of `figures`: each returns its axes."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Rectangle

from transferlab.chapters.figures import EDGE, INKS, MUTED, ORIGINS, lock, new_axes


def schedules() -> Axes:
    """Draw what the lower and the upper layers of a network learn from, in the donor's training and in its own."""
    ax = new_axes(6.4, 4.4)
    rows = [  # what the lower layers learn first, and then
        ("base", "", "B"),
        ("BnB", "B", "frozen"),
        ("BnB+", "B", "B"),
        ("AnB+", "A", "B"),
    ]
    for row, (name, before, after) in enumerate(rows):
        y = -1.25 * row
        ax.text(-0.1, y + 0.5, name, ha="right", va="center", weight="bold", color=INKS[name])
        if before:
            _box(ax, 0, y, 2.2, 0.42, before, before)
        _box(ax, 2.4, y, 2.2, 0.42, after, "fresh" if after == "frozen" else after)
        _box(ax, 2.4, y + 0.52, 2.2, 0.42, "B", "B")
        ax.text(4.75, y + 0.73, "upper layers", va="center", color=MUTED)
        ax.text(4.75, y + 0.21, "lower layers", va="center", color=MUTED)
    for x, words in ((1.1, "donor’s training"), (3.5, "own training")):
        ax.text(x, 1.2, words, ha="center", weight="bold")
    ax.set(xlim=(-0.95, 6.3), ylim=(-3.85, 1.55))
    ax.axis("off")
    return ax


def overlaps() -> Axes:
    """Draw what layers of two tasks have in common, for tasks that are alike (above) and for others (below)."""
    ax = new_axes(6.4, 3.9)
    rows = {"two random halves": (0.2, 0.3, 0.45, 0.7), "natural and man-made": (0.3, 0.6, 0.9, 1.08)}
    for row, (words, distances) in enumerate(rows.items()):
        y = -2 * row
        ax.text(-0.9, y + 0.88, words, weight="bold")
        for column, (layer, apart) in enumerate(zip((1, 3, 5, 7), distances)):
            x = 2.35 * column
            for side, task in ((-1, "A"), (1, "B")):
                place = (x + side * apart / 2, y)
                ax.add_patch(Circle(place, 0.6, facecolor=ORIGINS[task], edgecolor=EDGE, alpha=0.6))
                ax.text(x + side * (apart / 2 + 0.33), y, task, ha="center", va="center")
            if row:
                ax.text(x, y - 0.95, f"layer {layer}", ha="center", color=MUTED)
    ax.set(xlim=(-1.3, 8.4), ylim=(-3.2, 1.2), aspect="equal")
    ax.axis("off")
    return ax


def streams() -> Axes:
    """Draw what crosses a cut: in a plain network the last layer's outputs, in a residual one the sum of all so far."""
    ax = new_axes(6.4, 3.4)
    arrow: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 10, "color": EDGE}
    for index in range(8):
        whose = "A" if index < 4 else "fresh"
        _box(ax, index, 1.6, 0.7, 0.6, "", whose)
        if index < 7:
            ax.add_patch(FancyArrowPatch((index + 0.7, 1.9), (index + 1, 1.9), **arrow))
        _box(ax, index, 0, 0.5, 0.5, "", whose)
        ax.add_patch(FancyArrowPatch((index - 0.1, -0.35), (index + 0.1, 0.02), **arrow))
        ax.add_patch(FancyArrowPatch((index + 0.4, 0.02), (index + 0.6, -0.35), **arrow))
    ax.add_patch(FancyArrowPatch((-0.5, -0.35), (8, -0.35), **arrow, linewidth=2))
    for low, high in ((1.4, 2.4), (-0.6, 0.7)):
        ax.plot([3.85, 3.85], [low, high], color=MUTED, linestyle="--")
    for y, words in ((2.55, "plain: each layer replaces what came before"), (0.85, "a stream: each block adds to it")):
        ax.text(-0.4, y, words, weight="bold")
    ax.set(xlim=(-0.6, 8.1), ylim=(-0.8, 2.9))
    ax.axis("off")
    return ax


def verdict_rules() -> Axes:
    """Draw one interval for each verdict, against zero and the smallest difference that matters."""
    ax = new_axes(6.4, 2.6)
    verdicts = {"holds": (0.45, 2.2), "does not hold": (-0.9, 0.6), "undecided": (-0.7, 1.9)}
    for y, (low, high) in enumerate(verdicts.values()):
        ax.plot([low, high], [y, y], color="#0b6e99", linewidth=2.5)
        ax.plot((low + high) / 2, y, marker="o", color="#0b6e99", markersize=8)
    ax.axvline(0, color="#000000", linewidth=1, linestyle="--")
    ax.axvline(1, color="#777777", linewidth=1, linestyle=":")
    ax.set_yticks(range(3), list(verdicts))
    ax.set_xticks([0, 1], ["0", "1 point, as stated"])
    ax.set(ylim=(2.6, -0.6), xlim=(-1.3, 2.6))
    return ax


def run_once() -> Axes:
    """Draw epochs in which frozen layers run each time, and epochs that read what they gave the first time."""
    ax = new_axes(6.4, 4.4)
    places = [(0, "epoch 1"), (1.75, "epoch 2"), (4.3, "last epoch")]
    for top, words in ((0, "by hand"), (-2.9, "Lab")):
        ax.text(-0.1, top + 2.2, words, weight="bold")
        ax.text(3.79, top + 1.1, "…", ha="center", va="center", fontsize=18)
        for x, epoch in places:
            again = words == "by hand" or x == 0
            if again:
                _box(ax, x, top + 0.3, 1.5, 0.65, "frozen", "fresh")
            else:
                ax.add_patch(Rectangle((x, top + 0.3), 1.5, 0.65, facecolor="none", edgecolor="#777777", linestyle=":"))
                ax.text(x + 0.75, top + 0.62, "read", ha="center", va="center", color=MUTED)
            _box(ax, x, top + 1.25, 1.5, 0.65, "trained", "B")
            _arrow(ax, (x + 0.75, top + 0.97), (x + 0.75, top + 1.24))
            ax.text(x + 0.75, top - 0.05, epoch, ha="center", color=MUTED, va="center")
    _arrow(ax, (1.5, -2.28), (1.74, -2.28))
    ax.set(xlim=(-0.2, 6.1), ylim=(-3.3, 2.6))
    ax.axis("off")
    return ax


def mistakes() -> Axes:
    """Draw the network that was meant and the five of the museum, n = 3; a heavy frame is around what differs."""
    ax = new_axes(6.4, 7)
    rows = [  # title, origins of the layers, the locked ones, those that are not as meant
        ("meant: AnB", "AAA", 3, ()),
        ("first: base A had seen B", ("AB", "AB", "AB"), 3, (0, 1, 2)),
        ("second: modules were counted, not layers", "A", 1, (1, 2)),
        ("third, meant to be BnB: nothing is frozen", "BBB", 0, (0, 1, 2)),
        ("fourth, meant to be AnB+: the top is not fresh", "AAABBBBB", 0, (3, 4, 5, 6, 7)),
        ("fifth: the weights are frozen, the statistics move", "AAA", 3, (0, 1, 2)),
    ]
    for row, (title, origins, locked, wrong) in enumerate(rows):
        y = -1.75 * row
        ax.text(0, y + 1.02, title, weight="bold" if row == 0 else "normal")
        for index in range(8):
            x, origin = float(index), origins[index] if index < len(origins) else "fresh"
            _box(ax, x, y, 0.8, 0.8, "", origin[:1] if origin != "fresh" else origin, heavy=index in wrong)
            if origin == "AB":
                ax.add_patch(Rectangle((x + 0.4, y), 0.4, 0.8, facecolor=ORIGINS["B"], edgecolor="none", zorder=2))
            ax.text(x + 0.4, y + 0.55, "" if origin == "fresh" else origin, ha="center", va="center", zorder=4)
            if index < locked:
                lock(ax, x + 0.4, y + 0.1, 1.1, is_open=row == 5, above=4)
    ax.set(xlim=(-0.1, 8), ylim=(-9, 1.6), aspect="equal")
    ax.axis("off")
    return ax


def _box(ax: Axes, x: float, y: float, width: float, height: float, words: str, origin: str, heavy: bool = False):
    edge: dict[str, Any] = {"edgecolor": "#D55E00" if heavy else EDGE, "linewidth": 3 if heavy else 1}
    shape = FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=0.08", facecolor="none", **edge)
    filled = FancyBboxPatch(
        (x, y), width, height, boxstyle="round,pad=0,rounding_size=0.08", facecolor=ORIGINS[origin], edgecolor="none"
    )
    filled.set_zorder(1)
    shape.set_zorder(3)
    ax.add_patch(filled)
    ax.add_patch(shape)
    ax.text(x + width / 2, y + height / 2, words, ha="center", va="center", zorder=4)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="->", mutation_scale=10, color=EDGE))
