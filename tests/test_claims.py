"""The claims, on the networks of 2014 (sums known from their logs) and on made-up tables whose truth is known."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from transferlab import Treatment, study
from transferlab.notation import CONDITIONS, DEPTHS, TASKS
from transferlab.store.sweeps import COLUMNS
from transferlab.study import claims
from transferlab.study.estimates import Estimate, by_network, by_task, holm

RESULTS = Path(__file__).parents[1] / "book" / "results"
NAN = float("nan")
KEY = ["claim", "contrast", "n"]


@pytest.fixture(scope="module")
def table_2014():
    return study.read(RESULTS / "networks_2014.csv")


@pytest.fixture(scope="module")
def audit_2014(table_2014):
    return claims.audit(table_2014).set_index(KEY)


def made_up(effects, seeds=4, splits=("random", "kingdom"), noise=0.3, generator=0):
    """A whole study, in which `effects[condition, n]` (or `[split, condition, n]`) points are added to the base."""
    draw = np.random.default_rng(generator)
    rows = []
    for split in splits:
        for seed in range(seeds):
            for target in TASKS:
                base = 60 + 3 * draw.standard_normal()  # tasks differ far more than networks do
                for condition in CONDITIONS:
                    for n in DEPTHS if condition != "base" else (0,):
                        effect = effects.get((split, condition, n), effects.get((condition, n), 0))
                        accuracy = (base + effect + noise * draw.standard_normal()) / 100
                        rows.append((split, seed, target, condition, n, accuracy))
    return pd.DataFrame(rows, columns=claims.NEEDED)


def of_condition(condition, effect):
    return {(condition, n): effect for n in DEPTHS}


def part_of(audit, claim, contrast):
    """The rows of one contrast, by n."""
    return audit.sort_index().loc[claim, contrast]


# --- the table of 2014 -----------------------------------------------------------------------------------


def test_the_networks_of_2014_are_named_and_counted(table_2014):
    counts = table_2014.groupby(["split", "condition"]).size().to_dict()
    assert counts == {
        ("random", "base"): 8,
        ("random", "AnB"): 56,
        ("random", "BnB"): 28,
        ("random", "AnB+"): 10,
        ("random", "BnB+"): 10,
        ("kingdom", "base"): 2,
        ("kingdom", "AnB"): 14,
        ("all", "base"): 1,
        ("all", "random"): 7,
    }
    assert set(table_2014.columns) <= set(COLUMNS)
    for row in table_2014[table_2014.split != "all"].itertuples():
        treatment = Treatment.parse(row.network)
        source = None if pd.isna(row.source) else row.source
        found = (row.condition, row.n, source, row.target, row.fine_tuned)
        assert found == tuple(getattr(treatment, k) for k in ("condition", "n", "source", "target", "fine_tuned"))


def test_every_network_of_2014_has_its_base(table_2014):
    bases = {(r.split, r.seed, r.target): r.accuracy for r in table_2014.itertuples() if r.condition == "base"}
    assert all(bases[r.split, r.seed, r.target] == r.base_accuracy for r in table_2014.itertuples())
    random = table_2014[(table_2014.split == "random") & (table_2014.condition == "base")]
    assert random.accuracy.mean() == pytest.approx(0.6251, abs=5e-5)
    assert bases["kingdom", 0, "B"] > bases["kingdom", 0, "A"]  # B is natural, the upper line of Figure 3


@pytest.mark.parametrize(
    ("contrast", "expected"),
    [
        ("AnB+ - base, pooled", (1.60, 1.80, 2.06)),
        ("AnB+ - BnB+, pooled", (1.38, 1.40, 1.73)),
        ("AnB+ - base", (0.97, 1.17, 1.16)),
        ("BnB+ - base", (0.97, 1.10, 1.01)),
        ("AnB+ - BnB+", (0.00, 0.06, 0.15)),
    ],
)
def test_table_1_and_the_gains_over_the_own_base(audit_2014, contrast, expected):
    rows = part_of(audit_2014, "fine-tuning", contrast)
    assert list(rows.index) == ["1-7", "3-7", "5-7"]
    assert list(rows.estimate) == pytest.approx(expected, abs=0.006)
    assert (rows.pairs == 0).all() == ("pooled" in contrast)


def test_counts_of_fine_tuned_networks(audit_2014):
    counted = audit_2014.loc["fine-tuning"][["networks", "pairs", "tasks"]]
    assert tuple(counted.loc["AnB+ - base, pooled", "1-7"]) == (10 + 8, 0, 0)
    assert tuple(counted.loc["AnB+ - BnB+, pooled", "5-7"]) == (3 + 5, 0, 0)
    assert tuple(counted.loc["AnB+ - base", "1-7"]) == (10 + 2, 10, 2)
    assert tuple(counted.loc["AnB+ - base", "5-7"]) == (3 + 1, 3, 1)  # one task: no interval
    assert tuple(counted.loc["AnB+ - BnB+", "1-7"]) == (12 + 12, 20, 4)


def test_pairs_within_a_task_against_sums_by_hand(table_2014, audit_2014):
    at = {(r.split, r.seed, r.target, r.condition, r.n): 100 * r.accuracy for r in table_2014.itertuples()}
    for n in DEPTHS:
        cut = [at["random", s, "A", "BnB", n] - at["random", s, "A", "base", 0] for s in range(4)]
        other = [at["random", s, "A", "AnB", n] - at["random", s, "A", "BnB", n] for s in range(4)]
        for claim, contrast, values in (
            ("co-adaptation", "BnB - base", cut),
            ("specificity", "AnB - BnB", other),
        ):
            row = audit_2014.loc[claim, contrast, str(n)]
            test = stats.ttest_1samp(values, 0)
            assert (row.estimate, row.p) == pytest.approx((np.mean(values), test.pvalue))
            assert (row.low, row.high) == pytest.approx(tuple(test.confidence_interval()))
            assert (row.networks, row.pairs, row.tasks) == (8, 4, 4)
        loss = {
            split: [
                at[split, s, t, "AnB", n] - at[split, s, t, "base", 0] for s in range(4 if split == "random" else 1)
                for t in TASKS
            ]
            for split in ("random", "kingdom")
        }  # fmt: skip
        row = audit_2014.loc["dissimilar", "(AnB - base) by kingdom - at random", str(n)]
        welch = stats.ttest_ind(loss["kingdom"], loss["random"], equal_var=False)
        assert row.estimate == pytest.approx(np.mean(loss["kingdom"]) - np.mean(loss["random"]))
        assert row.p == pytest.approx(welch.pvalue)
        assert (row.low, row.high) == pytest.approx(tuple(welch.confidence_interval()))
        row = audit_2014.loc["distant", "AnB by kingdom - random", str(n)]
        random = at["all", 0, "all", "base", 0] - at["all", 0, "all", "random", n]
        assert row.estimate == pytest.approx(random + np.mean(loss["kingdom"]))


def test_verdicts_on_2014(audit_2014):
    verdict = audit_2014.verdict
    assert part_of(audit_2014, "selffer", "BnB - base").verdict.to_dict() == {
        "1": "holds",  # as good as the base
        "2": "holds",
        "3-6": "holds",
        "7": "holds",  # back
    }
    assert part_of(audit_2014, "co-adaptation", "BnB - base").verdict.to_dict() == {
        **dict.fromkeys("1237", "does not hold"),
        **dict.fromkeys("45", "holds"),
        "6": "undecided",  # significant alone, not among seven
    }
    assert verdict["specificity", "AnB - BnB", "7"] == "holds"
    assert verdict["fine-tuning", "AnB+ - BnB+, pooled", "1-7"] == "holds"
    assert verdict["fine-tuning", "AnB+ - BnB+", "1-7"] != "holds"
    assert set(verdict.loc["random"]) == set(verdict.loc["distant"]) == {"undecided"}  # one network for each n
    assert (audit_2014.loc["random"].estimate < -8).all()


@pytest.mark.parametrize("name", ["networks", "networks_2014"])
def test_each_row_of_the_audit_is_its_own_and_no_statement_has_two_verdicts(name):
    rows = claims.audit(study.published(name))
    assert not rows.duplicated(KEY).any()
    assert not rows.duplicated(["statement", "n"]).any()
    assert rows.groupby("statement")[["claim", "contrast"]].nunique().eq(1).all().all()  # a family each


# --- made-up tables --------------------------------------------------------------------------------------

PLANTED = (
    {("BnB", 4): -2, ("BnB", 5): -3, ("AnB", 4): -4, ("AnB", 5): -5, ("AnB", 6): -6, ("AnB", 7): -8}
    | {("kingdom", "AnB", n): -4.0 * n for n in DEPTHS}
    | of_condition("random", -40)
    | of_condition("AnB+", 2)
    | of_condition("BnB+", 0.5)
)


def test_planted_effects_are_found_with_their_sign_and_size():
    found = claims.audit(made_up(PLANTED)).set_index(KEY)
    truth = {}
    for n in DEPTHS:
        by_kingdom = -4 * n
        truth["co-adaptation", "BnB - base", str(n)] = PLANTED.get(("BnB", n), 0)
        truth["specificity", "AnB - BnB", str(n)] = PLANTED.get(("AnB", n), 0) - PLANTED.get(("BnB", n), 0)
        truth["dissimilar", "(AnB - base) by kingdom - at random", str(n)] = by_kingdom - PLANTED.get(("AnB", n), 0)
        truth["random", "random - base", str(n)] = -40
        truth["distant", "AnB by kingdom - random", str(n)] = 40 + by_kingdom
    for layers in claims.RANGES:
        truth["fine-tuning", "AnB+ - base, pooled", layers] = truth["fine-tuning", "AnB+ - base", layers] = 2
        truth["fine-tuning", "AnB+ - BnB+, pooled", layers] = truth["fine-tuning", "AnB+ - BnB+", layers] = 1.5
        truth["fine-tuning", "BnB+ - base", layers] = 0.5
    assert set(found.index) - set(truth) == {("selffer", "BnB - base", n) for n in ("1", "2", "7", "3-6")}
    for key, effect in truth.items():
        row = found.loc[key]
        within = 1.5 if "pooled" in key[1] else 0.5
        assert row.estimate == pytest.approx(effect, abs=within), key
        assert row.low < row.estimate < row.high
        if abs(effect) >= 1.5 and "pooled" not in key[1]:
            assert row.verdict == "holds", key
            assert row.smallest < abs(effect), key
        if effect == 0:
            assert row.verdict == "does not hold", key
    for key, counts in {("AnB+ - BnB+", "1-7"): (112, 56, 8), ("AnB+ - base", "5-7"): (24 + 8, 24, 8)}.items():
        assert tuple(found.loc[("fine-tuning", *key), ["networks", "pairs", "tasks"]]) == counts
    assert set(found.loc["distant"].networks) == {16} and set(found.loc["distant"].tasks) == {8}
    assert list(found.loc["selffer"].verdict[:2]) == ["holds", "holds"]
    assert found.verdict["selffer", "BnB - base", "3-6"] == found.verdict["selffer", "BnB - base", "7"] == "holds"
    assert found.estimate["selffer", "BnB - base", "3-6"] == found.estimate["co-adaptation", "BnB - base", "5"]


def test_without_effects_no_difference_is_claimed():
    found = claims.audit(made_up({}, generator=1)).set_index(KEY)
    equal = found.statement.str.contains("within")
    assert set(found.verdict[equal]) == {"holds"} and equal.sum() == 3
    assert "holds" not in set(found.verdict[~equal])
    assert found.verdict["selffer", "BnB - base", "3-6"] == "does not hold"


def test_effects_of_the_other_sign_do_not_hold():
    upside_down = {key: -effect for key, effect in PLANTED.items()} | of_condition("AnB+", -3)
    found = claims.audit(made_up(upside_down)).set_index(KEY)
    for key in (
        ("specificity", "AnB - BnB", "7"),
        ("co-adaptation", "BnB - base", "5"),
        ("fine-tuning", "AnB+ - base", "1-7"),
        ("dissimilar", "(AnB - base) by kingdom - at random", "7"),
        ("random", "random - base", "1"),
        ("distant", "AnB by kingdom - random", "1"),
    ):
        assert found.p_holm[key] < 0.05 and found.verdict[key] == "does not hold", key
    assert found.verdict["selffer", "BnB - base", "3-6"] == "does not hold"


def test_the_clearest_drop_is_shown_and_no_rise():
    table = made_up({("BnB", 4): 5, ("BnB", 5): -2})
    found, middle = claims.co_adaptation(table).set_index("n"), claims.selffer(table).set_index("n").loc["3-6"]
    assert found.p["4"] < found.p["5"] < 0.05
    assert middle.estimate == found.estimate["5"] and middle.p == found.p_holm["5"]
    assert found.verdict["4"] == "does not hold" and middle.verdict == "holds"


def test_the_margin_decides_what_counts_as_equal():
    table = made_up(of_condition("BnB", -2), splits=("random",))
    verdicts = {margin: claims.selffer(table, margin).verdict.iloc[0] for margin in (1, 2, 3)}
    assert verdicts == {1: "does not hold", 2: "undecided", 3: "holds"}


def test_the_parts_of_the_loss_add_up():
    table = made_up(PLANTED)
    near = table[table.split == "random"].set_index([*claims.TASK, "condition", "n"]).accuracy
    for n, cut, other in zip(DEPTHS, claims.co_adaptation(table).estimate, claims.specificity(table).estimate):
        loss = near.xs(("AnB", n), level=[3, 4]) - near.xs(("base", 0), level=[3, 4])
        assert cut + other == pytest.approx(100 * loss.mean())


def test_pairing_sees_what_pooling_does_not():
    tasks_differ = made_up(of_condition("AnB+", 1.5), noise=0.1, generator=2)
    found = claims.fine_tuning(tasks_differ).set_index(["contrast", "n"])
    assert found.smallest["AnB+ - base", "1-7"] < found.smallest["AnB+ - base, pooled", "1-7"] / 5


@settings(max_examples=5, deadline=None, derandomize=True)
@given(st.floats(-0.5, 0.3), st.randoms(use_true_random=False))
@example(0.25, None)
def test_neither_the_level_nor_the_order_of_rows_matters(table_2014, audit_2014, shift, random):
    order = random.sample(range(len(table_2014)), len(table_2014)) if random else slice(None, None, -1)
    changed = table_2014.assign(accuracy=table_2014.accuracy + shift).iloc[order]
    pd.testing.assert_frame_equal(claims.audit(changed).set_index(KEY), audit_2014, rtol=1e-6, atol=1e-9)


def test_estimates_grow_with_the_differences():
    table = made_up(PLANTED)
    once, twice = claims.audit(table, 1), claims.audit(table.assign(accuracy=2 * table.accuracy), 2)
    for column in ("estimate", "low", "high", "smallest"):
        assert list(twice[column]) == pytest.approx(list(2 * once[column]))
    assert list(twice.p) == pytest.approx(list(once.p)) and list(twice.verdict) == list(once.verdict)


# --- what is not there -----------------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [pd.DataFrame(), pd.DataFrame(columns=claims.NEEDED), study.read(Path("no.csv"))])
def test_an_empty_table_decides_nothing(empty, audit_2014):
    found = claims.audit(empty)
    assert list(found.columns) == list(claims.COLUMNS)
    assert list(found.set_index(KEY).index) == list(audit_2014.index)
    assert set(found.verdict) == {"undecided"}
    assert not found[["networks", "pairs", "tasks"]].to_numpy().any()
    assert found[["estimate", "low", "high", "smallest", "p", "p_holm"]].isna().all().all()


PARTS = {
    "bases alone": lambda t: t.condition == "base",
    "no base": lambda t: t.condition != "base",
    "one split": lambda t: t.split == "kingdom",
    "one task": lambda t: (t.split == "random") & (t.seed == 0) & (t.target == "B"),
    "one network": lambda t: t.index == 5,
    "two conditions": lambda t: t.condition.isin(["base", "AnB+"]),
    "no random": lambda t: t.condition != "random",
    "every third": lambda t: t.index % 3 == 0,
}


@pytest.mark.parametrize("part", PARTS)
def test_partial_tables_have_the_same_rows(part, audit_2014):
    whole = made_up(PLANTED)
    found = claims.audit(whole[PARTS[part](whole)])
    assert list(found.set_index(KEY).index) == list(audit_2014.index)
    unknown = found.low.isna()
    assert (found.verdict[unknown] == "undecided").all()
    assert (found[unknown][["high", "smallest", "p", "p_holm"]].isna()).all().all()
    assert found[~unknown][["estimate", "high", "smallest", "p", "p_holm"]].notna().all().all()
    if part in ("bases alone", "one task", "one network"):
        assert unknown[~found.contrast.str.contains("pooled")].all()


def test_one_pair_gives_its_difference_without_an_interval():
    whole = made_up(PLANTED, splits=("random",))
    row = claims.specificity(whole[(whole.seed == 0) & (whole.target == "B")]).set_index("n").loc["7"]
    assert row.estimate == pytest.approx(-8, abs=1.5) and np.isnan(row.low)
    assert (row.networks, row.pairs, row.tasks, row.verdict) == (2, 1, 1, "undecided")


def test_networks_without_an_accuracy_are_left_out(table_2014):
    some = table_2014.assign(accuracy=table_2014.accuracy.where(table_2014.seed != 3))
    expected = claims.audit(table_2014[table_2014.seed != 3])
    pd.testing.assert_frame_equal(claims.audit(some), expected)


def test_the_published_study_as_far_as_it_is_trained(audit_2014):
    assert set(claims.NEEDED) <= set(COLUMNS)
    assert list(claims.audit(study.read(RESULTS / "networks.csv")).set_index(KEY).index) == list(audit_2014.index)


def test_tables_and_margins_it_cannot_use_are_refused(table_2014):
    with pytest.raises(ValueError, match=r"no column seed, accuracy; needed are split, seed, target"):
        claims.audit(table_2014.drop(columns=["seed", "accuracy"]))
    with pytest.raises(ValueError, match=r"two networks AnB with n = 1 for target A, split kingdom, seed 0"):
        claims.audit(pd.concat([table_2014, table_2014[table_2014.network == "B1A"]]))
    for margin in (0, -1, NAN):
        with pytest.raises(ValueError, match=r"the margin is .* it must be above 0"):
            claims.audit(table_2014, margin)


# --- the statistics --------------------------------------------------------------------------------------


def column(values):
    return pd.DataFrame({1: values})


def test_the_interval_covers_the_truth_95_times_in_100():
    draw = np.random.default_rng(0)
    covered = 0
    for _ in range(800):
        low, high = by_task(column(draw.normal(0.5, 2, 6)), 12).interval()
        covered += low < 0.5 < high
    assert covered / 800 == pytest.approx(0.95, abs=0.023)  # three standard errors


def test_it_covers_where_networks_of_a_task_go_together():
    """Seven networks a task, in some tasks three, alike within a task: an interval over networks is too short."""
    draw = np.random.default_rng(0)
    covered = defaultdict(int)
    for _ in range(500):
        gains = pd.DataFrame(draw.normal(0, 1, (8, 1)) + draw.normal(0, 0.5, (8, 7)))
        gains.iloc[:3, 3:] = NAN
        for way in (by_network(gains), by_task(gains, 0)):
            low, high = way.interval()
            covered[way.tasks] += low < 0 < high
    assert covered[8] / 500 == pytest.approx(0.95, abs=0.03)
    assert covered[0] / 500 < 0.75


def test_one_difference_a_task_gives_the_usual_t_test():
    values = [0.3, -0.1, 0.8, 0.4]
    mine, usual = by_task(column([*values, NAN]), 8), stats.ttest_1samp(values, 0)
    assert mine.interval() == pytest.approx(tuple(usual.confidence_interval()))
    assert mine.p() == pytest.approx(usual.pvalue)
    assert (mine.networks, mine.pairs, mine.tasks, mine.df) == (8, 4, 4, 3)
    bounds = [stats.ttest_1samp(values, -1, alternative="greater"), stats.ttest_1samp(values, 1, alternative="less")]
    assert mine.p_within(1) == pytest.approx(max(test.pvalue for test in bounds))


def test_equally_many_differences_a_task_give_the_t_test_of_their_means():
    gains = pd.DataFrame(np.random.default_rng(0).normal(1, 1, (5, 7)))
    mine, usual = by_task(gains, 70), stats.ttest_1samp(gains.mean(axis=1), 0)
    assert mine.interval() == pytest.approx(tuple(usual.confidence_interval()))


@pytest.mark.parametrize("table", [column([]), column([NAN, NAN]), column([0.5]), column([0.5, 0.5]), column([0, 0])])
@pytest.mark.parametrize("way", [lambda table: by_task(table, 0), by_network])
def test_without_spread_there_is_no_interval(way, table):
    estimate = way(table)
    for result in (estimate, estimate - estimate, estimate - Estimate(1, 0.1, 3)):
        numbers = (*result.interval(), result.p(), result.p_within(1), result.smallest())
        assert np.isnan(numbers).all()


@pytest.mark.parametrize("tasks", [2, 3, 8])
def test_the_smallest_effect_is_seen_four_times_in_five(tasks):
    error = 1 / np.sqrt(tasks)
    effect = Estimate(0, error, tasks - 1).smallest()
    samples = np.random.default_rng(0).normal(effect, 1, (20_000, tasks))
    assert (stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.01)


@given(st.lists(st.one_of(st.floats(0, 1), st.just(NAN)), max_size=8))
def test_holm_is_never_below_the_raw_p_and_keeps_their_order(p):
    adjusted = holm(p)
    assert [np.isnan(x) for x in adjusted] == [np.isnan(x) for x in p]
    tests = sorted((raw, after) for raw, after in zip(p, adjusted) if not np.isnan(raw))
    assert all(raw <= after <= 1 for raw, after in tests)
    assert [after for _, after in tests] == sorted(after for _, after in tests)
    if tests:
        assert tests[0][1] == pytest.approx(min(1, len(tests) * tests[0][0]))
    assert sum(after < 0.05 for _, after in tests) == rejected(sorted(raw for raw, _ in tests))


def rejected(p):
    """Holm's procedure in its original form: how many of the sorted p it rejects at 5 %."""
    for place, value in enumerate(p):
        if value * (len(p) - place) >= 0.05:
            return place
    return len(p)


