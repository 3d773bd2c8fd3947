"""The best n is chosen on other tasks, and gains are counted within a task."""

import pandas as pd
import pytest

from transferlab.chapters import figures
from transferlab.study import claims, scarcity


def networks(best, seeds=4, bonus=0.1):
    """A published table in which AnB+ gains `bonus` at n = best[seed], and the base of a seed is 0.4 + seed / 100."""
    rows = []
    for seed in range(seeds):
        base = 0.4 + seed / 100
        rows.append(("random", seed, "B", "base", 0, base))
        rows += [("random", seed, "B", "AnB+", n, base + bonus * (n == best[seed])) for n in (1, 4, 7)]
        rows += [("random", seed, "B", condition, n, base) for n in (1, 4, 7) for condition in ("BnB+", "AnB")]
    return pd.DataFrame(rows, columns=claims.NEEDED)


def test_n_is_chosen_on_the_other_tasks():
    chosen = scarcity.at_best_n({10: networks(best=[4, 4, 4, 1])}).query("condition == 'AnB+'").set_index("seed")
    assert chosen.n.tolist() == [4, 4, 4, 4]  # task 3, whose own best is 1, is given what the others prefer
    assert chosen.accuracy[3] == pytest.approx(0.43)
    assert chosen.accuracy[0] == pytest.approx(0.5)


def test_a_choice_of_n_on_noise_gains_nothing():
    """Each task is best at an n of its own: chosen on itself AnB+ would gain 10 points everywhere."""
    chosen = scarcity.at_best_n({20: networks(best=[1, 4, 7], seeds=3)})
    rows = scarcity.gains(chosen).set_index("contrast")
    assert rows.estimate["AnB+ - base"] == pytest.approx(0)


def test_gains_are_in_points_by_number_of_images():
    tables = {10: networks([4] * 4), 50: networks([4] * 4, bonus=0.01)}
    chosen = scarcity.at_best_n(tables)
    assert chosen.groupby(["images", "condition"]).size().eq(4).all()
    rows = scarcity.gains(chosen).set_index(["contrast", "n"])
    assert rows.estimate["AnB+ - base", "10"] == pytest.approx(10)
    assert rows.estimate["AnB+ - base", "50"] == pytest.approx(1)
    assert rows.tasks["AnB+ - base", "10"] == 4
    assert rows.estimate["AnB+ - BnB+", "10"] == pytest.approx(10)


def test_one_task_is_not_enough_to_choose_on():
    with pytest.raises(ValueError, match="10 images a class there is 1 target task with AnB"):
        scarcity.at_best_n({10: networks([4], seeds=1)})


def test_the_figure_has_a_tick_for_each_number_of_images():
    ax = figures.accuracy_over_images(scarcity.at_best_n({10: networks([4] * 4), 50: networks([4] * 4)}))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["10", "50"]
    assert {"base", "AnB", "BnB+", "AnB+"} <= {text.get_text() for text in ax.texts}
