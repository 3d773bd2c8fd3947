"""Verdict tables: what a cell says to the eye and to a screen reader, whose line is whose, and how many cells fit."""

import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from transferlab import study
from transferlab.chapters import figures
from transferlab.chapters.verdicts import CELLS, GLYPHS, note, verdict_table, worlds_table
from transferlab.study import claims

NAN = float("nan")


def row(n, verdict="holds", statement="AnB is below BnB", contrast="AnB - BnB", **numbers):
    usual = {"estimate": -2.0, "low": -3.04, "high": -1.0, "networks": 16, "pairs": 8, "tasks": 8, "smallest": 0.9}
    return {"claim": "c", "contrast": contrast, "n": str(n), "statement": statement, "p": 0.01, "p_holm": 0.02} | (
        usual | numbers | {"verdict": verdict}
    )


def rows(*each):
    return pd.DataFrame(each, columns=claims.COLUMNS)


class Lines(HTMLParser):
    """The lines of the table's body: (text, class, attributes) of each head and cell; words for the ear apart."""

    def __init__(self, html):
        super().__init__()
        self.lines, self.heads, self.caption, self._open = [], [], "", []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self._open.append((tag, attributes))
        if tag == "tr":
            self.lines.append([])
        if tag in ("td", "th"):
            self.lines[-1].append({"tag": tag, "eye": "", "ear": "", **attributes})
        if "title" in attributes:
            self.lines[-1][-1]["note"] = attributes["title"]

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        tags = [tag for tag, _ in self._open]
        if "caption" in tags:
            self.caption += data
        elif "td" in tags or "th" in tags:
            unseen = any(attributes.get("class") == "tl-unseen" for _, attributes in self._open)
            self.lines[-1][-1]["ear" if unseen else "eye"] += data


def cells(table):
    return [[cell for cell in line if cell["tag"] == "td"] for line in Lines(table.html).lines[1:]]


@pytest.mark.parametrize(
    ("verdict", "glyph", "style"),
    [("holds", "✓", "tl-holds"), ("does not hold", "✗", "tl-fails"), ("undecided", "?", "tl-open")],
)
def test_a_verdict_has_a_sign_a_colour_and_words(verdict, glyph, style):
    (((cell,),)) = cells(verdict_table(rows(row(4, verdict))))
    assert cell["eye"] == f"−2.0 {glyph}" and cell["class"] == style and cell["data-label"] == "n = 4"
    assert cell["ear"] == cell["note"]
    assert cell["ear"] == (
        "−2.0 points, 95 % interval −3.0 to −1.0, 16 networks, 8 target tasks, "
        f"smallest detectable effect 0.9 points: {verdict}"
    )
    assert set(GLYPHS) == {"holds", "does not hold", "undecided"} and len(set(GLYPHS.values())) == 3


@pytest.mark.parametrize(
    ("numbers", "eye", "ear"),
    [
        ({"estimate": -0.04}, "0.0 ?", "0.0 points, 95 %"),
        ({"estimate": 12.25, "low": 3, "high": 21}, "+12.2 ?", "+12.2 points, 95 % interval +3.0 to +21.0"),
        ({"low": NAN, "high": NAN, "smallest": NAN, "tasks": 1}, "−2.0 ?", "−2.0 points, no interval, 16 networks, 1 "),
        ({"tasks": 0, "pairs": 0}, "−2.0 ?", "interval −3.0 to −1.0, 16 networks, smallest"),
        ({"estimate": NAN, "low": NAN, "high": NAN}, "– ?", "no networks: undecided"),
    ],
)
def test_numbers_that_are_small_or_missing(numbers, eye, ear):
    (((cell,),)) = cells(verdict_table(rows(row(1, "undecided", **numbers))))
    assert cell["eye"] == eye and ear in cell["ear"] and "nan" not in cell["ear"]


def test_ours_and_2014_are_lines_of_one_claim():
    ours = rows(row(1), row(2), row(1, statement="BnB is below its base"))
    logs = rows(row(1, "undecided", estimate=-0.5), row(2, estimate=-7))
    head, *lines = Lines(verdict_table(ours, logs, caption="Both").html).lines
    assert [each["eye"] for each in head] == ["claim", "", "n = 1", "n = 2"]
    assert {each["scope"] for each in head} == {"col"}
    assert [[each["eye"] for each in line] for line in lines] == [
        ["AnB is below BnB", "ours", "−2.0 ✓", "−2.0 ✓"],
        ["2014", "−0.5 ?", "−7.0 ✓"],
        ["BnB is below its base", "ours", "−2.0 ✓", ""],
        ["2014", "", ""],
    ]
    assert (lines[0][0]["scope"], lines[0][0]["rowspan"], lines[1][0]["scope"]) == ("rowgroup", "2", "row")


def test_as_text_it_says_the_same():
    said = repr(verdict_table(rows(row(1), row(2)), rows(row(1, "undecided")), caption="Both"))
    assert said.startswith("Both\n") and "✓ holds" in said
    assert re.search(r"AnB is below BnB +ours +−2\.0 ✓ +−2\.0 ✓\n +2014 +−2\.0 \?", said)
    assert "<" not in said


