"""The widgets of the rendered pages: HTML that works without a kernel and without internet access.

The drawing is done in the page by the scripts of `web/`, from numbers that are put beside them here. Where scripts do
not run, as in a notebook that is not trusted, a figure of the same numbers stands in their place. In a live
notebook `trainer` (ipywidgets) trains what is chosen.
"""

import base64
import html
import io
import json
import math
import re
from collections.abc import Callable, Sequence, Set
from decimal import ROUND_HALF_UP, Decimal
from itertools import count

import ipywidgets as widgets
import pandas as pd
from IPython.display import HTML
from tqdm.notebook import tqdm

from transferlab import training
from transferlab.chapters import figures
from transferlab.chapters.assets import web_file
from transferlab.chapters.exercises import Riddle
from transferlab.lab import Lab
from transferlab.networks import layer_names
from transferlab.notation import CONDITIONS, DEPTHS, FAMILIES, Treatment, lineage
from transferlab.splits import SPLITS
from transferlab.store import Run

_numbers = count(1)
BOUNDS = (2, 3, 5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 100)  # where the axis of a prediction may end, in points
SCRIPTS = (
    "This is a still picture: no scripts run here. In JupyterLab, run the cell, or trust the notebook (Ctrl+Shift+C, "
    "Trust Notebook); in a browser, allow scripts."
)


def explorer(
    lab: Lab,
    published: pd.DataFrame,
    logs: pd.DataFrame,
    mine: pd.DataFrame,
    yours: tuple[Run, ...] = (),
    emoji: pd.DataFrame | None = None,
) -> HTML:
    """Return the explorer: choose n, condition, split and source; see the network's layers, place and learning.

    `published` and `logs` are tables of `study.published`; learning curves are those of the networks into B in
    `mine`, a table of `Lab.train`, of its first seed; a network that it lacks has none, and the page says so. `yours`
    are networks into B that the reader has trained: crosses, the last of which is the one chosen. `emoji` is the
    published table of that data set: a choice of its own, beside ours and 2014.
    """
    data = _explored(lab.recipe.network, published, logs, {run.treatment.condition for run in yours})
    if emoji is not None and len(emoji):
        data["series"]["emoji"] = _series(emoji)
    learning = data["learning"]
    data["yours"] = [_yours(lab, run) for run in yours]
    mine = mine[mine.target == "B"]
    for row in mine[mine.seed.isin(mine.seed[:1])].itertuples():
        run = lab.run(row.network, row.split, row.seed)
        learning[row.split][row.network] = _learning(run)
    for run in yours:
        learned = _learning(run) | {"base": _learning(_base(lab, run))}
        learning[run.spec["split"]][str(run.treatment)] = learned
    still = _still_explorer(published, logs)
    return _page("explorer", data, "The explorer: choose n and a condition, and see the network", still)


def small_explorer(published: pd.DataFrame, logs: pd.DataFrame, network: str = "mini") -> HTML:
    """Return an explorer of random halves only, ours against 2014, without learning curves: it needs no Lab."""
    similar, similar_2014 = (table[table.split != "kingdom"] for table in (published, logs))
    data = _explored(network, similar, similar_2014) | {"small": True}
    label = "Choose n and a condition: what did the transplant cost, here and in 2014?"
    return _page("explorer", data, label, _still_explorer(similar, similar_2014))


def _explored(network: str, published: pd.DataFrame, logs: pd.DataFrame, own: Set[str] = frozenset()) -> dict:
    """Return what every explorer shows: the conditions of 2014, and later ones that the tables or the reader have."""
    conditions = [name for name in FAMILIES if name in {*CONDITIONS, *published.condition, *own}]
    return {
        "layers": layer_names(network),
        "conditions": [
            {
                "name": name,
                "colour": figures.COLOURS[name],
                "ink": figures.INKS[name],
                "marker": figures.MARKERS[name],
            }
            for name in conditions
        ],
        "names": {name: str(Treatment.of(name, 1)).replace("1", "n") for name in conditions[1:]},
        "origins": figures.ORIGINS,
        "series": {"ours": _series(published), "2014": _series(logs)},
        "learning": {split: {} for split in SPLITS},
        "yours": [],
    }


