"""What the widgets are given, and that data stays data."""

import json
import re

import pytest
from IPython.display import HTML

from transferlab import Lab, Treatment, study
from transferlab.chapters import figures
from transferlab.chapters.exercises import Riddle, fnv1a
from transferlab.chapters.widgets import explorer, predict, progress, riddle, train_or_find, trainer


def data_of(html):
    return json.loads(re.search(r'getElementById\("[^"]*"\), (.*)\);\n\}\)\(\);</script>$', html.data).group(1))


@pytest.fixture(scope="module")
def tables():
    return study.published(), study.published("networks_2014")


def test_the_explorer_has_the_means_and_every_network_of_the_tables(lab, tables):
    mine = lab.sweep(("base", "AnB"), (4,))
    data = data_of(explorer(lab, *tables, mine))
    for source, table in zip(("ours", "2014"), tables, strict=True):
        similar = table[table.split == "random"]
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
    with pytest.raises(ValueError, match="no networks of the condition BnB"):
        predict("BnB", published[published.condition == "AnB"], logs, "What?")


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
    widget = trainer(lab, *tables, lab.sweep(("base",), (1,)), "random", 0)
    chosen, n, button, _, page = widget.children
    (shown,) = page.outputs
    assert data_of_output(shown)["yours"] == []
    chosen.value, n.value = "BnB", 5
    button.click()
    run, base = lab.store.find(lab.spec("B5B", "random", 0)), lab.run("baseB")
    assert run and not button.disabled
    (shown,) = page.outputs
    points = round(100 * (run.accuracy - base.accuracy), 4)
    cross = {"split": "random", "condition": "BnB", "n": 5, "accuracy": round(run.accuracy, 4), "points": points}
    assert data_of_output(shown)["yours"] == [cross]
    assert "B5B" in data_of_output(shown)["learning"]["random"]


def data_of_output(output):
    return data_of(HTML(output["data"]["text/html"]))


class Bar:
    """A progress bar that remembers what it was told."""

    def __init__(self, total, initial, desc):
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
