"""The answer in words: where to cut, what that is worth, and whether the simple rule is as good.

The simple rule is to cut at the last block: keep all of them, frozen, and train a new head.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from transferlab.advice.evidence import Estimate, HeldOut, accuracy, difference, elsewhere, images_to_decide
from transferlab.notation import Treatment

LOPSIDED = 0.04  # of accuracy: how much longer one arm of an interval may be before both ends are said
MARGIN = 0.02  # of accuracy: what a reader would not cut elsewhere for


@dataclass(frozen=True)
class Answer:
    """What is advised.

    Attributes:
        sentence: the answer, to be read first.
        verdict: "better" than the simple rule, "the same" as it, "as good" (whatever else is done gains less than
            MARGIN), "undecided", or "useless" (no way is clearly above guessing).
        advised: the way that is advised: the simple rule's, unless another is clearly better.
        best: the way with the highest accuracy.
        gain: best minus the simple rule, as a choice is worth that is made on other images.
        more_images: of a class, that would decide; None if that is settled, or no number below 1000 would.
    """

    sentence: str
    verdict: str
    advised: str
    best: str
    gain: Estimate
    more_images: int | None = None


def answer(
    right: Mapping[str, np.ndarray],
    tested: HeldOut,
    rule: str,
    phrases: Mapping[str, str],
    chosen: str | None = None,
) -> Answer:
    """Compare ways with the simple rule, and say what to do.

    Args:
        right: which of the tested images each way got right, bool `[N]`.
        tested: those images.
        rule: the way of the simple rule.
        phrases: each way as an order, such as "keep blocks 1 to 5 and ...".
        chosen: the way that was best on images of its own; None: it is chosen here, on the other folds.
    """
    values = {way: accuracy(each, tested) for way, each in right.items()}
    # of equally good ones the rule, or else the last, which keeps most of the donor
    best = chosen or max(reversed([*right]), key=lambda way: (values[way].value, way == rule))
    gain = difference(right[best] if chosen else elsewhere({**right}, tested), right[rule], tested)
    guessing = 1 / tested.classes
    if values[best].low <= guessing:
        return Answer(
            f"Nothing here tells these classes apart: the best way, {_bare(phrases[best])}, gets "
            f"{percent(values[best])}, and guessing {100 * guessing:.0f} %.",
            "useless", rule, best, gain,
        )  # fmt: skip
    told = f"{phrases[best]}: {percent(values[best])}"
    simple = f"{phrases[rule]}: {percent(values[rule])}"
    if best == rule:
        return Answer(
            f"{_capital(told)}. That is the simple rule, and no other way is better.", "the same", rule, best, gain
        )
    if gain.low > 0:
        return Answer(
            f"{_capital(told)}. The simple rule, {_bare(simple)}. The choice is worth {points(gain)}.",
            "better", best, best, gain,
        )  # fmt: skip
    apart = difference(right[best], right[rule], tested)
    if apart.high < MARGIN:
        return Answer(
            f"{_capital(simple)}. That is the simple rule, and it is as good as {_bare(told)}.",
            "as good", rule, best, gain,
        )  # fmt: skip
    more = images_to_decide(apart, tested)
    would = f"about {more} more images a class would tell" if more else "not even 1000 more images a class would tell"
    return Answer(
        f"Undecided between {_bare(phrases[best])}, {percent(values[best])}, and the simple rule, "
        f"{_bare(phrases[rule])}, {percent(values[rule])}: {would}. Until then follow the simple rule.",
        "undecided", rule, best, gain, more,
    )  # fmt: skip


def probe_phrase(cut: int, last: int) -> str:
    """Return a linear classifier on a cut as an order.

    >>> probe_phrase(5, 8), probe_phrase(8, 8)
    ('keep blocks 1 to 5 with a linear classifier on them', 'keep all 8 blocks with a linear classifier on them')
    """
    return f"keep {kept(cut, last)} with a linear classifier on {'it' if cut == 1 else 'them'}"


def way_phrase(name: str, last: int, rate: float) -> str:
    """Return a way to train as an order.

    >>> way_phrase("A5B++", 8, 0.003)
    'keep blocks 1 to 5, train fresh ones above them, then all at 0.003'
    """
    treatment = Treatment.parse(name)
    if treatment.source is None:
        return f"train from scratch at {rate:g}"
    above = "a new head on" if treatment.n == last else "fresh ones above"
    copied = f"keep {kept(treatment.n, last)}"
    them = "it" if treatment.n == 1 else "them"
    if treatment.fine_tuned:
        return f"{copied}, train {above} {them}, then all at {rate:g}"
    return f"{copied} frozen, train {above} {them} at {rate:g}"


def kept(cut: int, last: int) -> str:
    """Return which blocks a cut keeps.

    >>> kept(1, 8), kept(3, 8), kept(8, 8)
    ('block 1', 'blocks 1 to 3', 'all 8 blocks')
    """
    return "block 1" if cut == 1 else f"all {last} blocks" if cut == last else f"blocks 1 to {cut}"


def percent(value: Estimate) -> str:
    """Return an accuracy with half of its interval, or with its ends where it is not in the middle.

    >>> percent(Estimate(0.812, 0.75, 0.87, 0.03)), percent(Estimate(1.0, 0.58, 1.0, 0.1))
    ('81 % ± 6', '100 % (58 to 100)')
    """
    if abs(value.high + value.low - 2 * value.value) > LOPSIDED:
        return f"{100 * value.value:.0f} % ({100 * value.low:.0f} to {100 * value.high:.0f})"
    return f"{100 * value.value:.0f} % ± {100 * value.half:.0f}"


def points(value: Estimate) -> str:
    """Return a difference with its interval.

    >>> points(Estimate(0.041, 0.012, 0.07, 0.01))
    '+4 points (1 to 7)'
    """
    return f"{100 * value.value:+.0f} points ({100 * value.low:.0f} to {100 * value.high:.0f})"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _bare(text: str) -> str:
    """Return an order as a name, so that it stands inside of a sentence."""
    for verb, noun in (("keep ", "keeping "), ("train ", "training ")):
        if text.startswith(verb):
            return noun + text.removeprefix(verb).replace(", train ", ", training ")
    return text
