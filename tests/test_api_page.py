"""The API page names every module. (The examples in docstrings are run by pytest's own doctest option.)"""

import pkgutil
import re
from pathlib import Path

import transferlab

MODULES = [m.name for m in pkgutil.walk_packages(transferlab.__path__, "transferlab.") if not m.name.endswith("__")]


def test_the_api_page_has_a_heading_for_every_module():
    page = (Path(transferlab.__file__).parents[1] / "book" / "api.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^### `(transferlab\S+)`$", page, re.MULTILINE))
    rooms = {"transferlab.engine", "transferlab.system", "transferlab.parallel"}  # their __init__ is told with a module
    assert told == set(MODULES) - rooms
