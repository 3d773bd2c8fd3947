"""Verdicts that are read at a glance: a row a claim, a column an n, our networks and those of 2014 one above the other.

A cell has the estimate, and a sign and a colour for the verdict; its interval and its networks are in a note on the
cell, which a screen reader reads out and a tap shows. On a phone each claim is a block of its own; on paper its
interval stands under each estimate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from transferlab.chapters.assets import web_file

GLYPHS = {"holds": "✓", "does not hold": "✗", "undecided": "?"}
STYLES = {"holds": "tl-holds", "does not hold": "tl-fails", "undecided": "tl-open"}  # classes of web/verdicts.css
CELLS = 70  # more of them are not taken in at a glance
LEGEND = (
    "In points of top-1 accuracy, + for more or above, − for less or below: {glyphs} (too few networks to tell); "
    "point at a cell, or tap it, to see its 95 % interval (Student’s t over target tasks), how many networks and tasks "
    "it rests on and the smallest detectable effect."
)


@dataclass(frozen=True, repr=False)
class VerdictTable:
    """A table to be shown: as HTML where there is a page, as text elsewhere."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


def verdict_table(
    ours: pd.DataFrame,
    logs: pd.DataFrame | None = None,
    *,
    caption: str = "What holds",
    over: str = "n = {}",
    names: tuple[str, str] = ("ours", "2014"),
    columns: Sequence[str] = (),
) -> VerdictTable:
    """Return rows of `claims.audit` as a table with a row a statement and a column an n (or range of n).

    `logs`, if given, are the same claims on the logs of 2014: each statement has a second line for them. `over` says
    what a column is, and `names` who the two lines are; `columns` is for an `n` that is not a number, such as the
    name of a study: all that there are, in order. An n = 3-6 that lies over single columns spans them. Every difference
    is the first-named network of its statement minus the other.

    Raises ValueError for a table of more than 70 cells, and for two verdicts on one statement at the same n.

    >>> verdict_table(claims.dissimilar(published), claims.dissimilar(logs))  # doctest: +SKIP
    """
    sources = [(name, rows.assign(n=rows.n.astype(str))) for name, rows in zip(names, (ours, logs)) if rows is not None]
    statements = dict.fromkeys(statement for _, rows in sources for statement in rows.statement)
    columns = list(columns) or _columns(pd.concat([rows.n for _, rows in sources]))
    bodies, lines, cells = [], {}, 0
    for statement in statements:
        body = []
        for name, rows in sources:
            spans = _spans(rows[rows.statement == statement], columns)
            cells += len(spans)
            body.append((name, spans))
            lines[statement, name] = {label: _short(row) for _, label, row in spans}
        bodies.append(_body(statement, body, over))
    both = "".join(_small_but_there(name, rows) for name, rows in sources)
    if cells > CELLS:
        raise ValueError(f"the table would have {cells} cells; more than {CELLS} are too many: make two of it")
    head = "".join(f'<th scope="col" role="columnheader">{escape(over.format(_dash(n)))}</th>' for n in columns)
    widest = max(len(word) for name, _ in sources for word in name.split())  # on a phone a name breaks between words
    study = '<th scope="col" role="columnheader"><span class="tl-unseen">networks</span></th>' * (len(sources) > 1)
    glyphs = ", ".join(f'<span class="{STYLES[verdict]}">{glyph} {verdict}</span>' for verdict, glyph in GLYPHS.items())
    html = (
        f"<style>{web_file('verdicts.css')}</style>"
        f'<div class="tl-verdicts"><table role="table" style="--tl-columns: {len(columns)}; --tl-study: {widest}ch">'
        f'<caption>{escape(caption)}</caption><thead role="rowgroup"><tr role="row">'
        f'<th scope="col" role="columnheader">claim</th>{study}{head}</tr></thead>{"".join(bodies)}</table>'
        f"<p>{LEGEND.format(glyphs=glyphs)}{escape(both)}</p></div>"
    )
    text = pd.DataFrame.from_dict(lines, orient="index").reindex(columns=columns).fillna("")
    text.columns = [over.format(n) for n in columns]
    if len(sources) == 1:
        text = text.droplevel(1)
    words = ", ".join(f"{glyph} {verdict}" for verdict, glyph in GLYPHS.items())
    return VerdictTable(html, f"{caption}\n{text.to_string()}\n{LEGEND.format(glyphs=words)}{both}")


def worlds_table(
    studies: Mapping[str, pd.DataFrame], asked: Sequence[tuple[str, str, str]], caption: str
) -> VerdictTable:
    """Return some verdicts of several studies: a row a claim at one n (or range of n), a column a study.

    `studies` are tables of `claims.audit` by name; `asked` are the claim, the contrast and the n of each row. What a
    study lacks is undecided there. Raises ValueError for a claim that is in none of them.

    >>> asked = [("specificity", "AnB - BnB", "7")]
    >>> worlds_table({"Kingdoms": ours, "2014": logs}, asked, "What holds where")  # doctest: +SKIP
    """
    parts = []
    for claim, contrast, n in asked:
        key = f"claim == {claim!r} and contrast == {contrast!r} and n == {n!r}"
        found = [(name, rows.query(key)) for name, rows in studies.items()]
        if not any(len(rows) for _, rows in found):
            raise ValueError(f"no study has a verdict on {contrast!r} at n = {n} ({claim})")
        at = f", n = {_dash(n)}"
        parts += [rows.assign(statement=rows.statement + at, n=name) for name, rows in found]
    return verdict_table(pd.concat(parts), caption=caption, over="{}", columns=list(studies))


