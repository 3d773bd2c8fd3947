"""What practitioners ask, each answered in three sentences from the published tables."""

from dataclasses import dataclass

import pandas as pd

from transferlab.chapters.sentences import at_n, by_verdict, measured
from transferlab.study import forecasts, scarcity, tuning

FEW, MANY = 10, 100  # images of a class
PLAIN = 0.1  # the one rate of the main study


@dataclass(frozen=True, eq=False)
class Evidence:
    """The tables that answer: `few_images` and what was chosen, both also with donors of Emoji; `tuning`; a museum."""

    few: pd.DataFrame
    from_emoji: pd.DataFrame
    choices: pd.DataFrame
    choices_from_emoji: pd.DataFrame
    tried: pd.DataFrame
    museum: pd.DataFrame

    def gains(self, split: str = "random") -> pd.DataFrame:
        """Return what copied layers gain between tasks of a split, by images of a class."""
        return scarcity.gains(scarcity.at_best_n(self.few), split)


def how_many(evidence: Evidence) -> str:
    """How many and which layers do I freeze?"""
    near, far = (
        forecasts.judged(choices).set_index("forecast").within[["last", "middle"]]
        for choices in (evidence.choices, evidence.choices_from_emoji)
    )
    rules = {"last": "all but the head", "middle": "the lower half"}
    return (
        f"Keeping all {forecasts.RULE} layers below the head was within {forecasts.WITHIN:.0f} points of the best cut "
        f"in {near['last']:.0%} of the cases, keeping {forecasts.ALWAYS['middle']} in {near['middle']:.0%}. "
        f"With donors that had learned something else, emoji, it was {far['last']:.0%} and {far['middle']:.0%}. "
        f"So begin with {rules[near.idxmax()]} if the donor has learned things like yours, with {rules[far.idxmax()]} "
        "if not, and train at both before you decide."
    )


def whether(evidence: Evidence) -> str:
    """Should I freeze at all?"""
    gains = evidence.gains()
    conclusion = by_verdict(
        gains, "AnB++ - AnB", FEW,
        "So freeze first, and then go on gently with all layers.",
        "So freeze, and leave it at that.",
        "So freeze: training all layers costs far more, and may gain nothing.",
    )  # fmt: skip
    return (
        f"With {FEW} images a class, frozen layers beat training from scratch by {measured(gains, 'AnB - base', FEW)}. "
        f"Training them as well, in a second stage, adds {measured(gains, 'AnB++ - AnB', FEW)}, and with {MANY} images "
        f"{measured(gains, 'AnB++ - AnB', MANY)}. {conclusion}"
    )


def when(evidence: Evidence) -> str:
    """When do I unfreeze, why not at once?"""
    gains = evidence.gains()
    few, many = (
        by_verdict(gains, "AnB++ - AnB+", count, "better", "no better", "not clearly better") for count in (FEW, MANY)
    )
    return (
        f"Unfreezing once the new top is trained, and not at once, is {few} with {FEW} images a class: "
        f"{measured(gains, 'AnB++ - AnB+', FEW)}. "
        f"With {MANY} it is {many}: {measured(gains, 'AnB++ - AnB+', MANY)}. "
        "A fresh top sends large, meaningless gradients into the layers that you copied; one that is trained does not."
    )


def batch_norm(evidence: Evidence, check: str) -> str:
    """Why do frozen batch-norm layers move, or fail?"""
    left = evidence.museum[evidence.museum.exhibit == "fifth"]
    lost = 100 * (left.right - left.wrong)
    worst = lost.abs().max()
    verdict = "too little to be seen in a curve" if worst < forecasts.WITHIN else "enough to be taken for a result"
    return (
        "Switching off gradients does not stop batch norm: in training mode it takes the mean and variance of each "
        f"batch, and updates those that it keeps. {check} In the bug museum the mistake moved accuracy by "
        f"{worst:.1f} points at most, {verdict}, and the copied layers were no longer those of the donor."
    )


def similar(evidence: Evidence) -> str:
    """Is my data similar enough?"""
    near, far = (evidence.gains(split) for split in ("random", "kingdom"))
    farther = scarcity.gains(scarcity.at_best_n(evidence.from_emoji))
    pays = by_verdict(far, "AnB - base", FEW, "still pays", "no longer pays", "may or may not pay")
    return (
        f"Between similar tasks frozen layers gain {measured(near, 'AnB - base', FEW)} over scratch with {FEW} images "
        f"of a class. Between dissimilar ones, natural and man-made, they gain {measured(far, 'AnB - base', FEW)}, so "
        f"transfer {pays} there, and on bases of another data set, Emoji, {measured(farther, 'AnB - base', FEW)}. "
        "Nobody can tell from a name how similar two sets of images are, but the probe of the "
        "last cut, beside guessing, measures it on yours."
    )


def overfitting(evidence: Evidence) -> str:
    """My few images overfit when I unfreeze."""
    mine = tuning.at_rates(evidence.tried, FEW)
    means = mine[mine.network == "A7B+"].groupby("learning_rate").accuracy.mean()
    frozen = mine[mine.network == "A7B"].groupby("learning_rate").accuracy.mean().max()
    own, plain = means.idxmax(), means.loc[PLAIN]
    blame = "the rate more than the images" if means.max() - plain > frozen - means.max() else "not the rate alone"
    return (
        f"With {FEW} images a class A7B+ reaches {plain:.0%} at a rate of {PLAIN:g}, and {means.max():.0%} at {own:g}, "
        f"its best; frozen A7B reaches {frozen:.0%}. What looks like overfitting is {blame}. "
        "Lower the rate tenfold, train the top first, and choose the rate on images that you do not report."
    )


def how_few(evidence: Evidence) -> str:
    """How few images justify transfer at all?"""
    gains = evidence.gains()
    rows = gains[gains.contrast == "AnB - base"].assign(images=lambda rows: rows.n.astype(int)).sort_values("images")
    pays = rows[rows.verdict == "holds"].images.tolist()
    first, last = rows.images.min(), rows.images.max()
    where = f"at every number that was tried, {first} to {last} a class" if len(pays) == len(rows) else (
        f"with {at_n(pays).removeprefix('n = ')} images a class" if pays else "at none of the numbers that were tried"
    )  # fmt: skip
    return (
        f"Transfer pays {where}. The gain is {measured(gains, 'AnB - base', first)} with {first} images, and "
        f"{measured(gains, 'AnB - base', last)} with {last}. "
        "None that was tried is too few; with more and more of them there is less and less to gain."
    )


def with_which_head(evidence: Evidence) -> str:
    """Where do I cut, with which head?"""
    found = forecasts.judged(evidence.choices).set_index("forecast")
    probe, rule, advice = (found.loc[name] for name in ("probe", "last", "advice"))
    others = found.loc[["log_me", "h_score", "cka"]].within
    ahead = "more often than" if probe.within > rule.within else "less often than" if probe.within < rule.within else (
        "as often as"
    )  # fmt: skip
    return (
        f"The cut with the best linear probe is near the best one in {probe.within:.0%} of the cases, {ahead} the last "
        f"cut ({rule.within:.0%}); the scores that need no training come to {others.min():.0%} to {others.max():.0%}. "
        f"What the command advises, the last cut unless another is clearly better, loses {advice.lost:.1f} points on "
        f"average, and always taking the last {rule.lost:.1f}. "
        "The head was always the layers above the cut, fresh: what another one would learn from few images, these "
        "tables cannot say."
    )
