"""The examples in docstrings are true, and no module outgrows a sitting."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import transferlab

MODULES = [m.name for m in pkgutil.walk_packages(transferlab.__path__, "transferlab.") if not m.name.endswith("__")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    examples = [e for name in MODULES for t in finder.find(importlib.import_module(name)) for e in t.examples]
    assert len(examples) >= 10


@pytest.mark.parametrize("name", MODULES)
def test_a_file_can_be_read_in_one_sitting(name):
    source = Path(importlib.import_module(name).__file__).read_text(encoding="utf-8")
    assert source.count("\n") <= 260