def predict(condition: str, published: pd.DataFrame, logs: pd.DataFrame, question: str) -> HTML:
    """Return sliders for n = 1..7 to set the curve of `condition` that one expects; a button reveals the real one.

    The tables are of one split. The curve is that of accuracy minus that of the base of the same task, in points.
    """
    ours, theirs = (_points(table).get(condition, []) for table in (published, logs))
    if not ours:
        raise ValueError(f"the table has no networks of the condition {condition}; it has {set(published.condition)}")
    low, high = _span(ours + theirs)
    data = {
        "question": question,
        "depths": list(DEPTHS),
        "ours": ours,
        "theirs": theirs,
        "look": {"colour": figures.COLOURS[condition], "marker": figures.MARKERS[condition]},
        "low": low,
        "high": high,
        "step": 0.1 if high - low <= 10 else 0.5 if high - low <= 50 else 1,
        "legend": " Filled markers are ours, hollow ones 2014's." if theirs else " 2014 has no such networks.",
    }
    still = (
        f"<p>{_inline(question)}</p><p>Write down your guess before you open the curve. {SCRIPTS}</p>"
        f"<details><summary>The curve</summary>{_still(published, logs, (condition,))}</details>"
    )
    return _page("predict", data, f"Predict the curve of {condition}, then reveal it", still)


def _span(rows: list[dict]) -> tuple[int, int]:
    """Return the ends of an axis on which an effect of one point can be set, with all rows and both signs on it.

    Where all is small the axis is symmetric; otherwise the side with less on it is a quarter as long as the other, or
    as long as it has to be.
    """
    values = [value for row in rows for value in (row["mean"], row["low"], row["high"]) if value is not None]
    down, up = max(0, -min(values)), max(0, max(values))
    bound = next((each for each in BOUNDS if each >= max(down, up)), 100)
    if bound <= 5:
        return -bound, bound
    other = next(each for each in BOUNDS if each >= max(min(down, up), bound / 4))
    return (-bound, other) if down >= up else (-other, bound)


def _still_explorer(published: pd.DataFrame, logs: pd.DataFrame) -> str:
    similar, similar_2014 = (table[table.split == "random"] for table in (published, logs))
    return f"<p>{SCRIPTS}</p>{_still(similar, similar_2014, [each for each in CONDITIONS[1:] if each != 'random'])}"


def _still(published: pd.DataFrame, logs: pd.DataFrame, conditions: Sequence[str]) -> str:
    """Return a picture of what conditions cost, ours and (hollow) 2014's; the tables are of one split.

    It is an <img>: JupyterLab takes <svg> out of a notebook that is not trusted.
    """
    ours, theirs = (table[table.condition.isin(conditions)] for table in (published, logs))
    if not len(ours):
        return ""
    ax = figures.difference_over_n(ours, conditions)
    if len(theirs):
        figures.difference_over_n(theirs, conditions, ax, hollow="2014")
    file, figure = io.BytesIO(), ax.get_figure(root=True)
    assert figure
    figure.savefig(file, format="png", dpi=90, facecolor="white", bbox_inches="tight")
    figures.plt.close(figure)
    words = f"Points above or below the base against n: {', '.join(conditions)}. Filled markers: ours. Hollow: 2014."
    return f'<img alt="{words}" src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}">'


