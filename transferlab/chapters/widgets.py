"""The widgets of the rendered pages: HTML that works without a kernel and without internet access.

The drawing is done in the page by the scripts of `web/`, from numbers that are put beside them here. In a live
notebook `trainer` (ipywidgets) trains what is chosen.
"""

import html
import json
import math
import re
from collections.abc import Callable, Set
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
from transferlab.notation import CONDITIONS, DEPTHS, FAMILIES, Treatment
from transferlab.splits import SPLITS
from transferlab.store import Run

_numbers = count(1)


def explorer(
    lab: Lab, published: pd.DataFrame, logs: pd.DataFrame, mine: pd.DataFrame, yours: tuple[Run, ...] = ()
) -> HTML:
    """Return the explorer: choose n, condition, split and source; see the network's layers, place and learning.

    `published` and `logs` are tables of `study.published`; learning curves are those of the networks into B in
    `mine`, a table of `Lab.train`, of its first seed; a network that it lacks has none, and the page says so. `yours`
    are networks into B that the reader has trained: crosses, the last of which is the one chosen.
    """
    data = _explored(lab.recipe.network, published, logs, {run.treatment.condition for run in yours})
    learning = data["learning"]
    data["yours"] = [_yours(lab, run) for run in yours]
    mine = mine[mine.target == "B"]
    for row in mine[mine.seed.isin(mine.seed[:1])].itertuples():
        run = lab.run(row.network, row.split, row.seed)
        learning[row.split][row.network] = _learning(run)
    for run in yours:
        learning[run.spec["split"]][str(run.treatment)] = _learning(run)
    return _page("explorer", data, "The explorer: choose n and a condition, and see the network")


def small_explorer(published: pd.DataFrame, logs: pd.DataFrame, network: str = "mini") -> HTML:
    """Return an explorer of random halves only, ours against 2014, without learning curves: it needs no Lab."""
    similar, similar_2014 = (table[table.split == "random"] for table in (published, logs))
    data = _explored(network, similar, similar_2014) | {"small": True}
    return _page("explorer", data, "Choose n and a condition: what did the transplant cost, here and in 2014?")


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
    lows = [value for row in ours + theirs for value in (row["mean"], row["low"]) if value is not None]
    data = {
        "question": question,
        "depths": list(DEPTHS),
        "ours": ours,
        "theirs": theirs,
        "look": {"colour": figures.COLOURS[condition], "marker": figures.MARKERS[condition]},
        "low": 10 * int(min(lows) // 10) - 10,
        "high": 10,
        "legend": " Filled markers are ours, hollow ones 2014's." if theirs else " 2014 has no such networks.",
    }
    return _page("predict", data, f"Predict the curve of {condition}, then reveal it")


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

    The tables are those of `explorer`.
    """
    chosen = widgets.ToggleButtons(options=list(FAMILIES[1:]), description="condition")
    n = widgets.IntSlider(value=3, min=min(DEPTHS), max=max(DEPTHS), description="n")
    button, said, page = widgets.Button(description="Train"), widgets.Output(), widgets.Output()
    trained: list[Run] = []

    def draw() -> None:
        page.outputs = ()
        page.append_display_data(explorer(lab, published, logs, mine, tuple(trained)))

    def train(_) -> None:
        treatment = Treatment.of(chosen.value, n.value)
        said.clear_output()
        with said:
            button.disabled = True
            try:
                trained.append(train_or_find(lab, treatment, split, seed))
                print(sentence(trained[-1], lab.run(f"base{treatment.target}", split, seed)))
            finally:
                button.disabled = False
        draw()

    button.on_click(train)
    draw()
    return widgets.VBox([chosen, n, button, said, page])


def train_or_find(lab: Lab, treatment: Treatment, split: str, seed: int, bar: Callable[..., tqdm] = tqdm) -> Run:
    """Return a network, trained now with a `bar` of its epochs, or found in the store, and say which."""
    if found := lab.store.find(lab.spec(treatment, split, seed)):
        print(f"{treatment} ({split}, seed {seed}) was found in the store.")
        return found
    done, epochs = progress(lab, treatment, split, seed)
    with bar(total=epochs, initial=done, desc=str(treatment)) as shown:
        run = lab.run(treatment, split, seed, on_epoch=lambda row: shown.update(row["epoch"] - shown.n))
        shown.update(run.result["epochs"] - shown.n)  # trained on a cluster, no epoch was heard of
    return run


def progress(lab: Lab, treatment: Treatment, split: str, seed: int) -> tuple[int, int]:
    """Return how many epochs of a network's training are finished, and how many there are in all."""
    experiment = lab.experiment(treatment, split, seed)
    _, steps, total = training.length(experiment.schedule(), len(experiment.task().train_labels))
    reached = lab.store.checkpoint(lab.spec(treatment, split, seed)).load()
    return len(reached.rows) if reached else 0, math.ceil(total / steps)


def sentence(run: Run, base: Run) -> str:
    """Say in words how a network did."""
    difference = 100 * (run.accuracy - base.accuracy)
    side = "above" if difference > 0 else "below"
    return (
        f"{run.treatment} gets {run.accuracy:.1%} of the held-out images of task {run.treatment.target} right: "
        f"{abs(difference):.1f} points {side} {base.treatment}."
    )


def _series(table: pd.DataFrame) -> dict:
    """Return rows of n, mean, interval and every network, by split, measure and condition."""
    parts = {split: table[table.split == split] for split in SPLITS}
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
    base = lab.run(f"base{run.treatment.target}", run.spec["split"], run.spec["seed"])
    points = _number(100 * (run.accuracy - base.accuracy))
    where = {"split": run.spec["split"], "condition": run.treatment.condition, "n": run.treatment.n}
    return {**where, "accuracy": _number(run.accuracy), "points": points}


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


def _page(script: str, data: dict, label: str) -> HTML:
    """Return a script of `web/` with its data. What looks like markup in the data stays data."""
    name = f"tl-{script}-{next(_numbers)}"
    return HTML(
        f"<style>{web_file('colours.css')}{web_file('widgets.css')}</style>"
        f'<div class="tl-widget" id="{name}" role="group" aria-label="{label}"></div>'
        f"<script>(() => {{\n{web_file('chart.js')}\n{web_file(script + '.js')}\n"
        f'{script}(document.getElementById("{name}"), {_script_data(data)});\n}})();</script>'
    )
