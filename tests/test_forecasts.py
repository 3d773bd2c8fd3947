"""What foretells a cut: the scores of others against their definitions, and how choices are judged."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from transferlab import Lab
from transferlab.study import few_images, forecasts, ledger, scores


def points(apart, count=60, width=5, classes=3, seed=0):
    draw = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    return draw.normal(size=(count, width)) + apart * np.eye(classes, width)[labels], labels


@pytest.mark.parametrize("score", [scores.cka, scores.h_score, scores.log_me])
def test_a_score_rises_with_what_features_tell(score):
    found = [score(*points(apart)) for apart in (0, 3, 9)]
    assert found == sorted(found) and found[0] < found[-1]


def test_cka_does_not_care_how_features_are_turned_and_scaled():
    features, labels = points(2)
    turned = 7 * features @ stats.ortho_group.rvs(5, random_state=0)
    assert scores.cka(turned, labels) == pytest.approx(scores.cka(features, labels))


@pytest.mark.parametrize("width", [5, 20])
def test_log_me_is_the_largest_evidence_of_a_linear_model(width):
    """Against the density of the labels under the model, by the book, at its best precisions."""
    features, labels = points(1.5, width=width)
    targets = np.eye(3)[labels].T

    def evidence(target, logs):
        weights, noise = np.exp(logs)
        covariance = np.eye(60) / noise + features @ features.T / weights
        return stats.multivariate_normal.logpdf(target, np.zeros(60), covariance) / 60

    best = [
        -optimize.minimize(lambda logs, target=target: -evidence(target, logs), [0.0, 2.0], bounds=[(-9, 9)] * 2).fun
        for target in targets
    ]
    assert scores.log_me(features, labels) == pytest.approx(np.mean(best), abs=2e-3)


def test_the_h_score_is_that_of_its_definition_where_images_are_many():
    features, labels = points(2, count=30_000)
    centred = features - features.mean(0)
    means = np.stack([centred[labels == label].mean(0) for label in range(3)])[labels]
    expected = np.trace(np.linalg.pinv(np.cov(features.T)) @ np.cov(means.T))
    assert scores.h_score(features, labels) == pytest.approx(expected, rel=0.02)


def measured():
    """Three tasks: at the first the last cut is best, at the second the middle one, the third was not finished."""
    rows = []
    for seed, by_n in enumerate(((0.1, 0.4, 0.6), (0.1, 0.5, 0.49), (0.1, 0.5))):
        for condition in ("AnB", "AnB++"):
            rows += [
                ("random", seed, "B", 10, condition, f"A{n}B", n, accuracy)
                for n, accuracy in zip(forecasts.CUTS, by_n, strict=False)
            ]
        rows.append(("random", seed, "B", 10, "base", "baseB", 0, 0.2))
    return pd.DataFrame(rows, columns=["split", "seed", "target", "images", "condition", "network", "n", "accuracy"])


def foretold():
    rows = []
    for seed, best in enumerate((7, 1, 7)):
        for n in forecasts.CUTS:
            rows.append(("random", seed, "B", 10, n, *[float(n == best)] * 4, int(n == 7), "base", 1))
    return pd.DataFrame(rows, columns=forecasts.COLUMNS)


def test_a_choice_is_judged_by_what_was_measured_at_it():
    choices = forecasts.chosen(foretold(), measured())
    assert {*choices.seed} == {0, 1}, "a task that lacks a cut says nothing"
    lost = choices[choices.condition == "AnB"].pivot(index="seed", columns="forecast", values="lost")
    assert lost.probe.tolist() == pytest.approx([0, 40]) and lost["last"].tolist() == pytest.approx([0, 1])
    assert lost.middle.tolist() == pytest.approx([20, 0]) and lost.advice.tolist() == lost["last"].tolist()
    verdicts = forecasts.judged(choices).set_index("forecast")
    assert verdicts.within["last"] == 1 and verdicts.within["probe"] == 0.5 and verdicts.tasks["probe"] == 2
    assert verdicts.low["last"] < 1 and verdicts.lost["middle"] == pytest.approx(10)
    assert forecasts.judged(choices, images=50).within.isna().all()


def test_it_is_resumed_and_nothing_is_computed_twice(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFERLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("transferlab.advice.probes.STRENGTHS", (0.1,))  # nothing here depends on the choice
    small = [few_images.Part("random", 0, target, 4) for target in "AB"]
    monkeypatch.setattr(forecasts, "parts", lambda donor: small)
    real, asked = forecasts._rows, []

    def stop(whole, part):
        asked.append(part.target)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(whole, part)

    monkeypatch.setattr(forecasts, "_rows", stop)
    options = {"scale": "smoke", "runs": tmp_path / "runs", "at_once": 1}
    path = tmp_path / "advice.csv"
    with pytest.raises(KeyboardInterrupt):
        forecasts.forecast(path, **options)
    assert len(ledger.read(path, forecasts.COLUMNS)) == 3
    table = forecasts.forecast(path, **options)
    assert asked == ["A", "B", "B"] and len(table) == 6
    assert table.groupby("target").advised.sum().tolist() == [1, 1] and table.probe.between(0, 1).all()
    assert {*table.run} == {Lab(precision="bfloat16", **options).run(name).path.name for name in ("baseA", "baseB")}
    assert "6 of 6 rows" in forecasts.plan(path)
