"""Chapters by papermill: a failure is told and does not stop the others, and the book shows what was run."""

import json
import os
import subprocess
import sys

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import transferlab
from transferlab.__main__ import main
from transferlab.chapters import batch


def chapter(folder, name, *sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = ["parameters"]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path = folder / f"{name}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


def test_a_chapter_that_fails_does_not_stop_the_next(tmp_path):
    bad = chapter(tmp_path, "01_bad", "scale = 1", "print('so far')", "1 / 0", "print('never')")
    good = chapter(tmp_path, "02_good", "scale = 1", "print(scale)")
    rows = batch.run([bad, good], {"scale": [2, "three"]}, tmp_path / "out").set_index("chapter")
    assert "ZeroDivisionError" in rows.error["01_bad"] and rows.error["02_good"] == ""
    executed = nbformat.read(tmp_path / "out" / "notebooks" / "01_bad.ipynb", 4)
    assert any("so far" in str(cell.get("outputs")) for cell in executed.cells)
    assert not any("never" in str(cell.get("outputs")) for cell in executed.cells)
    assert "[2, 'three']" in str(nbformat.read(tmp_path / "out" / "notebooks" / "02_good.ipynb", 4).cells[-1].outputs)


def test_chapters_run_in_the_python_of_the_command(tmp_path):
    """Whatever kernels of that name others have registered, and also where its folder has a strange name."""
    foreign = tmp_path / "foreign" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    spec = {"argv": [sys.executable, "-c", "raise SystemExit(1)"], "display_name": "Python 3", "language": "python"}
    (foreign / "kernel.json").write_text(json.dumps(spec))
    where = chapter(
        tmp_path, "01_where", "scale = 1", "import sys, transferlab\n[sys.executable, transferlab.__file__]"
    )
    out = tmp_path / f"aus gang ✓ {'x' * 200}"
    code = f"from pathlib import Path; from transferlab.chapters import batch; batch.run([Path({str(where)!r})], {{}}, "
    finished = subprocess.run(
        [sys.executable, "-c", f"{code}Path({str(out)!r}))"],
        env={**os.environ, "JUPYTER_PATH": str(tmp_path / "foreign")}, capture_output=True, text=True,
    )  # fmt: skip
    assert finished.returncode == 0 and "FAILED" not in finished.stdout, finished.stdout + finished.stderr
    cells = nbformat.read(out / "notebooks" / "01_where.ipynb", 4).cells
    assert repr([sys.executable, transferlab.__file__]) in cells[-1].outputs[0]["data"]["text/plain"].replace(
        "\n ", " "
    )


def test_what_was_run_before_is_not_overwritten(tmp_path):
    good = chapter(tmp_path, "02_good", "scale = 1")
    batch.run([good], {}, tmp_path / "out")
    with pytest.raises(ValueError, match="is not empty; choose another folder for --out"):
        batch.run([good], {}, tmp_path / "out")


def test_chapters_are_found_by_how_their_names_begin():
    assert [path.stem for path in batch.find(["03", "01_two"])] == ["01_two_worlds", "03_selffer_and_transfer"]
    assert len(batch.find([])) == len(list((batch.repository() / "notebooks").glob("*.ipynb")))
    with pytest.raises(ValueError, match="no chapter begins with '99'; there are 01_two_worlds"):
        batch.find(["99"])


def test_parameters_are_read_as_yaml():
    pairs = [("seeds", "[0, 1]"), ("device", "cuda"), ("train", "true"), ("data_root", "null")]
    assert batch.parse(pairs) == {"seeds": [0, 1], "device": "cuda", "train": True, "data_root": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("@scratch/x", "@scratch/x"),
        (r"%USERPROFILE%\data", r"%USERPROFILE%\data"),
        (r"C:\Users\me", r"C:\Users\me"),
        ("2026-08-01", "2026-08-01"),
        ("[2026-08-01]", ["2026-08-01"]),
        ("12:30", "12:30"),
        ("no", "no"),
        ("None", None),
        ("a: b", "a: b"),
        ("#1", "#1"),
        ("'2026'", "2026"),
        ("*", "*"),
        ("1e-3", 0.001),
        ("{'learning_rate': 1e-3}", {"learning_rate": 0.001}),
        ("{learning_rate: 1e-3, batch: 32}", {"learning_rate": 0.001, "batch": 32}),
        ("[scale, 'of', \"all\"]", ["scale", "of", "all"]),
        ("", ""),
        ("~/runs", "~/runs"),
        ("~", "~"),
    ],
)
def test_a_parameter_is_what_it_looks_like(text, value):
    assert batch.parse([("name", text)]) == {"name": value}


@pytest.mark.parametrize("text", ["[0, 1", "{'batch': 32", "[0, 1]]", "{1, [2]}", "[*a]", "[" * 99])
def test_a_list_that_does_not_end_is_a_sentence(text):
    with pytest.raises(ValueError, match=r"^seeds is ['\"].*; it begins as a list or a mapping, and must be"):
        batch.parse([("seeds", text)])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(text=st.one_of(st.text(max_size=12), st.text("[]{}'\"0123456789,:-e.@%&*!|> abnT", max_size=12)))
def test_any_text_is_what_papermill_takes_it_for_or_refused(text):
    from papermill.cli import _resolve_type

    try:
        value = batch.parse([("name", text)])["name"]
    except ValueError as error:
        assert text.lstrip()[0] in "[{" and "name is " in str(error)
        return
    json.dumps(value)
    if isinstance(value, str) and not text.startswith(("'", '"')):
        assert value == text == _resolve_type(text)
    elif isinstance(value, int | float) and text not in ("true", "false"):
        assert repr(value) == repr(_resolve_type(text))


def test_a_refused_parameter_ends_with_2_and_nothing_is_written(tmp_path, monkeypatch, capsys):
    command = ["transferlab", "batch", "01", "--out", str(tmp_path / "out"), "-p", "seeds", "[0, 1"]
    monkeypatch.setattr("sys.argv", command)
    assert main() == 2
    said = capsys.readouterr().err
    assert "error: seeds is '[0, 1'; it begins as a list" in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.nightly
def test_a_book_of_one_chapter(tmp_path):
    command = [sys.executable, "-m", "transferlab", "batch", "01", "--out", str(tmp_path / "out")]
    command += ["-p", "scale", "smoke", "-p", "seeds", "[3]", "-p", "runs", str(tmp_path / "runs")]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    page = tmp_path / "out" / "_build" / "html" / "notebooks" / "01_two_worlds.html"
    assert "smoke" in page.read_text(encoding="utf-8")
    assert not (page.parent / "02_base_networks.html").exists()


def test_the_command_says_which_chapters_failed(tmp_path, monkeypatch, capsys):
    command = ["transferlab", "batch", "01", "--out", str(tmp_path / "out"), "--no-book", "-p", "scale", "tiny"]
    monkeypatch.setattr("sys.argv", command)
    assert main() == 1
    said = capsys.readouterr().err
    assert "1 of 1 chapters failed" in said and "no scale 'tiny'" in said