def riddle(asked: Riddle) -> HTML:
    """Return a riddle to be answered in the page: its choices, and a button that tells right from not yet.

    The question and the choices are plain HTML, and can be read where no script runs.
    """
    name = f"tl-riddle-{next(_numbers)}"
    choices = "".join(
        f'<label><input type="radio" name="{name}" value="{letter}">'
        f"<span><b>{letter}</b> {_inline(text)}</span></label>"
        for letter, (text, _) in asked.choices.items()
    )
    replies = {letter: reply for letter, (_, reply) in asked.choices.items()}
    data = _script_data({"name": asked.name, "right": asked.right, "replies": replies})
    return HTML(
        f"<style>{web_file('riddle.css')}</style>"
        f'<form class="tl-riddle" id="{name}"><fieldset><legend>{_inline(asked.question)}</legend>{choices}</fieldset>'
        f'<p class="tl-reply" role="status" aria-live="polite"></p></form>'
        f"<script>(() => {{\n{web_file('riddle.js')}\n"
        f'riddle(document.getElementById("{name}"), {data});\n}})();</script>'
    )


def trainer(
    lab: Lab, published: pd.DataFrame, logs: pd.DataFrame, mine: pd.DataFrame, split: str, seed: int
) -> widgets.VBox:
    """Return the explorer for a live notebook: it also trains the chosen network, with a bar, and adds a cross for it.

    The tables are those of `explorer`. With a `seed` that no sweep has had, every choice is something to train.
    """
    chosen = widgets.ToggleButtons(options=list(FAMILIES[1:]), description="condition")
    n = widgets.IntSlider(value=3, min=min(DEPTHS), max=max(DEPTHS), description="n")
    button, said, page = widgets.Button(), widgets.Output(), widgets.Output()
    trained: list[Run] = []

    def name() -> Treatment:
        return Treatment.of(chosen.value, n.value)

    def offer(_=None) -> None:
        found = lab.store.find(lab.spec(name(), split, seed))
        button.description = f"Show {name()}, seed {seed}" if found else f"Train {name()}, seed {seed}"
        button.tooltip = "It is in the store already." if found else "It is not in the store yet."

    def draw() -> None:
        page.outputs = ()
        page.append_display_data(explorer(lab, published, logs, mine, tuple(trained)))

    def train(_) -> None:
        said.clear_output()
        with said:
            button.disabled = True
            try:
                trained.append(train_or_find(lab, name(), split, seed))
                print(sentence(lab, trained[-1]))
            finally:
                button.disabled = False
        offer()
        draw()

    button.layout.width = "auto"
    button.on_click(train)
    for each in (chosen, n):
        each.observe(offer, names="value")
    offer()
    draw()
    return widgets.VBox([chosen, n, button, said, page])


def train_or_find(lab: Lab, treatment: Treatment, split: str, seed: int, bar: Callable[..., tqdm] = tqdm) -> Run:
    """Return a network, trained now with a `bar` of its epochs, or found in the store, and say which.

    What has to be trained before it, and before a comparison with its base, is trained first, each with its own bar.
    """
    if found := lab.store.find(lab.spec(treatment, split, seed)):
        print(f"{treatment} ({split}, seed {seed}) was found in the store.")
        return found
    before = [Treatment.parse(name) for name, *_ in lineage((f"base{treatment.target}", split, seed))]
    before += [Treatment.parse(name) for name, *_ in lineage((str(treatment), split, seed))[:0:-1]]
    for each in dict.fromkeys(before):
        if each != treatment and not lab.store.find(lab.spec(each, split, seed)):
            _train(lab, each, split, seed, bar, f"{each}, first")
    return _train(lab, treatment, split, seed, bar, str(treatment))


def _train(lab: Lab, treatment: Treatment, split: str, seed: int, bar: Callable[..., tqdm], words: str) -> Run:
    done, epochs = progress(lab, treatment, split, seed)
    with bar(total=epochs, initial=done, desc=words, unit="epoch") as shown:
        run = lab.run(treatment, split, seed, on_epoch=lambda row: shown.update(row["epoch"] - shown.n))
        shown.update(run.result["epochs"] - shown.n)  # trained on a cluster, no epoch was heard of
    return run


def progress(lab: Lab, treatment: Treatment, split: str, seed: int) -> tuple[int, int]:
    """Return how many epochs of a network's training are finished, and how many there are in all."""
    experiment = lab.experiment(treatment, split, seed)
    _, steps, total = training.length(experiment.schedule(), experiment.images())
    reached = lab.store.checkpoint(lab.spec(treatment, split, seed)).load()
    return len(reached.rows) if reached else 0, math.ceil(total / steps)


