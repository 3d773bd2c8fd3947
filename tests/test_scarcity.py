"""A choice is made on other tasks, and gains are counted within a task."""

import pandas as pd
import pytest

from transferlab import Lab, Treatment, donors, study
from transferlab.chapters import figures
from transferlab.study import claims, few_images, scarcity, tuning

FINE = ("BnB+", "AnB", "AnB++")


def networks(best, seeds=4, bonus=0.1, images=10, split="random", targets="B"):
    """A table in which AnB+ gains `bonus` at n = best[seed], and the base of a seed is 0.4 + seed / 100."""
    rows = []
    for seed in range(seeds):
        for target in targets:
            base = 0.4 + seed / 100
            rows.append((split, seed, target, "base", 0, base))
            rows += [(split, seed, target, "AnB+", n, base + bonus * (n == best[seed])) for n in (1, 4, 7)]
            rows += [(split, seed, target, condition, n, base) for n in (1, 4, 7) for condition in FINE]
    table = pd.DataFrame(rows, columns=claims.NEEDED).assign(images=images)
    return table.assign(network=[str(Treatment.of(row.condition, row.n, row.target)) for row in table.itertuples()])


def test_n_is_chosen_on_the_other_tasks():
    chosen = scarcity.at_best_n(networks(best=[4, 4, 4, 1])).query("condition == 'AnB+'").set_index("seed")
    assert chosen.n.tolist() == [4, 4, 4, 4]  # task 3, whose own best is 1, is given what the others prefer
    assert chosen.accuracy[3] == pytest.approx(0.43)
    assert chosen.accuracy[0] == pytest.approx(0.5)


def test_a_choice_of_n_on_noise_gains_nothing():
    """Each task is best at an n of its own: chosen on itself AnB+ would gain 10 points everywhere."""
    chosen = scarcity.at_best_n(networks(best=[1, 4, 7], seeds=3))
    rows = scarcity.gains(chosen).set_index("contrast")
    assert rows.estimate["AnB+ - base"] == pytest.approx(0)


def test_halves_by_kingdom_are_not_chosen_on_their_own_classes():
    """The classes are the same for every seed, so only the other direction counts."""
    table = networks(best=[4] * 3, seeds=3, split="kingdom", targets="BA")
    there = (table.condition == "AnB+") & (table.target == "A")
    table.loc[there, "accuracy"] = table.accuracy[there].where(table.n != 1, 0.9)
    chosen = scarcity.at_best_n(table).query("condition == 'AnB+'").set_index(["target", "seed"]).n
    assert set(chosen["B"]) == {1} and set(chosen["A"]) == {4}


def test_gains_are_in_points_by_number_of_images():
    table = pd.concat([networks([4] * 4), networks([4] * 4, bonus=0.01, images=50)])
    chosen = scarcity.at_best_n(table)
    assert chosen.groupby(["images", "condition"]).size().eq(4).all()
    rows = scarcity.gains(chosen).set_index(["contrast", "n"])
    assert rows.estimate["AnB+ - base", "10"] == pytest.approx(10)
    assert rows.estimate["AnB+ - base", "50"] == pytest.approx(1)
    assert rows.tasks["AnB+ - base", "10"] == 4
    assert rows.estimate["AnB++ - AnB+", "10"] == pytest.approx(-10)


def test_gains_of_a_split_that_was_not_trained_are_refused():
    chosen = scarcity.at_best_n(networks([4] * 4))
    with pytest.raises(ValueError, match="no networks of split 'kingdom'; it has random"):
        scarcity.gains(chosen, "kingdom")


def test_one_task_is_not_enough_to_choose_on():
    with pytest.raises(ValueError, match="no other task to choose on for AnB with 10 images a class, split random"):
        scarcity.at_best_n(networks([4], seeds=1))


def test_the_figure_has_a_tick_for_each_number_of_images():
    ax = figures.accuracy_over_images(scarcity.at_best_n(pd.concat([networks([4] * 4), networks([4] * 4, images=50)])))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["10", "50"]
    assert {"base", "AnB", "BnB+", "AnB+", "AnB++"} <= {text.get_text() for text in ax.texts}


def four(few, many):
    """Few and many images, similar and dissimilar tasks, both directions; AnB+ at n = 7 gains `few` or `many`."""
    both = [(images, bonus) for images, bonus in ((10, few), (100, many))]
    parts = [
        networks([7] * 4, 4, bonus, images, split, "BA") for images, bonus in both for split in ("random", "kingdom")
    ]
    return pd.concat(parts)


def test_a_rule_is_wrong_where_another_way_is_clearly_better():
    rows = scarcity.rules(four(few=0.05, many=0.05), few=10, many=100).set_index(["split", "images"])
    assert rows.verdict["random", 100] == rows.verdict["kingdom", 100] == "right"
    assert rows.verdict["random", 10] == rows.verdict["kingdom", 10] == "wrong"
    assert rows.best.eq("A7B+").all()
    assert rows.better["kingdom", 10] == pytest.approx(5)
    assert rows.gain_advised["random", 100] == pytest.approx(5)


