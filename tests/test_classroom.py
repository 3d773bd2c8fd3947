"""The book in a class: an edition without solutions, scores of submitted notebooks, and the page on teaching."""

import copy
import itertools
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import yaml
from in_process import Client

from transferlab.chapters import classroom
from transferlab.chapters.exercises import LONGEST

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book"))
import outcomes  # noqa: E402
import traces  # noqa: E402

CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
SOLVED = {  # answers to chapter 1, each in the cell of its exercise
    "classes_of_b, half_of_class_0 = ..., ...": "a, b = splits.random_halves(1000, 2)\n"
    "classes_of_b, half_of_class_0 = len(b), 'A' if 0 in a else 'B'",
    "def my_halves(kingdoms):\n    return ...": "def my_halves(kingdoms):\n    return [[], []]",
}


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    """The folder of a student edition, not built."""
    out = tmp_path_factory.mktemp("class") / "student"
    classroom.student_edition(out)
    return out


@pytest.fixture
def first(edition):
    """Chapter 1 as it is handed out."""
    return nbformat.read(edition / "notebooks" / "01_two_worlds.ipynb", as_version=4)


@pytest.fixture
def here(monkeypatch, tmp_path):
    """Submitted notebooks run in this process. Those that matter to kernels are scored without this."""
    monkeypatch.setattr(Client, "home", tmp_path / "ipython", raising=False)
    monkeypatch.setattr(classroom, "NotebookClient", Client)


def code(source):
    return nbformat.v4.new_code_cell(source)


def place(notebook, part):
    """Where the code cell is that contains a text."""
    (found,) = (i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and part in cell.source)
    return found


def solve(notebook):
    for cell in notebook.cells:
        cell.source = SOLVED.get(cell.source.strip(), cell.source)
    return notebook


def scored(notebook, path):
    """The results and notes of the exercises of a notebook, by label, and where it stopped."""
    nbformat.write(notebook, path)
    (table,) = classroom.score([path], runs=path.parent / "runs")
    assert list(table.columns) == classroom.COLUMNS
    rows = table.set_index("exercise")
    return rows.result.to_dict(), rows.note.to_dict(), table.attrs["stopped"]


# --- the edition without solutions ----------------------------------------------------------------------------------


def test_the_student_edition_has_no_trace_of_a_solution(edition):
    assert len(list((edition / "notebooks").glob("*.ipynb"))) == len(CHAPTERS)
    assert not list(traces.traces(edition, traces.solutions()))


@each_chapter
def test_traces_are_found_where_there_are_some(path, tmp_path):
    """Code or text of every solution that is the chapter's alone, and the directives."""
    (tmp_path / path.name).write_bytes(path.read_bytes())
    found = set(traces.traces(tmp_path, traces.solutions()))
    assert any("{solution" in each for each in found) and any("{solution" not in each for each in found)


@pytest.mark.parametrize(
    "page", ["<p><span>parameters</span> = <b>3</b> * 3 * 16</p>", '<div class="solution dropdown admonition"></div>']
)
def test_traces_are_found_in_a_page(tmp_path, page):
    (tmp_path / "page.html").write_text(page)
    assert list(traces.traces(tmp_path, {traces.squeezed("parameters = 3 * 3 * 16")}))


@each_chapter
def test_only_solutions_are_cut(path):
    whole = nbformat.read(path, as_version=4)
    chapter = classroom.Chapter.read(path)
    kept = {cell.id: cell.source for cell in chapter.notebook.cells}
    assert classroom.without_solutions(chapter.notebook) == chapter.notebook
    text = "\n".join(cell.source for cell in whole.cells if cell.cell_type == "markdown")
    labels = re.findall(r"\{solution(?:-start)?\} (\S+)", text)
    assert sorted(each.label for each in chapter.exercises) == sorted(labels)
    for cell in whole.cells:
        if cell.cell_type == "code" and cell.id not in chapter.solutions:
            assert kept[cell.id] == cell.source
    assert len(chapter.solutions) >= len([each for each in chapter.exercises if each.check])


