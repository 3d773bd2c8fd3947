"""The check of the built book finds each thing that it is there to find, and nothing in what is right."""

import io
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from transferlab import Lab, study
from transferlab.store import Store
from transferlab.study import shapes, tuning

sys.path.insert(0, str(Path(__file__).parents[1] / "book"))
import check


def svg(draw):
    figure, ax = plt.subplots()
    draw(ax)
    file = io.StringIO()
    figure.savefig(file, format="svg")
    plt.close(figure)
    return file.getvalue()


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (lambda ax: None, True),
        (lambda ax: ax.axis("off"), True),
        (lambda ax: ax.plot([1, 2]), False),
        (lambda ax: ax.scatter([0, 1], [0, 1], s=9), False),
        (lambda ax: ax.axhline(0.5), False),
        (lambda ax: ax.set(title="t", xlabel="n"), True),
        (lambda ax: ax.plot([1, 2], [float("nan")] * 2), True),
        (lambda ax: ax.bar([1, 2], [1, 2]), False),
        (lambda ax: ax.imshow([[1, 2]]), False),
        (lambda ax: ax.stairs([1, 2]), False),
        (lambda ax: ax.spines[["top", "right"]].set_visible(False), True),
    ],
)
def test_empty_figures(draw, expected):
    assert check.empty(svg(draw)) == expected


FALSE_TWICE = "The natural task is not as hard as the man-made one, and neither as hard as a random half."


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"## The experiment\n\n{FALSE_TWICE}", True),
        ("## The answer\n\nAnB+ is better than AnB.", True),
        ("## The answer\n\nThe selffer loses less with n = 7 than with n = 4.", True),
        (f"## What do you expect?\n\n{FALSE_TWICE}", False),
        ("## The answer\n\nIs AnB+ better than AnB?", False),
        ("## The answer\n\nThe paper says that AnB+ is better than AnB.", False),
        ("## The answer\n\nIf AnB+ is better than AnB, read on.", False),
        ("## The answer\n\n```{exercise} Which\nAnB+ is better than AnB.\n```", False),
        ("## The experiment\n\nA task has fewer images than classes.", True),
        ("## The experiment\n\nThe layer covers more pixels than before.", False),
    ],
)
def test_comparisons_are_computed(text, found):
    assert bool(list(check.comparisons(text, "a chapter"))) == found


