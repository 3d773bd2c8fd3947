"""Every chapter has the same form: a question, a prediction, an experiment, an answer, why, today, exercises, next."""

import re
from pathlib import Path

import nbformat
import pytest

CHAPTERS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
FORM = ("What do you expect?", "The experiment", "The answer", "Why", "Today", "Try it yourself")
LACKING = {"13": {"What do you expect?"}}  # the museum tells its mistakes one by one
MARKUP = re.compile(r"^[`:]{3,}\{([\w-]+)\}|\{([\w:-]+)\}(?=`)", re.MULTILINE)  # directives, and roles
# what JupyterLab draws as the book does: tests/browser/test_jupyterlab.py looks at chapter 3, which has all but one
DRAWN = {"admonition", "exercise", "solution-start", "solution-end", "cite", "ref", "term", "download", "figure"}
BESIDES = {"03": {"A puzzle from 2014"}, "13": {"How transferable are features?"}}  # headings of one chapter alone


def number(path):
    return path.stem[:2]


def read(path):
    """The cells, and the whole of the text between them."""
    cells = nbformat.read(path, as_version=4).cells
    return cells, "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def headings(text):
    """The headings of the second level, without what stands in blocks of code."""
    return re.findall(r"^## (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)


@pytest.mark.parametrize("path", CHAPTERS, ids=number)
def test_a_chapter_has_its_headings_in_order(path):
    found = [each for each in headings(read(path)[1]) if each not in BESIDES.get(number(path), ())]
    assert found == [each for each in FORM if each not in LACKING.get(number(path), ())]


@pytest.mark.parametrize("path", CHAPTERS, ids=number)
def test_a_chapter_begins_with_one_question(path):
    cells, _ = read(path)
    title, question, *rest = [line for line in cells[0].source.splitlines() if line.strip()]
    assert title.startswith("# ")
    assert re.fullmatch(r"\*\*[^*?]+\?\*\*", question), question
    assert ":::{admonition} What you will learn" in rest


@pytest.mark.parametrize("path", CHAPTERS, ids=number)
def test_a_role_stands_on_one_line(path):
    """JupyterLab reads a role's title and target on one line only, the book on several."""
    broken = re.findall(r"\{[a-z:]+\}`[^`\n]*\n[^`]*`", re.sub(r"^```.*?^```", "", read(path)[1], flags=re.S | re.M))
    assert not broken


def test_jupyterlab_knows_every_directive_and_role():
    """Others it shows raw, such as those of the book's own extensions in `book/`."""
    found = {number(path): {"".join(names) for names in MARKUP.findall(read(path)[1])} for path in CHAPTERS}
    assert not {chapter: other for chapter, names in found.items() if (other := names - DRAWN)}
    assert found["03"] == DRAWN - {"download", "figure"}


@pytest.mark.parametrize("path", CHAPTERS, ids=number)
def test_a_chapter_answers_in_a_box_below_that_heading(path):
    cells, _ = read(path)
    heads = [index for index, cell in enumerate(cells) if re.search(r"^## The answer$", cell.source, re.MULTILINE)]
    given = [
        index
        for index, cell in enumerate(cells)
        if cell.cell_type == "code" and re.search(r"^answer\(", cell.source, re.MULTILINE)
    ]
    assert len(heads) == 1 and len(given) == 1
    assert given[0] == heads[0] + 1
    last = cells[given[0]].source[cells[given[0]].source.rindex("\nanswer(") + 1 :]
    assert last.endswith(")") and "\n\n" not in last  # nothing comes after it
    assert "hide-input" in cells[given[0]].metadata.tags


@pytest.mark.parametrize("path", CHAPTERS, ids=number)
def test_a_chapter_shows_why_in_a_picture(path):
    cells, _ = read(path)
    parts = [set(re.findall(r"^## (Why|Today)$", cell.source, re.MULTILINE)) for cell in cells]
    start, end = ([name in part for part in parts].index(True) for name in ("Why", "Today"))
    part = cells[start : end + 1]
    drawn = [cell for cell in part if "figure" in cell.metadata.get("mystnb", {})]
    assert all(cell.metadata.mystnb.image.alt for cell in drawn)
    assert drawn or any(re.search(r"<svg|\{figure\}", cell.source) for cell in part)


@pytest.mark.parametrize("path", CHAPTERS, ids=number)
def test_every_solution_begins_and_ends(path):
    """Or the book is not built."""
    steps = re.findall(r"^`{3,}\{solution-(start|end)\}", read(path)[1], re.MULTILINE)
    assert steps == ["start", "end"] * (len(steps) // 2) and steps


@pytest.mark.parametrize("path", CHAPTERS, ids=number)
def test_a_chapter_says_what_is_next(path):
    cells, _ = read(path)
    assert cells[-1].cell_type == "markdown"
    assert re.match(r"\*\*Next\*\*: .*\.$", cells[-1].source.strip().split("\n\n")[-1], re.DOTALL), cells[-1].source
