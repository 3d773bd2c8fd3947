"""The sentences of a chapter that depend on results: they are made from rows of claims, never typed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from math import isnan

import pandas as pd

from transferlab.chapters.assets import web_file
from transferlab.chapters.verdicts import interval, points
from transferlab.study.estimates import by_network


@dataclass(frozen=True, repr=False)
class Answer:
    """The answer of a chapter: a box on a page, plain text elsewhere."""

    text: str

    def _repr_html_(self) -> str:
        inner = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(self.text, quote=False))
        style = f"<style>{web_file('answer.css')}</style>"
        return f'{style}<div class="tl-answer" role="note"><p>The answer</p><p>{inner}</p></div>'

    def __repr__(self) -> str:
        return "The answer: " + self.text.replace("**", "")


def answer(*sentences: str) -> Answer:
    """Return the answer of a chapter; `**bold**` is the only mark-up.

    >>> answer("Frozen layers **cost little**.", "Later ones cost more.")
    The answer: Frozen layers cost little. Later ones cost more.
    """
    return Answer(" ".join(sentences))


def measured(rows: pd.DataFrame, contrast: str, n: str | int, *, networks: bool = True) -> str:
    """Say the difference that a row of `claims` measures, with its interval and its number of networks.

    "BnB is below its base" is a negative number where it is true. Raises ValueError if `rows` have not exactly one row
    of that contrast and n.

    >>> row = {"contrast": "AnB - base", "n": "7", "statement": "AnB is below its base", "estimate": -8.16}
    >>> row |= {"low": -9.0, "high": -7.1, "networks": 24}
    >>> measured(pd.DataFrame([row]), "AnB - base", 7)
    '−8.2 points (95 % interval −9.0 to −7.1, 24 networks)'
    """
    row = _found(rows, contrast, n)
    if pd.isna(row.estimate):
        return "not measured"
    return f"{points(row.estimate)} points ({interval(row)}{f', {row.networks} networks' * networks})"


def beside(rows: pd.DataFrame, logs: pd.DataFrame, contrast: str, n: str | int) -> str:
    """Say the difference as `measured` does, for our networks and, in the same brackets, for those of 2014.

    >>> row = {"contrast": "AnB - base", "n": "7", "statement": "AnB is below its base", "estimate": -17.4}
    >>> ours = pd.DataFrame([row | {"low": -20.0, "high": -14.8, "networks": 16}])
    >>> logs = pd.DataFrame([row | {"estimate": -8.16, "low": -9.0, "high": -7.1, "networks": 24}])
    >>> beside(ours, logs, "AnB - base", 7)
    '−17.4 points (95 % interval −20.0 to −14.8, 16 networks; 2014: −8.2, −9.0 to −7.1, 24 networks)'
    """
    row = _found(logs, contrast, n)
    then = "not measured"
    if not pd.isna(row.estimate):
        then = f"{points(row.estimate)}, {interval(row).removeprefix('95 % interval ')}, {row.networks} networks"
    return f"{measured(rows, contrast, n).removesuffix(')')}; 2014: {then})"


def both(rows: pd.DataFrame, logs: pd.DataFrame, contrast: str, n: str | int) -> str:
    """Say the difference as `measured` does, of our networks and of those of 2014, one after the other."""
    return f"{measured(rows, contrast, n)} here and {measured(logs, contrast, n)} in 2014"


def by_verdict(rows: pd.DataFrame, contrast: str, n: str | int, holds: str, fails: str, undecided: str) -> str:
    """Choose words by the verdict of a row of `claims`. Raises ValueError as `measured` does.

    >>> rows = pd.DataFrame([{"contrast": "AnB - base", "n": "7", "verdict": "holds"}])
    >>> by_verdict(rows, "AnB - base", 7, "Yes", "No", "Undecided")
    'Yes'
    """
    words = {"holds": holds, "does not hold": fails, "undecided": undecided}
    return words[_found(rows, contrast, n).verdict]


def at_n(labels: Iterable[str | int], none: str = "no n") -> str:
    """Say at which n.

    >>> at_n([2, 3, 4, 7]), at_n(["5", "6"]), at_n([])
    ('n = 2 to 4 and 7', 'n = 5 and 6', 'no n')
    """
    stretches: list[list[int]] = []
    for n in sorted(map(int, labels)):
        if stretches and stretches[-1][-1] == n - 1:
            stretches[-1].append(n)
        else:
            stretches.append([n])
    said = [words for s in stretches for words in (map(str, s) if len(s) < 3 else [f"{s[0]} to {s[-1]}"])]
    if not said:
        return none
    listed = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
    return f"n = {listed}"


def _found(rows: pd.DataFrame, contrast: str, n: str | int) -> pd.Series:
    """Return the one row of a contrast and n."""
    found = rows[(rows.contrast == contrast) & (rows.n.astype(str) == str(n))]
    if len(found) != 1:
        known = sorted({*zip(rows.contrast, rows.n.astype(str))})
        raise ValueError(f"{len(found)} rows for {contrast!r} at n = {n}; there are {known}")
    return found.iloc[0]


def level(table: pd.DataFrame, condition: str, n: int = 0) -> str:
    """Say the mean accuracy of a condition at one n, with its interval over networks and their number.

    Raises ValueError if the table has no such network.

    >>> level(pd.DataFrame({"condition": "base", "n": 0, "accuracy": [0.70, 0.72]}), "base")
    '71.0 % (95 % interval 58.3 to 83.7 %, 2 networks)'
    """
    values = 100 * table[(table.condition == condition) & (table.n == n)].accuracy.dropna()
    if not len(values):
        raise ValueError(f"the table has no network {condition} with n = {n}")
    estimate = by_network(values.to_frame())
    low, high = estimate.interval()
    counted = f"{estimate.networks} network" + "s" * (estimate.networks > 1)
    return f"{estimate.value:.1f} % ({'' if isnan(low) else f'95 % interval {low:.1f} to {high:.1f} %, '}{counted})"