def test_no_cell_needs_a_solution(edition):
    """Every name that a cell uses is defined by a cell that was kept."""
    line = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", str(edition / "notebooks")]
    checked = subprocess.run(line, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("text", ["````{solution-start} ex-a\n````", "````{solution-end}\n````"])
def test_a_solution_that_does_not_end_or_begin_is_refused(text):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text), code("1")])
    with pytest.raises(ValueError, match=r"a solution (does not end|ends that has not begun)"):
        classroom.without_solutions(notebook)


def test_the_student_edition_leads_nowhere_else(edition):
    config = yaml.safe_load((edition / "_config.yml").read_text(encoding="utf-8"))
    assert config["repository"]["url"] == "" and "student" in config["title"]
    with pytest.raises(ValueError, match="is not empty"):
        classroom.student_edition(edition)


@pytest.mark.nightly
def test_a_built_student_edition_has_no_trace_of_a_solution(edition, tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFERLAB_SCALE", "smoke")
    monkeypatch.setenv("TRANSFERLAB_RUNS", str(tmp_path / "runs"))
    chapter = edition / "notebooks" / "01_two_worlds"
    toc = {"format": "jb-book", "root": "book/intro", "chapters": []}
    toc["chapters"] = [{"file": page} for page in ("book/teaching", "notebooks/01_two_worlds")]
    (edition / "_toc.yml").write_text(yaml.safe_dump(toc))
    line = [sys.executable, str(ROOT / "book" / "build.py"), "build", str(edition)]
    line += ["--path-output", str(tmp_path), "--all"]
    built = subprocess.run(line, capture_output=True, text=True)
    page = tmp_path / "_build" / "html" / "notebooks" / f"{chapter.name}.html"
    assert built.returncode == 0 and "A split without families" in page.read_text(encoding="utf-8"), built.stderr
    assert not list(traces.traces(tmp_path / "_build" / "html", traces.solutions()))


# --- scores ---------------------------------------------------------------------------------------------------------


def test_what_was_handed_out_has_no_answers(here, first, tmp_path):
    results, _, stopped = scored(first, tmp_path / "a.ipynb")
    assert results == {"ex-families": "by hand", "ex-which-half": "no answer", "ex-kingdom-halves": "no answer"}
    assert not stopped


def test_right_and_wrong_answers(here, first, tmp_path):
    results, notes, _ = scored(solve(first), tmp_path / "a.ipynb")
    assert results == {"ex-families": "by hand", "ex-which-half": "right", "ex-kingdom-halves": "not yet"}
    assert notes["ex-kingdom-halves"].startswith("for ('natural', ") and not notes["ex-which-half"]


def test_solutions_of_the_whole_edition_are_not_run(here, tmp_path):
    results, _, _ = scored(nbformat.read(CHAPTERS[0], as_version=4), tmp_path / "whole.ipynb")
    assert results["ex-which-half"] == results["ex-kingdom-halves"] == "no answer"


def test_edited_and_removed_check_cells_are_noticed_and_do_not_help(here, first, tmp_path):
    first.cells[place(first, "def check_which_half")].source = "def check_which_half():\n    print('Right.')"
    del first.cells[place(first, "def check_kingdom_halves")]
    results, notes, stopped = scored(first, tmp_path / "a.ipynb")
    assert results["ex-which-half"] == results["ex-kingdom-halves"] == "no answer"
    assert notes["ex-which-half"].startswith("check cell edited")
    assert notes["ex-kingdom-halves"].startswith("check cell removed")
    results, notes, _ = scored(solve(first), tmp_path / "b.ipynb")
    assert results["ex-which-half"] == "right" and "edited" in notes["ex-which-half"] and not stopped


def test_an_answer_below_the_check_cell_counts(here, first, tmp_path):
    first.cells.append(code(SOLVED["classes_of_b, half_of_class_0 = ..., ..."]))
    assert scored(first, tmp_path / "a.ipynb")[0]["ex-which-half"] == "right"


def test_a_notebook_that_stops_is_scored_as_far_as_it_went(here, first, tmp_path):
    notebook = solve(first)
    notebook.cells.insert(place(notebook, "def my_halves"), code("\nmine = 1 / 0  # here"))
    results, notes, stopped = scored(notebook, tmp_path / "a.ipynb")
    assert results == {"ex-families": "by hand", "ex-which-half": "right", "ex-kingdom-halves": "not run"}
    number = [cell.source for cell in notebook.cells if cell.cell_type == "code"].index("\nmine = 1 / 0  # here") + 1
    assert stopped.startswith(f"stopped at code cell {number} (mine = 1 / 0 # here): ZeroDivisionError")
    assert notes["ex-kingdom-halves"] == stopped and len(stopped) <= LONGEST


@pytest.mark.nightly
def test_a_cell_that_never_ends_is_stopped(first, tmp_path):
    first.cells.insert(place(first, "open_lab(") + 1, code("while True:\n    pass"))
    nbformat.write(first, tmp_path / "a.ipynb")
    (table,) = classroom.score([tmp_path / "a.ipynb"], runs=tmp_path / "runs", seconds=8)
    assert "more than 8 seconds" in table.attrs["stopped"] and "while True" in table.attrs["stopped"]


def test_an_answer_that_was_deleted_stops_nothing(here, first, tmp_path):
    del first.cells[place(first, "classes_of_b, half_of_class_0 = ...")]
    results, notes, stopped = scored(first, tmp_path / "a.ipynb")
    assert results["ex-which-half"] == "not yet" and "NameError" in notes["ex-which-half"] and not stopped
    assert results["ex-kingdom-halves"] == "no answer"


def test_a_notebook_that_lost_its_tags_ids_and_kernel_is_still_scored(first, tmp_path):
    notebook = solve(first)
    notebook.metadata = {"kernelspec": {"name": "elsewhere", "display_name": "elsewhere"}}
    for number, cell in enumerate(notebook.cells):
        cell.metadata, cell.id = {}, f"other-{number}"
    notebook.cells[place(notebook, "scale = os.environ")].source += '\nscale = "laptop"'
    assert scored(notebook, tmp_path / "a.ipynb")[0]["ex-which-half"] == "right"


def test_every_chapter_is_recognised_whatever_its_file_is_called(edition, tmp_path):
    for path in (edition / "notebooks").glob("*.ipynb"):
        renamed = tmp_path / f"by {path.stem[:2]}.ipynb"
        renamed.write_bytes(path.read_bytes())
    found = classroom.submissions([tmp_path])
    assert [chapter.name for _, chapter in found] == [path.stem for path in CHAPTERS]


@each_chapter
def test_the_check_cells_of_a_chapter_ask_for_different_names(path):
    """They are run a second time at the end: by then no other answer may have taken the place of theirs."""
    stubs = [cell.source for cell in classroom.Chapter.read(path).notebook.cells if "..." in cell.source]
    names = [
        name for stub in stubs if re.search(r"(=|return) \.\.\.", stub) for name in re.findall(r"\w+(?= =|\()", stub)
    ]
    assert len(names) == len({*names})


def test_the_command_prints_a_table_and_writes_it(here, first, tmp_path, say):
    handed_in = tmp_path / "handed in"
    handed_in.mkdir()
    nbformat.write(solve(copy.deepcopy(first)), handed_in / "one.ipynb")
    first.cells.insert(place(first, "open_lab(") + 1, code("1 / 0"))
    nbformat.write(first, handed_in / "two.ipynb")
    status, said, errors = say("score", handed_in, "--runs", tmp_path / "runs", "--out", tmp_path / "scores.csv")
    assert status == 1 and "1 of 2 checked exercises are right" in said and "stopped at code cell" in errors
    table = pd.read_csv(tmp_path / "scores.csv")
    assert list(table.columns) == classroom.COLUMNS and len(table) == 6
    assert list(table.result) == ["by hand", "right", "not yet", "by hand", "not run", "not run"]


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (None, "nowhere.ipynb", "does not exist; give notebooks, or folders"),
        (None, ".", "there is no notebook (.ipynb) in the folder"),
        ("no json", "a.ipynb", "a.ipynb cannot be read as a notebook"),
        ('{"cells": 3}', "a.ipynb", "a.ipynb cannot be read as a notebook"),
        ("empty", "a.ipynb", "has no exercise of any chapter"),
        ("first", "a.ipynb --scale huge", "invalid choice: 'huge'"),
        ("first", "a.ipynb --timeout 0", "--timeout is 0; it must be 1 second or more"),
        ("first", "a.ipynb --out scores.txt", "it must be a file that ends with .csv"),
        ("first", "a.ipynb --out none/scores.csv", "in a folder that exists"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(first, tmp_path, monkeypatch, say, content, line, reason):
    monkeypatch.chdir(tmp_path)
    known = {"first": first, "empty": nbformat.v4.new_notebook(cells=[code("1")])}
    if content in known:
        nbformat.write(known[content], "a.ipynb")
    elif content:
        Path("a.ipynb").write_text(content)
    status, said, errors = say("score", *line.split())
    assert status == 2 and reason in errors and not said and "Traceback" not in errors


# --- the page on teaching -------------------------------------------------------------------------------------------


@each_chapter
def test_the_page_names_every_goal_and_every_exercise_once(path):
    chapter = classroom.Chapter.read(path)
    lines = list(outcomes.goals_and_exercises(chapter))
    for number, goal in enumerate(chapter.goals, 1):
        (line,) = (line for line in lines if line.startswith(f"{number}. {goal}: "))
        practised = {each.label for each in chapter.exercises if each.goal == number}
        assert set(re.findall(r"<(ex-[\w-]+)>", line[len(goal) :])) == practised
    assert all(1 <= each.goal <= len(chapter.goals) for each in chapter.exercises)


@each_chapter
def test_the_page_has_every_reply_to_a_wrong_answer(path):
    chapter = classroom.Chapter.read(path)
    assert all(each.replies for each in chapter.exercises if each.check)
    lines = "\n".join(outcomes.replies(chapter))
    assert all(outcomes.plain(reply) in lines for each in chapter.exercises for reply in each.replies)


def test_minutes_come_from_words():
    text = "# One\n\nWhat you will learn\n\n1. two words\n\n```{figure} x\n:name: y\n```\n$z = 1$ [three](four.md) it's"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text), code("five = 6")])
    chapter = classroom.Chapter("one", notebook, frozenset())
    assert (chapter.words, chapter.minutes, chapter.goals) == (9, 1, ["two words"])
    notebook.cells.append(nbformat.v4.new_markdown_cell("word " * 2 * classroom.WORDS_A_MINUTE))
    assert chapter.minutes == 2


def test_the_plan_of_the_lab_has_no_gap_and_ninety_minutes():
    text = (ROOT / "book" / "teaching.md").read_text(encoding="utf-8")
    steps = [tuple(map(int, step)) for step in re.findall(r"^\| (\d+) \| (\d+) \|", text, re.MULTILINE)]
    assert steps[0][0] == 0 and steps[-1][1] == 90
    assert all(before[1] == after[0] for before, after in itertools.pairwise(steps))


def test_the_analysis_of_the_assignment_runs(tmp_path):
    text = (ROOT / "book" / "teaching.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    program = program.replace('dataset="folder", data_root="images", scale="laptop"', "**options").replace(
        "[4, 7]", "[7]"
    )
    names = {"options": {"scale": "smoke", "runs": tmp_path, "at_once": 1}}
    exec(program, names)
    (row,) = names["claims"].specificity(names["table"]).dropna(subset="estimate").itertuples()
    assert (row.n, row.tasks) == ("7", 8)
