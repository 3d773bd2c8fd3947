"""Advice as files: a page that stands alone, its figure, and everything as JSON."""

import io
import re
from html import escape
from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt

from transferlab.advice import Advice
from transferlab.advice.evidence import Estimate
from transferlab.advice.sentences import percent
from transferlab.chapters.figures import STYLE, accuracy_over_cut
from transferlab.study import few_images, forecasts, tuning
from transferlab.system.files import replacing

FILES = {"page": "advice.html", "data": "advice.json", "figure": "advice.svg"}
CSS = """
:root { color-scheme: light dark; --ink: #1c1f23; --paper: #fff; --quiet: #555; --line: #ccc; --mark: #0b6e99; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --paper: #14181e; --quiet: #aab2bb; --line: #4a535d; --mark: #6cc3e8;
    --tl-000000: #e8eaed; --tl-333333: #c3cad2; --tl-555555: #aab2bb; --tl-777777: #8d96a0; --tl-d55e00: #f0833a;
    --tl-009e73: #3fcf9f; --tl-0072b2: #3d9be0; --tl-b34f00: #f0833a; --tl-00795a: #3fcf9f; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto;
  max-width: 46rem; padding: 1rem; }
h1 { font-size: 1.1rem; color: var(--quiet); font-weight: 600; }
h2 { font-size: 1.1rem; margin-top: 2rem; }
.answer { font-size: 1.35rem; line-height: 1.35; border-left: 4px solid var(--mark); padding-left: .8rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .5rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
.advised td { font-weight: 700; }
figure { margin: 1rem 0; } svg { max-width: 100%; height: auto; }
li.wrong::marker { content: "! "; color: var(--mark); font-weight: 700; }
li, footer, figcaption { overflow-wrap: anywhere; } footer, figcaption { color: var(--quiet); font-size: .9rem; }
"""


def check_out(out: Path) -> None:
    """Raise ValueError if a folder holds something else than advice, which is never overwritten."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; give --out a new folder, or one with earlier advice")
    if out.is_dir() and any(out.iterdir()) and not (out / FILES["data"]).exists():
        raise ValueError(f"{out} is not empty and holds no earlier advice; give --out a new folder")


def write(advice: Advice, out: Path) -> Path:
    """Write a page, its figure and the data into a folder, in place of earlier advice; return the page.

    Raises ValueError if the folder holds something else.
    """
    check_out(out)
    out.mkdir(parents=True, exist_ok=True)
    svg = drawn(advice)
    for name, text in (("figure", svg), ("page", page(advice, svg)), ("data", advice.as_json())):
        with replacing(out / FILES[name]) as beside:
            beside.write_text(text, encoding="utf-8")
    return out / FILES["page"]


def drawn(advice: Advice) -> str:
    """Return the figure as SVG."""
    with plt.rc_context(STYLE):
        axes = accuracy_over_cut(advice.cuts, advice.ways, 1 / len(advice.facts["classes"]))
        figure, content = axes.figure, io.StringIO()
        figure.savefig(content, format="svg", bbox_inches="tight", metadata={"Date": None})  # type: ignore[union-attr]
        plt.close(figure)  # type: ignore[arg-type]
    return content.getvalue()


def page(advice: Advice, svg: str) -> str:
    """Return the page: the answer first, then its evidence. It loads nothing."""
    facts = advice.facts
    words = f"Accuracy over the cut. {advice.sentence}"
    picture = re.sub(r"#[0-9a-fA-F]{6}", lambda found: f"var(--tl-{found[0][1:].lower()}, {found[0]})", _inline(svg))
    checks = "".join(f'<li class="{"wrong" if each.wrong else "fine"}">{escape(each.sentence)}</li>' for each in (
        sorted(advice.checks, key=lambda check: not check.wrong)
    ))  # fmt: skip
    trained = "" if advice.ways.empty else (
        f"<h2>What was trained</h2><div class=scroll>{_table(ways_table(advice), _of_ways(advice))}</div>"
        "<p>Rates were chosen on images that are not among these.</p>"
        f"<p>By the probes alone: {_kept_together(advice.quick.sentence)}</p>"
    )  # fmt: skip
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Where to cut: {escape(Path(facts["folder"]).name)}</title><style>{CSS}</style></head><body>
<h1>Where to cut {escape(facts["donor"])} for {escape(Path(facts["folder"]).name)}</h1>
<p class="answer">{_kept_together(advice.sentence)}</p>
<figure><div role="img" aria-label="{escape(words)}">{picture}</div>
<figcaption>How many of the held-out images a way gets right, every class counting the same; bars are 95 % intervals.
</figcaption></figure>
<h2>Every cut, by a linear probe</h2>
<p>A gain is in points, against keeping all blocks, with its 95 % interval.</p>
<div class="scroll">{_table(cuts_table(advice), _of_cuts(advice))}</div>
<p>{escape(how_right())}</p>
{trained}
<h2>What was looked at first</h2><ul>{checks}</ul>
<footer><p>{facts["images"]} images of {len(facts["classes"])} classes in {escape(facts["folder"])};
{facts["tested"]} tested, by {escape(facts["tested_on"])}. {facts["seconds"]:.0f} s on {escape(facts["hardware"])},
{facts["cores"]} cores; {facts["peak_megabytes"]} MB at most.</p>
<p>A probe is logistic regression on the pooled outputs of the blocks that are kept. Intervals allow for folds that
share training images (Nadeau and Bengio 2003). The gain of a choice is measured on images that it was not made on.
</p></footer>
</body></html>
"""


