"""What foretells the cut: made for each task once, and judged by rank and by points."""

import numpy as np
import pandas as pd
import pytest

from transferlab.study import cut_forecasts, ledger


def tables(score, truth):
    """Tables of forecasts and of networks for tasks (rows) and n = 1, 2, ... (columns)."""
    foretold, measured = [], []
    for task, (said, was) in enumerate(zip(score, truth, strict=True)):
        for n, (one, accuracy) in enumerate(zip(said, was, strict=True), start=1):
            foretold.append(("random", task, "B", n, one, -one, one, one, "base", 1))
            measured.append(("random", task, "B", "AnB", n, accuracy))
    columns = ["split", "seed", "target", "condition", "n", "accuracy"]
    return pd.DataFrame(foretold, columns=cut_forecasts.COLUMNS), pd.DataFrame(measured, columns=columns)


def test_a_score_is_judged_by_the_order_it_gives_and_by_what_it_loses():
    truth = np.array([[0.5, 0.4, 0.3], [0.6, 0.7, 0.2], [0.4, 0.35, 0.1], [0.8, 0.7, 0.6]])
    rows = cut_forecasts.judged(*tables(truth, truth)).set_index("forecast")
    right, wrong, rule = (rows.loc[name] for name in ("linear probe", "LogME", cut_forecasts.RULE))
    assert right.within == right.across == 1 and right.regret == 0
    assert (right.within_low, right.within_high, right.regret_high) == (1, 1, 0)
    assert wrong.within == wrong.across == -1
    assert wrong.regret == pytest.approx(100 * np.mean([0.2, 0.5, 0.3, 0.2]))
    assert wrong.regret_low < wrong.regret < wrong.regret_high
    assert rule.regret == pytest.approx(100 * np.mean([0, 0.1, 0, 0])) and rule.tasks == 4
    assert np.isnan(rule.within) and np.isnan(rule.across)


def test_the_rule_never_sees_the_task_it_is_used_on():
    truth = np.array([[0.9, 0.1], [0.3, 0.4], [0.3, 0.4]])
    assert cut_forecasts._best_elsewhere(truth).tolist() == [1, 0, 0]


def test_without_rows_there_is_nothing_to_say():
    empty = cut_forecasts.read(cut_forecasts.RESULTS / "nowhere.csv")
    rows = cut_forecasts.judged(empty, tables([[1.0]], [[0.5]])[1])
    assert len(rows) == 5 and rows.regret.isna().all() and (rows.tasks == 0).all()


def test_it_is_resumed_and_nothing_is_computed_twice(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFERLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cut_forecasts, "parts", lambda: [("random", 0, "A"), ("random", 0, "B")])
    monkeypatch.setattr(cut_forecasts, "IMAGES", 8)
    monkeypatch.setattr("transferlab.advice.probes.STRENGTHS", (0.1,))  # nothing here depends on the choice
    real, asked = cut_forecasts._rows, []

    def stop(lab, *part):
        asked.append(part[2])
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(lab, *part)

    monkeypatch.setattr(cut_forecasts, "_rows", stop)
    path, options = tmp_path / "cut_forecasts.csv", {"scale": "smoke", "runs": tmp_path / "runs", "at_once": 1}
    with pytest.raises(KeyboardInterrupt):
        cut_forecasts.forecast(path, **options)
    assert len(ledger.read(path, cut_forecasts.COLUMNS)) == 7
    table = cut_forecasts.forecast(path, **options)
    assert asked == ["A", "B", "B"] and len(table) == 14 and table.probe.between(0, 1).all()
    assert table[list(cut_forecasts.SCORES)].notna().all().all()
    assert "14 of 14 rows" in cut_forecasts.plan(path)