def _small_but_there(name: str, rows: pd.DataFrame) -> str:
    """Say where a difference and its being within the margin both hold, which only looks like a contradiction."""
    held = rows[rows.verdict == "holds"]
    small = held.statement.str.contains("within")
    both = held[~small].merge(held[small], on=["contrast", "n"], suffixes=("", "_small"))
    said = (
        f"at n = {row.n} {row.statement} and {row.statement_small.partition(' is ')[2]}" for row in both.itertuples()
    )
    return "".join(f" Both hold, {name}, {each}: the difference is there, and it is small." for each in said)


def points(value: float) -> str:
    """Return a difference with its sign, to a tenth of a point.

    >>> points(-1.66), points(0.3), points(-0.04)
    ('−1.7', '+0.3', '0.0')
    """
    told = f"{value:+.1f}"
    return "0.0" if float(told) == 0 else told.replace("-", "−")


def interval(row) -> str:
    """Say the interval of a row of `claims`."""
    return "no interval" if pd.isna(row.low) else f"95 % interval {points(row.low)} to {points(row.high)}"


def note(row) -> str:
    """Say in words all that a row of `claims` has: the difference, its interval, what it rests on, the verdict."""
    if pd.isna(row.estimate):
        return f"no networks: {row.verdict}"
    said = [f"{points(row.estimate)} points", interval(row), f"{row.networks} networks"]
    if row.tasks:
        said.append(f"{row.tasks} target {'task' if row.tasks == 1 else 'tasks'}")
    if not pd.isna(row.smallest):
        said.append(f"smallest detectable effect {row.smallest:.1f} points")
    return f"{', '.join(said)}: {row.verdict}"


def _columns(labels: pd.Series) -> list[str]:
    """Return single n in order, then ranges in order; without ranges that single n make up."""
    known = set(labels)
    ends = sorted(((_ends(label), label) for label in known), key=lambda each: ("-" in each[1], each[0]))
    return [label for (first, last), label in ends if first == last or not _within(first, last) <= known]


def _ends(label: str) -> tuple[int, int]:
    first, _, last = label.partition("-")
    return int(first), int(last or first)


def _within(first: int, last: int) -> set[str]:
    return {str(n) for n in range(first, last + 1)}


def _spans(rows: pd.DataFrame, columns: list[str]) -> list[tuple[int, str, object]]:
    """Return the cells of a line: how many columns each takes, the first of them, and its row (None for a blank)."""
    taken: dict[str, object] = {}
    widths: dict[str, int] = {}
    for row in rows.itertuples():
        own = [row.n] if row.n in columns else [n for n in columns if n in _within(*_ends(row.n))]
        if again := [n for n in own if n in taken]:
            raise ValueError(f"there are two verdicts on {row.statement!r} at n = {again[0]}; show one of them")
        taken |= dict.fromkeys(own, row)
        widths[own[0]] = len(own)
    inside = {n for n in taken if n not in widths}
    return [(widths.get(n, 1), n, taken.get(n)) for n in columns if n not in inside]


def _short(row) -> str:
    if row is None:
        return ""
    return f"{'–' if pd.isna(row.estimate) else points(row.estimate)} {GLYPHS[row.verdict]}"


def _body(statement: str, lines: list[tuple[str, list]], over: str) -> str:
    """Return the lines of one claim."""
    parts = []
    for place, (name, spans) in enumerate(lines):
        several = len(lines) > 1
        head = f'class="tl-claim" scope="rowgroup" role="rowheader" rowspan="{len(lines)}"'
        claim = f"<th {head}>{escape(statement)}</th>"
        study = f'<th class="tl-study" scope="row" role="rowheader">{escape(name)}</th>' * several
        style = "tl-row" + " tl-first" * (not place) + " tl-alone" * (not several)
        cells = "".join(_cell(width, row, over) for width, _, row in spans)
        parts.append(f'<tr class="{style}" role="row">{"" if place else claim}{study}{cells}</tr>')
    return f'<tbody role="rowgroup">{"".join(parts)}</tbody>'


def _cell(width: int, row, over: str) -> str:
    span = f' colspan="{width}" style="grid-column: span {width}"' * (width > 1)
    if row is None:
        return f'<td role="cell"{span}></td>'
    value, glyph = _short(row).split(" ")
    words = escape(note(row))
    label = escape(over.format(_dash(row.n)))
    printed = f' data-range="{points(row.low)} to {points(row.high)}"' * (not pd.isna(row.low))
    return (
        # tabindex: a tap focuses the cell, and the Tab key skips it
        f'<td class="{STYLES[row.verdict]}" role="cell" tabindex="-1" data-label="{label}"{printed}{span}>'
        f'<span aria-hidden="true" title="{words}">{value} <span class="tl-glyph">{glyph}</span></span>'
        f'<span class="tl-unseen">{words}</span></td>'
    )


def _dash(n: str) -> str:
    return n.replace("-", "–")