def test_columns_are_in_order_and_ranges_span_them():
    mixed = rows(row(7), row(2), row("3-6", statement="somewhere"), row(3), row(4), row(5), row(6))
    head, *lines = Lines(verdict_table(mixed).html).lines
    assert [each["eye"] for each in head[1:]] == [f"n = {n}" for n in range(2, 8)]
    blank, spanning, after = (each for each in lines[1] if each["tag"] == "td")
    assert (blank["eye"], after["eye"]) == ("", "")
    assert spanning["colspan"] == "4" and spanning["data-label"] == "n = 3–6"
    ranges = rows(row("3-7"), row("1-7"), row("5-7"))
    assert [each["eye"] for each in Lines(verdict_table(ranges).html).lines[0][1:]] == [
        "n = 1–7",
        "n = 3–7",
        "n = 5–7",
    ]
    images = verdict_table(rows(row(100), row(20)), over="{} images")
    assert [each["eye"] for each in Lines(images.html).lines[0][1:]] == ["20 images", "100 images"]


def test_what_looks_like_markup_stays_text():
    table = verdict_table(
        rows(row(1, statement='<b>a & "b"</b>')),
        rows(row(1, statement='<b>a & "b"</b>')),
        caption="<i>c</i>",
        over="<u>{}</u>",
        names=("<s>", "&x"),
    )
    page = Lines(table.html)
    assert not re.search("<(b|i|u|s)>", table.html) and page.caption == "<i>c</i>"
    assert page.lines[1][0]["eye"] == '<b>a & "b"</b>' and page.lines[0][2]["eye"] == "<u>1</u>"
    assert [line[-2]["eye"] for line in page.lines[1:]] == ["<s>", "&x"]


def test_more_than_70_cells_are_refused():
    ours = rows(*(row(n, statement=f"claim {k}") for k in range(5) for n in range(1, 8)))
    assert sum(map(len, cells(verdict_table(ours, ours)))) == CELLS
    more = pd.concat([ours, rows(row(1, statement="one more"))])
    with pytest.raises(ValueError, match="would have 84 cells; more than 70 are too many"):
        verdict_table(more, more)


def test_two_verdicts_on_a_statement_are_refused():
    for again in (row(4, contrast="BnB - AnB"), row("3-5")):
        with pytest.raises(ValueError, match="two verdicts on 'AnB is below BnB' at n = 4"):
            verdict_table(rows(row(4), again, row(3, statement="x"), row(5, statement="x")))


def test_a_small_difference_that_is_there_is_no_contradiction():
    below = row(7, statement="AnB is below BnB", estimate=-0.4)
    within = row(7, statement="AnB is within 1 point of BnB", estimate=-0.4)
    said = "Both hold, ours, at n = 7 AnB is below BnB and within 1 point of BnB: "
    said += "the difference is there, and it is small."
    for table in (verdict_table(rows(below, within)), verdict_table(rows(below, within), rows(below))):
        assert said in table.html and repr(table).endswith(said)
    open_ = verdict_table(rows(below, within | {"verdict": "undecided"}))
    assert "Both hold" not in open_.html and "Both hold" not in repr(open_)


def test_what_is_true_as_stated_has_one_sign():
    """In every claim of the study: below is negative, above and more are positive."""
    published = study.published()
    similar = published[published.split == "random"]
    found = pd.concat([claims.audit(published), claims.control(similar, study.published("gaussian"))])
    true = found[(found.verdict == "holds") & ~found.statement.str.contains("within")]
    below = true.statement.str.contains(" below ")
    assert below.any() and (true.estimate[below] < 0).all() and (true.estimate[~below] > 0).all()
    known = found[found.low.notna()]
    assert ((known.low <= known.estimate) & (known.estimate <= known.high)).all()


def test_every_row_has_a_note_without_gaps():
    for name in ("networks", "networks_2014"):
        for each in claims.audit(study.published(name)).itertuples():
            assert "nan" not in note(each) and note(each).endswith(f": {each.verdict}")


def test_the_forest_has_every_estimate_and_marks_what_goes_on():
    ours = rows(row(1), row(2, estimate=-4, low=-6, high=-2))
    logs = rows(row(1, low=-200, high=100), row(2, low=NAN, high=NAN))
    figure = figures.forest(ours, logs)
    (ax,) = figure.axes
    drawn = [line for line in ax.lines if line.get_marker() == figures.MARKERS["AnB"]]
    assert [list(line.get_xdata()) for line in drawn] == [[-2, -4], [-2, -2]]
    assert [line.get_markerfacecolor() for line in drawn] == [figures.COLOURS["AnB"], "white"]
    assert sorted(line.get_marker() for line in ax.lines if line.get_marker() in "<>") == ["<", ">"]
    assert ax.get_xlim()[0] > -20 and [label.get_text() for label in ax.texts] == ["ours", "2014"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["n = 1", "n = 2"]
    plt.close(figure)


def test_worlds_stand_side_by_side():
    ours = rows(row(7), row(6), row(7, "undecided", "AnB+ is above BnB+", "AnB+ - BnB+", estimate=0.4))
    theirs = rows(row(7, "does not hold", estimate=0.3))
    asked = [("c", "AnB - BnB", "7"), ("c", "AnB+ - BnB+", "7")]
    table = worlds_table({"Kingdoms": ours, "2014": theirs}, asked, "Where")
    lines = [[cell["eye"] for cell in line] for line in Lines(table.html).lines]
    assert lines == [
        ["claim", "Kingdoms", "2014"],
        ["AnB is below BnB, n = 7", "−2.0 ✓", "+0.3 ✗"],
        ["AnB+ is above BnB+, n = 7", "+0.4 ?", ""],  # a study without such a row has a blank
    ]
    with pytest.raises(ValueError, match=r"no study has a verdict on 'AnB - BnB' at n = 5 \(c\)"):
        worlds_table({"Kingdoms": ours}, [("c", "AnB - BnB", "5")], "Where")
