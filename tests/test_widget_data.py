"""What the widgets are given, and that data stays data."""

import base64
import io
import json
import re

import pytest
from IPython.display import HTML
from matplotlib import pyplot as plt
from PIL import Image

from transferlab import Lab, Treatment, study
from transferlab.chapters import figures
from transferlab.chapters.exercises import Riddle, fnv1a
from transferlab.chapters.widgets import (
    _fixed,
    _span,
    explorer,
    predict,
    progress,
    riddle,
    sentence,
    small_explorer,
    train_or_find,
    trainer,
)


def data_of(html):
    return json.loads(
        re.search(r'\("#?tl-[^"]*"\)(?:\.parentElement)?, (.*)\);\n\}\)\(\);</script>$', html.data).group(1)
    )


@pytest.fixture(scope="module")
def tables():
    return study.published(), study.published("networks_2014")


def test_the_explorer_has_the_means_and_every_network_of_the_tables(lab, tables):
    mine = lab.sweep(("base", "AnB"), (4,))
    data = data_of(explorer(lab, *tables, mine))
    for source, table in zip(("ours", "2014"), tables, strict=True):
        similar = table[(table.split == "random") | ((table.split == "all") & (table.condition == "random"))]
        means = figures.summary(similar).set_index(["condition", "n"])
        for condition, rows in data["series"][source]["random"]["accuracy"].items():
            for row in rows:
                assert row["mean"] == pytest.approx(means.loc[(condition, row["n"]), "mean"], abs=1e-4)
                assert len(row["values"]) == means.loc[(condition, row["n"]), "networks"]
    run = lab.run("A4B")
    assert data["learning"]["random"]["A4B"]["test"][-1] == [2, round(run.accuracy, 4)]
    assert set(data["learning"]["random"]) == {"baseA", "baseB", "A4B"} - {"baseA"}


def test_a_prediction_is_held_against_differences_from_the_own_base(tables):
    published, logs = (table[table.split == "random"] for table in tables)
    data = data_of(predict("AnB", published, logs, "What?"))
    logged = logs[logs.condition == "AnB"]
    points = 100 * (logged.accuracy - logged.base_accuracy)
    assert [row["mean"] for row in data["theirs"]] == pytest.approx(points.groupby(logged.n).mean(), abs=1e-3)
    assert data["low"] <= min(row["low"] for row in data["ours"] + data["theirs"])
    assert data["high"] >= max(row["high"] for row in data["ours"] + data["theirs"])
    with pytest.raises(ValueError, match="no networks of the condition BnB"):
        predict("BnB", published[published.condition == "AnB"], logs, "What?")


@pytest.mark.parametrize(
    ("low", "high", "axis"),
    [(-0.2, 2.2, (-3, 3)), (-3.3, 1.1, (-5, 5)), (-19.8, 2, (-20, 5)), (-33.4, 7.3, (-40, 10)), (2, 17, (-5, 20))],
)
def test_the_axis_of_a_prediction_shows_one_point_and_both_signs(low, high, axis):
    assert _span([{"mean": low, "low": None, "high": None}, {"mean": high, "low": low, "high": high}]) == axis


def test_the_random_filters_of_2014_are_shown_as_what_they_are(lab, tables):
    """They were trained on all classes, and each is a difference from the base of all."""
    for html in (explorer(lab, *tables, lab.train([])), small_explorer(*tables)):
        random = data_of(html)["series"]["2014"]["random"]["points"]["random"]
        assert [row["n"] for row in random] == list(range(1, 8))
        assert random[2]["mean"] == pytest.approx(100 * (0.0011140 - 0.5763054), abs=1e-3)
        assert len(data_of(html)["series"]["2014"]["random"]["accuracy"]["base"][0]["values"]) == 8


def test_a_still_figure_stands_where_scripts_do_not_run(tables):
    """JupyterLab takes scripts, styles and <svg> out of a notebook that is not trusted; an <img> and its words stay."""
    similar = [table[table.split == "random"] for table in tables]
    for html in (small_explorer(*tables).data, predict("BnB", *similar, "What <b>?").data):
        still = re.search('<div class="tl-still">(.*?)</div></div><script>', html, re.DOTALL)[1]
        assert "no scripts run here" in still and "Trust Notebook" in still
        picture = re.search('<img alt="([^"]+)" src="data:image/png;base64,([^"]+)">', still)
        assert "AnB" in picture[1] or "BnB" in picture[1]
        image = Image.open(io.BytesIO(base64.b64decode(picture[2])))
        assert image.width > 400 and len(image.convert("RGB").getcolors(100_000)) > 20
    assert "What &lt;b&gt;?" in still and still.index("<details>") < still.index("<img")  # the answer is folded
    assert not plt.get_fignums()  # a figure left open would be shown once more below the cell


def test_markup_in_data_stays_data(tables):
    published, logs = (table[table.split == "random"] for table in tables)
    html = predict("AnB", published, logs, "</script><script>alert(1)</script>").data
    assert html.count("<script>") == html.count("</script>") == 1
    assert data_of(predict("AnB", published, logs, "<b>"))["question"] == "<b>"