def sentence(lab: Lab, run: Run) -> str:
    """Say in words how a network did, in the numbers that the explorer says."""
    return f"{run.treatment}, seed {run.spec['seed']}: {_yours(lab, run)['said']}."


def _series(table: pd.DataFrame) -> dict:
    """Return rows of n, mean, interval and every network, by split, measure and condition."""
    parts = {split: table[table.split == split] for split in SPLITS}
    # the random filters of 2014 were trained on all classes, and are compared with a base of all
    parts["random"] = pd.concat([parts["random"], table[(table.split == "all") & (table.condition == "random")]])
    return {split: {"accuracy": _rows(part, "accuracy"), "points": _points(part)} for split, part in parts.items()}


def _points(table: pd.DataFrame) -> dict:
    against = table.assign(points=100 * (table.accuracy - table.base_accuracy)).dropna(subset="points")
    return _rows(against[against.condition != "base"], "points")


def _rows(table: pd.DataFrame, value: str) -> dict:
    rows: dict[str, list] = {}
    for row in figures.summary(table, value).itertuples():
        same = table[(table.condition == row.condition) & (table.n == row.n)]
        numbers = {name: _number(getattr(row, name)) for name in ("mean", "low", "high")}
        rows.setdefault(row.condition, []).append(
            {"n": int(row.n), **numbers, "values": [_number(each) for each in same[value]]}
        )
    return rows


def _yours(lab: Lab, run: Run) -> dict:
    base = _base(lab, run)
    accuracy, points = _number(run.accuracy), _number(100 * (run.accuracy - base.accuracy))
    data = {"split": run.spec["split"], "condition": run.treatment.condition, "n": run.treatment.n}
    data |= {"accuracy": accuracy, "points": points, "said": "nothing, since its training diverged"}
    if accuracy is not None and points is not None:
        sign = "\N{MINUS SIGN}" if points < 0 else "+"
        data["said"] = f"{_fixed(100 * accuracy)} % right, {sign}{_fixed(abs(points))} points against {base.treatment}"
    return data


def _base(lab: Lab, run: Run) -> Run:
    return lab.run(f"base{run.treatment.target}", run.spec["split"], run.spec["seed"])


def _fixed(value: float) -> Decimal:
    """Return a number of 0 or more with one decimal, rounded as `toFixed` rounds it in a browser."""
    return Decimal(value).quantize(Decimal("0.1"), ROUND_HALF_UP)


def _learning(run: Run) -> dict:
    history = run.history
    test = history.dropna(subset="test_accuracy")
    return {
        "epoch": history.epoch.tolist(),
        "train": [_number(value) for value in history.train_accuracy],
        "test": [[int(epoch), _number(value)] for epoch, value in zip(test.epoch, test.test_accuracy, strict=True)],
    }


def _number(value: float) -> float | None:
    return None if pd.isna(value) else round(float(value), 4)


def _script_data(data: dict) -> str:
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def _inline(text: str) -> str:
    """Return a text as HTML, what stands in backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _page(script: str, data: dict, label: str, still: str) -> HTML:
    """Return a script of `web/` with its data. What looks like markup in the data stays data.

    `still` is HTML that stands there until the script runs. A notebook may have outputs of several kernels, with the
    same name: a script takes the first of that name that is still as it was.
    """
    name = f"tl-{script}-{next(_numbers)}"
    return HTML(
        f"<style>{web_file('colours.css')}{web_file('widgets.css')}</style>"
        f'<div class="tl-widget" id="{name}" role="group" aria-label="{label}">'
        f'<div class="tl-still">{still}</div></div>'
        f"<script>(() => {{\n{web_file('chart.js')}\n{web_file(script + '.js')}\n"
        f'{script}(document.querySelector("#{name} > .tl-still").parentElement, {_script_data(data)});\n}})();</script>'
    )
