"""Chapters store what nbval compares, and nothing else: the book executes them afresh."""

import copy
from pathlib import Path

import nbformat
import pytest
import store_outputs

CHAPTERS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_stores_only_what_is_compared(path):
    notebook = nbformat.read(path, as_version=4)
    stripped = copy.deepcopy(notebook)
    store_outputs.strip(stripped)
    assert stripped == notebook, f"run: python tests/store_outputs.py notebooks/{path.name}"
