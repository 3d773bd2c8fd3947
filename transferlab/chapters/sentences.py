"""The sentences of a chapter that depend on results: they are made from rows of claims, never typed."""

import re
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

import pandas as pd
from scipy import stats

from transferlab.chapters.verdicts import as_stated, points


@dataclass(frozen=True, repr=False)
class Answer:
    """The answer of a chapter: a box on a page, plain text elsewhere."""

    text: str

    def _repr_html_(self) -> str:
        inner = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(self.text, quote=False))
        return f'<style>{_css()}</style><div class="tl-answer" role="note"><p>The answer</p><p>{inner}</p></div>'

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

    The sign is that of the row's statement (`verdicts.as_stated`): "BnB is below its base" is a negative number where
    it is true. Raises ValueError if `rows` have not exactly one row of that contrast and n.

    >>> row = {"contrast": "AnB - base", "n": "7", "statement": "AnB is below its base", "estimate": -8.16}
    >>> row |= {"low": -9.0, "high": -7.1, "networks": 24}
    >>> measured(pd.DataFrame([row]), "AnB - base", 7)
    '−8.2 points (95 % interval −9.0 to −7.1, 24 networks)'
    """
    found = rows[(rows.contrast == contrast) & (rows.n.astype(str) == str(n))]
    if len(found) != 1:
        known = sorted({*zip(rows.contrast, rows.n.astype(str))})
        raise ValueError(f"{len(found)} rows for {contrast!r} at n = {n}; there are {known}")
    row = as_stated(found).iloc[0]
    if pd.isna(row.estimate):
        return "not measured"
    interval = "no interval" if pd.isna(row.low) else f"95 % interval {points(row.low)} to {points(row.high)}"
    said = interval + f", {row.networks} networks" * networks
    return f"{points(row.estimate)} points ({said})"


def level(table: pd.DataFrame, condition: str, n: int = 0) -> str:
    """Say the mean accuracy of a condition at one n, with its interval over networks and their number.

    Raises ValueError if the table has no such network.

    >>> level(pd.DataFrame({"condition": "base", "n": 0, "accuracy": [0.70, 0.72]}), "base")
    '71.0 % (95 % interval 58.3 to 83.7 %, 2 networks)'
    """
    values = 100 * table[(table.condition == condition) & (table.n == n)].accuracy.dropna()
    if not len(values):
        raise ValueError(f"the table has no network {condition} with n = {n}")
    if len(values) == 1:
        return f"{values.iloc[0]:.1f} % (1 network)"
    low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
    return f"{values.mean():.1f} % (95 % interval {low:.1f} to {high:.1f} %, {len(values)} networks)"


@cache
def _css() -> str:
    return (Path(__file__).parent / "web" / "answer.css").read_text(encoding="utf-8")