def test_holm_keeps_a_family_of_no_effects_to_one_false_claim_in_twenty():
    families = stats.ttest_1samp(np.random.default_rng(0).normal(0, 1, (1000, 4, 6)), 0, axis=2).pvalue
    assert np.mean([min(p) < 0.05 for p in families]) > 0.15
    assert np.mean([min(holm(list(p))) < 0.05 for p in families]) == pytest.approx(0.05, abs=0.02)


# --- random filters, drawn in two ways -------------------------------------------------------------------


def test_what_fine_tuning_repairs():
    table = made_up({**of_condition("BnB", -4), **of_condition("BnB+", 1)})
    (row,) = claims.repair(table).itertuples()
    assert row.n == "3-6" and row.estimate == pytest.approx(5, abs=0.3) and row.verdict == "holds"
    assert (row.networks, row.pairs, row.tasks) == (64, 32, 8)


def test_which_direction_loses_more():
    table = made_up(of_condition("AnB", -5))
    table.loc[(table.target == "B") & (table.condition == "AnB") & (table.n == 7), "accuracy"] -= 0.03
    rows = claims.directions(table).set_index("n")
    assert list(rows.index) == [*"1234567", "1-7"]
    assert rows.estimate["7"] == pytest.approx(-3, abs=0.7) and rows.verdict["7"] == "holds"
    assert (rows.verdict[[*"123456"]] != "holds").all()
    assert (rows.networks["7"], rows.tasks["7"], rows.networks["1-7"]) == (16, 4, 64)


def test_2014_has_one_seed_in_each_direction(table_2014):
    rows = claims.directions(table_2014)
    assert (rows.tasks == 1).all() and (rows.verdict == "undecided").all()
    assert claims.directions(table_2014[:0]).verdict.eq("undecided").all()


def test_the_control_tells_random_features_from_a_faint_signal():
    scaled = made_up(of_condition("random", -20), splits=("random",), generator=1)
    faint = made_up(of_condition("random", -30), splits=("random",), generator=1)  # the same bases and noise
    rows = claims.control(scaled, faint).set_index(["contrast", "n"])
    assert rows.estimate["gaussian - random", "3"] == pytest.approx(-10)


def test_the_control_without_gaussian_networks_is_undecided():
    table = made_up({}, splits=("random",))
    rows = claims.control(table, table.iloc[:0]).set_index("contrast")
    assert set(rows.verdict["gaussian - random"]) == {"undecided"}