def test_a_riddle_reads_without_its_script_and_does_not_show_its_answer():
    choices = {"a": ("one `n`, <i>or</i> none", "no </script>."), "b": ("two", "yes.")}
    html = riddle(Riddle("some", "How many?", choices, fnv1a("some:b")))
    assert html.data.count("<script>") == html.data.count("</script>") == 1
    assert data_of(html) == {"name": "some", "right": fnv1a("some:b"), "replies": {"a": "no </script>.", "b": "yes."}}
    text = re.sub("<(style|script)>.*?</\\1>", "", html.data, flags=re.DOTALL)
    assert "<legend>How many?</legend>" in text and "<code>n</code>, &lt;i&gt;or&lt;/i&gt; none" in text
    assert text.count('type="radio"') == 2
    names = [re.search('name="([^"]+)"', riddle(Riddle("some", "?", choices, "")).data)[1] for _ in range(2)]
    assert names[0] != names[1]


def test_the_live_explorer_trains_what_is_chosen_and_adds_its_cross(lab, tables):
    widget = trainer(lab, *tables, lab.sweep(("base",), (1,)), "random", 1)
    chosen, n, button, _, page = widget.children
    (shown,) = page.outputs
    assert data_of_output(shown)["yours"] == [] and button.description == "Train B3B, seed 1"
    chosen.value, n.value = "BnB", 5
    assert button.description == "Train B5B, seed 1"
    button.click()
    run, base = lab.store.find(lab.spec("B5B", "random", 1)), lab.run("baseB", seed=1)
    assert run and not button.disabled and button.description == "Show B5B, seed 1"
    (shown,) = page.outputs
    points = round(100 * (run.accuracy - base.accuracy), 4)
    (cross,) = data_of_output(shown)["yours"]
    words = cross.pop("said")
    assert cross == {
        "split": "random",
        "condition": "BnB",
        "n": 5,
        "accuracy": round(run.accuracy, 4),
        "points": points,
    }
    assert sentence(lab, run) == f"B5B, seed 1: {words}."
    learned = data_of_output(shown)["learning"]["random"]["B5B"]
    assert learned["base"]["test"][-1][1] == round(base.accuracy, 4)  # of its own seed, not of the sweep's


@pytest.mark.parametrize(
    ("value", "text"), [(66.25, "66.3"), (57.349999999999994, "57.3"), (0.05, "0.1"), (0.25, "0.3"), (0, "0.0")]
)
def test_numbers_are_rounded_as_in_a_browser(value, text):
    """`toFixed` rounds a tie up, Python's formats to the even digit: 66.2."""
    assert str(_fixed(value)) == text


def data_of_output(output):
    return data_of(HTML(output["data"]["text/html"]))


class Bar:
    """A progress bar that remembers what it was told."""

    def __init__(self, total, initial, desc, unit="epoch"):
        self.total, self.initial, self.desc, self.n, self.seen = total, initial, desc, initial, []

    def __call__(self, **told):
        self.__init__(**told)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, by):
        self.n += by
        self.seen.append(self.n)


def test_a_condition_that_only_the_reader_has_is_shown(lab, tables):
    mine = lab.train([("baseB", "random", 0)])
    assert "AnB++" not in data_of(explorer(lab, *tables, mine))["names"]
    data = data_of(explorer(lab, *tables, mine, (lab.run("A4B++"),)))
    assert data["names"]["AnB++"] == "AnB++" and data["conditions"][-1]["name"] == "AnB++"
    assert data["yours"][-1]["condition"] == "AnB++"


def test_what_has_to_be_trained_first_has_a_bar_of_its_own(tmp_path):
    """So that no bar stands still while something else is trained."""
    lab, bars = Lab(scale="smoke", runs=tmp_path, device="cpu"), []

    def bar(**told):
        bars.append(Bar(told["total"], told["initial"], told["desc"]))
        return bars[-1]

    train_or_find(lab, Treatment.parse("A3B"), "random", 1, bar)
    assert [each.desc for each in bars] == ["baseB, first", "baseA, first", "A3B"]
    assert all(each.seen[:2] == [1, 2] and each.n == each.total == 2 for each in bars)


@pytest.mark.parametrize(
    ("changes", "epochs"),
    [
        ({}, 2),
        ({"iterations": 25}, 3),  # 10 steps an epoch
        ({"train_per_class": {"B": 4}}, 4),  # half of the images, as many steps
    ],
)
def test_the_bar_counts_the_epochs_that_there_will_be(tmp_path, changes, epochs):
    lab, bar = Lab(scale="smoke", runs=tmp_path, device="cpu", **changes), Bar(0, 0, "")
    run = train_or_find(lab, Treatment.parse("baseB"), "random", 0, bar)
    assert (bar.total, bar.initial, bar.n, len(run.history)) == (epochs, 0, epochs, epochs)
    assert bar.seen[:epochs] == list(range(1, epochs + 1))


def test_after_a_stop_the_bar_starts_where_the_training_goes_on(tmp_path):
    lab, bar, treatment = (
        Lab(scale="smoke", runs=tmp_path, device="cpu", epochs=4),
        Bar(0, 0, ""),
        Treatment.parse("baseB"),
    )

    def stop(row):
        if row["epoch"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lab.run(treatment, on_epoch=stop)
    assert progress(lab, treatment, "random", 0) == (3, 4)
    train_or_find(lab, treatment, "random", 0, bar)
    assert (bar.total, bar.initial, bar.n) == (4, 3, 4)


def test_a_network_of_the_store_is_found_and_has_no_bar(lab, capsys):
    run = lab.run("baseB")
    assert train_or_find(lab, Treatment.parse("baseB"), "random", 0, bar=None).path == run.path
    assert capsys.readouterr().out == "baseB (random, seed 0) was found in the store.\n"


def test_the_explorer_copes_with_missing_networks(lab, tables):
    none = lab.train([])
    assert data_of(explorer(lab, *tables, none))["learning"]["random"] == {}
