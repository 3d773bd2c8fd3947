"""The examples in docstrings are true."""

import doctest
import importlib
import pkgutil
import re
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


def test_the_api_page_has_a_heading_for_every_module():
    page = (Path(transferlab.__file__).parents[1] / "book" / "api.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^### (transferlab\S+)$", page, re.MULTILINE))
    rooms = {"transferlab.engine", "transferlab.system", "transferlab.parallel"}  # their __init__ is told with a module
    assert told == set(MODULES) - rooms