def how_right() -> str:
    """Say how often a probe chose a good cut in the published study, beside choosing always the same one."""
    near, far = (
        forecasts.judged(forecasts.chosen(forecasts.published(donor), few_images.published(donor)))
        .set_index("forecast")
        .within.map("{:.0%}".format)
        for donor in (tuning.KINGDOMS, few_images.FAR)
    )

    return (
        "A probe cannot see what fresh layers above a cut would learn. In this book's study, where networks were "
        f"trained at each cut, the best probe chose a cut within {forecasts.WITHIN:.0f} points of the best in "
        f"{near['probe']} of the cases if the donor had learned similar things (always the last cut: {near['last']}, "
        f"always the middle one: {near['middle']}), and in {far['probe']} if it came from another world (always the "
        f"last: {far['last']}, always the middle one: {far['middle']})."
    )


def cuts_table(advice: Advice) -> pd.DataFrame:
    """Return the cuts as a reader has them."""
    return _readable(advice.cuts).assign(**{
        "ms an image": advice.cuts.milliseconds.map("{:.1f}".format),
        "MB": advice.cuts.megabytes.map("{:.0f}".format),
    })[["keeps", "accuracy", "gain", "ms an image", "MB"]]  # fmt: skip


def ways_table(advice: Advice) -> pd.DataFrame:
    """Return the ways to train as a reader has them."""
    rates = advice.ways.rate.map("{:g}".format)
    return _readable(advice.ways).assign(rate=rates)[["network", "keeps", "rate", "accuracy", "gain"]]


def _readable(rows: pd.DataFrame) -> pd.DataFrame:
    values = [percent(Estimate(row.accuracy, row.low, row.high, 0)) for row in rows.itertuples()]
    gains = ["-" if row.gain_low == row.gain_high else _gain(row) for row in rows.itertuples()]
    return rows.assign(**{"accuracy": values, "gain": gains})


def _gain(row) -> str:
    value, low, high = (round(100 * each) for each in (row.gain, row.gain_low, row.gain_high))
    return f"{value:+d} ({low} to {high})" if value else f"0 ({low} to {high})"


def _of_cuts(advice: Advice) -> list[bool]:
    return [f"cut {cut}" == advice.quick.advised for cut in advice.cuts.cut]


def _of_ways(advice: Advice) -> list[bool]:
    return [name == advice.answer.advised for name in advice.ways.network]


def _kept_together(sentence: str) -> str:
    """Return a sentence as HTML in which no line breaks within a number, its sign and its unit."""
    return re.sub(r"(?<=\d) (?=[%±])|(?<=[%±]) (?=[±\d])", "&nbsp;", escape(sentence))


def _table(rows: pd.DataFrame, advised: list[bool]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in rows)
    body = "".join(
        f"<tr{' class=advised' * mine}>{''.join(f'<td>{escape(str(value))}</td>' for value in row)}</tr>"
        for row, mine in zip(rows.itertuples(index=False), advised, strict=True)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _inline(svg: str) -> str:
    """Return an SVG as a part of a page: without its head, its paper and its own idea of a width."""
    svg = re.sub(r"<metadata.*?</metadata>|<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = svg.replace("fill: #ffffff", "fill: none", 1).replace("<svg ", '<svg style="color: inherit" ', 1)
    return re.sub(r"<text(?![^>]*fill:)([^>]*?)style=\"", r'<text\1style="fill: #000000; ', svg)
