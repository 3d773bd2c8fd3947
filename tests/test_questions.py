"""What practitioners ask: three sentences each, and other tables give other words."""

import re

import pandas as pd
import pytest

from transferlab.chapters import questions
from transferlab.study import RESULTS, few_images, forecasts, tuning

ASKED = {
    "how_many": questions.how_many,
    "whether": questions.whether,
    "when": questions.when,
    "batch_norm": lambda evidence: questions.batch_norm(evidence, "The donor has batch norm."),
    "similar": questions.similar,
    "overfitting": questions.overfitting,
    "how_few": questions.how_few,
    "with_which_head": questions.with_which_head,
}


def evidence(change=lambda table: table, chosen=None):
    few, far = few_images.published(), few_images.published(few_images.FAR)
    choices = chosen if chosen is not None else forecasts.chosen(forecasts.published(), few)
    from_emoji = forecasts.chosen(forecasts.published(few_images.FAR), far)
    museum = pd.read_csv(RESULTS / "museum.csv")
    return questions.Evidence(change(few), far, choices, from_emoji, tuning.published(), museum)


def more(condition, points):
    """The table with every network of a condition better by so many points than AnB on the same task."""

    def change(table):
        key = ["split", "seed", "target", "images", "n"]
        frozen = table[table.condition == "AnB"].set_index(key).accuracy
        mine = table.condition == condition
        values = frozen.reindex(pd.MultiIndex.from_frame(table[mine][key])).to_numpy() + points / 100
        jitter = table[mine].seed.to_numpy() / 1000  # or there would be no spread to measure
        return table.assign(accuracy=table.accuracy.mask(mine, pd.Series(values + jitter, table.index[mine])))

    return change


@pytest.mark.parametrize("name", ASKED)
def test_an_answer_has_three_sentences_and_says_numbers(name):
    said = ASKED[name](evidence())
    assert len(re.findall(r"[.](?= [A-Z]|$)", said)) == 3, said
    assert re.search(r"\d", said) and "nan" not in said


def test_whether_to_freeze_follows_the_table():
    assert "go on gently with all layers" in questions.whether(evidence(more("AnB++", 5)))
    assert "leave it at that" in questions.whether(evidence(more("AnB++", -5)))


def test_when_to_unfreeze_follows_the_table():
    worse = questions.when(evidence(more("AnB+", 20)))
    assert "is no better with 10 images" in worse and "With 100 it is no better" in worse


def test_the_cut_follows_the_choices():
    few = few_images.published()
    choices = forecasts.chosen(forecasts.published(), few)
    lost = {"last": 10.0, "middle": 0.0}
    turned = choices.assign(lost=[lost.get(name, 5.0) for name in choices.forecast])
    said = questions.how_many(evidence(chosen=turned))
    assert "in 0% of the cases, keeping 4 in 100%" in said and "begin with the lower half" in said
    assert "as often as the last cut (0%)" in questions.with_which_head(evidence(chosen=turned))