@pytest.mark.parametrize("path", sorted((check.ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_no_chapter_types_a_comparison(path):
    cells = nbformat.read(path, as_version=4).cells
    words = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert not list(check.comparisons(words, path.name))


def test_errors_are_found_unless_they_are_meant():
    cell = nbformat.v4.new_code_cell("1 / 0", outputs=[nbformat.v4.new_output("error", ename="Oops", evalue="no")])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    assert list(check.outputs(notebook, "a.ipynb")) == ["a.ipynb: a cell ends with Oops: no"]
    cell.metadata["tags"] = ["raises-exception"]
    assert not list(check.outputs(notebook, "a.ipynb"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Transfer loses 3.4 points here.", "3.4 points"),
        ("It reaches 62% of the images.", "62%"),
        ("That takes 15 minutes.", "15 minutes"),
        ("An interval of 95 % is drawn.", None),
        ("The paper found 8 points.", None),
        ("Layers 1 to 7, in `x = 5 %` and $5 %$.", None),
        ("```python\nprint('5 %')\n```", None),
        ("```{exercise} How many\nWhat if it were 2 points?\n```", None),
        (":::{note}\nIt loses 2 points.\n:::", None),
    ],
)
def test_numbers_in_prose(text, found):
    said = list(check.prose(text, "page"))
    assert said == ([f"page: a number that no cell produced: {found}"] if found else [])


def test_links(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "one.html").write_text('<a href="sub/two.html#here">.</a> <a href="https://example.org">.</a>')
    (tmp_path / "sub" / "two.html").write_text('<p id="here"></p><a href="../one.html">.</a> <a href="#here">.</a>')
    assert not list(check.links(tmp_path))
    (tmp_path / "one.html").write_text('<a href="sub/two.html#there">.</a> <a href="three.html">.</a>')
    assert len(list(check.links(tmp_path))) == 2


@pytest.fixture
def results(tmp_path):
    shutil.copy(study.RESULTS / "networks.csv", tmp_path)
    return tmp_path


def test_a_heavy_book_is_a_fault(tmp_path):
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static" / "heavy.js").write_bytes(bytes(2_100_000))
    assert list(check.weight(tmp_path, 2)) == ["the book is 2.1 MB, and a reader may wait for no more than 2"]
    assert not list(check.weight(tmp_path, 3))


def test_published_rows_are_those_that_the_code_would_make(results, tmp_path):
    assert not list(check.rows(Store(tmp_path / "runs"), results))


def test_rows_of_another_shape_are_checked_with_its_own_recipe(tmp_path):
    fields = {"learning_rate": 0.1, "weight_decay": 1e-3, "epochs": shapes.SEARCHES["mini_resnet"].epochs}
    tried = pd.DataFrame([{"shape": "mini_resnet", "seed": seed, "accuracy": 0.5} for seed in tuning.SEEDS])
    tried.assign(**fields).to_csv(tmp_path / "shapes_tuning.csv", index=False)
    lab = Lab(runs=tmp_path / "runs", device="cpu", precision=study.PRECISION, network="mini_resnet", **fields)
    jobs = [("baseB", "random", 0), ("A4B", "random", 0)]
    made = [(*job, lab.store.path(lab.spec(*job)).name) for job in jobs]
    table = pd.DataFrame(made, columns=["network", "split", "seed", "run"])
    table.to_csv(tmp_path / "mini_resnet.csv", index=False)
    assert not list(check.rows(Store(tmp_path / "runs"), tmp_path))
    table.assign(run=["another", *table.run[1:]]).to_csv(tmp_path / "mini_resnet.csv", index=False)
    (said,) = check.rows(Store(tmp_path / "runs"), tmp_path)
    assert "mini_resnet.csv: baseB, random, seed 0 is stale; make study STUDY=mini_resnet" in said


def test_a_stale_row_and_a_wrong_one_are_found(results, tmp_path, monkeypatch):
    table = pd.read_csv(results / "networks.csv")
    table.loc[3, "run"] = table.run[3][:-1] + "x"
    table.to_csv(results / "networks.csv", index=False)
    (said,) = check.rows(Store(tmp_path / "runs"), results)
    assert "is stale; make study STUDY=networks" in said and table.network[3] in said

    class Again:
        path = Path(table.run[5])
        result = {"hardware": table.hardware[5], "torch": table.torch[5]}  # noqa: RUF012
        accuracy = table.accuracy[5] + 0.001

    monkeypatch.setattr(Store, "runs", lambda self: [Again])
    assert len(list(check.rows(Store(tmp_path / "runs"), results))) == 2
    Again.result = {"hardware": "another", "torch": "2.0"}  # there, rounding may do that much
    assert len(list(check.rows(Store(tmp_path / "runs"), results))) == 1


def test_no_row_of_the_audit_is_there_twice_and_no_statement_has_two_verdicts():
    rows = check.audit.written()
    assert not rows.duplicated(["study", "claim", "contrast", "n"]).any()
    assert not rows.duplicated(["study", "statement", "n"]).any()


def test_the_audit_is_what_the_published_tables_say(tmp_path):
    assert not list(check.verdicts())
    for path in study.RESULTS.glob("*.csv"):
        shutil.copy(path, tmp_path)
    table = check.audit.written(tmp_path)
    for column, value in {"verdict": "perhaps", "estimate": 0.1, "networks": 3}.items():
        wrong = table.copy()
        wrong.loc[9, column] = value
        assert wrong[column][9] != table[column][9]
        wrong.to_csv(tmp_path / "audit.csv", index=False)
        assert list(check.verdicts(tmp_path)) == [
            "audit.csv is not what the published tables say; python book/audit.py"
        ], column


def test_a_folder_without_a_book_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["check.py", str(tmp_path)])
    with pytest.raises(SystemExit, match="holds no book"):
        check.main()


def test_rows_of_emoji_are_checked_with_the_images_that_they_learned(tmp_path):
    lab = Lab(scale="smoke", runs=tmp_path / "runs", device="cpu")
    here, there = (replace(lab.data, name="emoji", fingerprint=each) for each in ("here", "there"))
    lab.data = there
    job = ("A4B", "random", 0)
    rows = pd.DataFrame([[*job, lab.store.path(lab.spec(*job)).name, "there"]])
    rows.columns = ["network", "split", "seed", "run", "data"]
    lab.data = here
    assert not list(check.stale("emoji", rows, lab, [job], {}))
    assert "is stale" in next(check.stale("emoji", rows.assign(run="another"), lab, [job], {}))
