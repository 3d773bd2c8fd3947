"""The API page names every module. (The examples in docstrings are run by pytest's own doctest option.)"""

import importlib
import inspect
import pkgutil
import re
from functools import cached_property
from pathlib import Path

import transferlab

MODULES = [m.name for m in pkgutil.walk_packages(transferlab.__path__, "transferlab.") if not m.name.endswith("__")]


def test_no_property_is_taken_for_a_type():
    """Napoleon reads what stands before a colon in the first line of a property's docstring as its type."""
    wrong = []
    for name in MODULES:
        for _, each in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            for key, member in vars(each).items() if each.__module__ == name else ():
                if isinstance(member, property | cached_property):
                    first = (member.__doc__ or "").split("\n")[0]
                    wrong += [f"{name}.{each.__name__}.{key}"] * (": " in first)
    assert not wrong


def test_the_api_page_has_a_heading_for_every_module():
    page = (Path(transferlab.__file__).parents[1] / "book" / "api.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^### `(transferlab\S+)`$", page, re.MULTILINE))
    rooms = {"transferlab.engine", "transferlab.system", "transferlab.parallel"}  # their __init__ is told with a module
    assert told == set(MODULES) - rooms
