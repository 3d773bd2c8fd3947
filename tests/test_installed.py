"""Requirements and the package: one lock for all, a wheel that brings the tables, and what needs a checkout says so."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from transferlab import __main__, study
from transferlab.chapters import batch
from transferlab.system import files

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# each build of torch has files and libraries of its own: see [tool.uv.pip]
UNLOCKED = re.compile(r"torch|torchvision|triton|(cuda|nvidia)-.*")


def pins(name):
    """The pinned version of each package in a file of requirements, by its normalised name."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [re.match(r"([\w.-]+)==([^\s;]+)", line) for line in lines]
    return {normal(each[1]): each[2] for each in found if each}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_lock_has_every_direct_requirement_but_torch():
    direct, locked = pins("requirements.txt"), pins("requirements.lock")
    assert {name for name in direct if UNLOCKED.fullmatch(name)} == {"torch", "torchvision"}
    for name, version in direct.items():
        assert UNLOCKED.fullmatch(name) or locked.get(name) == version, f"{name}: run make lock"


def test_the_lock_would_do_for_any_build_of_torch():
    assert not [name for name in pins("requirements.lock") if UNLOCKED.fullmatch(name)]


def test_the_pins_are_among_the_versions_that_the_package_allows():
    direct = pins("requirements.txt") | pins("requirements.lock")
    extras = PROJECT["project"]["optional-dependencies"]["chapters"]  # of what nothing here needs, nothing is pinned
    for each in map(Requirement, PROJECT["project"]["dependencies"] + extras):
        assert each.specifier.contains(direct[normal(each.name)]), each


def imported(path):
    """The packages that a module imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        yield from (name.split(".")[0] for name in names)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_what_the_package_imports_is_declared():
    declared = {normal(Requirement(each).name) for each in PROJECT["project"]["dependencies"]}
    extras = PROJECT["project"]["optional-dependencies"]
    chapters = {normal(Requirement(each).name) for each in extras["chapters"]}
    known, package = {"timm": ["timm"]} | packages_distributions(), ROOT / "transferlab"  # timm need not be here
    for path in package.rglob("*.py"):
        # kernels.py imports Jupyter only when chapters ask for kernels
        extra = package / "chapters" in path.parents or path.name == "kernels.py"
        allowed = declared | chapters if extra else declared
        if path.name == "of_timm.py":
            allowed = allowed | {normal(Requirement(each).name) for each in extras["timm"]}
        for name in {*imported(path)} - sys.stdlib_module_names - {"transferlab"}:
            assert allowed & {normal(each) for each in known[name]}, f"{path.name} imports {name}"


def test_a_checkout_is_known_by_the_folder_of_the_package(tmp_path, monkeypatch):
    assert files.checkout() == ROOT
    inside = tmp_path / ".venv" / "site-packages"  # of an environment in a checkout
    for folder in (tmp_path / "book", tmp_path / "notebooks", inside / "transferlab" / "system"):
        folder.mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(files, "__file__", str(inside / "transferlab" / "system" / "files.py"))
    assert files.checkout() is None


def test_a_table_that_was_never_published_is_refused():
    with pytest.raises(ValueError, match=r"no published table 'rich'; there are networks, gaussian, richer, .*2014"):
        study.published("rich")


@pytest.mark.parametrize("line", ["study gaussian", "batch 01 --out {tmp}/out"])
def test_without_a_checkout_a_command_says_what_it_lacks(line, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(files, "checkout", lambda: None)
    monkeypatch.setattr(batch, "checkout", lambda: None)
    monkeypatch.setattr("sys.argv", ["transferlab", *line.format(tmp=tmp_path).split()])
    assert __main__.main() == 2
    said = capsys.readouterr().err
    assert "checkout of the repository" in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


INSTALLED = """
import json, transferlab
from transferlab import study
from transferlab.study import claims
verdicts = claims.audit(study.published()).verdict
print(json.dumps([transferlab.__file__, len(study.published()), sorted(set(verdicts))]))
"""


@pytest.mark.nightly
def test_a_wheel_elsewhere_has_the_tables_and_stays_as_it_is(tmp_path):
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    pip = [sys.executable, "-m", "pip", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, ROOT], check=True)
    subprocess.run([*pip, "install", "--no-deps", "--target", site, next(tmp_path.glob("*.whl"))], check=True)
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    before = {path: path.stat().st_mtime_ns for path in site.rglob("*")}

    def python(*arguments):
        command = [sys.executable, "-P", *arguments]
        return subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True)

    where, rows, verdicts = json.loads(python("-c", INSTALLED).stdout)
    assert Path(where).is_relative_to(site) and rows == len(study.published()) and len(verdicts) > 1
    for refused in (["study"], ["batch", "01", "--out", "out"]):
        finished = python("-m", "transferlab", *refused)
        assert finished.returncode == 2 and "checkout of the repository" in finished.stderr
    assert {path: path.stat().st_mtime_ns for path in site.rglob("*")} == before
    assert not list(elsewhere.iterdir())
