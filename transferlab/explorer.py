"""The explorer: choose n and the condition, see the network, its learning curve and its place among the others.

Plain ipywidgets joined in the browser (`jslink`), every state drawn beforehand: it works in a rendered page
without a kernel.
"""

import base64
import html
import io

import ipywidgets as widgets
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from transferlab import figures
from transferlab.lab import Lab
from transferlab.notation import CONDITIONS, LAYERS, Treatment
from transferlab.store import Run


def explorer(lab: Lab, table: pd.DataFrame, study: pd.DataFrame | None = None, target: str = "B") -> widgets.VBox:
    """The widget for the networks into `target` of a `lab.sweep` table (one split; its first seed is shown).

    n = 0 shows the base network in every condition. With `study`, a published table, its curves are drawn and
    the networks of `table` are crosses on top.
    """
    table = table[table.target == target]
    split, seed = table.split.iloc[0], int(table.seed.iloc[0])
    names = [condition for condition in CONDITIONS[1:] if condition in set(table.condition)]
    # drawn once; each state moves the ring on it
    if study is None or study.empty:
        place = figures.accuracy_over_n(table, ax=_axes())
    else:
        place = figures.accuracy_over_n(study, ax=_axes(), mine=table)
    base = lab.run(f"base{target}", split, seed)
    at_zero = _state(base, None, place)

    def state(treatment: Treatment) -> widgets.HTML:
        if str(treatment) not in set(table.network):
            return widgets.HTML(f"<p>{treatment} was not asked for in this sweep.</p>")
        return _state(lab.run(treatment, split, seed), base, place)

    def states(condition: str) -> list[widgets.HTML]:
        return [at_zero, *(state(Treatment.of(condition, n, target)) for n in range(1, LAYERS))]

    chosen = widgets.ToggleButtons(options=names, description="condition", style={"button_width": "4.5rem"})
    n = widgets.IntSlider(value=0, min=0, max=LAYERS - 1, description="n", continuous_update=True)
    by_n = [widgets.Stack(states(condition), selected_index=0) for condition in names]
    plt.close(place.figure)
    for stack in by_n:
        widgets.jslink((n, "value"), (stack, "selected_index"))
    by_condition = widgets.Stack(by_n, selected_index=0)
    widgets.jslink((chosen, "index"), (by_condition, "selected_index"))
    return widgets.VBox([chosen, n, by_condition]).add_class("transferlab-explorer")


def sentence(run: Run, base: Run | None) -> str:
    """What a network is and how it did, in words."""
    treatment, score = run.treatment, f"{run.accuracy:.1%} of the held-out images"
    if base is None:
        return f"{treatment} was trained from scratch on task {treatment.target}. It gets {score} right."
    layers = f"The first {treatment.n} layers" if treatment.n > 1 else "The first layer"
    were = "were" if treatment.n > 1 else "was"
    origin = f"copied from base{treatment.source}" if treatment.parent else "left at random values"
    fate = "fine-tuned with the rest" if treatment.fine_tuned else "kept frozen"
    difference = 100 * (run.accuracy - base.accuracy)
    side = "above" if difference > 0 else "below"
    return (
        f"{layers} of {treatment} {were} {origin} and {fate}; the other {LAYERS - treatment.n} began fresh. It gets "
        f"{score} of task {treatment.target} right: {abs(difference):.1f} points {side} {base.treatment}."
    )


def _state(run: Run, base: Run | None, place: Axes) -> widgets.HTML:
    """One picture of the explorer: diagram, place on the curve, learning curves, and the sentence."""
    ring = place.plot(run.treatment.n, run.accuracy, "o", markersize=17, markerfacecolor="none", color="#111111")
    place.set_title(f"{run.treatment} among the others", fontsize=10)
    learning = figures.learning_curves([r for r in (base, run) if r], _axes())
    learning.set_title("learning", fontsize=10)
    diagram = figures.diagram(run.treatment, _axes(6.4, 1.4))
    text = sentence(run, base)
    pictures = (
        (diagram, f"The eight layers of {run.treatment}: {text}", "100%"),
        (place, f"Accuracy over n with {run.treatment} ringed: {run.accuracy:.1%}", "18rem"),
        (learning, f"Accuracy of {run.treatment} by epoch, ending at {run.accuracy:.1%}", "18rem"),
    )
    images = "".join(
        f'<img src="data:image/png;base64,{_png(ax)}" alt="{html.escape(alt)}" style="flex:1 1 {width};min-width:0">'
        for ax, alt, width in pictures
    )
    for line in ring:
        line.remove()
    for ax in (diagram, learning):
        plt.close(ax.figure)
    return widgets.HTML(f'<p>{html.escape(text)}</p><div style="display:flex;flex-wrap:wrap">{images}</div>')


def _axes(width: float = 4.6, height: float = 3.4) -> Axes:
    """Axes with margins of their own: three times as fast to draw as the house's."""
    figure, ax = plt.subplots(figsize=(width, height))
    figure.subplots_adjust(left=0.15, right=0.97, bottom=0.15, top=0.9)
    return ax


def _png(ax: Axes) -> str:
    file = io.BytesIO()
    ax.figure.savefig(file, dpi=90)
    return base64.b64encode(file.getvalue()).decode()
