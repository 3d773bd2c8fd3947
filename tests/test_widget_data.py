"""What the widgets are given, and that data stays data."""

import json
import re

import pytest
from IPython.display import HTML

from transferlab import study
from transferlab.chapters import figures
from transferlab.chapters.widgets import explorer, predict, trainer


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