def test_ways_are_ordered_by_what_they_gain():
    ways = scarcity.ways(four(few=0.05, many=-0.05), "kingdom", 100)
    assert ways.network.iloc[-1] == "A7B+" and ways.gain.iloc[-1] == pytest.approx(-5)
    assert ways.tasks.eq(8).all() and len(ways) == 12
    place = ("similar", "few")
    figure = figures.four_rules({place: ways}, {place: "A7B"}, scarcity.ADVICE)
    assert figure.axes[0].get_title().endswith("the rule: classify top features")
    assert figure.axes[0].get_xlim()[0] < -5


def test_every_rule_is_told_in_words():
    assert {*scarcity.RULES.values()} == {*scarcity.ADVICE}


def test_what_is_tuned_is_the_best_over_both_splits():
    fields = {"images": 10, "weight_decay": 0.01, "copied_rate": 1.0, "epochs": 20}
    tried = [("A7B", 101, 0.1, 0.5), ("A7B", 102, 0.1, 0.3), ("A7B", 101, 0.01, 0.42), ("A7B", 102, 0.01, 0.42)]
    tried += [("A7B", 101, 0.001, 0.9)]  # not yet tried on both
    table = pd.DataFrame(tried, columns=["network", "seed", "learning_rate", "accuracy"]).assign(**fields)
    best = tuning.best(table, 10)
    assert best == {
        "A7B": {"learning_rate": 0.01, "weight_decay": 0.01, "copied_rate": 1.0, "epochs": 20, "curve_every": 20}
    }
    assert tuning.recipe(10, best, "A")["tuned"] == {"B7A": best["A7B"]}


def test_rates_are_compared_where_nothing_else_differs():
    tried = tuning.published()
    for images in tried.images.unique():
        rows = tuning.at_rates(tried, images)
        assert not rows.duplicated(["network", "seed", "learning_rate"]).any()
        assert {*rows.network} == {*tried.network}
        assert len(rows) < len(tried[tried.images == images])


def test_tuned_seeds_are_never_reported():
    assert not {*tuning.SEEDS} & {*few_images.SEEDS, *range(6)}


def test_a_study_without_tuned_rates_says_what_to_do(tmp_path):
    nothing = pd.DataFrame(columns=list(tuning.COLUMNS))
    with pytest.raises(ValueError, match=r"nothing is tuned for A1B, .* with 5 images .* study tuning first"):
        few_images.train(tmp_path / "few.csv", nothing, scale="smoke", runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_base_of_another_data_set_is_the_donor_of_half_the_classes(tmp_path, monkeypatch):
    """Here it is one of Kingdoms, from another split, so that nothing is fetched."""
    small = few_images.Part("random", 0, "B", 2, few_images.FAR)
    monkeypatch.setattr(few_images, "parts", lambda donor: [small])
    monkeypatch.setattr(few_images.Part, "base", lambda part, whole: whole.run("baseA", "random", 5))
    names = tuning.names(few_images.FAR_CONDITIONS)
    tried = pd.DataFrame([(name, seed) for name in names for seed in tuning.SEEDS], columns=["network", "seed"])
    tried = tried.assign(images=2, learning_rate=0.1, weight_decay=1e-3, copied_rate=1.0, epochs=1, accuracy=0.1)
    options = {"scale": "smoke", "runs": tmp_path / "runs", "at_once": 1}
    table = few_images.train(tmp_path / "few.csv", tried, few_images.FAR, **options)
    assert {*table.network} == {"baseB"} | {f"A{n}B{end}" for n in tuning.DEPTHS for end in ("", "++")}
    lab = Lab(**options, precision=study.PRECISION)
    run = next(each for each in lab.store.runs() if str(each.treatment) == "A4B")
    base = lab.run("baseA", "random", 5)
    assert run.spec["parent"] == donors.find(base).name and run.spec["split"] == "random"
    assert run.result["num_classes"] == len(lab.task("B").classes)
    assert "7 networks each, 7 in all; 7 are in" in few_images.plan(tmp_path / "few.csv", few_images.FAR)


@pytest.mark.nightly
def test_published_rates_were_tuned_by_todays_code_and_data(tmp_path):
    """Every row that was tried would be filed under the same name today."""
    table = tuning.published()
    whole = Lab(tuning.DATASET, runs=tmp_path, device="cpu", precision=study.PRECISION)
    for images in table.images.unique():
        known = tuning.best(table, images)
        for row in table[table.images == images].itertuples():
            own = {row.network: tuning.fields(row)}
            lab = whole.changed(**tuning.recipe(images, known | own))
            assert lab.store.path(lab.spec(row.network, tuning.SPLIT, row.seed)).name == row.run, row
